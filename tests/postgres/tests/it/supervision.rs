//! The host beside the server: started, kept running, and never left behind.

use std::time::{Duration, Instant};

use refuel_postgres_tests::{Cluster, Plan, Process, Shutdown, wait_until};

use crate::common::{labels, with_mood};

const SOON: Duration = Duration::from_secs(10);

fn cluster() -> Option<Cluster> {
    Plan::default().without_models().start()
}

#[test]
fn a_host_is_started_with_the_server_and_gone_with_it() {
    let Some(mut cluster) = cluster() else { return };
    let host = cluster.wait_for_host();
    assert!(
        host.command_line().contains("host --supervised --socket"),
        "{}",
        host.command_line()
    );
    // It listens a moment before it knows what to do with signals; one in between would leave the socket's file.
    wait_until("the host is ready", SOON, || {
        cluster.log().contains("\"message\":\"ready\"")
    });
    let took = cluster.stop(Shutdown::Fast);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(!host.lives());
    assert!(!cluster.host_socket().exists());
}

#[test]
fn a_host_that_is_killed_is_started_again() {
    let Some(cluster) = cluster() else { return };
    let mut session = cluster.connect();
    let first = cluster.wait_for_host();
    first.kill();
    wait_until("another host", SOON, || {
        cluster.host().is_some_and(|host| host != first)
    });
    cluster.wait_for_host();
    assert!(
        cluster
            .log()
            .contains("refuel host ended (signal: 9 (SIGKILL)); next start in 100 ms")
    );
    // The session is as it was: the server did not restart.
    session.batch_execute("SELECT 1").unwrap();
}

#[test]
fn no_host_outlives_its_server() {
    let Some(mut cluster) = cluster() else { return };
    let host = cluster.wait_for_host();
    cluster.postmaster().kill();
    wait_until("the host ends", SOON, || !host.lives());
    let _ = &mut cluster;
}

#[test]
fn an_immediate_shutdown_leaves_no_host() {
    let Some(mut cluster) = cluster() else { return };
    let host = cluster.wait_for_host();
    cluster.stop(Shutdown::Immediate);
    wait_until("the host ends", SOON, || !host.lives());
}

#[test]
fn a_host_that_cannot_be_started_is_told_without_a_flood() {
    let plan = Plan::default()
        .without_models()
        .setting("refuel.host_path = '/nowhere/refuel'");
    let Some(mut cluster) = plan.start() else { return };
    std::thread::sleep(Duration::from_secs(2));
    let told = cluster
        .log()
        .matches("/nowhere/refuel can't be started: No such file or directory")
        .count();
    assert!((3..=5).contains(&told), "{told} lines in 2 s");
    assert!(cluster.stop(Shutdown::Fast) < Duration::from_secs(5));
}

#[test]
fn a_changed_setting_counts_after_a_reload() {
    let Some(cluster) = cluster() else { return };
    let first = cluster.wait_for_host();
    cluster.configure(&["refuel.supervise = off"]);
    cluster.reload();
    wait_until("the host ends", SOON, || !first.lives());
    assert_eq!(cluster.host(), None);
    cluster.configure(&["refuel.supervise = on"]);
    cluster.reload();
    cluster.wait_for_host();
}

#[test]
fn the_host_is_the_first_to_go_when_memory_runs_out() {
    let Some(cluster) = cluster() else { return };
    let Process(host) = cluster.wait_for_host();
    let score = std::fs::read_to_string(format!("/proc/{host}/oom_score_adj")).unwrap();
    assert_eq!(score.trim(), "800");
}

#[test]
fn a_host_is_started_anew_for_changed_options() {
    let Some(cluster) = cluster() else { return };
    let first = cluster.wait_for_host();
    cluster.configure(&["refuel.host_options = '--idle-timeout \"77s\"'"]);
    cluster.reload();
    wait_until("another host", SOON, || {
        cluster.host().is_some_and(|host| host != first)
    });
    let host = cluster.wait_for_host();
    assert!(
        host.command_line().ends_with("--idle-timeout 77s"),
        "{}",
        host.command_line()
    );
    cluster.configure(&["refuel.host_options = '--idle-timeout \"77s'"]);
    cluster.reload();
    wait_until("the open quote is told", SOON, || {
        cluster.log().contains("refuel.host_options has an open quote")
    });
    assert_eq!(cluster.host(), None);
}

#[test]
fn a_socket_may_be_in_the_data_directory() {
    let Some(cluster) = with_mood(Plan::default().setting("refuel.socket = 'host.sock'")) else {
        return;
    };
    let mut session = cluster.connect();
    session.batch_execute(&labels("another socket", 2)).unwrap();
    assert!(cluster.folder().join("data/host.sock").exists());
    assert!(!cluster.host_socket().exists());
    // A name that no socket can have is told at once, whatever the timeout.
    let begun = Instant::now();
    let error = session
        .batch_execute(&format!(
            "SET refuel.socket = '{}'; {}",
            "x".repeat(90),
            labels("long", 1)
        ))
        .unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(error.as_db_error().unwrap().message().contains("xxx"), "{error:?}");
}

#[test]
fn what_the_host_says_is_in_the_log_that_the_server_collects() {
    let plan = Plan::default()
        .without_models()
        .setting("logging_collector = on")
        .setting("log_directory = 'log'");
    let Some(mut cluster) = plan.start() else { return };
    let collected = || {
        let files = std::fs::read_dir(cluster.folder().join("data/log")).unwrap();
        files
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .collect::<String>()
    };
    wait_until("the host's line", SOON, || {
        collected().contains("\"message\":\"ready\"")
    });
    let told = collected();
    let lines: Vec<_> = told.lines().filter(|line| line.starts_with('{')).collect();
    assert!(lines.iter().all(|line| line.ends_with('}')), "{told}");
    // Whoever holds the collector's pipe open holds up its end.
    assert!(cluster.stop(Shutdown::Fast) < Duration::from_secs(5));
}
