//! Work of several clients at once, of clients that go, and of hosts that go.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use refuel_client::wire::{Answer, Ask, Input, Preamble, Source, Status, TaskSpec, ToHost, Value, encode};
use refuel_client::{Blocking, Session};

use super::{Host, answer, ask_until, desk_with_model, hello, report, texts, topic};
use crate::common::{Desk, home_with};

/// The encoder's tokenizer takes a word without end for one token, so that this takes no long.
#[test]
fn a_text_of_10_mb_is_answered_beside_short_ones() {
    if home_with("all-minilm-l6-v2").is_none() {
        return;
    }
    let Some(desk) = desk_with_model() else { return };
    let host = Host::start(&desk, &[]);
    let spec = TaskSpec {
        name: "vector".to_owned(),
        json: serde_json::json!({"name": "vector", "kind": "embed", "input": "body", "model": "all-minilm-l6-v2"})
            .to_string(),
        model: None,
    };
    let mut session = host.session();
    let mut embed = |inputs: &[Input]| {
        let result = session.answer(&spec, false, inputs, &mut Blocking::default(), &mut |_| ());
        let values = result.unwrap().0.into_iter().map(|answer| answer.value);
        values.collect::<Vec<Value>>()
    };
    let short = texts("beside", 2);
    let mut inputs = short.clone();
    inputs.insert(1, Input::Text("x".repeat(10_000_000)));
    let mut values = embed(&inputs);
    let long = values.remove(1);
    assert!(matches!(&long, Value::Vector(vector) if vector.len() == 384));
    assert!(!values.contains(&long));
    assert_eq!(values, embed(&short));
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
    assert!(answers.iter().all(|answer| answer.status == Status::Abstained));
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
    let mut there = host.session();
    let deadline = Instant::now() + Duration::from_secs(2);
    while report(&mut there).clients > 1 {
        assert!(Instant::now() < deadline, "other clients are still there");
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
    let mut wanted = vec!["refuel_clients 1".to_owned(), "refuel_queue_inputs 0".to_owned()];
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
