//! The host beside the server: started, kept running, and never left behind.

use std::time::Duration;

use refuel_postgres_tests::{Cluster, Plan, Process, Shutdown, wait_until};

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
