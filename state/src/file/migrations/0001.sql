CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    command TEXT NOT NULL,
    arguments TEXT NOT NULL,
    target TEXT NOT NULL,
    selection TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,
    status TEXT NOT NULL,
    message TEXT,
    pid INTEGER NOT NULL,
    process_started TEXT,
    version TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_target ON runs (target, number);
CREATE INDEX runs_going_on ON runs (status) WHERE status = 'running';

CREATE TABLE node_results (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    unique_id TEXT NOT NULL,
    status TEXT NOT NULL,
    started INTEGER,
    ended INTEGER,
    compile_seconds REAL,
    execute_seconds REAL,
    rows INTEGER,
    asked INTEGER,
    cached INTEGER,
    failures INTEGER,
    message TEXT,
    relation TEXT,
    fingerprint TEXT,
    compiled_sql TEXT,
    PRIMARY KEY (run, unique_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE node_versions (
    target TEXT NOT NULL,
    unique_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    gate_fingerprint TEXT NOT NULL,
    metadata_fingerprint TEXT NOT NULL,
    version TEXT NOT NULL,
    inputs TEXT NOT NULL,
    relation TEXT,
    answer_tables TEXT NOT NULL,
    run INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (target, unique_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    unique_id TEXT NOT NULL,
    stage INTEGER NOT NULL,
    number INTEGER NOT NULL,
    inputs INTEGER NOT NULL,
    state TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,
    PRIMARY KEY (run, unique_id, stage, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
    target TEXT PRIMARY KEY,
    run INTEGER NOT NULL,
    at INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;

CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- Goes up with each verdict that is given or taken back.
    verdicts INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE task_versions (
    id INTEGER PRIMARY KEY,
    task INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    model_digest TEXT NOT NULL,
    model TEXT NOT NULL,
    first_used INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    UNIQUE (task, fingerprint, model_digest)
) STRICT;

-- The texts lie apart from the answers, which are looked up by the million.
CREATE TABLE inputs (
    id INTEGER PRIMARY KEY,
    task INTEGER NOT NULL,
    hash BLOB NOT NULL,
    input TEXT NOT NULL,
    UNIQUE (task, hash)
) STRICT;

CREATE TABLE answers (
    version INTEGER NOT NULL,
    hash BLOB NOT NULL,
    value ANY,
    confidence REAL,
    raw_confidence REAL,
    status TEXT NOT NULL,
    source TEXT NOT NULL,
    reason TEXT,
    scores TEXT,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    run INTEGER,
    at INTEGER NOT NULL,
    PRIMARY KEY (version, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE reviews (
    task INTEGER NOT NULL REFERENCES tasks (id),
    hash BLOB NOT NULL,
    -- Null: none of what could be answered is right.
    verdict TEXT,
    reviewer TEXT NOT NULL,
    at INTEGER NOT NULL,
    note TEXT,
    input TEXT NOT NULL,
    guess TEXT,
    guess_confidence REAL,
    guess_fingerprint TEXT,
    guess_model TEXT,
    PRIMARY KEY (task, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluations (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    unique_id TEXT NOT NULL,
    task TEXT NOT NULL,
    metric TEXT NOT NULL,
    value REAL,
    low REAL,
    high REAL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (run, unique_id, task, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE distributions (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    unique_id TEXT NOT NULL,
    task TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (unique_id, task, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE speeds (
    model_digest TEXT NOT NULL,
    device TEXT NOT NULL,
    task TEXT NOT NULL,
    rows REAL NOT NULL,
    tokens REAL NOT NULL,
    seconds REAL NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (model_digest, device, task)
) STRICT, WITHOUT ROWID;
