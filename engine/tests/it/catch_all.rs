//! Heads of tasks with a label that is right where no other is.

use std::collections::BTreeMap;
use std::path::Path;

use refuel_engine::learning::TrainOptions;
use refuel_engine::{Cancel, EngineError};
use refuel_task::{RenderedInput, Task};
use serde_json::{Value, json};

use crate::home::{self, ENCODER};

/// What the set calls a row that none of its intents fits.
const OUT_OF_SCOPE: &str = "oos";
/// Intents, and rows of each that are learned from; the others are graded.
const INTENTS: usize = 20;
const LEARNED_FROM: usize = 8;
/// Rows out of scope that are graded.
const MOST_GRADED: usize = 60;

/// A task of some intents, of which the last is the catch-all or a label as the others; and rows to grade with theirs.
fn intents(is_catch_all: bool) -> Option<(Task, Vec<RenderedInput>, Vec<String>)> {
    let mut reader = csv::Reader::from_path(home::data("cls_clinc150/all.csv")?).expect("the data is readable");
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in reader.records() {
        let record = record.expect("a record");
        rows.entry(record[1].to_owned()).or_default().push(record[0].to_owned());
    }
    let mut names: Vec<String> = rows
        .keys()
        .filter(|name| *name != OUT_OF_SCOPE)
        .take(INTENTS)
        .cloned()
        .collect();
    let mut labels: Vec<Value> = names.iter().map(|name| json!(name)).collect();
    labels.push(if is_catch_all {
        json!({"name": OUT_OF_SCOPE, "catch_all": 0.3})
    } else {
        json!(OUT_OF_SCOPE)
    });
    names.push(OUT_OF_SCOPE.to_owned());
    let (mut items, mut graded, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for name in &names {
        let (learned, rest) = rows[name].split_at(LEARNED_FROM);
        items.extend(learned.iter().map(|text| json!({"input": text, "label": name})));
        for text in rest.iter().take(MOST_GRADED) {
            graded.push(RenderedInput::text(text));
            expected.push(name.clone());
        }
    }
    let value = json!({
        "name": "intent", "kind": "label", "input": "text", "labels": labels, "strategy": "head",
        "examples": {"items": items, "count": 4},
    });
    Some((
        Task::from_json(&value, "test", Path::new(".")).expect("a task"),
        graded,
        expected,
    ))
}

#[test]
fn a_catch_all_gets_what_no_label_fits_and_a_head_without_it_is_refused() {
    let Some(own) = home::own(&[ENCODER]) else {
        return;
    };
    let (Some((task, inputs, expected)), Some((plain, ..))) = (intents(true), intents(false)) else {
        return;
    };
    let engine = home::engine(own.path(), 0);
    let train = |task: &Task| {
        let options = TrainOptions::default();
        engine.train(task, task.solved(), &options, &Cancel::new(), &mut |_| {})
    };
    train(&plain).expect("it is trained");
    let Err(error) = engine.prepare(&task, None) else {
        panic!("the head was trained without the catch-all")
    };
    assert!(matches!(error, EngineError::HeadUnfit { .. }), "{error}");
    assert!(error.to_string().contains("without the task's catch-all"), "{error}");

    let training = train(&task).expect("it is trained");
    assert_eq!(
        train(&task).expect("it is trained").digest,
        training.digest,
        "equal rows make an equal head"
    );
    assert!(
        training.held_out.accuracy > training.held_out.null_model,
        "{:?}",
        training.held_out
    );
    let prepared = engine.prepare(&task, None).expect("it is prepared");
    let answers = prepared.answer(&inputs, &Cancel::new(), &mut |_| {}).expect("answers");
    let share = |is_other: bool| {
        let rows: Vec<_> = expected
            .iter()
            .zip(&answers)
            .filter(|(label, _)| (*label == OUT_OF_SCOPE) == is_other)
            .collect();
        rows.iter().filter(|(_, answer)| answer.value == OUT_OF_SCOPE).count() as f64 / rows.len() as f64
    };
    eprintln!(
        "of the catch-all's rows {} are sent to it, of the others {}",
        share(true),
        share(false)
    );
    assert!(share(true) > share(false) + 0.3, "{} {}", share(true), share(false));
    assert!(answers.iter().all(|answer| answer.confidence.is_some()));
}
