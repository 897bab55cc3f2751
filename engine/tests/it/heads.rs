//! Heads that are trained on a task's examples, and what answers by them.

use std::collections::HashMap;
use std::path::Path;

use refuel_engine::learning::{TrainEvent, TrainOptions, TrainStep, Training};
use refuel_engine::{Cancel, Engine, EngineError};
use refuel_registry::Registry;
use refuel_task::{Example, RenderedInput, Source, Status, Task};

use crate::home::{self, DECODER, ENCODER};

/// A home folder of the test's own, with the models of the other one.
pub(crate) fn own_home() -> Option<tempfile::TempDir> {
    home::own(&[ENCODER, DECODER])
}

/// The task of TREC questions with examples, and rows to grade.
struct Questions {
    task: Task,
    graded: Vec<RenderedInput>,
    expected: Vec<String>,
}

fn questions(strategy: &str, examples: usize, graded: usize) -> Option<Questions> {
    let (inputs, labels) = home::questions(examples + graded)?;
    let mut task = home::bench_task("trec.yml");
    task.examples = None;
    let lines: Vec<serde_json::Value> = inputs[graded..]
        .iter()
        .zip(&labels[graded..])
        .map(|(input, label)| serde_json::json!({"input": input.text, "label": label}))
        .collect();
    let names: Vec<serde_json::Value> = task
        .labels
        .iter()
        .map(|label| serde_json::json!({"name": label.name, "description": label.description}))
        .collect();
    let value = serde_json::json!({
        "name": "question_class", "kind": "label", "input": "text", "labels": names, "strategy": strategy,
        "examples": {"items": lines, "count": 4},
    });
    Some(Questions {
        task: Task::from_json(&value, "test", Path::new(".")).expect("a task"),
        graded: inputs[..graded].to_vec(),
        expected: labels[..graded].to_vec(),
    })
}

pub(crate) fn train(engine: &Engine, task: &Task) -> Result<Training, EngineError> {
    let options = TrainOptions {
        most_asked: 60,
        ..TrainOptions::default()
    };
    engine.train(task, task.solved(), &options, &Cancel::new(), &mut |_| {})
}

fn right(answers: &[refuel_task::Answer], expected: &[String]) -> usize {
    answers
        .iter()
        .zip(expected)
        .filter(|(answer, expected)| answer.value == ***expected)
        .count()
}

fn majority(expected: &[String]) -> usize {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    expected.iter().for_each(|label| *counts.entry(label).or_default() += 1);
    counts.values().max().copied().unwrap_or(0)
}

#[test]
fn a_head_that_is_not_trained_names_the_verb_that_trains_it() {
    let (Some(own), Some(questions)) = (own_home(), questions("head", 20, 1)) else {
        return;
    };
    let engine = home::engine(own.path(), 0);
    let Err(error) = engine.prepare(&questions.task, None) else {
        panic!("there is no head")
    };
    assert_eq!(error.code(), "RF0515");
    assert_eq!(error.hint().as_deref(), Some("train it with `refuel train TASK.yml`"));
}

#[test]
fn equal_rows_make_an_equal_head_which_answers_alike_in_any_batch() {
    let (Some(own), Some(questions)) = (own_home(), questions("head", 150, 80)) else {
        return;
    };
    let engine = home::engine(own.path(), 0);
    let first = train(&engine, &questions.task).expect("it is trained");
    let again = train(&engine, &questions.task).expect("it is trained");
    assert_eq!(first.digest, again.digest);
    assert!(
        first.held_out.accuracy > first.held_out.null_model,
        "{:?}",
        first.held_out
    );

    let prepared = engine.prepare(&questions.task, None).expect("it is prepared");
    assert_eq!(prepared.model(), first.head);
    let answers = prepared
        .answer(&questions.graded, &Cancel::new(), &mut |_| {})
        .expect("answers");
    assert!(
        answers
            .iter()
            .all(|answer| answer.source == Source::Head && answer.status == Status::Ok)
    );
    let (right, majority) = (right(&answers, &questions.expected), majority(&questions.expected));
    eprintln!(
        "{right} of {} right; the majority class would have {majority}",
        answers.len()
    );
    assert!(right > majority);

    // One by one, by an engine that has seen nothing.
    let other = home::engine(own.path(), 0)
        .prepare(&questions.task, None)
        .expect("it is prepared");
    for (input, answer) in questions.graded.iter().zip(&answers).take(10) {
        let alone = other
            .answer(std::slice::from_ref(input), &Cancel::new(), &mut |_| {})
            .expect("an answer");
        assert_eq!(alone[0].value, answer.value);
        assert!((alone[0].confidence.unwrap() - answer.confidence.unwrap()).abs() < 1e-3);
    }
    let entry = Registry::open(own.path()).unwrap().get("question_class").unwrap();
    assert_eq!(entry.manifest.description.notes["examples"], "150");
}

#[test]
fn a_head_that_is_trained_anew_is_asked_anew() {
    let (Some(own), Some(questions)) = (own_home(), questions("head", 60, 3)) else {
        return;
    };
    let engine = home::engine(own.path(), 0);
    train(&engine, &questions.task).expect("it is trained");
    let before = engine.prepare(&questions.task, None).expect("it is prepared");
    let digest = before.digest().to_owned();
    before
        .answer(&questions.graded, &Cancel::new(), &mut |_| {})
        .expect("answers");
    assert!(before.is_kept(&questions.graded).into_iter().all(|kept| kept));
    let fewer = &questions.task.solved()[..50];
    engine
        .train(
            &questions.task,
            fewer,
            &TrainOptions::default(),
            &Cancel::new(),
            &mut |_| {},
        )
        .expect("it is trained");
    let after = engine.prepare(&questions.task, None).expect("it is prepared");
    assert_ne!(after.digest(), digest);
    assert!(after.is_kept(&questions.graded).into_iter().all(|kept| !kept));
}

#[test]
fn a_head_for_other_labels_does_not_fit() {
    let (Some(own), Some(mut questions)) = (own_home(), questions("head", 60, 1)) else {
        return;
    };
    let engine = home::engine(own.path(), 0);
    train(&engine, &questions.task).expect("it is trained");
    questions.task.labels[0].name = "something else".to_owned();
    let Err(error) = engine.prepare(&questions.task, None) else {
        panic!("the head does not know the label")
    };
    assert_eq!(error.code(), "RF0516");
}

#[test]
fn a_cascade_is_chosen_with_the_head_and_keeps_what_it_was_chosen_for() {
    let (Some(own), Some(mut questions)) = (own_home(), questions("cascade", 150, 40)) else {
        return;
    };
    let engine = home::engine(own.path(), 0);
    let mut steps = Vec::new();
    let options = TrainOptions {
        most_asked: 60,
        ..TrainOptions::default()
    };
    questions.task.keep = 0.7;
    let mut hear = |event: TrainEvent| {
        if let TrainEvent::Begin { step, .. } = event {
            steps.push(step);
        }
    };
    let training = engine
        .train(
            &questions.task,
            questions.task.solved(),
            &options,
            &Cancel::new(),
            &mut hear,
        )
        .expect("it is trained");
    assert_eq!(steps, [TrainStep::Embed, TrainStep::Fit, TrainStep::Ask]);
    let cascade = training.cascade.expect("it was chosen");
    assert_eq!(cascade.choice.rows, 60);
    let (last, others) = cascade.choice.parts.split_last().expect("there are parts");
    assert!(last.threshold.is_none());
    assert!(others.iter().all(|part| part.lower.unwrap() >= 0.7), "{cascade:?}");
    let best = cascade.alone.iter().map(|alone| alone.accuracy).fold(0.0, f64::max);
    assert!(
        cascade.accuracy >= best - 1e-9,
        "no part does better alone: {cascade:?}"
    );

    let prepared = engine.prepare(&questions.task, None).expect("it is prepared");
    let answers = prepared
        .answer(&questions.graded, &Cancel::new(), &mut |_| {})
        .expect("answers");
    assert!(right(&answers, &questions.expected) > majority(&questions.expected));

    questions.task.keep = 0.9;
    let Err(error) = engine.prepare(&questions.task, None) else {
        panic!("it was chosen for another share")
    };
    assert_eq!(error.code(), "RF0516");
    questions.task.strategy = refuel_task::Strategy::Head;
    train(&engine, &questions.task).expect("it is trained");
    questions.task.strategy = refuel_task::Strategy::Cascade;
    let Err(error) = engine.prepare(&questions.task, None) else {
        panic!("nothing was chosen")
    };
    assert_eq!(error.code(), "RF0517");
}

#[test]
fn examples_that_are_alike_answer_without_training() {
    let (Some(own), Some(questions)) = (own_home(), questions("similar", 150, 60)) else {
        return;
    };
    let prepared = home::engine(own.path(), 0)
        .prepare(&questions.task, None)
        .expect("it is prepared");
    let answers = prepared
        .answer(&questions.graded, &Cancel::new(), &mut |_| {})
        .expect("answers");
    assert!(answers.iter().all(|answer| answer.source == Source::Similar));
    assert!(right(&answers, &questions.expected) > majority(&questions.expected));
}

/// Companies that are the same but for how they are written, and others.
fn companies() -> Vec<Example> {
    let names = [
        "Acme",
        "Globex",
        "Initech",
        "Umbrella",
        "Hooli",
        "Stark",
        "Wayne",
        "Cyberdyne",
        "Soylent",
        "Tyrell",
    ];
    let mut pairs = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let other = names[(at + 3) % names.len()];
        let phone = |number: usize| format!("phone: 555-{number:04}");
        let record = |name: &str, number: usize| format!("name: {name} Industries\n{}", phone(number));
        pairs.push((
            record(name, at),
            format!("name: {} INDUSTRIES Ltd\n{}", name.to_uppercase(), phone(at)),
            true,
        ));
        pairs.push((record(name, at), record(other, at + 40), false));
        pairs.push((record(name, at), format!("name: {name} Industries Inc."), true));
        pairs.push((record(other, at + 7), record(name, at + 90), false));
    }
    let example = |(a, b, same): (String, String, bool)| Example {
        input: RenderedInput::two(&a, &b),
        answer: same.into(),
    };
    pairs.into_iter().map(example).collect()
}

#[test]
fn pairs_are_told_apart_by_how_alike_their_columns_are() {
    let Some(own) = own_home() else { return };
    let task = home::task(
        "{name: same_company, kind: match, input: {a: [name, phone], b: [name, phone]}, strategy: head, model: no-such-model}",
    );
    let engine = home::engine(own.path(), 0);
    let pairs = companies();
    let training = engine
        .train(&task, &pairs, &TrainOptions::default(), &Cancel::new(), &mut |_| {})
        .expect("it is trained");
    assert!(training.held_out.accuracy > 0.9, "{:?}", training.held_out);
    assert!(training.embedding_model.is_none());
    let prepared = engine.prepare(&task, None).expect("no model is needed");
    let asked = [
        RenderedInput::two(
            "name: Vandelay Industries\nphone: 555-1234",
            "name: VANDELAY industries ltd\nphone: 555-1234",
        ),
        RenderedInput::two(
            "name: Vandelay Industries\nphone: 555-1234",
            "name: Pied Piper\nphone: 555-9999",
        ),
    ];
    let answers = prepared.answer(&asked, &Cancel::new(), &mut |_| {}).expect("answers");
    let values: Vec<&serde_json::Value> = answers.iter().map(|answer| &answer.value).collect();
    assert_eq!(values, [true, false]);
    assert_eq!(answers[1].scores[0].value, "no");
}
