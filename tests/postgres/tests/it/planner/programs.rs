//! Cursors, functions, triggers, and sessions that change the same rows.

use std::time::Duration;

use refuel_postgres_tests::wait_until;

use super::server::{Server, rows};

#[test]
fn cursors_move_as_they_may() {
    let Some(mut server) = Server::start() else { return };
    let query = "SELECT id, refuel_label(body, 'topic') FROM doc ORDER BY id";
    let all = server.rows(query);
    server.run(&format!("BEGIN; DECLARE c SCROLL CURSOR FOR {query}"));
    assert_eq!(server.rows("FETCH 5 FROM c"), all[..5]);
    assert_eq!(server.rows("FETCH BACKWARD 2 FROM c"), [all[3].clone(), all[2].clone()]);
    assert_eq!(server.rows("FETCH LAST FROM c"), all[99..]);
    assert_eq!(server.rows("FETCH ABSOLUTE 50 FROM c"), all[49..50]);
    server.run("MOVE RELATIVE -10 FROM c");
    assert_eq!(server.rows("FETCH 2 FROM c"), all[40..42]);
    server.run("ROLLBACK");
    for kind in ["SCROLL", "NO SCROLL"] {
        server.run(&format!("BEGIN; DECLARE h {kind} CURSOR WITH HOLD FOR {query}"));
        assert_eq!(server.rows("FETCH 3 FROM h"), all[..3]);
        server.run("COMMIT");
        assert_eq!(server.rows("FETCH 3 FROM h"), all[3..6]);
        server.run("CLOSE h");
    }
    server.run("EXPLAIN (VERBOSE) DECLARE c SCROLL CURSOR FOR SELECT refuel_label(body, 'topic') FROM doc");
    server.run("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT id AS number, refuel_label(body, 'topic') AS topic FROM doc");
    let statement = server.session.prepare("FETCH 1 FROM c").unwrap();
    let names: Vec<&str> = statement.columns().iter().map(postgres::Column::name).collect();
    assert_eq!(names, ["number", "topic"]);
    server.run("ROLLBACK");
}

#[test]
fn the_row_under_a_cursor_is_changed() {
    let Some(mut server) = Server::start() else { return };
    for lock in ["FOR UPDATE", ""] {
        for query in [
            "SELECT id, refuel_label(body, 'topic') FROM doc",
            "SELECT id FROM doc WHERE refuel_label(body, 'topic') <> 'z' AND size < 9",
            "SELECT id, refuel_label(body, 'tone') FROM doc WHERE refuel_label(body, 'topic') <> 'z'",
        ] {
            server.run(&format!("BEGIN; DECLARE c CURSOR FOR {query} {lock}"));
            for _ in 0..20 {
                let row = server.rows("FETCH 1 FROM c");
                let id = row[0].split('|').next().unwrap().to_owned();
                let changed = server.rows("UPDATE doc SET size = 77 WHERE CURRENT OF c RETURNING id");
                assert_eq!(changed, [id], "{query} {lock}");
            }
            server.run("ROLLBACK");
        }
    }
}

#[test]
fn functions_loop_over_rows() {
    let Some(mut server) = Server::start() else { return };
    server.run(
        "CREATE FUNCTION looped(size int) RETURNS SETOF text LANGUAGE plpgsql AS $$
         DECLARE r record; c CURSOR FOR SELECT id, refuel_label(body, 'tone') AS tone FROM doc WHERE doc.size = looped.size;
         BEGIN
             FOR r IN SELECT id, refuel_label(body, 'topic') AS topic FROM doc WHERE doc.size = looped.size LOOP
                 RETURN NEXT r.id || r.topic;
             END LOOP;
             OPEN c; FETCH c INTO r; RETURN NEXT r.tone; CLOSE c;
             FOR r IN c LOOP
                 UPDATE doc SET size = doc.size WHERE CURRENT OF c;
                 RETURN NEXT r.tone;
             END LOOP;
             RETURN QUERY SELECT refuel_label(body, 'topic') FROM doc WHERE doc.size = looped.size;
         END $$;
         CREATE FUNCTION inlined(author int) RETURNS SETOF text LANGUAGE sql STABLE AS
             $$ SELECT refuel_label(body, 'topic') FROM doc WHERE author = $1 $$;
         CREATE TABLE log (topic text);
         CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO log SELECT refuel_label(body, 'topic') FROM changed; RETURN NULL; END $$;
         CREATE TRIGGER noted AFTER UPDATE ON doc REFERENCING NEW TABLE AS changed
             FOR EACH STATEMENT EXECUTE FUNCTION noted()",
    );
    server.both("SELECT * FROM looped(1) ORDER BY 1");
    server.both("SELECT a.id, i FROM author a, inlined(a.id) i ORDER BY 1, 2");
    server.both("WITH w AS (UPDATE doc SET size = size WHERE id < 30 RETURNING id) SELECT count(*) FROM w");
    server.run("TRUNCATE log; UPDATE doc SET size = size WHERE id < 30");
    let (expected, _) = server.both("SELECT refuel_label(body, 'topic') AS t FROM doc WHERE id < 30 ORDER BY t");
    assert_eq!(server.rows("SELECT topic FROM log ORDER BY topic"), expected);
    // The trigger's rows are asked for together.
    server.host.sent();
    server.run("UPDATE doc SET size = size WHERE id < 30");
    assert_eq!(server.host.sent().requests.len(), 1);
}

#[test]
fn a_row_that_another_session_changed_is_looked_at_again() {
    let Some(mut server) = Server::start() else { return };
    // One label for the old text of row 1, another for the new one.
    let label =
        |server: &mut Server, text: &str| server.rows(&format!("SELECT refuel_label('{text}', 'topic')"))[0].clone();
    let old = label(&mut server, "old");
    let same = (0..100)
        .map(|n| format!("new {n}"))
        .find(|text| label(&mut server, text) == old)
        .unwrap();
    let other = (0..100)
        .map(|n| format!("new {n}"))
        .find(|text| label(&mut server, text) != old)
        .unwrap();
    for (new, statement) in [&same, &other].into_iter().flat_map(|new| {
        [
            format!("UPDATE doc SET author = 1000 WHERE refuel_label(body, 'topic') = '{old}' AND id < 4 RETURNING id, body"),
            format!("SELECT id, body, refuel_label(body, 'tone') FROM doc WHERE refuel_label(body, 'topic') = '{old}'
                     AND id < 4 FOR UPDATE"),
            format!("DELETE FROM doc USING author a WHERE a.id = doc.size AND refuel_label(body || a.name, 'topic') IS NOT NULL
                     AND refuel_label(body, 'topic') = '{old}' AND doc.id < 4 RETURNING doc.id, body"),
            format!("UPDATE doc SET body = refuel_label(body, 'tone') || body WHERE id < 4
                     AND (refuel_label(body, 'topic') = '{old}' OR size = 99) RETURNING id, body"),
        ]
        .map(|statement| (new.clone(), statement))
    }) {
        let [expected, found] = ["off", "on"].map(|batching| {
            server.run("UPDATE doc SET body = 'old', size = 1 WHERE id IN (1, 2); UPDATE doc SET body = NULL WHERE id = 3");
            let mut changing = server.cluster.connect();
            changing
                .batch_execute(&format!("BEGIN; UPDATE doc SET body = '{new}' WHERE id = 1"))
                .unwrap();
            let mut waiting = server.cluster.connect();
            waiting.batch_execute(&format!("SET refuel.batching = {batching}; BEGIN")).unwrap();
            let asked = statement.clone();
            let session = std::thread::spawn(move || rows(&mut waiting, &asked));
            wait_until("the other session waits", Duration::from_secs(5), || {
                server.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").len() == 1
            });
            changing.batch_execute("COMMIT").unwrap();
            let mut rows = session.join().unwrap().unwrap();
            rows.sort();
            rows
        });
        assert_eq!(found, expected, "{new}: {statement}");
        assert_eq!(found.iter().any(|row| row.starts_with('1')), new == same, "{new}: {statement}");
    }
}

#[test]
fn locked_rows_are_skipped() {
    let Some(mut server) = Server::start() else { return };
    let mut other = server.cluster.connect();
    other
        .batch_execute("BEGIN; SELECT FROM doc WHERE id IN (1, 2, 5) FOR UPDATE")
        .unwrap();
    let (rows, _) = server.both(
        "SELECT id, refuel_label(body, 'topic') FROM doc WHERE id < 10 ORDER BY id LIMIT 3 FOR UPDATE SKIP LOCKED",
    );
    let ids: Vec<&str> = rows.iter().map(|row| row.split('|').next().unwrap()).collect();
    assert_eq!(ids, ["3", "4", "6"]);
}

#[test]
fn what_a_policy_hides_is_shown_to_no_condition() {
    let Some(mut server) = Server::start() else { return };
    server.run(
        "CREATE ROLE reader; GRANT SELECT ON doc, author TO reader; GRANT reader TO postgres;
         SELECT refuel_grant_task('topic', 'reader');
         CREATE TABLE seen (body text); GRANT ALL ON seen TO reader;
         CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 1 AS
             $$ BEGIN INSERT INTO seen VALUES ($1); RETURN true; END $$;
         CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM doc WHERE refuel_label(body, 'topic') = 'a';
         GRANT SELECT ON barrier TO reader;
         CREATE POLICY labelled ON doc USING (refuel_label(body, 'topic') = 'a');
         ALTER TABLE doc ENABLE ROW LEVEL SECURITY",
    );
    for query in [
        "SELECT id FROM doc WHERE leak(body)",
        "SELECT id FROM barrier WHERE leak(body)",
        "SELECT d.id FROM doc d JOIN author a ON a.id = d.author AND leak(d.body || a.name)",
        "SELECT d.id FROM barrier d JOIN author a ON a.id = d.author AND leak(d.body || a.name) WHERE a.id < 4",
    ] {
        let [expected, found] = ["off", "on"].map(|batching| {
            server.run(&format!(
                "SET refuel.batching = {batching}; TRUNCATE seen; SET ROLE reader"
            ));
            let mut rows = server.rows(query);
            server.run("RESET ROLE");
            rows.sort();
            rows.extend(server.rows("SELECT body FROM seen ORDER BY body"));
            rows
        });
        assert_eq!(found, expected, "{query}");
        assert!(found.len() > 1, "{query}: {found:?}");
    }
}
