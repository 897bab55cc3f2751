//! Changes of tasks.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::changes::{KeyChange, TaskEffect, changed_keys, changed_lines};
use super::snapshot::TaskState;

/// Keys that decide what becomes of an answer, once it is given.
const GATE_KEYS: [&str; 6] = [
    "threshold",
    "target_precision",
    "calibrated",
    "confidence",
    "fallback",
    "on_error",
];
/// Keys that only people read.
const COSMETIC_KEYS: [&str; 4] = ["version", "description", "owner", "tags"];

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
}

/// A change of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskChange {
    /// The task's name.
    pub name: String,
    /// What became of it.
    pub kind: TaskChangeKind,
    /// What follows: the most that follows from any of its keys.
    pub effect: TaskEffect,
    /// The keys that changed. Of a list of labels, each label is a key, and what it says one below: `labels.refund.description`.
    pub keys: Vec<KeyChange>,
    /// The lines of the guidelines that changed, as a unified diff.
    pub guidelines: Option<String>,
}

/// What changed from one state of a task to another, and what follows from it; None where nothing did.
///
/// What decides is the fingerprint: an example that is never shown is in the file, and changes nothing.
pub fn compare_tasks(name: &str, before: &TaskState, after: &TaskState) -> Option<TaskChange> {
    let is_breaking = before.fingerprint != after.fingerprint || before.keys.get("model") != after.keys.get("model");
    let mut keys = Vec::new();
    let mut guidelines = None;
    for change in changed_keys(&before.keys, &after.keys) {
        match change.key.as_str() {
            "labels" => keys.extend(labels(&change)),
            "examples" => keys.push(examples(&change)),
            key => {
                if key == "guidelines" {
                    let text = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or("").to_owned();
                    guidelines = Some(changed_lines(&text(&change.before), &text(&change.after)));
                }
                // A threshold of these decides what is merged, and what is proposed.
                let effect = if is_of_relations(after) && !COSMETIC_KEYS.contains(&key) {
                    TaskEffect::Breaking
                } else {
                    effect(key)
                };
                keys.push(KeyChange {
                    effect: Some(effect),
                    ..change
                });
            }
        }
    }
    if keys.is_empty() && !is_breaking {
        return None;
    }
    if !is_breaking {
        for key in &mut keys {
            key.effect = key.effect.map(|effect| match effect {
                TaskEffect::Breaking => TaskEffect::Cosmetic,
                other => other,
            });
        }
    }
    let most = keys.iter().filter_map(|key| key.effect).max();
    Some(TaskChange {
        name: name.to_owned(),
        kind: TaskChangeKind::Changed,
        effect: if is_breaking {
            TaskEffect::Breaking
        } else {
            most.unwrap_or(TaskEffect::Cosmetic)
        },
        keys,
        guidelines,
    })
}

/// Whether a task is applied to relations as a whole.
fn is_of_relations(task: &TaskState) -> bool {
    let kind = task.keys.get("kind").and_then(Value::as_str);
    matches!(kind, Some("resolve" | "repair"))
}

fn effect(key: &str) -> TaskEffect {
    if GATE_KEYS.contains(&key) {
        TaskEffect::Regate
    } else if COSMETIC_KEYS.contains(&key) {
        TaskEffect::Cosmetic
    } else {
        TaskEffect::Breaking
    }
}

/// Each label that is new, gone or described otherwise; and their order, where it is another.
fn labels(change: &KeyChange) -> Vec<KeyChange> {
    let by_name = |value: &Option<Value>| -> Map<String, Value> {
        let labels = value.as_ref().and_then(Value::as_array).into_iter().flatten();
        labels.filter_map(Value::as_object).filter_map(named).collect()
    };
    let (before, after) = (by_name(&change.before), by_name(&change.after));
    let mut changes = Vec::new();
    for label in changed_keys(&before, &after) {
        let key = format!("labels.{}", label.key);
        if let (Some(Value::Object(old)), Some(Value::Object(new))) = (&label.before, &label.after) {
            changes.extend(changed_keys(old, new).into_iter().map(|change| KeyChange {
                // The model never sees other spellings.
                effect: Some(if change.key == "aliases" {
                    TaskEffect::Cosmetic
                } else {
                    TaskEffect::Breaking
                }),
                key: format!("{key}.{}", change.key),
                ..change
            }));
        } else {
            changes.push(KeyChange {
                key,
                effect: Some(TaskEffect::Breaking),
                ..label
            });
        }
    }
    let kept = |labels: &Map<String, Value>, others: &Map<String, Value>| -> Vec<String> {
        labels
            .keys()
            .filter(|name| others.contains_key(*name))
            .cloned()
            .collect()
    };
    let (old_order, new_order) = (kept(&before, &after), kept(&after, &before));
    if old_order != new_order {
        changes.push(KeyChange {
            key: "labels, their order".to_owned(),
            before: Some(old_order.into()),
            after: Some(new_order.into()),
            effect: Some(TaskEffect::Breaking),
        });
    }
    changes
}

/// A label's name, and all else that it says.
fn named(label: &Map<String, Value>) -> Option<(String, Value)> {
    let mut label = label.clone();
    let name = label.shift_remove("name")?.as_str()?.to_owned();
    Some((name, Value::Object(label)))
}

/// How many examples came and went, rather than all of them.
fn examples(change: &KeyChange) -> KeyChange {
    let items = |value: &Option<Value>| -> Vec<Value> {
        let items = value
            .as_ref()
            .and_then(|set| set.get("items"))
            .and_then(Value::as_array);
        items.cloned().unwrap_or_default()
    };
    let rest = |value: &Option<Value>| {
        let mut set = value.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        set.shift_remove("items");
        set
    };
    let (before, after) = (items(&change.before), items(&change.after));
    let missing = |from: &[Value], others: &[Value]| from.iter().filter(|item| !others.contains(item)).count();
    let mut was = Map::from_iter([("items".to_owned(), json!(before.len()))]);
    let mut is = Map::from_iter([
        ("items".to_owned(), json!(after.len())),
        ("added".to_owned(), json!(missing(&after, &before))),
        ("removed".to_owned(), json!(missing(&before, &after))),
    ]);
    for key in changed_keys(&rest(&change.before), &rest(&change.after)) {
        was.extend(key.before.map(|value| (key.key.clone(), value)));
        is.extend(key.after.map(|value| (key.key, value)));
    }
    KeyChange {
        key: change.key.clone(),
        before: change.before.as_ref().map(|_| Value::Object(was)),
        after: change.after.as_ref().map(|_| Value::Object(is)),
        effect: Some(TaskEffect::Breaking),
    }
}
