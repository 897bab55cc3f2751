//! What ends a query ends it at once, and the host's work for it.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use postgres::NoTls;
use postgres::error::SqlState;
use refuel_postgres_tests::{Cluster, Plan, Process, wait_until};

use crate::common::{is_in_the_middle, labels, wait_for_rest, wait_for_the_middle, with_mood};

/// How soon an interrupted query has to give an answer.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Interrupts a query that is in the middle of its work, `how` being what the other session does, and says how long it
/// took until the query ended, and as what.
fn interrupt(
    cluster: &Cluster,
    texts: &str,
    how: impl FnOnce(&mut postgres::Client, Process),
) -> (Duration, Option<SqlState>) {
    let mut session = cluster.connect();
    let mut other = cluster.connect();
    let backend = Cluster::backend(&mut session);
    let query = labels(texts, 20_000);
    let running = thread::spawn(move || {
        let error = session.batch_execute(&query).unwrap_err();
        let ended = Instant::now();
        (ended, error.code().cloned())
    });
    wait_for_the_middle(&mut other, &running);
    let begun = Instant::now();
    how(&mut other, backend);
    let (ended, code) = running.join().unwrap();
    wait_for_rest(&mut other);
    (ended - begun, code)
}

#[test]
fn a_cancelled_query_ends_at_once() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let (took, code) = interrupt(&cluster, "cancelled", |other, Process(backend)| {
        other
            .execute("SELECT pg_cancel_backend($1)", &[&backend.cast_signed()])
            .unwrap();
    });
    assert_eq!(code, Some(SqlState::QUERY_CANCELED));
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn a_terminated_session_ends_at_once() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let (took, code) = interrupt(&cluster, "terminated", |other, Process(backend)| {
        other
            .execute("SELECT pg_terminate_backend($1)", &[&backend.cast_signed()])
            .unwrap();
    });
    // The client's library may tell of the closed connection instead of the server's last word.
    assert!(code.is_none_or(|code| code == SqlState::ADMIN_SHUTDOWN));
    assert!(
        cluster
            .log()
            .contains("FATAL:  terminating connection due to administrator command")
    );
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn the_row_path_is_interrupted_as_well() {
    let Some(cluster) = with_mood(Plan::default().setting("refuel.batching = off")) else {
        return;
    };
    let mut session = cluster.connect();
    let mut other = cluster.connect();
    let token = session.cancel_token();
    let query = labels("row by row", 20_000);
    let running = thread::spawn(move || {
        let error = session.batch_execute(&query).unwrap_err();
        (Instant::now(), error.code().cloned(), session)
    });
    wait_until("the host works", Duration::from_mins(1), || {
        assert!(!running.is_finished(), "the query has ended already");
        let query = "SELECT sum(inputs)::bigint FROM refuel.usage";
        other
            .query_one(query, &[])
            .unwrap()
            .get::<_, Option<i64>>(0)
            .is_some_and(|inputs| inputs > 3)
    });
    let begun = Instant::now();
    token.cancel_query(NoTls).unwrap();
    let (ended, code, mut session) = running.join().unwrap();
    assert_eq!(code, Some(SqlState::QUERY_CANCELED));
    assert!(ended - begun < AT_ONCE, "{:?}", ended - begun);
    wait_for_rest(&mut other);
    session.batch_execute(&labels("row by row", 1)).unwrap();
}

#[test]
fn a_statement_timeout_ends_a_query_at_once() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut session = cluster.connect();
    // The model is loaded, so that it is the work that is interrupted.
    session.batch_execute(&labels("first", 1)).unwrap();
    for limit in [Duration::from_millis(200), Duration::from_millis(700)] {
        session
            .batch_execute(&format!("SET statement_timeout = {}", limit.as_millis()))
            .unwrap();
        let begun = Instant::now();
        let error = session.batch_execute(&labels("timeout", 20_000)).unwrap_err();
        let over = begun.elapsed().saturating_sub(limit);
        assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
        assert!(over < AT_ONCE, "{over:?} after the limit");
        session.batch_execute("RESET statement_timeout").unwrap();
        wait_for_rest(&mut session);
    }
    // The connection to the host was closed in the middle; the next query opens another.
    session.batch_execute(&labels("after", 2)).unwrap();
}

#[test]
fn the_work_of_a_client_that_is_gone_is_dropped() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut other = cluster.connect();
    let mut psql = cluster
        .client("psql")
        .args(["--no-psqlrc", "--command", &labels("gone", 20_000)])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the host is in the middle of the work", Duration::from_mins(1), || {
        assert!(psql.try_wait().unwrap().is_none(), "psql has ended already");
        is_in_the_middle(&mut other)
    });
    let query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'psql'";
    let backend: i32 = other.query_one(query, &[]).unwrap().get(0);
    let backend = Process(backend.unsigned_abs());
    psql.kill().unwrap();
    let begun = Instant::now();
    psql.wait().unwrap();
    wait_until("the session ends", Duration::from_secs(5), || !backend.lives());
    let took = begun.elapsed();
    assert!(took < AT_ONCE, "{took:?}");
    wait_for_rest(&mut other);
}

#[test]
fn ctrl_c_in_psql_gives_the_prompt_back() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut other = cluster.connect();
    let mut psql = cluster
        .client("psql")
        .args([
            "--no-psqlrc",
            "--command",
            &labels("interrupted", 20_000),
            "--command",
            "SELECT 'next'",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the host is in the middle of the work", Duration::from_mins(1), || {
        assert!(psql.try_wait().unwrap().is_none(), "psql has ended already");
        is_in_the_middle(&mut other)
    });
    let begun = Instant::now();
    Process(psql.id()).signal(rustix::process::Signal::INT);
    let output = psql.wait_with_output().unwrap();
    let took = begun.elapsed();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("canceling statement due to user request"), "{told}");
    // Starting nothing new, psql ends itself here as well.
    assert!(took < AT_ONCE * 2, "{took:?}");
    wait_for_rest(&mut other);
}
