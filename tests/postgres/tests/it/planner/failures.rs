//! Errors in the middle of a query: the next one is fine, and nothing is left behind.

use std::time::{Duration, Instant};

use postgres::error::SqlState;
use refuel_postgres_tests::{Cluster, Process, wait_until};

use super::host::Fate::{Answered, Lost, Refused, Silent};
use super::host::WRONG;
use super::server::{Server, rows};

const MANY: &str = "SELECT refuel_label('text ' || n, 'topic') FROM generate_series(1, 3000) n";

/// Has [`MANY`] ask in five requests.
const IN_FIVE: &str = "SET refuel.batch_rows = 600";

#[test]
fn a_host_that_dies_in_the_middle_is_asked_for_the_rest() {
    let Some(mut server) = Server::start() else { return };
    server.run(IN_FIVE);
    let expected = server.rows(MANY);
    server.host.sent();
    for fates in [
        &[Lost][..],
        &[Answered, Lost, Lost],
        &[Answered, Answered, Answered, Lost],
    ] {
        server.host.next(fates);
        assert_eq!(server.rows(MANY), expected);
        let sent = server.host.sent();
        let lost = fates.iter().filter(|fate| matches!(fate, Lost)).count();
        assert_eq!(sent.requests.len(), 5 + lost, "{:?}", sent.requests);
        // Answers that came before the connection went aren't asked for again.
        assert!(sent.inputs.len() < 3000 + 600 * lost, "{}", sent.inputs.len());
    }
}

#[test]
fn a_refused_request_is_an_error_of_the_statement_alone() {
    let Some(mut server) = Server::start() else { return };
    server.run(IN_FIVE);
    let expected = server.rows(MANY);
    for before in 0..4 {
        let mut fates = vec![Answered; before];
        fates.push(Refused);
        server.host.next(&fates);
        let error = rows(&mut server.session, MANY).unwrap_err();
        assert!(error.contains("the script refuses the request"), "{error}");
        assert_eq!(server.rows(MANY), expected);
    }
    // In a savepoint, with a cursor of the same session in its middle.
    server.run(&format!("BEGIN; DECLARE open CURSOR FOR {MANY}"));
    let mut fetched = server.rows("FETCH 20 FROM open");
    server.run("SAVEPOINT here");
    server.host.next(&[Refused]);
    rows(&mut server.session, MANY).unwrap_err();
    server.run("ROLLBACK TO here");
    fetched.extend(server.rows("FETCH ALL FROM open"));
    assert_eq!(fetched, expected);
    // A cursor that fails itself.
    server.run(&format!("DECLARE other CURSOR FOR {MANY}; SAVEPOINT there"));
    server.host.next(&[Refused]);
    rows(&mut server.session, "FETCH 5 FROM other").unwrap_err();
    server.run("ROLLBACK TO there");
    let error = rows(&mut server.session, "FETCH 5 FROM other").unwrap_err();
    assert!(error.starts_with("34000") || error.starts_with("55000"), "{error}");
    server.run("COMMIT");
    assert_eq!(server.rows(MANY), expected);
}

#[test]
fn a_row_without_an_answer_is_what_the_setting_says() {
    let Some(mut server) = Server::start() else { return };
    let query = format!(
        "SELECT n, refuel_label(t, 'topic'), (refuel_detail(t, 'topic')).status FROM (SELECT n, CASE WHEN n = 7
         THEN '{WRONG}' ELSE 'text ' || n END AS t FROM generate_series(1, 9) n) x"
    );
    for setting in ["null", "capture"] {
        server.run(&format!("SET refuel.on_error = '{setting}'"));
        let (rows, _) = server.both(&query);
        assert_eq!(
            rows[6],
            if setting == "null" {
                "7|NULL|NULL"
            } else {
                "7|NULL|error"
            }
        );
    }
    server.run("SET refuel.on_error = fail");
    let failures = ["off", "on"].map(|batching| {
        server.run(&format!("SET refuel.batching = {batching}"));
        rows(&mut server.session, &query).unwrap_err()
    });
    assert_eq!(failures[0], failures[1]);
    // Rows before it were given out.
    server.run(&format!("BEGIN; DECLARE c CURSOR FOR {query}"));
    assert_eq!(server.rows("FETCH 6 FROM c").len(), 6);
    rows(&mut server.session, "FETCH 1 FROM c").unwrap_err();
    server.run("ROLLBACK");
}

#[test]
fn a_query_is_cancelled_while_it_gathers_and_while_it_waits() {
    let Some(mut server) = Server::start() else { return };
    let expected = server.rows(MANY);
    for (query, fates) in [
        ("SELECT refuel_label(n || pg_sleep(0.01)::text, 'topic') FROM generate_series(1, 3000) n", &[][..]),
        (
            "SELECT refuel_label(t, 'topic') FROM (SELECT n || pg_sleep(0.01)::text AS t FROM generate_series(1, 3000) n
             OFFSET 0) x",
            &[],
        ),
        (MANY, &[Silent]),
        (MANY, &[Answered, Answered, Silent]),
    ] {
        server.host.next(fates);
        let Process(backend) = Cluster::backend(&mut server.session);
        let mut other = server.cluster.connect();
        let cancelled = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            let asked = Instant::now();
            other.batch_execute(&format!("SELECT pg_cancel_backend({backend})")).unwrap();
            asked
        });
        let error = server.session.simple_query(query).unwrap_err();
        let ended = Instant::now();
        assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED), "{error:?}");
        let took = ended.saturating_duration_since(cancelled.join().unwrap());
        assert!(took < Duration::from_millis(100), "{query}: {took:?}");
        server.host.next(&[]);
        assert_eq!(server.rows(MANY), expected);
    }
}

/// Memory that the process has for itself, in kilobytes.
fn memory(Process(pid): Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_session_does_not_grow() {
    let Some(mut server) = Server::start() else { return };
    let backend = Cluster::backend(&mut server.session);
    let queries = [
        "SELECT count(refuel_label(body, 'topic')), count(refuel_labels(body, 'tags')) FROM doc",
        "SELECT d.id FROM doc d JOIN author a ON refuel_label(d.body, 'topic') = a.topic",
        "SELECT (refuel_detail(body, 'topic')).scores FROM doc LIMIT 5",
        "SELECT refuel_embed(body, 'm'), refuel_complete(body, 'm') FROM doc WHERE id < 20",
    ];
    let mut contexts = Vec::new();
    let mut kilobytes = Vec::new();
    for _ in 0..4 {
        for turn in 0..600 {
            server.run(queries[turn % queries.len()]);
            if turn % 9 == 0 {
                server.host.next(&[Refused]);
                server.session.batch_execute(queries[turn % 2]).unwrap_err();
            }
        }
        let used = server.rows("SELECT sum(used_bytes) / 1024 FROM pg_backend_memory_contexts");
        contexts.push(used[0].parse::<f64>().unwrap());
        kilobytes.push(memory(backend));
    }
    assert!(contexts[3] - contexts[1] < 64.0, "{contexts:?}");
    assert!(kilobytes[3] < kilobytes[1] + 1024, "{kilobytes:?}");
}

#[test]
fn a_node_keeps_one_window_of_rows() {
    let Some(mut server) = Server::start() else { return };
    let backend = Cluster::backend(&mut server.session);
    // 30 MB in texts of 1 kB, each with a vector and a text of about the same size.
    let query = |rows: u32| {
        format!(
            "SELECT count(refuel_complete(n || repeat('x', 1000), 'm')), count(refuel_embed(n || repeat('y', 1000), 'm'))
             FROM generate_series(1, {rows}) n"
        )
    };
    server.rows(&query(2000));
    let before = memory(backend);
    server.rows(&query(30_000));
    let grown = memory(backend).saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} kB");
}

#[test]
fn a_session_that_ends_in_the_middle_leaves_the_others_alone() {
    let Some(mut server) = Server::start() else { return };
    let mut other = server.cluster.connect();
    let backend = Cluster::backend(&mut other);
    server.host.next(&[Silent]);
    let waiting = std::thread::spawn(move || other.simple_query(MANY).map(|_| ()));
    wait_until("the request is there", Duration::from_secs(5), || {
        !server.host.sent().requests.is_empty()
    });
    server.run(&format!("SELECT pg_terminate_backend({})", backend.0));
    waiting.join().unwrap().unwrap_err();
    assert_eq!(server.rows(MANY).len(), 3000);
}
