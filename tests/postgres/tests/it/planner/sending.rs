//! What is sent to the host, and how much at once.

use super::server::Server;

/// Sorted, each once.
fn distinct(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts.dedup();
    texts
}

#[test]
fn a_limit_sends_no_more_than_a_small_batch() {
    let Some(mut server) = Server::start() else { return };
    server
        .run("CREATE TABLE much AS SELECT n AS id, 'much ' || n AS body FROM generate_series(1, 5000) n; ANALYZE much");
    for (query, most) in [
        ("SELECT refuel_label(body, 'topic') FROM much LIMIT 10", 10),
        ("SELECT refuel_label(body, 'topic') FROM much OFFSET 3 LIMIT 7", 7),
        ("SELECT refuel_label(body, 'topic') FROM (SELECT * FROM much OFFSET 0) x LIMIT 10", 10),
        ("SELECT id, refuel_label(body, 'topic') FROM much ORDER BY id DESC LIMIT 10", 10),
        ("SELECT refuel_label(refuel_label(body, 'topic') || id, 'tone') FROM much LIMIT 10", 20),
        ("SELECT * FROM much WHERE refuel_label(body, 'topic') <> 'z' LIMIT 10", 16),
        ("SELECT refuel_label(body, 'tone') FROM much WHERE refuel_label(body, 'topic') <> 'z' LIMIT 10", 26),
        ("SELECT refuel_label(m.body, 'topic') FROM much m JOIN author a ON a.id = m.id % 10 LIMIT 10", 10),
        ("SELECT m.id FROM much m JOIN author a ON a.id = m.id % 10 AND refuel_label(m.body || a.name, 'topic') <> 'z'
          LIMIT 10", 16),
        ("SELECT EXISTS (SELECT FROM much WHERE refuel_label(body, 'topic') <> 'z')", 16),
        ("SELECT id FROM author WHERE EXISTS (SELECT FROM much WHERE refuel_label(body || name, 'topic') <> 'z') LIMIT 1", 16),
        ("SELECT refuel_label(body, 'topic') FROM much FOR UPDATE LIMIT 10", 16),
        ("SELECT id, min(refuel_label(body, 'topic')) FROM (SELECT * FROM much ORDER BY id OFFSET 0) x GROUP BY id ORDER BY id
          LIMIT 10", 16),
    ] {
        server.host.sent();
        let rows = server.rows(query);
        assert!((1..=10).contains(&rows.len()), "{query}: {rows:?}");
        let sent = server.host.sent();
        assert!(
            sent.inputs.len() <= most,
            "{query}: {} inputs instead of {most}\n{}",
            sent.inputs.len(),
            server.explain("COSTS OFF", query)
        );
    }
}

#[test]
fn a_cursor_sends_a_small_batch_first() {
    let Some(mut server) = Server::start() else { return };
    server
        .run("BEGIN; DECLARE c CURSOR FOR SELECT refuel_label('text ' || n, 'topic') FROM generate_series(1, 5000) n");
    server.rows("FETCH 1 FROM c");
    assert_eq!(server.host.sent().requests, [16]);
    server.rows("FETCH 15 FROM c");
    assert_eq!(server.host.sent().requests, [0; 0]);
    server.rows("FETCH ALL FROM c");
    assert_eq!(
        server.host.sent().requests,
        [32, 64, 128, 256, 512, 1024, 1024, 1024, 920]
    );
}

#[test]
fn each_input_is_sent_once_however_many_calls_read_it() {
    let Some(mut server) = Server::start() else { return };
    let all: Vec<String> = server.rows("SELECT DISTINCT body FROM doc WHERE body IS NOT NULL");
    let all = distinct(all);
    for query in [
        "SELECT refuel_label(body, 'topic'), refuel_confidence(body, 'topic'), refuel_detail(body, 'topic') FROM doc",
        "SELECT refuel_label(body, 'topic'), refuel_label(body, 'topic@1'), refuel_label(body, 'topic') || 'x' FROM doc",
        "SELECT refuel_label(body, 'topic') FROM doc WHERE refuel_label(body, 'topic') <> 'z'
         AND refuel_confidence(body, 'topic') >= 0",
        "SELECT refuel_label(body, 'topic'), count(*), min(refuel_label(body, 'topic')) FROM doc GROUP BY 1",
        "SELECT refuel_label(body, 'topic'), count(refuel_label(body, 'topic')) FROM doc GROUP BY body",
        "SELECT refuel_label(body, 'topic') FROM doc ORDER BY refuel_confidence(body, 'topic')",
        "SELECT refuel_label(body, 'topic'), rank() OVER (ORDER BY refuel_label(body, 'topic')) FROM doc",
        "UPDATE doc SET size = length(refuel_label(body, 'topic')) WHERE refuel_confidence(body, 'topic') >= 0",
    ] {
        server.run("BEGIN");
        server.host.sent();
        server.rows(query);
        let mut sent = server.host.sent();
        // The two names of one task are two tasks to the host, which knows their answers by what they are.
        let names = if query.contains("topic@1") { 2 } else { 1 };
        sent.inputs.sort_by_key(|input| format!("{input:?}"));
        assert_eq!(
            sent.inputs.len(),
            all.len() * names,
            "{query}\n{}",
            server.explain("COSTS OFF", query)
        );
        assert_eq!(distinct(sent.texts()), all, "{query}");
        server.run("ROLLBACK");
    }
}

#[test]
fn batches_hold_as_many_rows_and_bytes_as_the_settings_say() {
    let Some(mut server) = Server::start() else { return };
    let query = "SELECT count(refuel_label('text ' || n, 'topic')) FROM generate_series(1, 2500) n";
    server.rows(query);
    assert_eq!(server.host.sent().requests, [1024, 1024, 452]);
    server.run("SET refuel.batch_rows = 100");
    server.rows("SELECT count(refuel_label('text ' || n, 'topic')) FROM generate_series(1, 250) n");
    assert_eq!(server.host.sent().requests, [100, 100, 50]);
    server.run("SET refuel.batch_rows = 1000; SET refuel.batch_memory = '64kB'");
    server.rows("SELECT count(refuel_label(n || repeat('x', 10000), 'topic')) FROM generate_series(1, 20) n");
    assert_eq!(server.host.sent().requests, [7, 7, 6]);
}

#[test]
fn a_condition_that_costs_less_comes_first() {
    let Some(mut server) = Server::start() else { return };
    server.run(
        "CREATE FUNCTION slow(int) RETURNS boolean LANGUAGE plpgsql COST 5000 AS 'BEGIN RETURN $1 = 1; END';
         SET enable_mergejoin = off; SET enable_nestloop = off",
    );
    for (query, most) in [
        (
            "SELECT id FROM doc WHERE refuel_label(body, 'topic') = 'a' AND slow(size)",
            20,
        ),
        // Joins that leave fewer rows come before calls.
        (
            "SELECT d.id FROM doc d JOIN tag t ON t.doc = d.id WHERE refuel_label(t.name, 'topic') = 'a' AND d.id = 7",
            3,
        ),
    ] {
        server.host.sent();
        server.rows(query);
        let sent = server.host.sent();
        assert!(
            sent.inputs.len() <= most,
            "{query}: {sent:?}\n{}",
            server.explain("COSTS OFF", query)
        );
    }
}

#[test]
fn many_tasks_in_one_window_keep_their_answers_apart() {
    let Some(mut server) = Server::start() else { return };
    server.run("SET refuel.batch_rows = 3000");
    server.both(
        "SELECT refuel_complete('text ' || n % 7, 'm', jsonb_build_object('max_tokens', 1 + n % 1500)) FROM generate_series(1, 3000) n",
    );
}
