ALTER TABLE api_keys ADD COLUMN allowed_methods TEXT;
--> statement-breakpoint
ALTER TABLE datasets ADD COLUMN writable INTEGER NOT NULL DEFAULT 0;
