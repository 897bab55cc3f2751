//! Heads that find the values of fields in texts.

use std::path::Path;

use refuel_engine::learning::{TrainOptions, Training, Tuning};
use refuel_engine::{Cancel, Engine, EngineError};
use refuel_registry::{ImportOptions, Registry, Servers};
use refuel_task::{Answer, RenderedInput, Source, Status, Task};
use serde_json::{Value, json};

use crate::heads::{own_home, train};
use crate::home;

const NAMES: [&str; 10] = [
    "Ann", "Bob", "Carla", "Dmitri", "Eve", "Farid", "Grace", "Hana", "Ivan", "June",
];

/// What guests say, each with who it is and for how many.
fn said() -> Vec<(String, Option<&'static str>, Option<u32>)> {
    let mut rows = Vec::new();
    for (at, name) in NAMES.into_iter().enumerate() {
        let (people, hour) = (at as u32 + 2, 12 - at);
        rows.push((format!("A table for {people} at {hour} please"), None, Some(people)));
        rows.push((format!("Hello, my name is {name}"), Some(name), None));
        rows.push((
            format!("{people} people, the name is {name}, at {hour}:30"),
            Some(name),
            Some(people),
        ));
        rows.push((format!("Can we come at {hour}?"), None, None));
    }
    rows
}

fn task(more: &Value) -> Task {
    let examples: Vec<Value> = said()
        .into_iter()
        .map(|(text, name, people)| json!({"input": text, "fields": {"people": people, "name": name}}))
        .collect();
    let mut task = json!({
        "name": "booking", "kind": "extract", "input": "body", "strategy": "head",
        "fields": {"people": {"type": "integer"}, "name": "who it is for"},
        "examples": {"items": examples},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        task[key.as_str()] = value.clone();
    }
    Task::from_json(&task, "test", Path::new(".")).expect("a task")
}

fn answers(engine: &Engine, task: &Task, texts: &[&str]) -> Vec<Answer> {
    let inputs: Vec<RenderedInput> = texts.iter().map(|text| RenderedInput::text(text)).collect();
    let prepared = engine.prepare(task, None).expect("a task that can be asked");
    prepared.answer(&inputs, &Cancel::new(), &mut |_| {}).expect("answers")
}

const NEW: [&str; 3] = [
    "A table for 13 at 5 please",
    "Hello, my name is Zoë",
    "Can we come at 4?",
];

#[test]
fn values_that_no_example_has_are_found_with_their_places() {
    let Some(home) = own_home() else { return };
    let engine = home::engine(home.path(), 2);
    let task = task(&json!({}));
    let trained = train(&engine, &task).unwrap();
    assert_eq!((trained.examples, trained.labels), (40, 2));
    assert!(trained.held_out.f1.unwrap() > 0.8, "{:?}", trained.held_out);
    assert!(trained.held_out.accuracy > trained.held_out.null_model);
    let found = answers(&engine, &task, &NEW);
    assert!(
        found
            .iter()
            .all(|answer| answer.source == Source::Head && answer.status == Status::Ok)
    );
    let values: Vec<&Value> = found.iter().map(|answer| &answer.value).collect();
    assert_eq!(
        values,
        [
            &json!({"people": 13, "name": null}),
            &json!({"people": null, "name": "Zoë"}),
            &json!({"people": null, "name": null}),
        ]
    );
    let places: Vec<_> = found[1]
        .scores
        .iter()
        .map(|field| (field.value.as_str(), field.span))
        .collect();
    assert_eq!(places, [("people", None), ("name", Some([18, 21]))], "in characters");
    let again = train(&engine, &task).unwrap();
    assert_eq!(again.digest, trained.digest, "equal rows make an equal head");
}

#[test]
fn neither_order_nor_what_is_asked_beside_it_changes_an_answer() {
    let Some(home) = own_home() else { return };
    let engine = home::engine(home.path(), 2);
    let task = task(&json!({}));
    train(&engine, &task).unwrap();
    let together = answers(&engine, &task, &NEW);
    let fresh = own_home().expect("it was there");
    let other = home::engine(fresh.path(), 1);
    train(&other, &task).unwrap();
    for (text, known) in NEW.iter().zip(&together).rev() {
        let alone = &answers(&other, &task, &[text])[0];
        assert_eq!(alone.value, known.value);
        let (alone, known) = (alone.raw_confidence.unwrap(), known.raw_confidence.unwrap());
        assert!((alone - known).abs() < 1e-3, "{text}: {alone} {known}");
    }
}

#[test]
fn a_text_beyond_the_context_of_the_encoder_is_read_to_its_end() {
    let Some(home) = own_home() else { return };
    let engine = home::engine(home.path(), 2);
    let task = task(&json!({}));
    train(&engine, &task).unwrap();
    let long = format!(
        "{} Hello, my name is Olga",
        "We were there and it was nice. ".repeat(200)
    );
    let found = &answers(&engine, &task, &[&long])[0];
    assert_eq!(found.value["name"], "Olga");
    assert_eq!(found.scores[1].span, Some([6219, 6223]));
}

#[test]
fn what_has_to_be_there_and_is_not_is_no_answer() {
    let Some(home) = own_home() else { return };
    let engine = home::engine(home.path(), 2);
    let required = json!({"fields": {"people": {"type": "integer"}, "name": {"required": true}}, "examples": {"items": [
        {"input": "my name is Ann", "fields": {"name": "Ann"}},
        {"input": "the name is Bob Lee", "fields": {"name": "Bob Lee"}},
        {"input": "for 4, name is Eve", "fields": {"people": 4, "name": "Eve"}},
        {"input": "for 5, name is June", "fields": {"people": 5, "name": "June"}},
    ]}});
    let task = task(&required);
    train(&engine, &task).unwrap();
    let found = &answers(&engine, &task, &["no table at all"])[0];
    assert_eq!((found.status, &found.value), (Status::Abstained, &Value::Null));
    insta::assert_snapshot!(found.reason.as_deref().unwrap_or_default(), @"nothing in the text was taken for `name`, which is required");
}

#[test]
fn a_head_is_refused_for_fields_that_it_was_not_trained_for_and_where_nothing_can_be_found() {
    let Some(home) = own_home() else { return };
    let engine = home::engine(home.path(), 2);
    train(&engine, &task(&json!({}))).unwrap();
    let other = task(&json!({"fields": {"people": {"type": "integer"}, "hour": {}}, "examples": null}));
    let refused = engine.prepare(&other, None).map(|_| ()).unwrap_err();
    assert!(matches!(refused, EngineError::HeadUnfit { .. }), "{refused}");
    let untrainable = |more: Value| match train(&engine, &task(&more)) {
        Err(error @ EngineError::Untrainable { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let told = [
        untrainable(
            json!({"fields": {"urgent": {"type": "boolean"}}, "examples": {"items": [
                {"input": "now!", "fields": {"urgent": true}}, {"input": "later", "fields": {"urgent": false}},
            ]}}),
        ),
        untrainable(json!({"fields": {"topic": {}}, "examples": {"items": [
            {"input": "it is broken", "fields": {"topic": "complaint"}}, {"input": "where is it", "fields": {"topic": "delivery"}},
        ]}})),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    no head can be trained for the task `booking`: the values of its field `urgent` are no pieces of a text
    no head can be trained for the task `booking`: 2 of 2 labelled rows have values that do not stand in their texts, such as "complaint" for `topic` in "it is broken"
    "#);
}

#[test]
fn an_encoder_is_tuned_on_the_texts() {
    let Some(home) = home::own(&[]) else { return };
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/checkpoints/bert");
    let import = ImportOptions {
        name: Some("small".to_owned()),
        ..ImportOptions::default()
    };
    let registry = Registry::open(home.path()).unwrap();
    registry.import(&checkpoint, &import, &mut |_| {}).unwrap();
    let engine = home::engine(home.path(), 2);
    let task = task(&json!({}));
    let options = TrainOptions {
        embedding: Some("small"),
        tune: Some(Tuning {
            epochs: 4,
            servers: Servers::default(),
        }),
        ..TrainOptions::default()
    };
    let train = || -> Training {
        engine
            .train(&task, task.solved(), &options, &Cancel::new(), &mut |_| {})
            .unwrap()
    };
    let trained = train();
    assert!(
        trained
            .embedding_model
            .as_deref()
            .unwrap()
            .starts_with("booking-encoder@")
    );
    assert_eq!(trained.held_out.rows, 8, "a fifth was held out");
    assert_eq!(answers(&engine, &task, &NEW)[0].value["people"], 13);
    assert_eq!(
        train().digest,
        trained.digest,
        "equal rows make an equal encoder and head"
    );
}
