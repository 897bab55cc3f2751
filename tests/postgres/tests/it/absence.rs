//! No host, the wrong host, and no right to be there.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use refuel_client::wire::{PREAMBLE_BYTES, Preamble};
use refuel_postgres_tests::{Cluster, Plan, wait_until};

use crate::common::{labels, with_mood};

/// What a user sees, without what differs from run to run.
fn told(cluster: &Cluster, output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*cluster.folder().to_string_lossy(), "[FOLDER]");
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

fn alone() -> Option<Cluster> {
    with_mood(Plan::default().setting("refuel.supervise = off"))
}

#[test]
fn without_a_host_the_error_says_how_to_start_one() {
    let Some(cluster) = alone() else { return };
    let begun = Instant::now();
    let output = cluster.psql("SET refuel.timeout = 0; SELECT refuel_label('a message', 'mood')");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    insta::assert_snapshot!(told(&cluster, &output));
}

#[test]
fn a_host_that_is_away_is_waited_for_as_long_as_the_setting_says() {
    let Some(cluster) = alone() else { return };
    let mut session = cluster.connect();
    session.batch_execute("SET refuel.timeout = '1500ms'").unwrap();
    let begun = Instant::now();
    let error = session.batch_execute(&labels("away", 1)).unwrap_err();
    let took = begun.elapsed();
    assert!(
        (Duration::from_millis(1400)..Duration::from_millis(2200)).contains(&took),
        "{took:?}"
    );
    assert!(error.as_db_error().unwrap().message().contains("no host answers"));
    // It is the query that waits: a host that comes meanwhile answers it.
    session.batch_execute("SET refuel.timeout = '30s'").unwrap();
    let waiting = thread::spawn(move || session.query(&labels("away", 3), &[]).unwrap().len());
    thread::sleep(Duration::from_millis(500));
    let mut host = cluster.start_host(&[]);
    assert_eq!(waiting.join().unwrap(), 3);
    host.stop();
}

/// Answers connections as a host of another version would, until the test ends.
fn impersonate(cluster: &Cluster, preamble: Vec<u8>) {
    let listener = UnixListener::bind(cluster.host_socket()).unwrap();
    cluster.account().own(&cluster.host_socket());
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut theirs = [0; PREAMBLE_BYTES];
            let _ = connection.read_exact(&mut theirs);
            let _ = connection.write_all(&preamble);
        }
    });
}

#[test]
fn a_host_of_another_version_is_told_apart() {
    let Some(cluster) = alone() else { return };
    let later = Preamble {
        protocol: 9000,
        version: "9.0.0".to_owned(),
    };
    impersonate(&cluster, later.to_bytes().to_vec());
    let output = cluster.psql("SELECT refuel_label('a message', 'mood')");
    insta::assert_snapshot!(told(&cluster, &output));
    assert!(cluster.psql("SELECT 'still there'").status.success());
}

#[test]
fn something_that_is_no_host_is_told_apart() {
    let Some(cluster) = alone() else { return };
    impersonate(
        &cluster,
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
    );
    let output = cluster.psql("SELECT refuel_label('a message', 'mood')");
    insta::assert_snapshot!(told(&cluster, &output));
}

#[test]
fn a_library_that_is_not_preloaded_asks_a_host_that_is_there() {
    let Some(cluster) = with_mood(Plan::default().preload("")) else {
        return;
    };
    assert_eq!(cluster.supervisor(), None);
    let mut host = cluster.start_host(&[]);
    let mut session = cluster.connect();
    assert_eq!(session.query(&labels("not preloaded", 3), &[]).unwrap().len(), 3);
    host.stop();
}

#[test]
fn a_host_on_tcp_is_asked_with_the_token_and_not_without() {
    let Some(cluster) = with_mood(Plan::default()) else {
        return;
    };
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let token = |name: &str, content: &str| {
        let path = cluster.folder().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        cluster.account().own(&path);
        path.display().to_string()
    };
    let right = token("right", "a token of more than enough characters\n");
    let wrong = token("wrong", "another token, of as many characters..\n");
    let own = cluster.wait_for_host();
    cluster.configure(&[
        &format!("refuel.socket = 'tcp://{address}'"),
        &format!("refuel.token_file = '{right}'"),
    ]);
    cluster.reload();
    // A host that is reached over the network is not the server's to start.
    wait_until("the own host ends", Duration::from_secs(10), || !own.lives());
    let mut host = cluster.start_host(&["--listen", &address.to_string(), "--token-file", &right]);
    let mut session = cluster.connect();
    assert_eq!(session.query(&labels("tcp", 3), &[]).unwrap().len(), 3);
    let mut stranger = cluster.connect();
    stranger
        .batch_execute(&format!("SET refuel.token_file = '{wrong}'"))
        .unwrap();
    let error = stranger.query(&labels("tcp", 3), &[]).unwrap_err();
    assert!(error.as_db_error().unwrap().message().contains("token"), "{error:?}");
    assert_eq!(cluster.host(), None);
    host.stop();
}

#[test]
fn only_superusers_say_where_the_host_is_and_what_it_runs() {
    let Some(cluster) = Plan::default().without_models().start() else {
        return;
    };
    cluster.connect().batch_execute("CREATE ROLE someone LOGIN").unwrap();
    let mut session = cluster.connect_as("someone", "postgres");
    // Without the library nothing knows its settings; the preloaded one knows them in every session.
    for setting in ["socket", "token_file", "host_path", "home", "host_options", "supervise"] {
        for command in [
            format!("SET refuel.{setting} = 'on'"),
            format!("ALTER SYSTEM SET refuel.{setting} = 'on'"),
        ] {
            let error = session.batch_execute(&command).unwrap_err();
            let code = error.code().unwrap().code();
            // insufficient_privilege, or cant_change_runtime_param.
            assert!(["42501", "55P02"].contains(&code), "{command}: {error}");
        }
    }
    for setting in [
        "timeout = '2s'",
        "batching = off",
        "on_error = capture",
        "batch_rows = 7",
        "batch_memory = '1MB'",
    ] {
        session.batch_execute(&format!("SET refuel.{setting}")).unwrap();
    }
    let error = session.batch_execute("SET refuel.tiemout = 1").unwrap_err();
    assert!(
        error.as_db_error().unwrap().message().contains("refuel.tiemout"),
        "{error:?}"
    );
}
