//! Where the models are, and what the tests share.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use refuel_engine::session::Budget;
use refuel_engine::session::onnx::{RuntimeOptions, find_library};
use refuel_engine::{CachePolicy, Cancel, Engine, EngineOptions};
use refuel_registry::Registry;
use refuel_task::{Answer, RenderedInput, Task};

/// A small decoder that labels.
pub(crate) const DECODER: &str = "smollm2-135m-instruct";
/// A small encoder.
pub(crate) const ENCODER: &str = "all-minilm-l6-v2";

/// The home folder with the ONNX Runtime library in it; None, said on standard error, where it is missing.
pub(crate) fn library() -> Option<PathBuf> {
    let home = home()?;
    if find_library(&RuntimeOptions::new(&home)).is_err() {
        return skipped("the ONNX Runtime library");
    }
    Some(home)
}

fn home() -> Option<PathBuf> {
    std::env::var_os("REFUEL_HOME").map(PathBuf::from).or_else(|| {
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        Some(
            data.or_else(|| Some(std::env::home_dir()?.join(".local/share")))?
                .join("refuel"),
        )
    })
}

fn skipped<T>(what: &str) -> Option<T> {
    eprintln!("SKIPPED: {what} is not there; run scripts/setup");
    None
}

/// The home folder with models in it; None, said on standard error, where `model` or the library is missing.
pub(crate) fn with_model(model: &str) -> Option<PathBuf> {
    let home = library()?;
    match Registry::open(&home).ok()?.get(model) {
        Ok(_) => Some(home),
        Err(_) => skipped(model),
    }
}

/// A home folder of a test's own, with the library and some models of the other one; None, said on standard error, where
/// one of them is missing.
pub(crate) fn own(models: &[&str]) -> Option<tempfile::TempDir> {
    let there = library()?;
    for model in models {
        with_model(model)?;
    }
    let own = tempfile::tempdir().expect("a folder");
    symlink(there.join("lib"), own.path().join("lib")).expect("a link");
    std::fs::create_dir(own.path().join("models")).expect("a folder");
    for model in models {
        let at = Path::new("models").join(model);
        symlink(there.join(&at), own.path().join(&at)).expect("a link");
    }
    Some(own)
}

/// The folder of the evaluation data; None, said on standard error, where it is missing.
pub(crate) fn data(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data")
        .join(file);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there", path.display());
    None
}

/// An engine that keeps its answers in memory alone.
pub(crate) fn engine(home: &Path, threads: usize) -> Engine {
    engine_with(home, threads, Budget::default(), CachePolicy::Memory)
}

pub(crate) fn engine_with(home: &Path, threads: usize, budget: Budget, cache: CachePolicy) -> Engine {
    let runtime = RuntimeOptions {
        threads,
        ..RuntimeOptions::new(home)
    };
    Engine::open(EngineOptions { runtime, budget, cache }).expect("the engine opens")
}

/// A task out of YAML.
pub(crate) fn task(yaml: &str) -> Task {
    Task::from_yaml(yaml, "test.yml", Path::new(".")).expect("the task is right")
}

/// A task of the benchmarks.
pub(crate) fn bench_task(name: &str) -> Task {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/tasks").join(name);
    Task::from_file(path).expect("the task is right")
}

/// Questions of the TREC set with the class of each, as its task spells it.
pub(crate) fn questions(count: usize) -> Option<(Vec<RenderedInput>, Vec<String>)> {
    let task = bench_task("trec.yml");
    let mut reader = csv::Reader::from_path(data("cls_trec_questions/all.csv")?).expect("the data is readable");
    let rows = reader.records().take(count).map(|record| {
        let record = record.expect("a record");
        let label = task.label(&record[2]).expect("a known class").name.clone();
        (RenderedInput::text(&record[1]), label)
    });
    Some(rows.unzip())
}

/// Support messages for tests that need no ground truth.
pub(crate) fn messages() -> Vec<RenderedInput> {
    static MESSAGES: OnceLock<Vec<String>> = OnceLock::new();
    let messages = MESSAGES.get_or_init(|| {
        let first = [
            "I want my money back",
            "Where is my parcel?",
            "the tent leaks",
            "How do I change my address",
        ];
        let second = [
            "",
            " It has been three weeks now and nobody answers.",
            " thanks!!",
            " Order 4417, paid by card on Monday.",
        ];
        first
            .iter()
            .flat_map(|first| second.iter().map(move |second| format!("{first}{second}")))
            .collect()
    });
    messages.iter().map(|message| RenderedInput::text(message)).collect()
}

/// A task with labels that share beginnings, of which one is the beginning of another.
pub(crate) const TOPICS: &str = "
kind: label
input: body
guidelines: Decide what the customer writes about.
labels: [refund, refund of shipping costs, late delivery, late delivery abroad, product defect, account]
";

/// What a task answers to inputs with the decoder. None, said on standard error, where there is none.
pub(crate) fn answers(yaml: &str, inputs: &[RenderedInput]) -> Option<Vec<Answer>> {
    let home = with_model(DECODER)?;
    let prepared = engine(&home, 0)
        .prepare(&task(yaml), Some(DECODER))
        .expect("it is prepared");
    let answers = prepared.answer(inputs, &Cancel::default(), &mut |_| {});
    Some(answers.expect("answers"))
}
