//! The pool with models of this machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;

use refuel_client::wire::{Answer as Told, Ask, Hello, Input, Report, ReportKind, Source, TaskSpec, ToClient};
use refuel_engine::session::Budget;
use refuel_engine::session::onnx::{RuntimeOptions, find_library};
use refuel_engine::{CachePolicy, Cancel, Engine, EngineOptions};
use refuel_registry::Registry;
use refuel_task::{Answer, Task};
use serde_json::{Value, json};

use super::super::{Pool, PoolOptions, convert};

const DECODER: &str = "smollm2-135m-instruct";
const ENCODER: &str = "all-minilm-l6-v2";

/// The largest difference of a probability between a run beside other rows and one without them; on real rows nothing
/// differed at all.
const TOLERANCE: f32 = 1e-4;

/// The home folder with both models in it; None, said on standard error, where something is missing.
fn home() -> Option<PathBuf> {
    let home = std::env::var_os("REFUEL_HOME").map(PathBuf::from).or_else(|| {
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        Some(
            data.or_else(|| Some(std::env::home_dir()?.join(".local/share")))?
                .join("refuel"),
        )
    })?;
    let registry = Registry::open(&home).ok()?;
    let there = find_library(&RuntimeOptions::new(&home)).is_ok()
        && [DECODER, ENCODER].iter().all(|model| registry.get(model).is_ok());
    if !there {
        skipped("the ONNX Runtime library or a model");
    }
    there.then_some(home)
}

fn skipped(what: &str) {
    eprintln!("SKIPPED: {what} is not there");
}

fn options(home: &Path, cache: CachePolicy) -> EngineOptions {
    EngineOptions {
        runtime: RuntimeOptions::new(home),
        budget: Budget::default(),
        cache,
    }
}

fn pool(home: &Path, cache: CachePolicy) -> Pool {
    let mut options = PoolOptions::new(options(home, cache));
    options.usage_file = None;
    Pool::start(options).expect("it starts")
}

fn spec(task: &Value) -> TaskSpec {
    TaskSpec {
        name: "test@1".to_owned(),
        json: task.to_string(),
        model: None,
    }
}

/// Asks as a client of its own.
fn ask(pool: &Pool, task: &Value, inputs: &[Input]) -> Vec<Told> {
    let client = pool.connect(Hello::default());
    let settled = client.prepare(&spec(task)).expect("it is settled");
    let (sender, messages) = channel();
    let ask = Ask {
        request: 1,
        task: 1,
        detail: true,
        inputs: (0..).zip(inputs.iter().cloned()).collect(),
    };
    let deliver = move |message| sender.send(message).expect("it is wanted");
    let request = client.open(&settled, &ask, deliver).expect("it is open");
    client.give(&request, ask.inputs);
    let mut answers: Vec<Option<Told>> = vec![None; inputs.len()];
    loop {
        match messages.recv().expect("the end comes") {
            ToClient::Answers { answers: given, .. } => {
                for (row, answer) in given {
                    assert!(
                        answers[row as usize].replace(answer).is_none(),
                        "row {row} is answered twice"
                    );
                }
            }
            ToClient::Done { .. } => return answers.into_iter().map(|answer| answer.expect("an answer")).collect(),
            other => panic!("{other:?}"),
        }
    }
}

/// The same without a pool.
fn ask_engine(engine: &Engine, task: &Value, inputs: &[Input]) -> Vec<Told> {
    let task = Task::from_catalog(task, "test").expect("a task");
    let prepared = engine.prepare(&task, None).expect("it is prepared");
    let rendered: Vec<_> = inputs
        .iter()
        .map(|input| match input {
            Input::Text(text) => task.render_text(text),
            Input::Pair(a, b) => task.render_pair(a, b),
            Input::Record(json) => task.render_input(&serde_json::from_str(json).expect("an object")),
        })
        .collect::<Result<_, _>>()
        .expect("inputs");
    let answers: Vec<Answer> = prepared
        .answer(&rendered, &Cancel::new(), &mut |_| {})
        .expect("answers");
    answers
        .into_iter()
        .map(|answer| convert::answer(answer, true))
        .collect()
}

fn alike(left: &Told, right: &Told) -> bool {
    let near = |left: Option<f32>, right: Option<f32>| match (left, right) {
        (Some(left), Some(right)) => (left - right).abs() <= TOLERANCE,
        (left, right) => left == right,
    };
    let value = match (&left.value, &right.value) {
        (refuel_client::wire::Value::Vector(left), refuel_client::wire::Value::Vector(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| (left - right).abs() <= TOLERANCE)
        }
        (left, right) => left == right,
    };
    value
        && left.status == right.status
        && near(left.confidence, right.confidence)
        && near(left.raw_confidence, right.raw_confidence)
        && left.scores.len() == right.scores.len()
}

fn topics(threshold: f64) -> Value {
    json!({
        "name": "topic", "kind": "label", "input": "body", "threshold": threshold, "fallback": "account",
        "guidelines": "Decide what the customer writes about.",
        "labels": ["refund", "refund of shipping costs", "late delivery", "product defect", "account"],
    })
}

fn messages() -> Vec<Input> {
    let first = [
        "I want my money back",
        "Where is my parcel?",
        "the tent leaks",
        "How do I log in",
    ];
    let second = [
        "",
        " Order 4417.",
        " It has been three weeks now and nobody answers.",
        " thanks!!",
    ];
    let all = first
        .iter()
        .flat_map(|first| second.iter().map(move |second| format!("{first}{second}")));
    all.map(Input::Text).collect()
}

#[test]
fn three_clients_with_different_tasks_get_what_the_engine_alone_gives() {
    let Some(home) = home() else { return };
    let row = |title: &str, shop: &str| json!({"title": title, "shop": shop}).to_string();
    let cases = [
        (topics(0.0), messages()),
        (topics(0.999_999), messages()),
        (
            json!({"name": "same", "kind": "match", "input": {"a": "left", "b": "right"}}),
            vec![
                Input::Pair("Sony WH-1000XM4".to_owned(), "Sony WH1000XM4 headphones".to_owned()),
                Input::Pair("tent".to_owned(), "lamp".to_owned()),
            ],
        ),
        (
            json!({"name": "vector", "kind": "embed", "input": ["title", "shop"]}),
            vec![Input::Record(row("tent", "A")), Input::Record(row("lamp", "B"))],
        ),
    ];
    let engine = Engine::open(options(&home, CachePolicy::Memory)).expect("the engine opens");
    let expected: Vec<Vec<Told>> = cases
        .iter()
        .map(|(task, inputs)| ask_engine(&engine, task, inputs))
        .collect();
    drop(engine);
    let pool = pool(&home, CachePolicy::Memory);
    thread::scope(|scope| {
        for client in 0..3 {
            let (pool, cases, expected) = (&pool, &cases, &expected);
            scope.spawn(move || {
                // Each begins with another task, so that they meet in the queue.
                for case in (0..cases.len()).map(|case| (case + client) % cases.len()) {
                    let (task, inputs) = &cases[case];
                    let answers = ask(pool, task, inputs);
                    for (answer, expected) in answers.iter().zip(&expected[case]) {
                        assert!(alike(answer, expected), "{answer:?} is not {expected:?}");
                    }
                }
            });
        }
    });
    let again = ask(&pool, &cases[0].0, &cases[0].1);
    assert!(again.iter().all(|answer| answer.source == Source::Cache));
    let Report::Models(models) = pool.report(ReportKind::Models) else {
        panic!()
    };
    let loaded: Vec<&str> = models
        .iter()
        .filter(|model| model.loaded)
        .map(|model| model.name.as_str())
        .collect();
    assert_eq!(loaded, [ENCODER, DECODER]);
    assert!(
        models
            .iter()
            .filter(|model| model.loaded)
            .all(|model| model.memory_bytes > 50 << 20)
    );
}

#[test]
fn tasks_and_models_that_are_wrong_are_refused_when_they_are_settled() {
    let Some(home) = home() else { return };
    let pool = pool(&home, CachePolicy::Memory);
    let client = pool.connect(Hello::default());
    let refused = |json: &str, model: Option<&str>| {
        let spec = TaskSpec {
            name: "topic@2".to_owned(),
            json: json.to_owned(),
            model: model.map(str::to_owned),
        };
        let failure = client.prepare(&spec).err().expect("an error").failure(None, Some(3));
        assert!(failure.wrong_request && failure.task == Some(3), "{failure:?}");
        format!("{} {}", failure.code, failure.message)
    };
    assert_eq!(
        refused("{", None),
        "RF0820 the task `topic@2` is no JSON: EOF while parsing an object at line 1 column 1"
    );
    assert!(refused("{\"kind\": \"label\"}", None).starts_with("RF0405 topic@2"));
    let named = json!({"name": "t", "kind": "complete", "input": "x", "examples": {"from": "/etc/passwd"}});
    assert!(refused(&named.to_string(), None).contains("a task in a catalog holds its examples itself"));
    assert!(refused(&topics(0.0).to_string(), Some("no-such-model")).contains("no-such-model"));
}

/// A file system of a few pages, for as long as it lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where that isn't allowed.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder.path());
        mount.output().ok()?.status.success().then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Files in it may be open for a moment yet.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_under_the_kept_answers_stops_no_query() {
    let Some(home) = home() else { return };
    let Some(folder) = SmallDisk::mount() else {
        skipped("the right to mount a file system");
        return;
    };
    let cache = CachePolicy::Disk {
        folder: folder.0.path().join("cache"),
        limit_bytes: 64 << 20,
    };
    let pool = pool(&home, cache);
    fs_err::write(folder.0.path().join("filler"), vec![1; 1 << 20]).expect_err("the disk is full");
    let task = topics(0.0);
    let first = ask(&pool, &task, &messages());
    let again = ask(&pool, &task, &messages());
    let Report::Host(host) = pool.report(ReportKind::Host) else {
        panic!()
    };
    for (first, again) in first.iter().zip(&again) {
        assert!(alike(first, again));
        assert_eq!(again.source, Source::Cache, "they are kept in memory");
    }
    assert!(
        host.warnings
            .iter()
            .any(|warning| warning.contains("answers are not kept for the next run")),
        "{:?}",
        host.warnings
    );
}

#[test]
fn rules_alone_answer_with_no_model_on_the_machine() {
    let home = tempfile::tempdir().expect("a folder");
    let pool = pool(home.path(), CachePolicy::Memory);
    let phone =
        json!({"kind": "normalize", "name": "phone", "input": "contact", "format": {"phone": {"region": "DE"}}});
    let texts = ["Tel. (030) 901820", "call me", "Tel. (030) 901820"].map(|text| Input::Text(text.to_owned()));
    let answers = ask(&pool, &phone, &texts);
    let sources: Vec<Source> = answers.iter().map(|answer| answer.source).collect();
    assert_eq!(sources, [Source::Rule, Source::Rule, Source::Duplicate]);
    assert_eq!(
        answers[0].value,
        refuel_client::wire::Value::Text("+4930901820".to_owned())
    );
    assert_eq!(answers[1].reason.as_deref(), Some("a telephone number was not found"));
    // A catalog names the rules where it would name a model.
    let client = pool.connect(Hello::default());
    let named = TaskSpec {
        model: Some("rules@3".to_owned()),
        ..spec(&phone)
    };
    assert_eq!(
        client.prepare(&named).expect("it is settled").prepared().model,
        "rules@3"
    );

    let facts = json!({
        "kind": "enrich", "name": "facts", "input": ["name", "country"], "fields": ["country"],
        "reference": {"items": [{"name": "Acme", "country": "DE"}], "key": "name"},
    });
    let records = [
        r#"{"name": "Acme", "country": null}"#,
        r#"{"country": "AT", "name": "Acme"}"#,
    ];
    for input in [Input::Text as fn(String) -> Input, Input::Record] {
        let answers = ask(&pool, &facts, &records.map(|record| input(record.to_owned())));
        let values: Vec<&refuel_client::wire::Value> = answers.iter().map(|answer| &answer.value).collect();
        let json = |text: &str| refuel_client::wire::Value::Json(text.to_owned());
        assert_eq!(values, [&json(r#"{"country":"DE"}"#), &json(r#"{"country":"AT"}"#)]);
    }
}
