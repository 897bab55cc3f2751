//! The same project on a Postgres server without the extension.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use refuel_engine::Cancel;
use refuel_postgres_tests::Account;
use refuel_runs::{Command, Event, NodeStatus, RunError, RunRequest, execute};
use refuel_warehouse::{PostgresTarget, Target, Warehouses};

use crate::common::{Recorder, Shop, TOPIC, lines, status};

const USER: &str = "tester";

/// A server of a test's own. It ends with this.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Server {
    /// None, said on standard error, where there are no programs.
    fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: no PostgreSQL server is installed here");
            return None;
        };
        let account = Account::find();
        let folder = tempfile::Builder::new().prefix("rr-").tempdir().unwrap();
        account.own(folder.path());
        let data = folder.path().join("data");
        let made = account
            .command(&programs.join("initdb"))
            .arg("-D")
            .arg(&data)
            .args([
                "--username",
                USER,
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--auth=trust",
            ])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = account
            .command(&programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-p", &port.to_string(), "-c", "fsync=off", "-c", "listen_addresses="])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let started = Self { folder, port, process };
        let begun = Instant::now();
        while let Err(error) = Warehouses::open(&Target::Postgres(started.target())) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(started)
    }

    fn target(&self) -> PostgresTarget {
        PostgresTarget {
            port: self.port,
            schema: "shop".to_owned(),
            ..PostgresTarget::new("prod", self.folder.path().to_str().unwrap(), USER, "postgres")
        }
    }

    fn profile(&self) -> String {
        format!(
            "target: prod\ntargets:\n  prod:\n    type: postgres\n    host: {}\n    port: {}\n    user: {USER}\n    database: postgres\n    schema: shop\n",
            self.folder.path().display(),
            self.port
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.process.id())
            && let Some(id) = rustix::process::Pid::from_raw(id)
        {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::QUIT);
        }
        let _ = self.process.wait();
    }
}

fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

#[test]
fn a_project_gives_the_same_rows_as_on_sqlite() {
    let Some(server) = Server::start() else { return };
    let files = [
        (
            "tasks/tags.yml",
            "kind: multilabel\ninput: body\nlabels: [delivery, refund]\n",
        ),
        ("tasks/same.yml", "kind: match\ninput: {a: x, b: y}\n"),
        (
            "models/more.sql",
            "{{ config(materialized='table', gates=true) }}\n\
             SELECT id, refuel_labels(body, 'tags') AS tags, refuel_match(body, 'HELLO', 'same') AS same,\n\
                    refuel_match_score(body, 'HELLO', 'same') AS score\n\
             FROM {{ ref('cleaned') }}\n",
        ),
    ];
    let sqlite = Shop::with(&files);
    let postgres = Shop::with(&files);
    postgres.write("profiles.yml", &server.profile());
    for shop in [&sqlite, &postgres] {
        let report = shop.build();
        assert!(report.is_success(), "{}", lines(&report));
    }
    assert_eq!(sqlite.models.asked(), postgres.models.asked());
    for query in [
        "SELECT id, topic FROM labelled ORDER BY id",
        "SELECT topic, messages FROM report ORDER BY coalesce(topic, '')",
        "SELECT id FROM more WHERE score > 0.4 ORDER BY id",
    ] {
        assert_eq!(sqlite.table(query), postgres.table(query), "{query}");
    }
    assert_eq!(
        postgres.table("SELECT tags FROM more WHERE id = 4"),
        "{delivery,refund}"
    );
    assert_eq!(
        postgres.table("SELECT same FROM more WHERE id IN (2, 5) ORDER BY id"),
        "false\ntrue"
    );
    assert_eq!(
        postgres.table(
            "SELECT data_type FROM information_schema.columns WHERE table_name = 'more' AND column_name = 'same'"
        ),
        "boolean"
    );
    let again = postgres.build();
    assert!(
        again.nodes.iter().all(|node| node.status == NodeStatus::Reused),
        "{}",
        lines(&again)
    );
    postgres.write("tasks/topic.yml", &TOPIC.replace("0.6", "0.5"));
    postgres.models.asked();
    let gated = postgres.build();
    assert_eq!(
        status(&gated, "model.shop.labelled"),
        NodeStatus::Success,
        "{}",
        lines(&gated)
    );
    assert_eq!(postgres.models.asked(), [""; 0]);
    assert_eq!(postgres.table("SELECT topic FROM labelled WHERE id = 5"), "other");
}

#[test]
fn a_lost_connection_is_tried_again_and_a_wrong_statement_is_not() {
    let Some(server) = Server::start() else { return };
    let shop = Shop::empty();
    shop.write("refuel_project.yml", "name: shop\nmodels: {+materialized: table}\n");
    shop.write("profiles.yml", &server.profile());
    shop.write("models/slow.sql", "SELECT 1 AS one, pg_sleep(0.5) IS NULL AS slept\n");
    shop.write(
        "models/wrong.sql",
        "SELECT 1 / (one - 1) AS none FROM {{ ref('slow') }}\n",
    );
    let workspace = shop.open();

    let other = Warehouses::open(&Target::Postgres(server.target())).unwrap();
    let ender = std::thread::spawn(move || {
        let mut connection = other.connect().unwrap();
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
        while connection.value(end).unwrap().unwrap().as_integer() == Some(0) {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let recorder = Recorder::default();
    let request = RunRequest::new(Command::Build, Shop::all(&workspace));
    let report = execute(&workspace, &request, &recorder, &Cancel::new()).unwrap();
    ender.join().unwrap();

    assert_eq!(
        status(&report, "model.shop.slow"),
        NodeStatus::Success,
        "{}",
        lines(&report)
    );
    assert_eq!(status(&report, "model.shop.wrong"), NodeStatus::Error);
    let events = recorder.0.lock().unwrap();
    let tries: Vec<(&str, Duration)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Retrying { node, wait, .. } => Some((node.as_str(), *wait)),
            _ => None,
        })
        .collect();
    assert_eq!(tries, [("model.shop.slow", Duration::from_millis(500))]);
}

#[test]
fn a_view_that_left_the_project_can_still_be_read() {
    let Some(server) = Server::start() else { return };
    let files = [
        ("tasks/other.yml", TOPIC),
        (
            "models/seen.sql",
            "SELECT id, refuel_label(lower(body), 'other') AS topic FROM {{ ref('cleaned') }}\n",
        ),
    ];
    let (sqlite, postgres) = (Shop::with(&files), Shop::with(&files));
    postgres.write("profiles.yml", &server.profile());
    for shop in [&sqlite, &postgres] {
        assert!(shop.build().is_success());
        for (path, _) in files {
            std::fs::remove_file(shop.path().join(path)).unwrap();
        }
        for _ in 0..2 {
            let report = shop.build();
            assert!(report.is_success(), "{}", lines(&report));
        }
        assert_eq!(shop.table("SELECT count(*) FROM seen WHERE topic = 'refund'"), "2");
    }
}

#[test]
fn what_another_checkout_built_over_is_built_again() {
    let Some(server) = Server::start() else { return };
    let (one, other) = (Shop::new(), Shop::new());
    for shop in [&one, &other] {
        shop.write("profiles.yml", &server.profile());
    }
    assert!(one.build().is_success());
    other.write("seeds/messages.csv", "id,body\n9,I want a refund!\n");
    assert!(other.build().is_success());
    assert_eq!(one.table("SELECT count(*) FROM labelled"), "1");
    assert!(one.build().is_success());
    assert_eq!(one.table("SELECT count(*) FROM labelled"), "6");
    let again = one.build();
    assert!(
        again.nodes.iter().all(|node| node.status == NodeStatus::Reused),
        "{}",
        lines(&again)
    );
}

#[test]
fn a_run_from_another_checkout_excludes_this_one() {
    let Some(server) = Server::start() else { return };
    let (one, other) = (Shop::empty(), Shop::empty());
    for shop in [&one, &other] {
        shop.write("refuel_project.yml", "name: shop\nmodels: {+materialized: table}\n");
        shop.write("profiles.yml", &server.profile());
        shop.write("models/slow.sql", "SELECT 1 AS one, pg_sleep(1.5) IS NULL AS slept\n");
    }
    std::thread::scope(|scope| {
        let first = scope.spawn(|| one.build());
        let looking = Warehouses::open(&Target::Postgres(server.target())).unwrap();
        let mut connection = looking.connect().unwrap();
        let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
        while connection.value(held).unwrap().unwrap().as_integer() == Some(0) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let error = other.try_run(Command::Build, |_| {}).unwrap_err();
        assert!(
            matches!(&error, RunError::InUse { holder: Some(holder), .. } if holder.contains(USER)),
            "{error}"
        );
        assert!(first.join().unwrap().is_success());
    });
    assert!(other.build().is_success(), "the lock is free again");
}

#[test]
fn what_is_sent_is_told_with_stages_in_its_sql() {
    let Some(server) = Server::start() else { return };
    let shop = Shop::with(&[("profiles.yml", &server.profile())]);
    shop.build();
    let labelled = crate::compiled::of(&shop, "model.shop.labelled");
    let query = &labelled.queries[0];
    assert!(query.stages[0].inputs.contains("sha256"), "{}", query.stages[0].inputs);
    assert!(
        query.stages[0].table.starts_with("\"shop\".\"_refuel_topic_"),
        "{}",
        query.stages[0].table
    );
    assert_eq!(shop.rows(&query.sql).len(), 6);
}

#[test]
fn a_relation_of_an_earlier_schema_is_dropped_and_one_that_is_read_stays() {
    let Some(server) = Server::start() else { return };
    let shop = Shop::with(&[("profiles.yml", &server.profile())]);
    shop.build();
    shop.write(
        "models/report.sql",
        "{{ config(materialized='table', schema='reports') }}\nSELECT topic, count(*) AS messages FROM {{ ref('labelled') }} GROUP BY topic\n",
    );
    shop.write(
        "models/labelled.sql",
        "{{ config(materialized='table', alias='by_topic') }}\nSELECT id, body, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n",
    );
    let connect = || {
        Warehouses::open(&Target::Postgres(server.target()))
            .unwrap()
            .connect()
            .unwrap()
    };
    connect()
        .execute("CREATE VIEW shop.mine AS SELECT * FROM shop.labelled")
        .unwrap();
    let recorder = Recorder::default();
    let workspace = shop.open();
    let request = RunRequest::new(Command::Build, Shop::all(&workspace));
    let report = execute(&workspace, &request, &recorder, &Cancel::new()).unwrap();
    assert!(report.is_success(), "{}", lines(&report));
    let there = "SELECT string_agg(schemaname || '.' || tablename, ', ' ORDER BY tablename) FROM pg_tables \
                 WHERE tablename IN ('labelled', 'by_topic', 'report')";
    let said = recorder.notes();
    assert_eq!(
        shop.table(there),
        "shop.by_topic, shop.labelled, reports.report",
        "{said}"
    );
    assert!(said.contains("dropped \"shop\".\"report\""), "{said}");
    assert!(
        said.contains("\"shop\".\"labelled\", as it was called before, is left"),
        "{said}"
    );
}

#[test]
fn records_pieces_of_texts_and_values_are_the_same_rows_as_on_sqlite() {
    let Some(server) = Server::start() else { return };
    let files = [
        (
            "tasks/words.yml",
            "kind: extract\ninput: body\nfields: {first: what comes first, words: {type: integer}, all: {items: string}}\n",
        ),
        (
            "tasks/found.yml",
            "kind: answer\ninput: {context: body, question: word}\n",
        ),
        ("tasks/spaced.yml", "kind: clean\ninput: body\nrules: [whitespace]\n"),
        (
            "models/read.sql",
            "{{ config(materialized='table', gates=true) }}\n\
             SELECT id, refuel_extract(body, 'words') AS fields, refuel_extract(body, 'words') ->> 'first' AS first,\n\
                    refuel_answer(body, 'refund?', 'found') AS found,\n\
                    refuel_confidence(body, 'refund?', 'found') AS sure,\n\
                    refuel_confidence({{ refuel.record('body', 'word') }}, 'found') AS sure_of_record,\n\
                    refuel_label(refuel_clean(refuel_extract(body, 'words') ->> 'first', 'spaced'), 'topic') AS topic\n\
             FROM (SELECT id, body, 'refund?' AS word FROM {{ ref('cleaned') }}) AS c\n",
        ),
    ];
    let (sqlite, postgres) = (Shop::with(&files), Shop::with(&files));
    postgres.write("profiles.yml", &server.profile());
    for shop in [&sqlite, &postgres] {
        let report = shop.build();
        assert!(report.is_success(), "{}", lines(&report));
    }
    assert_eq!(sqlite.models.asked(), postgres.models.asked());
    for query in [
        "SELECT id, first, found, topic FROM read ORDER BY id",
        "SELECT id, fields ->> 'words' AS words FROM read ORDER BY id",
        "SELECT id FROM read WHERE sure = sure_of_record ORDER BY id",
        "SELECT id FROM read__accepted ORDER BY id",
    ] {
        assert_eq!(sqlite.table(query), postgres.table(query), "{query}");
    }
    assert_eq!(
        postgres.table("SELECT id, first, found, topic FROM read ORDER BY id"),
        "1 | where | NULL | NULL\n2 | i | refund! | NULL\n3 | i | refund! | NULL\n4 | delivery | refund | NULL\n\
         5 | hello | NULL | NULL\n6 | NULL | NULL | NULL",
        "what doesn't answer the question is no error"
    );
    assert_eq!(
        postgres.table("SELECT fields FROM read WHERE id = 4"),
        r#"{"all": ["delivery", "or", "refund"], "first": "delivery", "words": 3}"#
    );
    assert_eq!(
        postgres.table(
            "SELECT data_type FROM information_schema.columns WHERE table_name = 'read' AND column_name = 'fields'"
        ),
        "jsonb"
    );
    let again = postgres.build();
    assert!(
        again.nodes.iter().all(|node| node.status == NodeStatus::Reused),
        "{}",
        lines(&again)
    );
}

#[test]
fn a_wrong_query_is_told_before_anybody_is_asked() {
    let Some(server) = Server::start() else { return };
    let shop = crate::relations::shop();
    shop.write("profiles.yml", &server.profile());
    shop.write("tasks/topic.yml", "kind: label\ninput: name\nlabels: [golden, other]\n");
    let text = |topic: &str| {
        format!(
            "{{{{ config(materialized='table', gates=true) }}}}\n\
             SELECT v.id, {topic} AS topic FROM refuel_resolve({{{{ ref('vendors') }}}}, 'same_vendor') AS r\n\
             JOIN {{{{ ref('vendors') }}}} AS v ON v.id = r.record_key\n"
        )
    };
    for (topic, wrong) in [
        ("refuel_label(v.name, 'topic') || nocol", "\"nocol\" does not exist"),
        ("refuel_label(v.name, 'topic') + 1", "operator does not exist"),
    ] {
        shop.write("models/entities.sql", &text(topic));
        let report = shop.build();
        let entities = crate::common::node(&report, "model.shop.entities");
        let message = entities.message.as_deref().unwrap_or_default();
        assert!(message.contains(wrong), "{message}");
        assert!(message.starts_with("models/entities.sql"), "{message}");
        assert_eq!(shop.models.asked(), [""; 0]);
    }
    shop.write("models/entities.sql", &text("refuel_label(v.name, 'topic')"));
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.table("SELECT count(*) FROM entities WHERE topic = 'golden'"), "2");
}
