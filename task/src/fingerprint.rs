//! The hash of everything in a task that can change an answer.

use serde_json::{Value, json};

use crate::examples::{ExampleSet, Selection};
use crate::input::{InputSpec, Part};
use crate::prompt::LAYOUT_VERSION;
use crate::shape;
use crate::strategy::{LabelRule, Strategy};
use crate::task::Task;

/// BLAKE3 over JSON with a fixed order of keys, in 64 hexadecimal digits. `embedding` is the digest of the model that
/// chooses examples.
pub(crate) fn of(task: &Task, embedding: Option<&str>) -> String {
    blake3::hash(canonical(task, embedding).to_string().as_bytes())
        .to_hex()
        .to_string()
}

/// What is hashed. What a kind does not take is not in it, and neither is what only people or data read: name, version,
/// description, owner, tags, aliases, threshold, confidence, what was calibrated, fallback, `on_error`, and models and heads, which caches key by
/// their digests. What a cascade keeps is in its head.
fn canonical(task: &Task, embedding: Option<&str>) -> Value {
    let takes = |key: &str| task.kind.rules().keys().contains(&key);
    let mut fields = vec![
        ("layout", json!(LAYOUT_VERSION)),
        ("kind", json!(task.kind)),
        ("input", input(&task.input)),
        ("truncate", json!(task.truncate)),
    ];
    if takes("guidelines") {
        fields.push(("guidelines", json!(task.guidelines)));
    }
    if takes("labels") {
        let labels = task
            .labels
            .iter()
            .map(|label| json!([label.name, label.description]))
            .collect();
        fields.push(("labels", Value::Array(labels)));
    }
    if takes("fields") {
        fields.push(("fields", shape::spec(&task.fields)));
    }
    if let Some(set) = task.examples.as_ref().filter(|_| takes("examples")) {
        fields.push(("examples", examples(set, embedding)));
    }
    if takes("calibration") {
        fields.push(("calibration", json!(task.calibration)));
    }
    if takes("label_threshold") {
        fields.push(("label_threshold", json!(task.label_threshold)));
    }
    if takes("no_answer_threshold") {
        fields.push(("no_answer_threshold", json!(task.no_answer_threshold)));
    }
    if takes("max_tokens") {
        fields.push(("generation", json!([task.generation.max_tokens, task.generation.stop])));
    }
    if let Some(table) = &task.table {
        fields.push(("table", json!(table)));
    }
    if let Some(rules) = &task.value_rules {
        fields.push(("values", rules.canonical()));
    }
    // Nothing of these is there for a task that leaves all to the model: its answers are those of before.
    if task.strategy != Strategy::Model {
        fields.push(("strategy", json!(task.strategy)));
    }
    if !task.label_rules.is_empty() {
        let rule = |rule: &LabelRule| json!([rule.condition.key(), rule.condition.texts(), rule.label]);
        fields.push(("rules", task.label_rules.iter().map(rule).collect()));
    }
    if task.strategy.reads_every_example() {
        fields.push(("learned_from", task.solved().iter().map(solved).collect()));
    }
    Value::Array(fields.into_iter().map(|(key, value)| json!([key, value])).collect())
}

fn input(spec: &InputSpec) -> Value {
    let part = |part: &Part| match part {
        Part::Column(column) => json!(["column", column]),
        Part::Columns(columns) => json!(["columns", columns]),
        Part::Template(template) => json!(["template", template.source()]),
        Part::Record(columns) => json!(["record", columns]),
        Part::Object(column) => json!(["object", column]),
    };
    match spec {
        InputSpec::One(one) => part(one),
        InputSpec::Two { a, b } => json!([part(a), part(b)]),
    }
}

fn solved(example: &crate::Example) -> Value {
    json!([example.input.text, example.input.sides, example.answer])
}

/// For `fixed`, the examples that are shown, in their order: those that are not, change nothing. For the others, all
/// that are chosen from and how.
fn examples(set: &ExampleSet, embedding: Option<&str>) -> Value {
    if set.select == Selection::Fixed {
        return Value::Array(set.shared(&[]).into_iter().map(solved).collect());
    }
    let model = set.model.as_ref().map(ToString::to_string);
    json!([
        set.select,
        set.count,
        set.balance,
        model,
        embedding,
        set.items.iter().map(solved).collect::<Vec<_>>()
    ])
}
