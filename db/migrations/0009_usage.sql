CREATE TABLE usage_series (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id INTEGER NOT NULL,
  service TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  deployment TEXT NOT NULL,
  key_id INTEGER NOT NULL,
  status INTEGER NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX usage_series_names ON usage_series (project_id, service, endpoint, deployment, key_id, status);
--> statement-breakpoint
CREATE TABLE usage (
  step INTEGER NOT NULL,
  at INTEGER NOT NULL,
  series_id INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  latency BLOB NOT NULL,
  PRIMARY KEY (step, at, series_id)
) WITHOUT ROWID;
