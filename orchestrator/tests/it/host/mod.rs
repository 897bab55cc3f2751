//! `refuel host` as databases and people meet it: a real process, real sockets, and a real model where the machine has one.

mod listening;
mod work;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use refuel_client::wire::{Activity, Answer, Hello, HostReport, Input, Report, ReportKind, Status, TaskSpec};
use refuel_client::{Address, Blocking, Session};

use crate::common::{Desk, home_with};

pub(super) const MODEL: &str = "smollm2-135m-instruct";

/// A host of this test's own, which is killed with it.
pub(super) struct Host {
    pub(super) child: Child,
    pub(super) socket: PathBuf,
    pub(super) log: PathBuf,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Host {
    /// Starts a host, and waits until it listens.
    pub(super) fn start(desk: &Desk, more: &[&str]) -> Self {
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

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The events of its log with this message.
    pub(super) fn events(&self, message: &str) -> Vec<serde_json::Value> {
        let log = self.log();
        let events = log
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        events.filter(|event| event["message"] == message).collect()
    }

    pub(super) fn address(&self) -> Address {
        Address::Unix(self.socket.clone())
    }

    pub(super) fn session(&self) -> Session {
        Session::new(self.address(), hello("anna"), Duration::from_secs(30))
    }

    pub(super) fn report(&self) -> HostReport {
        match self
            .session()
            .report(ReportKind::Host, &mut Blocking::default())
            .unwrap()
        {
            Report::Host(host) => host,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn activity(&self) -> Vec<Activity> {
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
    pub(super) fn until(&self, what: &str, most: Duration, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < most, "not within {most:?}: {what}\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn signal(&self, name: &str) {
        let number = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &number]).status().unwrap().success());
    }
}

pub(super) fn report(session: &mut Session) -> HostReport {
    match session.report(ReportKind::Host, &mut Blocking::default()).unwrap() {
        Report::Host(host) => host,
        other => panic!("{other:?}"),
    }
}

pub(super) fn hello(role: &str) -> Hello {
    Hello {
        program: "test".to_owned(),
        database: "shop".to_owned(),
        role: role.to_owned(),
        pid: std::process::id(),
        token: None,
    }
}

/// A desk whose home has the models of the machine and keeps answers for itself.
pub(super) fn desk_with_model() -> Option<Desk> {
    let home = home_with(MODEL)?;
    let desk = Desk::new();
    std::fs::create_dir(desk.path("home")).unwrap();
    for part in ["models", "lib"] {
        std::os::unix::fs::symlink(home.join(part), desk.path("home").join(part)).unwrap();
    }
    Some(desk)
}

pub(super) fn topic() -> TaskSpec {
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
pub(super) fn texts(name: &str, count: usize) -> Vec<Input> {
    let text = |number| Input::Text(format!("I want my money back for order {name} {number}, it never came"));
    (0..count).map(text).collect()
}

pub(super) fn answer(session: &mut Session, inputs: &[Input]) -> Vec<Answer> {
    let result = session.answer(&topic(), false, inputs, &mut Blocking::default(), &mut |_| ());
    let (answers, _) = result.unwrap();
    assert_eq!(answers.len(), inputs.len());
    assert!(answers.iter().all(|answer| answer.status == Status::Ok), "{answers:?}");
    answers
}

/// Asks in a thread of its own until it is told to stop. Gives whether it was stopped.
pub(super) fn ask_until<'scope>(
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
