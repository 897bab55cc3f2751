//! Reads `reference`: a table that missing fields are taken from.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::super::fields::{Fields, text, wrong_type};
use super::{folder_for, invalid};
use crate::error::{Place, TaskError};
use crate::examples::each_record;
use crate::input::{InputSpec, Part, Record};
use crate::shape::{self, Field};
use crate::values::{MOST_ENTRIES, Reference, is_there, key_of};
use crate::yaml::{Content, Node};

/// Keys of a reference table.
pub(crate) const REFERENCE_KEYS: [&str; 3] = ["from", "items", "key"];

pub(super) fn read(
    node: Node,
    fields: &[Field],
    input: &InputSpec,
    folder: Option<&Path>,
) -> Result<Reference, TaskError> {
    let mut keys = Fields::open(node, &REFERENCE_KEYS)?;
    let place = keys.place.clone();
    let key = keys.require("key", "name the columns that a row is found by: key: name")?;
    let key = read_key(key, input)?;
    let mut gathered = Gathered {
        reference: Reference {
            fields: fields
                .iter()
                .map(|field| field.name.clone())
                .filter(|name| !key.contains(name))
                .collect(),
            key,
            ..Reference::default()
        },
        differing: HashSet::new(),
        hasher: blake3::Hasher::new(),
        has_fields: false,
    };
    match (keys.take("from"), keys.take("items")) {
        (Some(from), None) => {
            let named_at = from.place.clone();
            let shown = text(from)?;
            let folder = folder_for(
                folder,
                &named_at,
                &shown,
                "put the rows into the task: reference: {items: [...], key: ...}",
            )?;
            each_record(&folder.join(&shown), &shown, &named_at, &mut |place, record| {
                gathered.add(fields, &record, &place)
            })?;
        }
        (None, Some(items)) => {
            let Content::List(items) = items.content else {
                return Err(wrong_type(&items, "a list of rows"));
            };
            for item in items {
                let Value::Object(record) = item.to_json() else {
                    return Err(wrong_type(&item, "a map of columns"));
                };
                gathered.add(fields, &record, &item.place)?;
            }
        }
        (Some(_), Some(items)) => {
            return Err(invalid(
                &items.place,
                "\"reference\" has both \"from\" and \"items\"",
                "keep one of the two",
            ));
        }
        (None, None) => {
            return Err(TaskError::MissingKey {
                place,
                key: "from".to_owned(),
                context: " or \"items\" in \"reference\"".to_owned(),
                hint: "name the table: reference: {from: companies.csv, key: name}".to_owned(),
            });
        }
    }
    gathered.finish(&place)
}

fn read_key(node: Node, input: &InputSpec) -> Result<Vec<String>, TaskError> {
    let columns = match node.content {
        Content::List(items) => items,
        _ => vec![node],
    };
    let known = match input {
        InputSpec::One(Part::Record(known)) => Some(known),
        _ => None,
    };
    let mut key = Vec::with_capacity(columns.len());
    for column in columns {
        let place = column.place.clone();
        let column = text(column)?;
        if known.is_some_and(|known| !known.contains(&column)) {
            return Err(invalid(
                &place,
                format!("the task does not read the column \"{column}\", so no row is found by it"),
                "add it to the task's \"input\"",
            ));
        }
        key.push(column);
    }
    Ok(key)
}

/// Rows as they come together.
struct Gathered {
    reference: Reference,
    /// Keys with the places of values in which their rows differ.
    differing: HashSet<(String, usize)>,
    hasher: blake3::Hasher,
    has_fields: bool,
}

impl Gathered {
    fn add(&mut self, fields: &[Field], record: &Record, place: &Place) -> Result<(), TaskError> {
        for column in &self.reference.key {
            if !record.contains_key(column) {
                return Err(TaskError::MissingKey {
                    place: place.clone(),
                    key: column.clone(),
                    context: String::new(),
                    hint: "\"key\" names columns of the table, which are also read of the record".to_owned(),
                });
            }
        }
        let mut values = Vec::with_capacity(self.reference.fields.len());
        for name in &self.reference.fields {
            let given = record.get(name);
            self.has_fields |= given.is_some();
            let field = fields.iter().find(|field| field.name == *name);
            values.push(match (given.filter(|value| is_there(value)), field) {
                (Some(value), Some(field)) => {
                    shape::checked(&field.shape, value, name).map_err(|problem| TaskError::Invalid {
                        place: place.clone(),
                        message: format!("the row of the reference table can't be used: {}", problem.message),
                        hint: problem.hint,
                    })?
                }
                _ => Value::Null,
            });
        }
        // A row without its key is found by nobody.
        let Some(key) = key_of(&self.reference.key, record) else {
            return Ok(());
        };
        self.hasher.update(&(key.len() as u64).to_le_bytes());
        self.hasher.update(key.as_bytes());
        let written = Value::Array(values.clone()).to_string();
        self.hasher.update(&(written.len() as u64).to_le_bytes());
        self.hasher.update(written.as_bytes());
        match self.reference.rows.get_mut(&key) {
            None => {
                if self.reference.rows.len() == MOST_ENTRIES {
                    return Err(invalid(
                        place,
                        format!("a reference table has at most {MOST_ENTRIES} rows"),
                        "keep the rows that are needed",
                    ));
                }
                self.reference.rows.insert(key, values);
            }
            Some(known) => {
                for (at, value) in values.into_iter().enumerate().filter(|(_, value)| !value.is_null()) {
                    if known[at].is_null() && !self.differing.contains(&(key.clone(), at)) {
                        known[at] = value;
                    } else if known[at] != value {
                        known[at] = Value::Null;
                        self.differing.insert((key.clone(), at));
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(mut self, place: &Place) -> Result<Reference, TaskError> {
        if !self.has_fields {
            return Err(invalid(
                place,
                "the reference table has none of the task's fields",
                "its columns are called as the fields are",
            ));
        }
        self.reference.hash = self.hasher.finalize().to_hex().to_string();
        Ok(Reference {
            rows: std::mem::take(&mut self.reference.rows),
            ..self.reference
        })
    }
}
