//! Processes that are killed in the middle, and servers that are stopped under load.

use std::thread;
use std::time::{Duration, Instant};

use refuel_postgres_tests::{Cluster, Plan, Shutdown, wait_until};

use crate::common::{labels, under_way, wait_for_rest, wait_for_the_middle, with_mood};

#[test]
fn a_query_survives_the_death_of_its_host() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut other = cluster.connect();
    let began: String = other
        .query_one("SELECT pg_postmaster_start_time()::text", &[])
        .unwrap()
        .get(0);
    let mut session = cluster.connect();
    let query = "SELECT n, refuel_label('survivor ' || n, 'mood') FROM generate_series(1, 1000) n ORDER BY n";
    let running = thread::spawn(move || session.query(query, &[]).unwrap());
    for _ in 0..2 {
        wait_for_the_middle(&mut other, &running);
        let host = cluster.host().unwrap();
        host.kill();
        // Somebody else's session doesn't notice.
        other.batch_execute("SELECT 1").unwrap();
        wait_until("another host", Duration::from_secs(10), || {
            cluster.host().is_some_and(|new| new != host)
        });
    }
    let rows = running.join().unwrap();
    assert_eq!(rows.len(), 1000);
    for (row, n) in rows.iter().zip(1_i32..) {
        assert_eq!(row.get::<_, i32>(0), n);
        assert!(["good", "bad"].contains(&row.get::<_, &str>(1)), "{n}");
    }
    // The right rows are those that a host which nobody killed gives: the answers, asked one by one in another order.
    other.batch_execute("SET refuel.batching = off").unwrap();
    for n in [1_i32, 2, 499, 500, 501, 999, 1000] {
        let answer = other
            .query_one(&format!("SELECT refuel_label('survivor {n}', 'mood')"), &[])
            .unwrap();
        assert_eq!(answer.get::<_, &str>(0), rows[n as usize - 1].get::<_, &str>(1), "{n}");
    }
    let begins: String = other
        .query_one("SELECT pg_postmaster_start_time()::text", &[])
        .unwrap()
        .get(0);
    assert_eq!(began, begins);
    assert!(
        !cluster.log().contains("server process"),
        "a process of the server ended"
    );
}

#[test]
fn a_query_whose_host_stays_away_fails_after_the_timeout() {
    let plan = Plan::default().setting("refuel.timeout = '1s'");
    let Some(cluster) = with_mood(plan) else { return };
    let mut other = cluster.connect();
    let mut session = cluster.connect();
    let running = thread::spawn(move || {
        let error = session.batch_execute(&labels("left", 20_000)).unwrap_err();
        (Instant::now(), error, session)
    });
    wait_for_the_middle(&mut other, &running);
    cluster.configure(&["refuel.supervise = off"]);
    let begun = Instant::now();
    cluster.reload();
    let (ended, error, mut session) = running.join().unwrap();
    let took = ended - begun;
    assert!(
        (Duration::from_millis(950)..Duration::from_secs(3)).contains(&took),
        "{took:?}"
    );
    let error = error.as_db_error().unwrap();
    assert!(error.message().contains("no host answers at"), "{error:?}");
    assert_eq!(error.code().code(), "58000", "{error:?}");
    // The session goes on when there is a host again.
    cluster.configure(&["refuel.supervise = on"]);
    cluster.reload();
    session.batch_execute("SET refuel.timeout = '20s'").unwrap();
    session.batch_execute(&labels("left", 1)).unwrap();
}

#[test]
fn a_fast_shutdown_under_load_is_fast() {
    let Some(mut cluster) = with_mood(Plan::default()) else {
        return;
    };
    let sessions: Vec<_> = (0..8)
        .map(|number| {
            let mut session = cluster.connect();
            thread::spawn(move || session.batch_execute(&labels(&format!("load {number}"), 5000)).is_err())
        })
        .collect();
    let mut other = cluster.connect();
    wait_until("eight queries", Duration::from_mins(1), || under_way(&mut other) == 8);
    let host = cluster.host().unwrap();
    let took = cluster.stop(Shutdown::Fast);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(!host.lives());
    assert!(sessions.into_iter().all(|session| session.join().unwrap()));
}

#[test]
fn a_killed_session_leaves_no_work_and_no_memory() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let mut session = cluster.connect();
    let backend = Cluster::backend(&mut session);
    let running = thread::spawn(move || session.batch_execute(&labels("killed", 20_000)).is_err());
    let mut other = cluster.connect();
    wait_for_the_middle(&mut other, &running);
    let host = cluster.host().unwrap();
    backend.kill();
    assert!(running.join().unwrap());
    // PostgreSQL ends every session when one is killed, and starts its workers anew: the supervisor too, and so the host.
    wait_until("the server is back", Duration::from_secs(20), || {
        cluster.config().connect(postgres::NoTls).is_ok()
    });
    wait_until("the old host ends", Duration::from_secs(5), || !host.lives());
    let new = cluster.wait_for_host();
    assert_ne!(new, host);
    let mut session = cluster.connect();
    wait_for_rest(&mut session);
    session.batch_execute(&labels("killed", 1)).unwrap();
}

#[test]
fn a_host_that_was_started_by_somebody_else_loses_the_work_of_a_killed_session() {
    let Some(cluster) = with_mood(Plan::default().setting("refuel.supervise = off")) else {
        return;
    };
    let mut host = cluster.start_host(&[]);
    let mut session = cluster.connect();
    let backend = Cluster::backend(&mut session);
    let running = thread::spawn(move || session.batch_execute(&labels("killed", 20_000)).is_err());
    let mut other = cluster.connect();
    wait_for_the_middle(&mut other, &running);
    backend.kill();
    assert!(running.join().unwrap());
    // For a moment the server still takes sessions, which it ends with the others.
    wait_until("the server ends its sessions", Duration::from_secs(20), || {
        other.simple_query("SELECT 1").is_err()
    });
    wait_until("the server is back", Duration::from_secs(20), || {
        cluster.config().connect(postgres::NoTls).is_ok()
    });
    let mut session = cluster.connect();
    wait_for_rest(&mut session);
    assert!(host.process().lives(), "the host went on");
    session.batch_execute(&labels("killed", 1)).unwrap();
    host.stop();
}
