//! The hash of everything in a task that can change an answer.

use serde_json::{Value, json};

use crate::examples::{ExampleSet, Selection};
use crate::input::{InputSpec, Part};
use crate::prompt::LAYOUT_VERSION;
use crate::shape;
use crate::task::Task;

/// BLAKE3 over JSON with a fixed order of keys, in 64 hexadecimal digits. `embedding` is the digest of the model that
/// chooses examples.
pub(crate) fn of(task: &Task, embedding: Option<&str>) -> String {
    blake3::hash(canonical(task, embedding).to_string().as_bytes())
        .to_hex()
        .to_string()
}

/// What is hashed. What a kind does not take is not in it, and neither is what only people or data read: name, version,
/// description, owner, tags, aliases, threshold, confidence, fallback, `on_error`, and the model, which caches key by its
/// digest.
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
    Value::Array(fields.into_iter().map(|(key, value)| json!([key, value])).collect())
}

fn input(spec: &InputSpec) -> Value {
    let part = |part: &Part| match part {
        Part::Column(column) => json!(["column", column]),
        Part::Columns(columns) => json!(["columns", columns]),
        Part::Template(template) => json!(["template", template.source()]),
    };
    match spec {
        InputSpec::One(one) => part(one),
        InputSpec::Two { a, b } => json!([part(a), part(b)]),
    }
}

/// For `fixed`, the examples that are shown, in their order: those that are not, change nothing. For the others, all
/// that are chosen from and how.
fn examples(set: &ExampleSet, embedding: Option<&str>) -> Value {
    let solved = |example: &crate::Example| json!([example.input.text, example.input.sides, example.answer]);
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
