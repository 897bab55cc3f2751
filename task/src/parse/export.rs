//! Makes a task file into what a catalog keeps: one JSON value that names no file and whose maps may be put into any
//! order.

use std::path::Path;

use serde_json::{Map, Value};

use super::fields::text;
use super::{Unchosen, input, tables, task, values};
use crate::error::{Place, TaskError};
use crate::examples::{Example, read_records};
use crate::input::{InputSpec, Part, Record, text_of};
use crate::task::Task;
use crate::yaml::{Content, Node};

/// See [`Task::export`].
pub(super) fn export(yaml: &str, source: &str, folder: &Path) -> Result<Value, TaskError> {
    let node = Node::from_yaml(yaml, source)?;
    let task = task::read(node.clone(), source, Some(folder), Unchosen::Refused)?;
    let mut spec = Map::from_iter([("name".to_owned(), Value::from(task.name.as_str()))]);
    let Content::Map(entries) = node.content else {
        return Ok(Value::Object(spec));
    };
    for (key, _, value) in entries {
        let value = match (key.as_str(), &value.content) {
            ("labels", Content::Map(_)) => labels(&task),
            // Both as the list, because the model writes fields in their order.
            ("fields" | "schema", _) => {
                spec.insert("fields".to_owned(), crate::shape::spec(&task.fields));
                continue;
            }
            ("examples", Content::Map(set)) => match &task.table {
                Some(table) => tables::solved(table),
                None => examples(&value, set, &task, folder)?,
            },
            (name, _) => match values::export(name, &value, &task, folder)? {
                Some(value) => value,
                None => value.to_json(),
            },
        };
        spec.insert(key, value);
    }
    let spec = Value::Object(spec);
    // What was exported must be a task, and the same one.
    Task::from_catalog(&spec, source)?;
    Ok(spec)
}

/// A map of labels as a list, because the model reads them in their order and `jsonb` sorts keys.
fn labels(task: &Task) -> Value {
    let label = |label: &crate::Label| match &label.description {
        None => Value::from(label.name.as_str()),
        Some(description) => serde_json::json!({"name": label.name, "description": description}),
    };
    task.labels.iter().map(label).collect()
}

/// A set of examples with the rows of its file in place of the file's name and of the name of its column of answers.
fn examples(node: &Node, set: &[(String, Place, Node)], task: &Task, folder: &Path) -> Result<Value, TaskError> {
    let entry = |name: &str| {
        let found = set
            .iter()
            .find(|(key, _, value)| key == name && !matches!(value.content, Content::Null));
        found.map(|(_, _, value)| value)
    };
    let (Some(from), Some(answer_key)) = (entry("from"), task.kind.rules().answer_key()) else {
        return Ok(node.to_json());
    };
    let own_input = entry("input")
        .map(|node| input::read(node.clone(), task.kind))
        .transpose()?;
    let shown = text(from.clone())?;
    let records = read_records(&folder.join(&shown), &shown, &from.place)?;
    let written = match entry("items").map(Node::to_json) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let solved = task.examples.iter().flat_map(|examples| &examples.items);
    let of_file = records.into_iter().zip(solved.skip(written.len()));
    let of_file = of_file.map(|((_, record), example)| {
        let sides = task.kind.rules().sides().unwrap_or(["a", "b"]);
        let input = row(record, own_input.as_ref().unwrap_or(&task.input), example, sides);
        let item = [("input", input), (answer_key, example.answer.clone())];
        Value::from_iter(item.map(|(key, value)| (key.to_owned(), value)))
    });
    let items = written.iter().cloned().chain(of_file).collect();
    let mut kept = Map::from_iter([("items".to_owned(), items)]);
    for (key, _, value) in set {
        if key != "from" && key != "items" && key != answer_key {
            kept.insert(key.clone(), value.to_json());
        }
    }
    Ok(Value::Object(kept))
}

/// What stands for a solved row of a file: the columns that are read, or the text that a template made of them, because a
/// template can show a nested value, whose keys `jsonb` sorts.
fn row(mut record: Record, input: &InputSpec, example: &Example, [first, second]: [&str; 2]) -> Value {
    let columns = input.columns();
    let parts = match input {
        InputSpec::One(part) => vec![part],
        InputSpec::Two { a, b } => vec![a, b],
    };
    let templated = parts.iter().any(|part| matches!(part, Part::Template(_)));
    match (input, &example.input.sides) {
        (InputSpec::One(Part::Column(_) | Part::Template(_) | Part::Record(_) | Part::Object(_)), _) => {
            example.input.text.as_str().into()
        }
        // Texts of the sides are told from columns by their names.
        (InputSpec::Two { .. }, Some([a, b]))
            if templated && !columns.iter().all(|column| column == first || column == second) =>
        {
            serde_json::json!({first: a, second: b})
        }
        _ => {
            record.retain(|column, _| templated || columns.contains(column));
            for value in record
                .values_mut()
                .filter(|value| value.is_array() || value.is_object())
            {
                // The model reads it as JSON, whose keys `jsonb` would sort.
                *value = text_of(value).into_owned().into();
            }
            Value::Object(record)
        }
    }
}
