//! A server with the scripted host, and how plans and rows are written down.

use postgres::{Client, SimpleQueryMessage};
use refuel_postgres_tests::{Cluster, Plan};

use super::host::{ScriptedHost, Sent};

/// Tasks of each kind, and tables: `doc` with nulls, duplicates and empty texts; `author` and `tag` to join it with.
const TABLES: &str = r#"
    CREATE EXTENSION refuel;
    SELECT refuel_create_task('topic', '{"kind": "label", "labels": ["a", "b", "c"], "input": "body"}');
    SELECT refuel_create_task('tone', '{"kind": "label", "labels": ["a", "b", "c"], "input": "body"}');
    SELECT refuel_create_task('tags', '{"kind": "multilabel", "labels": ["a", "b", "c"], "input": "body"}');
    SELECT refuel_create_task('same', '{"kind": "match", "input": {"a": "left", "b": "right"}}');
    CREATE TABLE doc (id int PRIMARY KEY, body text, author int, size int);
    INSERT INTO doc
        SELECT n, CASE WHEN n % 10 = 3 THEN NULL WHEN n % 10 = 7 THEN '' ELSE 'text ' || n % 40 END, n % 8, n % 5
        FROM generate_series(1, 100) n;
    CREATE TABLE author (id int PRIMARY KEY, name text, topic text);
    INSERT INTO author SELECT n, 'author ' || n, chr(97 + n % 3) FROM generate_series(0, 9) n;
    CREATE TABLE tag (doc int, name text);
    INSERT INTO tag SELECT n % 50 + 1, 'tag ' || n % 12 FROM generate_series(1, 150) n;
    CREATE INDEX ON tag (doc);
    ANALYZE doc, author, tag;
"#;

/// A server with a session, tasks and tables, and the host that it asks.
pub(super) struct Server {
    pub(super) cluster: Cluster,
    pub(super) session: Client,
    pub(super) host: ScriptedHost,
}

impl Server {
    /// Starts one. None, said on standard error, where the machine has no Postgres.
    pub(super) fn start() -> Option<Self> {
        Self::planned(Plan::default())
    }

    pub(super) fn planned(plan: Plan) -> Option<Self> {
        let cluster = plan
            .without_models()
            .setting("refuel.supervise = off")
            .setting("refuel.timeout = 5s")
            .setting("autovacuum = off")
            .start()?;
        let host = ScriptedHost::listen(&cluster.host_socket());
        let mut session = cluster.connect();
        session.batch_execute(TABLES).unwrap();
        host.sent();
        Some(Self { cluster, session, host })
    }

    /// Does something that returns nothing of interest.
    #[track_caller]
    pub(super) fn run(&mut self, sql: &str) {
        if let Err(error) = self.session.batch_execute(sql) {
            panic!("{sql}: {error:?}");
        }
    }

    /// The rows of a query as text, columns apart by `|`.
    #[track_caller]
    pub(super) fn rows(&mut self, sql: &str) -> Vec<String> {
        rows(&mut self.session, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The rows of a query, with batching and without it, and what was sent with it. Both give the same rows.
    #[track_caller]
    pub(super) fn both(&mut self, sql: &str) -> (Vec<String>, Sent) {
        self.run("SET refuel.batching = off; DISCARD PLANS");
        let expected = self.rows(sql);
        self.run("SET refuel.batching = on; DISCARD PLANS");
        self.host.sent();
        let found = self.rows(sql);
        assert_eq!(found, expected, "{sql}\n{}", self.explain("COSTS OFF", sql));
        (found, self.host.sent())
    }

    /// What `EXPLAIN` says of a query.
    #[track_caller]
    pub(super) fn explain(&mut self, options: &str, sql: &str) -> String {
        self.rows(&format!("EXPLAIN ({options}) {sql}")).join("\n")
    }
}

impl Server {
    /// What `EXPLAIN` says of queries, one after the other, after each was seen to give the same rows with batching and
    /// without it. A statement that changes something is undone.
    #[track_caller]
    pub(super) fn plans(&mut self, queries: &[&str]) -> String {
        let mut told = String::new();
        for query in queries {
            let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
            self.run("BEGIN");
            let plan = self.explain("COSTS OFF", &query);
            self.run("ROLLBACK");
            told += &format!("-- {query}\n{plan}\n\n");
            let [expected, found] = ["off", "on"].map(|batching| {
                self.run(&format!("BEGIN; SET LOCAL refuel.batching = {batching}"));
                let mut rows = self.rows(&query);
                if !query.contains("ORDER BY") {
                    rows.sort();
                }
                for table in ["doc", "author"] {
                    rows.extend(self.rows(&format!("SELECT {table} FROM {table} ORDER BY {table}")));
                }
                self.run("ROLLBACK");
                rows
            });
            assert_eq!(found, expected, "{query}\n{plan}");
        }
        told
    }
}

/// The rows of a query as text, or the error's message.
pub(super) fn rows(session: &mut Client, sql: &str) -> Result<Vec<String>, String> {
    let messages = session.simple_query(sql).map_err(|error| match error.as_db_error() {
        Some(error) => format!("{}: {}", error.code().code(), error.message()),
        None => format!("{error:?}"),
    })?;
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => {
            let fields = (0..row.len()).map(|index| row.get(index).unwrap_or("NULL").to_owned());
            Some(fields.collect::<Vec<_>>().join("|"))
        }
        _ => None,
    };
    Ok(messages.into_iter().filter_map(row).collect())
}
