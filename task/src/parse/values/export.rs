//! Puts what a task's rules name into the task, as a catalog keeps it.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::fields::text;
use super::{clean, invalid};
use crate::error::TaskError;
use crate::examples::read_records;
use crate::task::{LARGEST_FILE, Task};
use crate::values::{Entry, Normalization, ValueRules};
use crate::yaml::{Content, Node};

/// The value of a key of the rules without the file that it names. None where the key is none of theirs, or names none.
pub(in super::super) fn export(key: &str, node: &Node, task: &Task, folder: &Path) -> Result<Option<Value>, TaskError> {
    let taken = match (key, &task.value_rules, &node.content) {
        ("vocabulary", Some(ValueRules::Normalize(Normalization::Vocabulary { terms, .. })), Content::Map(_)) => {
            Some(terms.entries().iter().map(entry).collect())
        }
        ("dictionary", Some(ValueRules::Clean(_)), Content::Text(shown)) => {
            let words = clean::read_words(shown, &node.place, Some(folder))?;
            let lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
            Some(lines.map(Value::from).collect())
        }
        // A map, whose keys a catalog would sort.
        ("dictionary", Some(ValueRules::Clean(_)), Content::Map(words)) => {
            let lines = words
                .iter()
                .map(|(word, _, count)| format!("{word} {}", count.to_json()));
            Some(lines.map(Value::from).collect())
        }
        ("reference", Some(ValueRules::Enrich(_)), Content::Map(set)) => reference(set, folder)?,
        _ => None,
    };
    match taken {
        Some(value) if value.to_string().len() as u64 > LARGEST_FILE => Err(invalid(
            &node.place,
            format!(
                "\"{key}\" has more than {} MB, which is too much for a catalog",
                LARGEST_FILE >> 20
            ),
            "keep what is needed, or ask the task by a project or by `refuel label`",
        )),
        taken => Ok(taken),
    }
}

fn entry(entry: &Entry) -> Value {
    let mut kept = Map::from_iter([("value".to_owned(), json!(entry.value))]);
    if entry.id != entry.value {
        kept.insert("id".to_owned(), json!(entry.id));
    }
    if !entry.aliases.is_empty() {
        kept.insert("aliases".to_owned(), json!(entry.aliases));
    }
    Value::Object(kept)
}

fn reference(set: &[(String, crate::error::Place, Node)], folder: &Path) -> Result<Option<Value>, TaskError> {
    let Some((_, _, from)) = set.iter().find(|(key, ..)| key == "from") else {
        return Ok(None);
    };
    let shown = text(from.clone())?;
    let rows = read_records(&folder.join(&shown), &shown, &from.place)?;
    let items = rows.into_iter().map(|(_, record)| Value::Object(record)).collect();
    let mut kept = Map::from_iter([("items".to_owned(), items)]);
    for (key, _, value) in set.iter().filter(|(key, ..)| key != "from") {
        kept.insert(key.clone(), value.to_json());
    }
    Ok(Some(Value::Object(kept)))
}
