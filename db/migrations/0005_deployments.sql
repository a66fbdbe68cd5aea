ALTER TABLE deployments ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
--> statement-breakpoint
ALTER TABLE deployments ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
