//! `refuel review`: lists, tables, examples, and a person at a terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use refuel_state::{Input, NewAnswer, State, TaskVersion, Verdict};
use refuel_task::{Answer, RenderedInput, Scored, Source, Status, Task};
use serde_json::{Value, json};

use crate::common::Desk;

const TOPIC: &str = "\
kind: label
guidelines: Which topic is the message about?
labels:
  - {name: refund, description: wants money back}
  - {name: late delivery, aliases: [late]}
  - other
input: body
threshold: 0.7
";

/// A project whose task has answered four messages, three of them not surely.
fn project() -> Desk {
    let desk = Desk::new();
    desk.write("refuel_project.yml", "name: shop\n");
    for folder in ["tasks", "models", "home"] {
        std::fs::create_dir(desk.path(folder)).unwrap();
    }
    desk.write("tasks/topic.yml", TOPIC);
    desk.write("models/messages.sql", "select 'money back' as body\n");
    desk.write(
        "models/labelled.sql",
        "select body, refuel_label(body, 'topic') as topic from {{ ref('messages') }}\n",
    );
    let state = state(&desk);
    let task = Task::from_file(desk.path("tasks/topic.yml")).unwrap();
    let key = state
        .task_key(&TaskVersion {
            task: "topic".to_owned(),
            fingerprint: task.fingerprint(),
            model_digest: "d1".to_owned(),
            model: "tiny@d1".to_owned(),
        })
        .unwrap();
    for (text, value, confidence) in [
        ("I want my money back", "refund", 0.95),
        ("Where is my parcel? I want my money", "refund", 0.41),
        ("Good morning", "other", 0.6),
    ] {
        let answer = Answer {
            value: value.into(),
            confidence: Some(confidence),
            status: Status::Ok,
            source: Source::Model,
            reason: None,
            scores: vec![Scored {
                value: value.to_owned(),
                confidence,
                raw_confidence: confidence,
                span: None,
            }],
            ..Answer::error("tiny@d1", "")
        };
        keep(&state, key, text, &answer);
    }
    keep(&state, key, "x y z", &Answer::error("tiny@d1", "input is too long"));
    desk
}

fn keep(state: &State, key: refuel_state::TaskKey, text: &str, answer: &Answer) {
    let input = Input::One(text.to_owned());
    let new = NewAnswer {
        hash: RenderedInput::text(text).hash(),
        input: &input,
        answer,
    };
    state.put_answers(None, key, &[new], None).unwrap();
}

fn state(desk: &Desk) -> State {
    State::open(desk.path(refuel_state::FILE)).unwrap()
}

/// Verdicts by what was decided on.
fn verdicts(desk: &Desk) -> Vec<(String, Verdict)> {
    let reviews = state(desk).reviews(Some("topic")).unwrap();
    let mut verdicts: Vec<(String, Verdict)> = reviews
        .into_iter()
        .map(|review| match review.input {
            Input::One(text) | Input::Two(text, _) => (text, review.verdict),
        })
        .collect();
    verdicts.sort_by(|one, other| one.0.cmp(&other.0));
    verdicts
}

#[test]
fn what_waits_is_listed_least_sure_first() {
    let desk = project();
    assert_snapshot!(desk.run(&["review", "--list"]));
    let listed = desk
        .command(&desk.path("home"), &["review", "--list", "--format", "json"])
        .output()
        .unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let inputs: Vec<&Value> = listed.as_array().unwrap().iter().map(|item| &item["input"]).collect();
    assert_eq!(
        inputs,
        [
            &json!("x y z"),
            &json!("Where is my parcel? I want my money"),
            &json!("Good morning")
        ]
    );
    assert_eq!(listed[1]["guess"], "refund");
    assert_eq!(listed[1]["status"], "abstained");
    assert_eq!(listed[0]["guess"], Value::Null);
}

#[test]
fn a_model_stands_for_the_tasks_that_it_calls() {
    let desk = project();
    let listed = desk.run(&["review", "labelled", "--list"]);
    assert!(listed.contains("Good morning"), "{listed}");
    assert_snapshot!(desk.run(&["review", "messages", "--list"]));
    assert_snapshot!("a_model_that_is_not_there", desk.run(&["review", "labeled", "--list"]));
    assert_snapshot!(
        "a_task_that_is_not_there",
        desk.run(&["review", "--task", "topik", "--list"])
    );
}

#[test]
fn a_table_goes_out_and_comes_back() {
    let desk = project();
    assert_snapshot!(desk.run(&["review", "--export", "queue.csv"]));
    let table = desk.read("queue.csv");
    let filled: String = table
        .lines()
        .map(|line| match line {
            line if line.contains("parcel") => line.replace(",,", ",late,a parcel"),
            line if line.contains("x y z") => format!("{}!reject,", line.trim_end_matches(',').to_owned() + ",,,"),
            line => line.to_owned(),
        })
        .map(|line| line + "\n")
        .collect();
    desk.write("queue.csv", &filled);
    assert_snapshot!(
        "the_table_would_be_taken",
        desk.run(&["review", "--import", "queue.csv", "--dry-run"])
    );
    assert_eq!(verdicts(&desk), []);
    assert_snapshot!("the_table_is_taken", desk.run(&["review", "--import", "queue.csv"]));
    let expected = [
        (
            "Where is my parcel? I want my money".to_owned(),
            Verdict::Value(json!("late delivery")),
        ),
        ("x y z".to_owned(), Verdict::Reject),
    ];
    assert_eq!(verdicts(&desk), expected);
    // What is decided does not wait any more, and goes out as it came in.
    let listed = desk.run(&["review", "--list"]);
    assert!(
        listed.contains("Good morning") && !listed.contains("parcel"),
        "{listed}"
    );
    desk.run(&["review", "--decided", "--export", "decided.csv"]);
    desk.run(&["review", "--import", "decided.csv"]);
    assert_eq!(verdicts(&desk), expected);
}

#[test]
fn a_table_with_one_wrong_verdict_changes_nothing() {
    let desk = project();
    desk.run(&["review", "--export", "queue.csv"]);
    let table = desk
        .read("queue.csv")
        .replace(",,\n", ",refund,\n")
        .replace("Good morning,other,0.6,refund", "Good morning,other,0.6,refnd");
    desk.write("queue.csv", table);
    assert_snapshot!(desk.run(&["review", "--import", "queue.csv"]));
    assert_eq!(verdicts(&desk), []);
}

#[test]
fn verdicts_become_examples_when_a_person_says_so() {
    let desk = project();
    assert_snapshot!(
        "no_verdict_is_no_example",
        desk.run(&["review", "--as-examples", "tasks/topic.yml"])
    );
    desk.run(&["review", "--export", "queue.csv"]);
    let table = desk.read("queue.csv").replace("refund,0.41,,", "refund,0.41,late,");
    desk.write("queue.csv", table);
    desk.run(&["review", "--import", "queue.csv"]);
    assert_snapshot!(
        "examples_are_written",
        desk.run(&["review", "--as-examples", "tasks/topic.yml"])
    );
    assert_eq!(
        desk.read("tasks/topic.reviewed.jsonl"),
        "{\"body\":\"Where is my parcel? I want my money\",\"label\":\"late delivery\"}\n"
    );
    let before = Task::from_file(desk.path("tasks/topic.yml")).unwrap().fingerprint();
    desk.write(
        "tasks/topic.yml",
        format!("{TOPIC}examples: {{from: topic.reviewed.jsonl}}\n"),
    );
    let task = Task::from_file(desk.path("tasks/topic.yml")).unwrap();
    assert_ne!(task.fingerprint(), before);
    assert_eq!(task.examples.unwrap().items[0].answer, "late delivery");
    assert_snapshot!(
        "examples_are_as_they_were",
        desk.run(&["review", "--as-examples", "tasks/topic.yml"])
    );
    assert_snapshot!(
        "not_a_task_of_the_project",
        desk.run(&["review", "--as-examples", "queue.csv"])
    );
}

#[test]
fn without_a_terminal_the_ways_that_need_none_are_named() {
    assert_snapshot!(project().run(&["review"]));
}

#[test]
fn where_nothing_was_built_nothing_waits() {
    let desk = Desk::new();
    desk.write("refuel_project.yml", "name: shop\n");
    assert_snapshot!(desk.run(&["review"]));
    assert!(!desk.path(".refuel").exists());
    assert_snapshot!("a_review_outside_of_a_project", Desk::new().run(&["review"]));
}

#[test]
fn evaluation_on_verdicts_needs_some() {
    let desk = project();
    assert_snapshot!(desk.run(&["eval", "--reviews", "--task", "tasks/topic.yml"]));
    let both = desk.run(&["eval", "x.csv", "--reviews", "--task", "tasks/topic.yml"]);
    assert!(
        both.starts_with("status: 2") && both.contains("cannot be used with"),
        "{both}"
    );
}

/// Runs the program in a pseudo terminal of 80 columns and 24 lines, types keys with pauses between them, and gives what
/// the terminal was sent. `stty` says afterwards how the terminal was left. None where there is no script(1).
fn typed(desk: &Desk, keys: &[&str]) -> Option<String> {
    if !Path::new("/usr/bin/script").exists() {
        eprintln!("skipped: there is no /usr/bin/script to make a pseudo terminal with");
        return None;
    }
    let program = env!("CARGO_BIN_EXE_refuel");
    let line = format!("stty rows 24 cols 80; '{program}' review; echo status $?; stty -a");
    let mut command: Command = desk.command(&desk.path("home"), &[]);
    let environment: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    command = Command::new("/usr/bin/script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(desk.path("."));
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("REFUEL_REVIEWER", "ada").env("TERM", "xterm");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let reader = std::thread::spawn({
        let sent = sent.clone();
        move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut bytes) {
                sent.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        }
    });
    let so_far = || String::from_utf8_lossy(&sent.lock().unwrap()).into_owned();
    let patience = Instant::now() + Duration::from_mins(1);
    while !so_far().contains("q leave") && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(20));
    }
    for key in keys {
        stdin.write_all(key.as_bytes()).unwrap();
        stdin.flush().unwrap();
        // An escape and a key behind it would be read as one.
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(stdin);
    child.wait().unwrap();
    reader.join().unwrap();
    Some(so_far())
}

/// The screen of its own that the program began was left, and lines are read as lines again.
fn is_left_as_it_was(sent: &str) {
    let (_, after) = sent.rsplit_once("\u{1b}[?1049l").expect("the screen was left");
    assert!(sent.contains("\u{1b}[?1049h"));
    assert!(after.contains(" icanon") && after.contains(" echo "), "{after}");
    assert!(!after.contains("-icanon"), "{after}");
}

#[test]
fn a_person_decides_at_a_terminal() {
    let desk = project();
    // A failure is rejected, taken back and skipped; the next gets a label and a note, the last is accepted.
    let keys = ["x", "u", "s", "n", "no refund yet", "\r", "2", "\r", "q"];
    let Some(sent) = typed(&desk, &keys) else { return };
    assert!(sent.contains("topic · 1 of 3"), "{sent}");
    assert!(sent.contains("no answer: input is too long"), "{sent}");
    assert!(sent.contains("status 0"), "{sent}");
    assert!(
        sent.contains("2 answers decided; the model was right on 1 of the 2 that it answered; 1 skipped"),
        "{sent}"
    );
    assert!(
        !sent.contains("\u{1b}[38;5") && !sent.contains("\u{1b}[1m"),
        "no colour was asked for: {sent}"
    );
    is_left_as_it_was(&sent);
    let expected = [
        ("Good morning".to_owned(), Verdict::Value(json!("other"))),
        (
            "Where is my parcel? I want my money".to_owned(),
            Verdict::Value(json!("late delivery")),
        ),
    ];
    assert_eq!(verdicts(&desk), expected);
    let reviews = state(&desk).reviews(None).unwrap();
    let noted = reviews.iter().find(|review| review.note.is_some()).unwrap();
    assert_eq!(
        (noted.note.as_deref(), noted.reviewer.as_str()),
        (Some("no refund yet"), "ada")
    );
}

#[test]
fn control_c_leaves_with_what_was_decided() {
    let desk = project();
    let Some(sent) = typed(&desk, &["x", "\u{3}"]) else {
        return;
    };
    is_left_as_it_was(&sent);
    assert_eq!(verdicts(&desk), [("x y z".to_owned(), Verdict::Reject)]);
}

#[test]
fn a_terminal_that_is_closed_ends_the_review() {
    if !Path::new("/usr/bin/script").exists() {
        eprintln!("skipped: there is no /usr/bin/script to make a pseudo terminal with");
        return;
    }
    let desk = project();
    // The signal that a terminal sends as it goes may not reach whoever was started without one.
    let line = format!(
        "stty rows 24 cols 80; trap '' HUP; echo $$ > process; exec '{}' review",
        env!("CARGO_BIN_EXE_refuel")
    );
    let mut terminal = Command::new("/usr/bin/script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(desk.path("."))
        .env("REFUEL_HOME", desk.path("home"))
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = terminal.stdout.take().unwrap();
    let mut sent = Vec::new();
    let mut bytes = [0; 4096];
    while !String::from_utf8_lossy(&sent).contains("q leave") {
        let count = stdout.read(&mut bytes).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&sent));
        sent.extend_from_slice(&bytes[..count]);
    }
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    let process = Path::new("/proc").join(desk.read("process").trim());
    let patience = Instant::now() + Duration::from_secs(20);
    while process.exists() {
        if Instant::now() > patience {
            let process = process.file_name().unwrap();
            let _ = Command::new("kill").arg("-9").arg(process).status();
            panic!("it reads from a terminal that is gone, for ever");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
