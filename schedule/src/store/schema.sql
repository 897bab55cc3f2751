-- Times are milliseconds since 1970 in UTC.
CREATE TABLE schedule (
    -- Tells processes of this schedule from those of others.
    name TEXT NOT NULL
) STRICT;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    project TEXT NOT NULL,
    expression TEXT NOT NULL,
    zone TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    -- Every time up to here is a run, or recorded as skipped.
    decided_until INTEGER NOT NULL,
    UNIQUE (folder, name)
) STRICT;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL REFERENCES jobs,
    scheduled_at INTEGER NOT NULL,
    -- cron, catchup or manual.
    origin TEXT NOT NULL,
    -- queued, running, success, failed or cancelled.
    state TEXT NOT NULL,
    reason TEXT,
    not_before INTEGER NOT NULL,
    ended_at INTEGER,
    UNIQUE (job, scheduled_at)
) STRICT;
CREATE INDEX runs_open ON runs (state) WHERE state IN ('queued', 'running');
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    number INTEGER NOT NULL,
    -- starting, running, or how it ended.
    state TEXT NOT NULL,
    -- What to run, as JSON.
    command TEXT NOT NULL,
    log TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    -- The process that watches it: its number alone would name another process some day.
    process INTEGER,
    process_started INTEGER,
    boot TEXT,
    exit_code INTEGER,
    signal INTEGER,
    -- Why it is to stop: cancelled or interrupted.
    stop TEXT,
    UNIQUE (run, number)
) STRICT;
CREATE INDEX attempts_open ON attempts (state) WHERE state IN ('starting', 'running');
CREATE TABLE skips (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL REFERENCES jobs,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    -- NULL where nobody counted.
    count INTEGER,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX skips_of_job ON skips (job, last_at);
CREATE TABLE hooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    -- command or webhook.
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    -- pending, done or failed.
    state TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL,
    message TEXT
) STRICT;
CREATE INDEX hooks_of_run ON hooks (run);
CREATE INDEX hooks_pending ON hooks (state) WHERE state = 'pending';
-- The daemon that holds the lock, or held it last.
CREATE TABLE daemon (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    process INTEGER NOT NULL,
    folders TEXT NOT NULL
) STRICT;
