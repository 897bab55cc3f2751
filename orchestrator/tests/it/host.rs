//! `refuel host` as databases and people meet it: a real process, real sockets, and a real model where the machine has one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use refuel_client::wire::{
    Activity, Answer, Ask, Hello, HostReport, Input, PROTOCOL, Preamble, Report, ReportKind, Source, Status, TaskSpec,
    ToHost, encode,
};
use refuel_client::{Address, Blocking, Connection, Session};

use crate::common::{Desk, home_with};

const MODEL: &str = "smollm2-135m-instruct";

/// A host of this test's own, which is killed with it.
struct Host {
    child: Child,
    socket: PathBuf,
    log: PathBuf,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Host {
    /// Starts a host, and waits until it listens.
    fn start(desk: &Desk, more: &[&str]) -> Self {
        let mut arguments = vec!["host", "--socket", "host.sock", "-v", "--log-format", "json"];
        arguments.extend(more);
        let log = desk.path("host.log");
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let before = std::fs::read_to_string(&log).unwrap().matches("\"ready\"").count();
        let child = desk
            .command(&desk.path("home"), &arguments)
            .stdin(Stdio::piped())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut host = Self {
            child,
            socket: desk.path("host.sock"),
            log,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while host.log().matches("\"ready\"").count() == before {
            assert!(host.child.try_wait().unwrap().is_none(), "it ended: {}", host.log());
            assert!(Instant::now() < deadline, "it does not listen: {}", host.log());
            thread::sleep(Duration::from_millis(5));
        }
        host
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The events of its log with this message.
    fn events(&self, message: &str) -> Vec<serde_json::Value> {
        let log = self.log();
        let events = log
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        events.filter(|event| event["message"] == message).collect()
    }

    fn address(&self) -> Address {
        Address::Unix(self.socket.clone())
    }

    fn session(&self) -> Session {
        Session::new(self.address(), hello("anna"), Duration::from_secs(30))
    }

    fn report(&self) -> HostReport {
        match self
            .session()
            .report(ReportKind::Host, &mut Blocking::default())
            .unwrap()
        {
            Report::Host(host) => host,
            other => panic!("{other:?}"),
        }
    }

    fn activity(&self) -> Vec<Activity> {
        match self
            .session()
            .report(ReportKind::Activity, &mut Blocking::default())
            .unwrap()
        {
            Report::Activity(activity) => activity,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until it does what it should.
    #[track_caller]
    fn until(&self, what: &str, most: Duration, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < most, "not within {most:?}: {what}\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, name: &str) {
        let number = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &number]).status().unwrap().success());
    }
}

fn hello(role: &str) -> Hello {
    Hello {
        program: "test".to_owned(),
        database: "shop".to_owned(),
        role: role.to_owned(),
        pid: std::process::id(),
        token: None,
    }
}

/// A desk whose home has the models of the machine and keeps answers for itself.
fn desk_with_model() -> Option<Desk> {
    let home = home_with(MODEL)?;
    let desk = Desk::new();
    std::fs::create_dir(desk.path("home")).unwrap();
    for part in ["models", "lib"] {
        std::os::unix::fs::symlink(home.join(part), desk.path("home").join(part)).unwrap();
    }
    Some(desk)
}

fn topic() -> TaskSpec {
    let json = serde_json::json!({
        "name": "topic",
        "kind": "label",
        "guidelines": "Decide what the customer writes about.",
        "input": "body",
        "labels": ["refund", "late delivery", "product defect", "account"],
        "model": MODEL,
    });
    TaskSpec {
        name: "topic@1".to_owned(),
        json: json.to_string(),
        model: None,
    }
}

/// Different texts.
fn texts(name: &str, count: usize) -> Vec<Input> {
    let text = |number| Input::Text(format!("I want my money back for order {name} {number}, it never came"));
    (0..count).map(text).collect()
}

fn answer(session: &mut Session, inputs: &[Input]) -> Vec<Answer> {
    let result = session.answer(&topic(), false, inputs, &mut Blocking::default(), &mut |_| ());
    let (answers, _) = result.unwrap();
    assert_eq!(answers.len(), inputs.len());
    assert!(answers.iter().all(|answer| answer.status == Status::Ok), "{answers:?}");
    answers
}

/// Asks in a thread of its own until it is told to stop. Gives whether it was stopped.
fn ask_until<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    mut session: Session,
    inputs: &'scope [Input],
    stop: &'scope AtomicBool,
) -> thread::ScopedJoinHandle<'scope, Option<String>> {
    scope.spawn(move || {
        let stopped = || stop.load(Ordering::SeqCst);
        let result = session.answer(&topic(), false, inputs, &mut Blocking::until(&stopped), &mut |_| ());
        result.err().map(|error| error.code().to_owned())
    })
}

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
    let error = host.session().prepare(&topic(), &mut Blocking::default()).unwrap_err();
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

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

#[test]
fn clients_at_once_fill_runs_together_and_get_the_answers_of_a_client_alone() {
    let Some(desk) = desk_with_model() else { return };
    let host = Host::start(&desk, &[]);
    let many = texts("many", 300);
    let few = texts("few", 20);
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| answer(&mut host.session(), &many));
        host.until("the first is under way", Duration::from_secs(30), |host| {
            !host.activity().is_empty()
        });
        let second = scope.spawn(|| answer(&mut Session::new(host.address(), hello("ben"), Duration::ZERO), &few));
        (first.join().unwrap(), second.join().unwrap())
    });
    let shared = |event: &serde_json::Value| event["requests"].as_u64() > Some(1);
    assert!(host.events("run ended").iter().any(shared), "{}", host.log());
    // The answers that are kept are those that were given.
    let mut session = host.session();
    for (inputs, given) in [(&many, first), (&few, second)] {
        let kept = answer(&mut session, inputs);
        assert!(kept.iter().all(|answer| answer.source == Source::Cache));
        let plain = |answers: Vec<Answer>| -> Vec<_> {
            answers
                .into_iter()
                .map(|answer| (answer.value, answer.confidence))
                .collect()
        };
        assert_eq!(plain(kept), plain(given));
    }
}

#[test]
fn work_of_a_client_that_has_gone_is_dropped() {
    let Some(desk) = desk_with_model() else { return };
    let host = Host::start(&desk, &[]);
    let (inputs, stop) = (texts("gone", 5000), AtomicBool::new(false));
    thread::scope(|scope| {
        let asking = ask_until(scope, host.session(), &inputs, &stop);
        host.until("work is under way", Duration::from_secs(30), |host| {
            host.activity().iter().any(|request| request.answered > 0)
        });
        assert!(host.report().queued > 0);
        stop.store(true, Ordering::SeqCst);
        let stopped = Instant::now();
        assert_eq!(asking.join().unwrap().as_deref(), Some("RF0709"));
        assert!(
            stopped.elapsed() < Duration::from_millis(100),
            "{:?}",
            stopped.elapsed()
        );
        host.until("nothing is under way", Duration::from_secs(1), |host| {
            let report = host.report();
            host.activity().is_empty() && (report.queued, report.queued_bytes, report.clients) == (0, 0, 1)
        });
    });
    // The next one is answered at once.
    answer(&mut host.session(), &texts("next", 3));
}

#[test]
fn a_host_under_load_ends_within_two_seconds_of_sigterm() {
    let Some(desk) = desk_with_model() else { return };
    let mut host = Host::start(&desk, &[]);
    let (inputs, stop) = (texts("load", 5000), AtomicBool::new(false));
    thread::scope(|scope| {
        let asking: Vec<_> = (0..3)
            .map(|_| ask_until(scope, host.session(), &inputs, &stop))
            .collect();
        host.until("work is under way", Duration::from_secs(30), |host| {
            host.activity().iter().any(|request| request.answered > 0)
        });
        let asked = Instant::now();
        host.signal("-TERM");
        let status = host.child.wait().unwrap();
        let took = asked.elapsed();
        stop.store(true, Ordering::SeqCst);
        assert_eq!(status.code(), Some(0), "{}", host.log());
        assert!(took < Duration::from_secs(2), "{took:?}");
        for asking in asking {
            assert_eq!(
                asking.join().unwrap().as_deref(),
                Some("RF0709"),
                "it waits for the next host"
            );
        }
    });
    assert!(!host.socket.exists() && !desk.path("host.sock.lock").exists());
}

#[test]
fn a_host_that_was_killed_is_followed_by_another_and_no_row_is_lost() {
    let Some(desk) = desk_with_model() else { return };
    let host = Host::start(&desk, &[]);
    let inputs = texts("killed", 200);
    let answers = thread::scope(|scope| {
        let asking = scope.spawn(|| answer(&mut host.session(), &inputs));
        host.until("work is under way", Duration::from_secs(30), |host| {
            host.activity().iter().any(|request| request.answered > 0)
        });
        host.signal("-KILL");
        host.until("it is dead", Duration::from_secs(5), |host| {
            UnixStream::connect(&host.socket).is_err()
        });
        assert!(host.socket.exists(), "it had no time to tidy up");
        let second = Host::start(&desk, &[]);
        let answers = asking.join().unwrap();
        drop(second);
        answers
    });
    // Alone and in one go, the same texts get the same answers.
    let third = Host::start(&desk, &["--no-cache"]);
    let values = |answers: Vec<Answer>| answers.into_iter().map(|answer| answer.value).collect::<Vec<_>>();
    assert_eq!(values(answer(&mut third.session(), &inputs)), values(answers));
}

/// Blank rows are answered at once, and each answer is longer than its input.
#[test]
fn a_client_that_does_not_read_takes_little_memory_and_holds_nobody_up() {
    let Some(desk) = desk_with_model() else { return };
    let host = Host::start(&desk, &[]);
    let before = host.report().resident_bytes;
    let mut stream = UnixStream::connect(&host.socket).unwrap();
    let mut bytes = Preamble::own().to_bytes().to_vec();
    encode(&ToHost::Hello(hello("deaf")), &mut bytes).unwrap();
    encode(&ToHost::Prepare { task: 0, spec: topic() }, &mut bytes).unwrap();
    let most = 200 << 20;
    for request in 0..100 {
        encode(
            &ToHost::Ask(Ask {
                request,
                task: 0,
                detail: false,
                inputs: (0..50_000).map(|row| (row, Input::Text(String::new()))).collect(),
            }),
            &mut bytes,
        )
        .unwrap();
    }
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let written = stream.write_all(&bytes);
    assert!(written.is_err(), "it is not read from for ever");
    let held = host.report().resident_bytes.saturating_sub(before);
    assert!(held < most, "{held} bytes are held for a client that does not read");
    let mut session = host.session();
    let blank = vec![Input::Text(String::new()); 1000];
    let started = Instant::now();
    let (answers, _) = session
        .answer(&topic(), false, &blank, &mut Blocking::default(), &mut |_| ())
        .unwrap();
    assert!(answers.iter().all(|answer| answer.status == Status::Error));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    drop(stream);
    host.until("nothing is left of it", Duration::from_secs(2), |host| {
        let report = host.report();
        host.activity().is_empty() && report.clients == 2
    });
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    told
}

#[test]
fn metrics_are_told_as_open_metrics() {
    let desk = desk_with_model();
    let empty = Desk::new();
    let host = Host::start(desk.as_ref().unwrap_or(&empty), &["--metrics", "0"]);
    let address = host.events("ready")[0]["metrics"].as_str().unwrap().to_owned();
    if desk.is_some() {
        answer(&mut host.session(), &texts("metrics", 3));
        answer(&mut host.session(), &texts("metrics", 3));
    }
    assert!(get(&address, "/healthz").starts_with("HTTP/1.1 200 OK"));
    assert!(get(&address, "/").starts_with("HTTP/1.1 404"));
    let told = get(&address, "/metrics");
    let (head, body) = told.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{head}"
    );
    assert!(body.ends_with("# EOF\n"), "{body}");
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("refuel_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    let mut wanted = vec!["refuel_clients 0".to_owned(), "refuel_queue_inputs 0".to_owned()];
    if desk.is_some() {
        wanted.push("refuel_models_loaded 1".to_owned());
        wanted.push("refuel_run_rows_count 1".to_owned());
        let labels = body
            .lines()
            .find(|line| line.starts_with("refuel_inputs_total{"))
            .unwrap();
        assert!(
            labels.contains("task=\"topic@1\"") && labels.ends_with(" 6"),
            "{labels}"
        );
        let cached = body
            .lines()
            .find(|line| line.starts_with("refuel_inputs_cached_total{"))
            .unwrap();
        assert!(cached.ends_with(" 3"), "{cached}");
    }
    for line in wanted {
        assert!(body.lines().any(|there| there == line), "{line}\n{body}");
    }
}

#[test]
fn texts_are_in_no_log() {
    let Some(desk) = desk_with_model() else { return };
    let host = Host::start(&desk, &["-v"]);
    let secret = Input::Text("my card number is 4929 1234 5678".to_owned());
    answer(&mut host.session(), std::slice::from_ref(&secret));
    host.until("the request is in the log", Duration::from_secs(5), |host| {
        !host.events("request ended").is_empty()
    });
    assert!(!host.log().contains("4929"), "{}", host.log());
    let event = &host.events("request ended")[0];
    assert_eq!(
        (event["task"].as_str(), event["inputs"].as_u64()),
        (Some("topic@1"), Some(1))
    );
}
