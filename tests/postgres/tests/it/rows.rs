//! Rows that are no ordinary ones.

use refuel_postgres_tests::{Cluster, Plan};

use crate::common::with_mood;

fn one(session: &mut postgres::Client, sql: &str) -> Option<String> {
    session.query_one(sql, &[]).unwrap().get(0)
}

#[test]
fn an_input_of_ten_megabytes_is_answered() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut session = cluster.connect();
    // A model of vectors reads the first few hundred tokens of it, and so answers soon.
    let query = "SELECT cardinality(refuel_embed(repeat('word ', 2 * 1024 * 1024), 'all-minilm-l6-v2'))::text";
    assert_eq!(one(&mut session, query).unwrap(), "384");
    // More than a batch may hold, and together more than one message to the host.
    let query = "SELECT count(refuel_embed(repeat('word ' || n || ' ', 200000), 'all-minilm-l6-v2'))::text
        FROM generate_series(1, 4) n";
    assert_eq!(one(&mut session, query).unwrap(), "4");
    // A task that takes no part of an input refuses it, as an error of its row.
    session
        .batch_execute(
            r#"SELECT refuel_alter_task('mood', refuel_task('mood') || '{"truncate": "error", "on_error": "capture"}')"#,
        )
        .unwrap();
    let query = "SELECT (refuel_detail(repeat('word ', 2 * 1024 * 1024), 'mood')).status";
    assert_eq!(one(&mut session, query).unwrap(), "error");
}

#[test]
fn hostile_names_are_names() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut session = cluster.connect();
    let long = "x".repeat(100_000);
    let names = [
        "'; DROP TABLE refuel.task; --",
        "\"",
        "\\",
        "$1",
        "%s%n",
        "mood\n",
        "mood@",
        "mood@0",
        "mood@-1",
        "mood@1@1",
        "mood@99999999999999999999",
        "",
        " ",
        "../mood",
        "mood\u{202e}",
        "\u{1F4A9}",
        &long,
    ];
    for name in names {
        for sql in [
            "SELECT refuel_label('a message', $1)",
            "SELECT refuel_task($1)::text",
            "SELECT refuel_drop_task($1)::text",
        ] {
            let error = session.query(sql, &[&name]).expect_err(name);
            let error = error.as_db_error().unwrap();
            // Not an internal error, and not a syntax error of a query of the extension's own.
            assert!(
                !["XX000", "42601"].contains(&error.code().code()),
                "{name:?}: {error:?}"
            );
        }
        let error = session
            .query("SELECT refuel_embed('a message', $1)", &[&name])
            .expect_err(name);
        assert_ne!(error.code().unwrap().code(), "XX000", "{name:?}: {error:?}");
    }
    assert!(one(&mut session, "SELECT refuel_label('a message', 'mood')").is_some());
    assert!(one(&mut session, "SELECT refuel_label('a message', 'mood@1')").is_some());
}

#[test]
fn nulls_and_empty_texts_are_told_apart() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut session = cluster.connect();
    assert_eq!(one(&mut session, "SELECT refuel_label(NULL::text, 'mood')"), None);
    assert_eq!(one(&mut session, "SELECT refuel_label('a', NULL)"), None);
    session.batch_execute("SET refuel.on_error = capture").unwrap();
    let query = "SELECT (d).status || ': ' || (d).reason FROM (SELECT refuel_detail('', 'mood') AS d) x";
    let told = one(&mut session, query).unwrap();
    assert_eq!(told, "abstained: input is empty");
    // Rows without an input are in their places between those with one.
    let query = "SELECT string_agg(CASE WHEN refuel_label(t, 'mood') IS NULL THEN '-' ELSE 'x' END, '' ORDER BY n)
        FROM (VALUES (1, 'one'), (2, NULL), (3, ''), (4, 'four'), (5, NULL), (6, 'six')) v (n, t)";
    assert_eq!(one(&mut session, query).unwrap(), "x--x-x");
}

/// A database in another encoding, with the task `mood`.
fn database(cluster: &Cluster, name: &str, encoding: &str) -> postgres::Client {
    let mut session = cluster.connect();
    session
        .batch_execute(&format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ))
        .unwrap();
    let mut there = cluster.connect_as("postgres", name);
    let mood = one(&mut session, "SELECT refuel_task('mood')::text").unwrap();
    there.batch_execute("CREATE EXTENSION refuel").unwrap();
    there
        .execute("SELECT refuel_create_task('mood', $1::text::jsonb)", &[&mood])
        .unwrap();
    there
}

#[test]
fn a_database_in_latin_1_asks_the_same() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut latin = database(&cluster, "latin", "LATIN1");
    let mut unicode = cluster.connect();
    // The same text, asked from a database of each encoding, is the same input: the second one's answer is there already.
    let query =
        "SELECT (d).value || ' ' || (d).source FROM (SELECT refuel_detail('schöne Grüße, déjà vu', 'mood') AS d) x";
    let first = one(&mut unicode, query).unwrap();
    let second = one(&mut latin, query).unwrap();
    assert_eq!(second, first.replace(" model", " cache"));
}

#[test]
fn bytes_that_are_no_text_end_the_statement() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut raw = database(&cluster, "raw", "SQL_ASCII");
    assert!(one(&mut raw, "SELECT refuel_label('plain', 'mood')").is_some());
    // They can't be sent to a host, which takes UTF-8: no host has an answer for the row, whatever `on_error` says.
    for on_error in ["fail", "null", "capture"] {
        for batching in ["on", "off"] {
            raw.batch_execute(&format!(
                "SET refuel.on_error = '{on_error}'; SET refuel.batching = {batching}"
            ))
            .unwrap();
            for function in ["refuel_label", "refuel_detail"] {
                let query = format!(
                    "SELECT {function}(t, 'mood') FROM (VALUES ('plain'), (E'\\xff\\xfe'), ('plain')) AS v (t)"
                );
                let error = raw.query(&query, &[]).expect_err(on_error);
                // character_not_in_repertoire
                assert_eq!(error.code().unwrap().code(), "22021", "{on_error}: {error:?}");
            }
        }
    }
    assert!(one(&mut raw, "SELECT refuel_label('plain again', 'mood')").is_some());
}

#[test]
fn a_full_disk_under_the_cache_stops_no_query() {
    let Some(cluster) = with_mood(Plan::default().setting("refuel.supervise = off")) else {
        return;
    };
    let cache = cluster.folder().join("home/cache");
    let _ = std::fs::create_dir(&cache);
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k,mode=0777", "tmpfs"])
        .arg(&cache)
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        eprintln!("skipped: a file system of 64 kB can't be mounted here");
        return;
    }
    let _unmount = Unmount(cache.clone());
    std::fs::write(cache.join("filler"), vec![0; 1 << 20]).unwrap_err();
    let mut host = cluster.start_host(&[]);
    let mut session = cluster.connect();
    let query = "SELECT count(refuel_label('full disk ' || n, 'mood')) FROM generate_series(1, 60) n";
    assert_eq!(session.query_one(query, &[]).unwrap().get::<_, i64>(0), 60);
    host.stop();
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .args(["--lazy".as_ref(), self.0.as_os_str()])
            .status();
    }
}
