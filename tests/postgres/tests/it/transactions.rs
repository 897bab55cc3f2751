//! Errors inside transactions: the next query is fine.

use postgres::error::SqlState;
use refuel_postgres_tests::Plan;

use crate::common::{labels, with_mood};

/// A record without what the task reads can't be answered, and is an error under `fail`.
const FAILS: &str = "SELECT refuel_label('{\"other\": 1}'::jsonb, 'mood')";

#[test]
fn an_error_leaves_the_session_as_any_other_would() {
    let Some(cluster) = with_mood(Plan::default().setting("refuel.on_error = fail")) else {
        return;
    };
    let mut session = cluster.connect();
    session.batch_execute("CREATE TABLE kept (value text)").unwrap();

    session
        .batch_execute("BEGIN; INSERT INTO kept VALUES ('rolled back')")
        .unwrap();
    session.batch_execute(FAILS).unwrap_err();
    let error = session.batch_execute(&labels("aborted", 1)).unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::IN_FAILED_SQL_TRANSACTION));
    session.batch_execute("ROLLBACK").unwrap();

    session
        .batch_execute("BEGIN; INSERT INTO kept SELECT refuel_label('before', 'mood'); SAVEPOINT here")
        .unwrap();
    session.batch_execute(FAILS).unwrap_err();
    session
        .batch_execute("ROLLBACK TO here; INSERT INTO kept SELECT refuel_label('after', 'mood'); COMMIT")
        .unwrap();
    let kept: i64 = session
        .query_one("SELECT count(*) FROM kept WHERE value IN ('good', 'bad')", &[])
        .unwrap()
        .get(0);
    assert_eq!(kept, 2);

    // Errors that a function catches are savepoints as well.
    session
        .batch_execute(
            "DO $$ BEGIN FOR i IN 1..20 LOOP
               BEGIN PERFORM refuel_label('{\"other\": 1}'::jsonb, 'mood'); RAISE 'not reached'; EXCEPTION WHEN data_exception THEN NULL; END;
               PERFORM refuel_label('loop ' || i, 'mood');
             END LOOP; END $$",
        )
        .unwrap();
}

#[test]
fn a_cursor_that_is_left_open_holds_nothing_up() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut session = cluster.connect();
    session
        .batch_execute(&format!("BEGIN; DECLARE open CURSOR FOR {}", labels("cursor", 3000)))
        .unwrap();
    assert_eq!(session.query("FETCH 3 FROM open", &[]).unwrap().len(), 3);
    // Another query on the same connection to the host, while the cursor has batches of its own.
    assert_eq!(session.query(&labels("beside the cursor", 5), &[]).unwrap().len(), 5);
    assert_eq!(session.query("FETCH 3 FROM open", &[]).unwrap().len(), 3);
    session.batch_execute("SAVEPOINT here").unwrap();
    session.batch_execute("SELECT 1 / 0").unwrap_err();
    session.batch_execute("ROLLBACK TO here").unwrap();
    assert_eq!(session.query("FETCH 3 FROM open", &[]).unwrap().len(), 3);
    session.batch_execute("ROLLBACK").unwrap();
    session.batch_execute(&labels("after the cursor", 2)).unwrap();
}

#[test]
fn a_prepared_statement_that_was_aborted_can_be_run_again() {
    let Some(cluster) = with_mood(Plan::default().setting("refuel.on_error = fail")) else {
        return;
    };
    let mut session = cluster.connect();
    let statement = session
        .prepare("SELECT refuel_label(jsonb_build_object($1::text, 'prepared'), 'mood') FROM generate_series(1, 3)")
        .unwrap();
    for _ in 0..8 {
        session.query(&statement, &[&"other"]).unwrap_err();
        assert_eq!(session.query(&statement, &[&"message"]).unwrap().len(), 3);
    }
    session.batch_execute("SET statement_timeout = 50").unwrap();
    let many = session
        .prepare("SELECT refuel_label($1 || n, 'mood') FROM generate_series(1, $2::int) n")
        .unwrap();
    assert_eq!(
        session.query(&many, &[&"aborted ", &20_000]).unwrap_err().code(),
        Some(&SqlState::QUERY_CANCELED)
    );
    session.batch_execute("RESET statement_timeout").unwrap();
    assert_eq!(session.query(&many, &[&"aborted ", &3]).unwrap().len(), 3);
}
