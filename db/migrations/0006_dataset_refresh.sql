ALTER TABLE datasets ADD COLUMN refresh TEXT;
--> statement-breakpoint
ALTER TABLE datasets ADD COLUMN refresh_state TEXT;
