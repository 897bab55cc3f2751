//! Specifications of tasks: checked before they are kept, or made for calls without a task. No database here.

use refuel_task::{OnError, Task};
use serde_json::{Map, Value, json};

use crate::error::Failure;

/// The keys of the options of `refuel_complete`.
pub(crate) const OPTIONS: [&str; 3] = ["guidelines", "max_tokens", "stop"];

/// What tasks are called that stand for a call of their own.
const EMBED_NAME: &str = "refuel_embed";
const COMPLETE_NAME: &str = "refuel_complete";

/// A specification that is right, and what of it the catalog has columns for.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The task's name.
    pub(super) name: String,
    /// The specification.
    pub(super) json: String,
    /// The task's kind.
    pub(super) kind: &'static str,
    /// The model, by `name` or `name@digest`.
    pub(super) model: String,
    /// What a row without an answer does.
    pub(super) on_error: OnError,
}

/// Checks a specification that is to be kept under a name. A version in it is left out: the catalog counts them.
pub(super) fn check(name: &str, json: &str) -> Result<Checked, Failure> {
    let mut value: Value = serde_json::from_str(json).map_err(|_| Failure::Encoding)?;
    if let Value::Object(fields) = &mut value {
        match fields.get("name") {
            Some(Value::String(inner)) if inner != name => {
                return Err(Failure::SpecName {
                    name: name.to_owned(),
                    inner: inner.clone(),
                });
            }
            _ => fields.insert("name".to_owned(), name.into()),
        };
        fields.shift_remove("version");
    }
    read(&value, "spec")
}

/// Reads a specification; `source` is what errors call it.
fn read(value: &Value, source: &str) -> Result<Checked, Failure> {
    let task = Task::from_catalog(value, source)?;
    Ok(Checked {
        json: value.to_string(),
        kind: task.kind.name(),
        model: task.model_name(),
        on_error: task.on_error,
        name: task.name,
    })
}

/// The task that `refuel_embed` stands for.
pub(super) fn embed(model: &str) -> Result<Checked, Failure> {
    let value = json!({"name": EMBED_NAME, "kind": "embed", "input": "input", "model": model});
    read(&value, EMBED_NAME)
}

/// The task that `refuel_complete` stands for.
pub(super) fn complete(model: &str, options: &str) -> Result<Checked, Failure> {
    let Ok(Value::Object(options)) = serde_json::from_str(options) else {
        return Err(Failure::NotOptions);
    };
    let mut fields = Map::from_iter([
        ("name".to_owned(), COMPLETE_NAME.into()),
        ("kind".to_owned(), "complete".into()),
        ("input".to_owned(), "prompt".into()),
        ("model".to_owned(), model.into()),
    ]);
    for (key, value) in options {
        if !OPTIONS.contains(&key.as_str()) {
            return Err(Failure::UnknownOption { option: key });
        }
        fields.insert(key, value);
    }
    read(&Value::Object(fields), COMPLETE_NAME)
}

/// The word that the catalog keeps.
pub(super) fn on_error_name(on_error: OnError) -> &'static str {
    match on_error {
        OnError::Fail => "fail",
        OnError::Null => "null",
        OnError::Capture => "capture",
    }
}

/// The reverse of [`on_error_name`]; the catalog's table holds no other words.
pub(super) fn on_error_named(name: &str) -> OnError {
    match name {
        "fail" => OnError::Fail,
        "null" => OnError::Null,
        _ => OnError::Capture,
    }
}

/// The name of a model: grants are on names, whatever digest a task pins.
pub(super) fn without_digest(model: &str) -> &str {
    model.split_once('@').map_or(model, |(name, _)| name)
}

/// A specification with the number of its version.
pub(super) fn with_version(json: &str, version: &str) -> String {
    match serde_json::from_str(json) {
        Ok(Value::Object(mut fields)) => {
            fields.insert("version".to_owned(), version.parse::<u32>().unwrap_or_default().into());
            Value::Object(fields).to_string()
        }
        _ => json.to_owned(),
    }
}
