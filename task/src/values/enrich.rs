//! Records of which fields are missing, and tables that these are taken from.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::input::{Record, text_of};
use crate::shape::{self, Field, Shape};
use crate::task::Task;

/// A table that missing fields are taken from.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    /// The columns that a row is found by. They are read of the record and of the table.
    pub key: Vec<String>,
    /// What fields the table has, in the order of the task.
    pub(crate) fields: Vec<String>,
    /// The values of [`Reference::fields`] by the key; null where there is none, or where rows with the same key differ.
    pub(crate) rows: BTreeMap<String, Vec<Value>>,
    /// Hash of the table.
    pub(crate) hash: String,
}

/// A record on its way to being whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Enriched {
    /// What is known of the record: what it came with, and what was found.
    pub known: Record,
    /// Fields that the reference table had, in the order of the task.
    pub found: Vec<String>,
    /// Fields that are still missing, in the order of the task.
    pub missing: Vec<Field>,
}

/// The key of a row, of the values of its key columns. None where one is missing.
pub(crate) fn key_of(columns: &[String], record: &Record) -> Option<String> {
    let mut key = String::new();
    for column in columns {
        let value = record.get(column).filter(|value| is_there(value))?;
        let text = text_of(value);
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        key.push_str(&format!("{}:{}", text.trim().len(), text.trim()));
    }
    Some(key)
}

/// Whether a value is something: not null, not blank text, no empty list or object.
pub(crate) fn is_there(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// What is there of a record, in its order.
pub(crate) fn present(record: &Record) -> Record {
    let there = record.iter().filter(|(_, value)| is_there(value));
    there.map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl Reference {
    /// Values of missing fields of a record.
    fn of(&self, record: &Record) -> impl Iterator<Item = (&str, &Value)> {
        let row = key_of(&self.key, record).and_then(|key| self.rows.get(&key));
        let names = self.fields.iter().map(String::as_str);
        names
            .zip(row.into_iter().flatten())
            .filter(|(_, value)| !value.is_null())
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Task {
    /// What is known of a record and what is missing of it, by the reference table where the task has one. For tasks of
    /// kind `enrich`. `text` is what [`Task::render_input`] made of the row: a JSON object.
    ///
    /// # Errors
    /// In words, where the text is no JSON object.
    pub fn enriched(&self, text: &str) -> Result<Enriched, String> {
        let mut known: Record =
            serde_json::from_str(text).map_err(|error| format!("the record is no JSON object: {error}"))?;
        let is_missing = |known: &Record, field: &str| known.get(field).is_none_or(|value| !is_there(value));
        let mut found = Vec::new();
        if let Some(super::ValueRules::Enrich(reference)) = &self.value_rules {
            let values: Vec<(String, Value)> = reference
                .of(&known)
                .filter(|(field, _)| is_missing(&known, field))
                .map(|(field, value)| (field.to_owned(), value.clone()))
                .collect();
            for (field, value) in values {
                found.push(field.clone());
                known.insert(field, value);
            }
        }
        let missing = self.fields.iter().filter(|field| is_missing(&known, &field.name));
        Ok(Enriched {
            missing: missing.map(written_freely).collect(),
            known,
            found,
        })
    }

    /// The fields of a task of kind `enrich` with the values that a record has: those that it came with are never changed
    /// but for their type (`"12"` is 12 in a field of numbers), those of `made` come in where there are none. A field
    /// without a value is null, and left out where it may not be.
    pub fn completed(&self, known: &Record, made: &Map<String, Value>) -> Value {
        let mut whole = Map::with_capacity(self.fields.len());
        for field in &self.fields {
            let own = known.get(&field.name).filter(|value| is_there(value));
            let value = match own {
                // What doesn't fit stays as it is: a model has no say in what somebody wrote.
                Some(own) => shape::typed(&field.shape, own).unwrap_or_else(|| own.clone()),
                None => made.get(&field.name).cloned().unwrap_or_default(),
            };
            if !value.is_null() || field.nullable {
                whole.insert(field.name.clone(), value);
            }
        }
        Value::Object(whole)
    }
}

/// A field whose texts need not be pieces of the record: what is missing is not in it.
fn written_freely(field: &Field) -> Field {
    Field {
        shape: freely(&field.shape),
        ..field.clone()
    }
}

fn freely(shape: &Shape) -> Shape {
    match shape {
        Shape::Text(text) => Shape::Text(shape::TextShape {
            span: false,
            ..text.clone()
        }),
        Shape::Object(fields) => Shape::Object(fields.iter().map(written_freely).collect()),
        Shape::List { items, most } => Shape::List {
            items: Box::new(freely(items)),
            most: *most,
        },
        other => other.clone(),
    }
}
