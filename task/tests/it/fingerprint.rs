//! What changes a fingerprint, and what does not.

use proptest::prelude::*;
use refuel_task::{Calibrated, Calibration, CalibrationMap, Confidence, Label, ModelName, OnError, Task, Truncate};
use serde_json::Value;

use crate::task;

const LABEL: &str = "
name: a
kind: label
input: body
guidelines: What is it?
labels: {refund: money back, delivery: where is it}
examples:
  - {input: Money, label: refund}
  - {input: Where, label: delivery}
";
const MULTILABEL: &str = "
kind: multilabel
input: body
labels: [refund, delivery]
label_threshold: 0.3
";
const COMPLETE: &str = "
kind: complete
input: body
guidelines: Say it.
max_tokens: 20
stop: [x]
";
const SIMILAR: &str = "
kind: label
input: body
labels: [refund, delivery]
examples:
  select: similar
  count: 2
  items:
    - {input: Money, label: refund}
    - {input: Where, label: delivery}
    - {input: When, label: delivery}
";

const EXTRACT: &str = "
kind: extract
input: body
fields:
  brand: who makes it
  price: {type: number, minimum: 0}
";

const ANSWER: &str = "
kind: answer
input: {context: body, question: question}
guidelines: Be short.
";

type Change = (&'static str, fn(&mut Task));

/// Changes that no answer depends on.
const WITHOUT_EFFECT: &[Change] = &[
    ("name", |task| task.name.push('x')),
    ("version", |task| task.version = Some(7)),
    ("description", |task| task.description = Some("other".to_owned())),
    ("owner", |task| task.owner = Some("somebody".to_owned())),
    ("tags", |task| task.tags.push("tag".to_owned())),
    ("model", |task| {
        task.model = Some(ModelName {
            name: "other".to_owned(),
            digest: None,
        });
    }),
    ("threshold", |task| task.threshold = Some(0.9)),
    ("confidence", |task| task.confidence = Confidence::Raw),
    ("target_precision", |task| task.target_precision = Some(0.9)),
    ("calibrated", |task| {
        task.calibrated = Some(Calibrated {
            model: None,
            fingerprint: None,
            rows: 100,
            map: CalibrationMap::Temperature { temperature: 2.0 },
            fields: Vec::new(),
            threshold: None,
        });
    }),
    ("fallback", |task| task.fallback = Some(Value::from("refund"))),
    ("on_error", |task| task.on_error = OnError::Fail),
    ("aliases", |task| {
        task.labels
            .iter_mut()
            .for_each(|label| label.aliases.push(format!("{}s", label.name)));
    }),
];

/// Changes that an answer can depend on, for each of the tasks.
const WITH_EFFECT: &[(&str, &[Change])] = &[
    (
        LABEL,
        &[
            ("guidelines", |task| task.guidelines.push('!')),
            ("label name", |task| task.labels[0].name.push('s')),
            ("label description", |task| task.labels[0].description = None),
            ("label order", |task| task.labels.swap(0, 1)),
            ("another label", |task| {
                task.labels.push(Label {
                    name: "other".to_owned(),
                    description: None,
                    aliases: Vec::new(),
                    catch_all: None,
                });
            }),
            ("input", |task| {
                task.input = crate::task("kind: embed\ninput: subject").input;
            }),
            ("input as a list", |task| {
                task.input = crate::task("kind: embed\ninput: [body]").input;
            }),
            ("input as a template", |task| {
                task.input = crate::task("kind: embed\ninput: {template: '{{ body }}'}").input;
            }),
            ("an example's text", |task| {
                task.examples.as_mut().expect("set").items[0].input.text.push('!');
            }),
            ("an example's answer", |task| {
                task.examples.as_mut().expect("set").items[0].answer = "delivery".into();
            }),
            ("order of examples", |task| {
                task.examples.as_mut().expect("set").items.swap(0, 1);
            }),
            ("count of examples", |task| {
                task.examples.as_mut().expect("set").count = 1;
            }),
            ("examples", |task| task.examples = None),
            ("truncate", |task| task.truncate = Truncate::Tail),
            ("calibration", |task| task.calibration = Calibration::Contextual),
        ],
    ),
    (
        MULTILABEL,
        &[
            ("label_threshold", |task| task.label_threshold = 0.4),
            ("kind", |task| task.kind = refuel_task::Kind::LABEL),
        ],
    ),
    (
        COMPLETE,
        &[
            ("max_tokens", |task| task.generation.max_tokens = 21),
            ("stop", |task| task.generation.stop.push("y".to_owned())),
        ],
    ),
    (
        EXTRACT,
        &[
            ("name of a field", |task| task.fields[0].name.push('s')),
            ("description of a field", |task| task.fields[0].description = None),
            ("order of fields", |task| task.fields.swap(0, 1)),
            ("shape of a field", |task| {
                task.fields[0].shape = refuel_task::Shape::Boolean;
            }),
            ("bounds of a field", |task| {
                task.fields[1].shape = refuel_task::Shape::Number {
                    least: None,
                    most: None,
                };
            }),
            ("what must be there", |task| task.fields[0].required = true),
            ("what may be null", |task| task.fields[0].nullable = false),
            ("max_tokens", |task| task.generation.max_tokens = 21),
        ],
    ),
    (
        ANSWER,
        &[
            ("guidelines", |task| task.guidelines.push('!')),
            ("no_answer_threshold", |task| task.no_answer_threshold = 0.6),
            ("max_tokens", |task| task.generation.max_tokens = 21),
        ],
    ),
    (
        SIMILAR,
        &[
            ("count", |task| task.examples.as_mut().expect("set").count = 1),
            ("select", |task| {
                task.examples.as_mut().expect("set").select = refuel_task::Selection::Diverse;
            }),
            ("embedding model", |task| {
                task.examples.as_mut().expect("set").model = None;
            }),
            ("the last of the items", |task| {
                drop(task.examples.as_mut().expect("set").items.pop());
            }),
        ],
    ),
];

#[test]
fn each_thing_that_can_change_an_answer_changes_it() {
    for (text, changes) in WITH_EFFECT {
        let before = task(text).fingerprint();
        for (name, change) in *changes {
            let mut changed = task(text);
            change(&mut changed);
            assert_ne!(changed.fingerprint(), before, "{name}");
        }
    }
}

#[test]
fn examples_that_are_not_shown_do_not_change_it() {
    let mut few = task(LABEL);
    few.examples.as_mut().expect("set").count = 1;
    let before = few.fingerprint();
    few.examples.as_mut().expect("set").items.pop();
    assert_eq!(few.fingerprint(), before);
}

#[test]
fn the_embedding_model_that_chooses_examples_counts_by_its_digest() {
    let similar = task(SIMILAR);
    let with = |digest| similar.fingerprint_with_embedding_digest(digest);
    assert_eq!(with("aaaaaa"), with("aaaaaa"));
    assert_ne!(with("aaaaaa"), with("bbbbbb"));
    assert_ne!(with("aaaaaa"), similar.fingerprint());
    let fixed = task(LABEL);
    assert_eq!(
        fixed.fingerprint_with_embedding_digest("aaaaaa"),
        fixed.fingerprint(),
        "it chooses nothing here"
    );
}

/// Caches outlive versions: a fingerprint that changes by accident asks everything again. Where this fails because the
/// wording was changed on purpose, raise `LAYOUT_VERSION` and take the new value.
#[test]
fn fingerprints_stay_the_same_from_one_version_to_the_next() {
    insta::assert_snapshot!(task(LABEL).fingerprint(), @"76975843aa901adb474f5d877e3d63addc5711a2e53fe8a4634e87ec06ed382b");
    insta::assert_snapshot!(task(MULTILABEL).fingerprint(), @"f360bb288828beb31db990439dd6621019cfac34014aa92af6d4e47d0e0aec5d");
    insta::assert_snapshot!(task(COMPLETE).fingerprint(), @"051678979b526f242879701c7564db19f86cf4208b7bf2c9c8868a6c409bd355");
    insta::assert_snapshot!(task(EXTRACT).fingerprint(), @"34535b1ddb1ca93f229a23c9fef6b06cd190d46fae1c6d2a800c09ca1ad3e599");
    insta::assert_snapshot!(task(ANSWER).fingerprint(), @"9e790b99d611c91e35556805c399c9fd1324cd93e513bbc7ad2e0c2fb9c331ee");
    insta::assert_snapshot!(task(SIMILAR).fingerprint(), @"b8e767982e27049b5a4697d246b8019d90b8da6aa45cdc769c8db2d7eb7ab25d");
}

proptest! {
    /// Whatever people do to what no answer depends on, in any combination, the fingerprint stays.
    #[test]
    fn what_changes_no_answer_keeps_it(
        picks in prop::collection::vec(prop::sample::select(WITHOUT_EFFECT), 0..8),
        text in prop::sample::select(vec![LABEL, MULTILABEL, COMPLETE, EXTRACT, ANSWER, SIMILAR]),
    ) {
        let before = task(text).fingerprint();
        let mut changed = task(text);
        for (_, change) in &picks {
            change(&mut changed);
        }
        prop_assert_eq!(changed.fingerprint(), before, "{:?}", picks.iter().map(|(name, _)| name).collect::<Vec<_>>());
    }

    /// A change that an answer depends on is seen through any changes that none does.
    #[test]
    fn what_changes_an_answer_shows_through(
        picks in prop::collection::vec(prop::sample::select(WITHOUT_EFFECT), 0..4),
        (text, index) in prop::sample::select(WITH_EFFECT).prop_flat_map(|(text, changes)| (Just(text), 0..changes.len())),
    ) {
        let changes = WITH_EFFECT.iter().find(|(task, _)| *task == text).expect("the task").1;
        let mut changed = task(text);
        for (_, change) in &picks {
            change(&mut changed);
        }
        (changes[index].1)(&mut changed);
        prop_assert_ne!(changed.fingerprint(), task(text).fingerprint());
    }

    /// The order of keys in the file does not matter.
    #[test]
    fn keys_can_be_in_any_order(order in Just(vec![
        "name: a", "kind: label", "input: body", "guidelines: What?", "labels: [x, y]", "truncate: tail",
        "calibration: contextual", "examples: [{label: x, input: q}]",
    ]).prop_shuffle()) {
        let sorted = {
            let mut lines = order.clone();
            lines.sort_unstable();
            task(&lines.join("\n"))
        };
        prop_assert_eq!(task(&order.join("\n")).fingerprint(), sorted.fingerprint());
    }
}
