//! Who gets a socket, and who may use it.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use refuel_client::wire::{Ask, Hello, Input, PROTOCOL, Preamble, ReportKind, ToHost, encode};
use refuel_client::{Address, Blocking, Connection, Session};

use super::{Host, hello, topic};
use crate::common::Desk;

#[test]
fn help_of_the_host() {
    let desk = Desk::new();
    insta::assert_snapshot!("help_host", desk.run(&["host", "--help"]));
}

#[test]
fn mistakes_about_a_host_are_told_with_what_to_do() {
    let desk = Desk::new();
    desk.write("token", "0123456789abcdef0123456789abcdef\n");
    let mode = |name: &str, mode| std::fs::set_permissions(desk.path(name), PermissionsExt::from_mode(mode)).unwrap();
    mode("token", 0o644);
    desk.write("file.sock", "precious");
    std::fs::create_dir(desk.path("open")).unwrap();
    mode("open", 0o777);
    for (name, status, arguments) in [
        ("no_host", 1, &["host", "--status", "--socket", "host.sock"][..]),
        ("no_token", 2, &["host", "--socket", "host.sock", "--listen", "17733"]),
        (
            "open_token",
            2,
            &[
                "host",
                "--socket",
                "host.sock",
                "--listen",
                "17733",
                "--token-file",
                "token",
            ],
        ),
        ("no_socket", 2, &["host", "--socket", "file.sock"]),
        ("open_folder", 2, &["host", "--socket", "open/host.sock"]),
        ("no_folder", 1, &["host", "--socket", "none/host.sock"]),
        ("bad_address", 2, &["host", "--metrics", "localhost"]),
        ("bad_time", 2, &["host", "--idle-timeout", "15"]),
    ] {
        let told = desk.run(arguments);
        assert!(told.starts_with(&format!("status: {status}")), "{arguments:?}\n{told}");
        insta::assert_snapshot!(format!("host_{name}"), told);
    }
    let host = Host::start(&desk, &[]);
    insta::assert_snapshot!("host_in_use", desk.run(&["host", "--socket", "host.sock"]));
    drop(host);
    assert_eq!(desk.read("file.sock"), "precious");
}

#[test]
fn a_host_without_models_says_so_and_goes_with_its_socket() {
    let desk = Desk::new();
    let mut host = Host::start(&desk, &[]);
    assert_eq!(
        std::fs::metadata(&host.socket).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let told = desk.run(&["host", "--status", "--socket", "host.sock"]);
    assert!(told.contains("no models are on this machine"), "{told}");
    assert!(told.contains("nothing is under way"), "{told}");
    let arguments = ["host", "--status", "--socket", "host.sock", "--format", "json"];
    let output = desk.command(&desk.path("home"), &arguments).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["host"]["pid"], host.child.id());
    assert_eq!(
        (&status["models"], &status["activity"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    let asked = [Input::Text("Where is it?".to_owned())];
    let mut session = host.session();
    let error = session
        .answer(&topic(), false, &asked, &mut Blocking::default(), &mut |_| ())
        .unwrap_err();
    assert_eq!(error.code(), "RF0301", "{error}");
    host.signal("-TERM");
    assert_eq!(host.child.wait().unwrap().code(), Some(0), "{}", host.log());
    assert!(!host.socket.exists() && !desk.path("host.sock.lock").exists());
}

#[test]
fn a_supervised_host_ends_with_its_supervisor() {
    let desk = Desk::new();
    let mut host = Host::start(&desk, &["--supervised"]);
    let started = Instant::now();
    drop(host.child.stdin.take());
    assert_eq!(host.child.wait().unwrap().code(), Some(0), "{}", host.log());
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(!host.socket.exists());
}

#[test]
fn a_client_of_another_version_is_told_what_the_host_is_and_the_host_goes_on() {
    let desk = Desk::new();
    let host = Host::start(&desk, &[]);
    let mut stream = UnixStream::connect(&host.socket).unwrap();
    let other = Preamble {
        protocol: PROTOCOL + 1,
        version: "9.0.0".to_owned(),
    };
    stream.write_all(&other.to_bytes()).unwrap();
    let mut told = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.read_to_end(&mut told).unwrap();
    assert_eq!(told, Preamble::own().to_bytes());
    drop(stream);
    assert_eq!(host.events("a client of another version").len(), 1);
    // Whoever speaks something else is sent away, and nobody else hears of it.
    for garbage in [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &[0xff; 4096]] {
        let mut stream = UnixStream::connect(&host.socket).unwrap();
        stream.write_all(garbage).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    assert_eq!(host.report().clients, 1);
}

/// A client that keeps to no protocol after it was welcomed.
#[test]
fn what_is_no_message_ends_the_connection_alone() {
    let desk = Desk::new();
    let host = Host::start(&desk, &[]);
    let ask = ToHost::Ask(Ask {
        request: 1,
        task: 7,
        detail: false,
        inputs: Vec::new(),
    });
    for message in [ask, ToHost::Hello(hello("anna"))] {
        let mut connection = Connection::open(&host.address(), &hello("anna"), &mut Blocking::default()).unwrap();
        connection.send(&message, &mut Blocking::default()).unwrap();
        let error = connection.receive(&mut Blocking::default()).unwrap_err();
        assert_eq!(error.code(), "RF0811", "{error}");
    }
    let mut stream = UnixStream::connect(&host.socket).unwrap();
    let mut bytes = Preamble::own().to_bytes().to_vec();
    encode(&ToHost::Hello(hello("anna")), &mut bytes).unwrap();
    bytes.extend_from_slice(&[0xff; 64]);
    stream.write_all(&bytes).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    host.until("only who asks is there", Duration::from_secs(2), |host| {
        host.report().clients == 1
    });
}

#[test]
fn clients_on_tcp_need_the_token() {
    let desk = Desk::new();
    desk.write("token", "0123456789abcdef0123456789abcdef\n");
    std::fs::set_permissions(desk.path("token"), PermissionsExt::from_mode(0o600)).unwrap();
    let host = Host::start(&desk, &["--listen", "127.0.0.1:0", "--token-file", "token"]);
    let ready = &host.events("ready")[0];
    let address: Address = format!("tcp://{}", ready["tcp"].as_str().unwrap()).parse().unwrap();
    let report = |token: Option<&str>| {
        let hello = Hello {
            token: token.map(str::to_owned),
            ..hello("anna")
        };
        let mut session = Session::new(address.clone(), hello, Duration::ZERO);
        session.report(ReportKind::Host, &mut Blocking::default())
    };
    assert!(report(Some("0123456789abcdef0123456789abcdef")).is_ok());
    for wrong in [None, Some("0123456789abcdef0123456789abcdee"), Some("")] {
        assert_eq!(report(wrong).unwrap_err().code(), "RF0810");
    }
    assert_eq!(host.events("refused a client").len(), 3);
    assert!(!host.log().contains("0123456789abcdef"), "no token is in the log");
}

/// Runs the program as user 65534, with a socket that this user can open.
#[test]
fn clients_of_another_user_are_refused() {
    if !is_root() {
        eprintln!("skipped: only root can run a client as another user");
        return;
    }
    let desk = Desk::new();
    std::fs::set_permissions(desk.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_refuel"), desk.path("refuel")).unwrap();
    let host = Host::start(&desk, &[]);
    let ask = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        command.arg(desk.path("refuel")).args(["host", "--status", "--socket"]);
        command.arg(&host.socket).env("NO_COLOR", "1");
        desk.told(&command.output().unwrap())
    };
    insta::assert_snapshot!("host_closed_socket", ask());
    std::fs::set_permissions(&host.socket, PermissionsExt::from_mode(0o666)).unwrap();
    insta::assert_snapshot!("host_other_user", ask());
    assert_eq!(host.events("refused a client").len(), 1);
}

/// A socket in a folder that is somebody else's is somebody else's to answer.
#[test]
fn a_host_of_another_user_is_not_trusted() {
    if !is_root() {
        eprintln!("skipped: only root can run a host as another user");
        return;
    }
    let desk = Desk::new();
    std::fs::set_permissions(desk.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_refuel"), desk.path("refuel")).unwrap();
    std::fs::create_dir(desk.path("theirs")).unwrap();
    std::os::unix::fs::chown(desk.path("theirs"), Some(65534), Some(65534)).unwrap();
    let socket = desk.path("theirs/host.sock");
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.arg(desk.path("refuel")).args(["host", "--socket"]).arg(&socket);
    command
        .arg("--home")
        .arg(desk.path("theirs/home"))
        .stderr(Stdio::null());
    let host = Host {
        child: command.spawn().unwrap(),
        socket: socket.clone(),
        log: desk.path("none.log"),
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while UnixStream::connect(&socket).is_err() {
        assert!(Instant::now() < deadline, "it does not listen");
        thread::sleep(Duration::from_millis(5));
    }
    insta::assert_snapshot!(
        "host_impostor",
        desk.run(&["host", "--status", "--socket", "theirs/host.sock"])
    );
    drop(host);
}

#[test]
fn of_hosts_that_start_at_once_one_gets_the_socket() {
    let desk = Desk::new();
    // A socket that was left behind has to be taken away by one of them, and by none of the others.
    drop(std::os::unix::net::UnixListener::bind(desk.path("host.sock")).unwrap());
    let start = |number: usize| {
        let arguments = ["host", "--supervised", "--socket", "host.sock"];
        let mut command = desk.command(&desk.path(&format!("home{number}")), &arguments);
        command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut hosts: Vec<Child> = (0..8).map(start).collect();
    let deadline = Instant::now() + Duration::from_secs(30);
    while hosts.iter_mut().filter_map(|host| host.try_wait().unwrap()).count() < 7 {
        assert!(Instant::now() < deadline, "more than one of them goes on");
        thread::sleep(Duration::from_millis(10));
    }
    assert!(
        UnixStream::connect(desk.path("host.sock")).is_ok(),
        "none of them listens"
    );
    let mut statuses: Vec<Option<i32>> = hosts
        .iter_mut()
        .map(|host| {
            drop(host.stdin.take());
            host.wait().unwrap().code()
        })
        .collect();
    statuses.sort_unstable();
    let mut wanted = vec![Some(0)];
    wanted.resize(8, Some(1));
    assert_eq!(statuses, wanted);
    assert!(!desk.path("host.sock").exists() && !desk.path("host.sock.lock").exists());
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}
