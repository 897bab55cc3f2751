use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::Receiver;

use super::*;
use crate::plan::{Decision, Ended, Settled};
use crate::settings::{Job, JobSettings};
use crate::store::{AttemptEnd, RunState, Task};

/// A server that answers each request with the next of some statuses, and hands over what it was sent.
fn server(statuses: &'static [u16]) -> (SocketAddr, Receiver<(String, serde_json::Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().unwrap())
            });
            let mut body = vec![0; length.unwrap_or_default()];
            reader.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status} Answer\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            sender.send((head, serde_json::from_slice(&body).unwrap())).unwrap();
        }
    });
    (address, receiver)
}

/// A store with one run that has failed, and has these hooks.
fn failed_run(folder: &std::path::Path, hooks: &[Hook]) -> Store {
    let mut store = Store::open(folder).unwrap();
    let job = Job::new(JobSettings::new("shop", folder, "nightly", "@daily")).unwrap();
    let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let registered = store.register(&job, now).unwrap();
    let decided = store.decide(registered, |_, _| Decision {
        runs: vec![(now, false)],
        skips: Vec::new(),
        cancel: Vec::new(),
        decided_until: now,
    });
    let run = decided.unwrap().1[0];
    let task = Task {
        program: "false".into(),
        arguments: Vec::new(),
        folder: folder.to_owned(),
        variables: Vec::new(),
        timeout: None,
        grace: Duration::ZERO,
    };
    let attempt = store.claim(run, &task, |_| folder.join("log"), now).unwrap().unwrap();
    let end = AttemptEnd {
        ended: Ended::Timeout,
        exit_code: Some(130),
        signal: None,
    };
    assert!(store.end_attempt(attempt, end, now).unwrap());
    assert!(
        store
            .settle(
                run,
                &Settled::Failed("it took longer than 3 s; no retry is left".to_owned()),
                hooks,
                now
            )
            .unwrap()
    );
    store
}

/// Tells every hook, and gives the events.
fn tell_all(store: &mut Store, mut teller: Teller) -> Vec<Event> {
    let mut events = Vec::new();
    let began = Instant::now();
    while teller.is_busy() || store.has_pending_hooks().unwrap() {
        assert!(began.elapsed() < Duration::from_mins(1), "hooks never end");
        teller
            .tick(store, Timestamp::now(), &mut |event| events.push(event))
            .unwrap();
        thread::sleep(Duration::from_millis(10));
    }
    events
}

#[test]
fn a_webhook_is_told_again_until_the_server_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let (address, requests) = server(&[503, 204]);
    let mut store = failed_run(folder.path(), &[Hook::Webhook(format!("http://{address}/hook/secret"))]);
    let lines: Vec<String> = (1..=30).map(|line| format!("line {line}\n")).collect();
    std::fs::write(folder.path().join("log"), lines.concat()).unwrap();
    let events = tell_all(&mut store, Teller::default());
    let [
        Event::HookFailed {
            reason, again: true, ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(reason, &format!("{address} answered 503 Service Unavailable"));
    let (first, second) = (requests.recv().unwrap(), requests.recv().unwrap());
    assert!(first.0.starts_with("POST /hook/secret HTTP/1.1\r\n"), "{}", first.0);
    assert!(
        first.0.to_lowercase().contains("idempotency-key: refuel-1-1\r\n"),
        "{}",
        first.0
    );
    assert_eq!(first.1, second.1);
    let mut document = first.1;
    document["folder"] = "[DIR]".into();
    let output = document["output"].take();
    let output = output.as_str().unwrap();
    assert!(
        output.starts_with("line 11\n") && output.ends_with("\nline 30"),
        "{output}"
    );
    insta::assert_json_snapshot!(document, @r#"
    {
      "project": "shop",
      "job": "nightly",
      "folder": "[DIR]",
      "run": 1,
      "scheduled_at": "2026-03-01T00:00:00Z",
      "started_at": null,
      "ended_at": "2026-03-01T00:00:00Z",
      "state": "failed",
      "reason": "it took longer than 3 s; no retry is left",
      "attempts": 1,
      "exit_code": 130,
      "signal": null,
      "last_attempt": "timeout",
      "output": null
    }
    "#);
    let (run, _, hooks) = store.run(1).unwrap();
    assert_eq!(run.state, RunState::Failed);
    assert_eq!((hooks[0].state.as_str(), hooks[0].tries), ("done", 2));
}

#[test]
fn a_webhook_that_is_refused_is_not_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _requests) = server(&[410]);
    let mut store = failed_run(folder.path(), &[Hook::Webhook(format!("http://{address}/"))]);
    let events = tell_all(&mut store, Teller::default());
    assert!(
        matches!(&events[..], [Event::HookFailed { again: false, .. }]),
        "{events:?}"
    );
    let hooks = store.run(1).unwrap().2;
    assert_eq!((hooks[0].state.as_str(), hooks[0].tries), ("failed", 1));
}

#[test]
fn a_command_knows_the_run_and_writes_to_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let command = "echo \"$REFUEL_SCHEDULE_PROJECT $REFUEL_SCHEDULE_JOB $REFUEL_SCHEDULE_RUN $REFUEL_SCHEDULE_TIME \
                   $REFUEL_SCHEDULE_STATE $REFUEL_SCHEDULE_ATTEMPTS $REFUEL_SCHEDULE_REASON\"; pwd";
    let hooks = [Hook::Command(command.to_owned()), Hook::Command("exit 3".to_owned())];
    let mut store = failed_run(folder.path(), &hooks);
    let events = tell_all(&mut store, Teller::default());
    let [Event::HookFailed { reason, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(reason, "`exit 3` ended with exit status: 3");
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let place = folder.path().canonicalize().unwrap();
    let wanted = format!(
        "shop nightly 1 2026-03-01T00:00:00Z failed 1 it took longer than 3 s; no retry is left\n{}\n",
        place.display()
    );
    assert_eq!(log, wanted);
}

#[test]
fn a_command_that_hangs_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = failed_run(folder.path(), &[Hook::Command("sleep 60 & sleep 60".to_owned())]);
    let teller = Teller {
        patience: Duration::from_millis(200),
        ..Teller::default()
    };
    let events = tell_all(&mut store, teller);
    let [Event::HookFailed { reason, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(reason, "`sleep 60 & sleep 60` took longer than 0.2 s");
}

#[test]
fn of_an_address_only_the_server_is_told() {
    assert_eq!(
        super::server("https://user:word@example.com:8443/hook/secret?key=1"),
        "example.com:8443"
    );
    assert_eq!(super::server("nonsense"), "nonsense");
}
