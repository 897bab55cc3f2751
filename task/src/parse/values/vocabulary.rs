//! Reads `vocabulary`: a list, a map of aliases, or a file.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::super::fields::{Fields, text, wrong_type};
use super::{folder_for, invalid};
use crate::error::{Place, TaskError, nearest};
use crate::examples::each_record;
use crate::input::{Record, text_of};
use crate::values::{Entry, MOST_ENTRIES, Terms};
use crate::yaml::{Content, Node};

/// Keys of a vocabulary that is a file.
pub(crate) const VOCABULARY_KEYS: [&str; 4] = ["from", "value", "id", "aliases"];
/// Keys of an entry that is written as a map.
pub(crate) const ENTRY_KEYS: [&str; 3] = ["value", "id", "aliases"];

const EXPECTED: &str = "a list of values, a map of values with their aliases, or a map with \"from\"";

pub(super) fn read(node: Node, folder: Option<&Path>) -> Result<Terms, TaskError> {
    let place = node.place.clone();
    let mut gathered = Gathered::default();
    match node.content {
        Content::List(items) => {
            for item in items {
                let place = item.place.clone();
                match item.content {
                    Content::Map(_) => read_entry(item, &mut gathered)?,
                    _ => gathered.add(None, &scalar(&item)?, &[], &place)?,
                }
            }
        }
        Content::Map(ref entries) if entries.iter().any(|(key, ..)| key == "from") => {
            read_file(node, folder, &mut gathered)?;
        }
        Content::Map(entries) => {
            for (value, place, aliases) in entries {
                let aliases = match aliases.content {
                    Content::Null => Vec::new(),
                    _ => read_aliases(aliases)?,
                };
                gathered.add(None, &value, &aliases, &place)?;
            }
        }
        _ => return Err(wrong_type(&node, EXPECTED)),
    }
    gathered.finish(&place)
}

fn read_entry(item: Node, gathered: &mut Gathered) -> Result<(), TaskError> {
    let mut fields = Fields::open(item, &ENTRY_KEYS)?;
    let place = fields.place.clone();
    let value = fields.require("value", "write the name of the entry")?;
    let id = fields.take("id").map(|node| scalar(&node)).transpose()?;
    let aliases = fields.take("aliases").map(read_aliases).transpose()?;
    gathered.add(id.as_deref(), &scalar(&value)?, &aliases.unwrap_or_default(), &place)
}

/// Text, or a number as it is written.
fn scalar(node: &Node) -> Result<String, TaskError> {
    match &node.content {
        Content::Text(text) => Ok(text.clone()),
        Content::Number(number) => Ok(number.to_string()),
        _ => Err(wrong_type(node, "text")),
    }
}

fn read_aliases(node: Node) -> Result<Vec<String>, TaskError> {
    match node.content {
        Content::List(items) => items.iter().map(scalar).collect(),
        Content::Text(_) | Content::Number(_) => Ok(vec![scalar(&node)?]),
        _ => Err(wrong_type(&node, "a list of texts")),
    }
}

/// A file, with the columns of the value, the identifier and the aliases.
fn read_file(node: Node, folder: Option<&Path>, gathered: &mut Gathered) -> Result<(), TaskError> {
    let mut fields = Fields::open(node, &VOCABULARY_KEYS)?;
    let from = fields.require("from", "name the file: vocabulary: {from: countries.csv}")?;
    let places = |key: &str| fields.place_of(key).cloned();
    let places = [places("value"), places("id"), places("aliases")];
    let value = fields.text("value")?.unwrap_or_else(|| "value".to_owned());
    let id = fields.text("id")?;
    let aliases = fields
        .take("aliases")
        .map(read_aliases)
        .transpose()?
        .unwrap_or_default();
    let named_at = from.place.clone();
    let shown = text(from)?;
    let folder = folder_for(
        folder,
        &named_at,
        &shown,
        "put the entries into the task: vocabulary: [{value: Germany, id: DE}]",
    )?;
    // What is wrong with a column is wrong where the task names it.
    let columns = Columns {
        file: &shown,
        places: &places,
        named_at: &named_at,
    };
    each_record(&folder.join(&shown), &shown, &named_at, &mut |place, record| {
        let name = text_of(columns.find(&record, &value, 0)?).into_owned();
        let id = id
            .as_deref()
            .map(|column| columns.find(&record, column, 1))
            .transpose()?;
        let id = id.map(text_of);
        let mut others = Vec::new();
        for column in &aliases {
            others.extend(alias_cell(columns.find(&record, column, 2)?));
        }
        gathered.add(id.as_deref(), &name, &others, &place)
    })
}

/// The columns of a file, as the task names them.
struct Columns<'a> {
    file: &'a str,
    /// Where the task names them: of `value`, `id` and `aliases`.
    places: &'a [Option<Place>; 3],
    named_at: &'a Place,
}

impl Columns<'_> {
    /// The cell of a column that a key names: `value`, `id` or `aliases`, by its number.
    fn find<'r>(&self, record: &'r Record, column: &str, key: usize) -> Result<&'r Value, TaskError> {
        record.get(column).ok_or_else(|| TaskError::Invalid {
            place: self.places[key].as_ref().unwrap_or(self.named_at).clone(),
            message: format!("`{}` has no column \"{column}\"", self.file),
            hint: Some(match nearest(column, record.keys().map(String::as_str)) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("name the column: {}: COLUMN", ENTRY_KEYS[key]),
            }),
        })
    }
}

/// The aliases of a cell: a list, or text with `;` between them.
fn alias_cell(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(|item| text_of(item).into_owned()).collect(),
        other => text_of(other).split(';').map(ToOwned::to_owned).collect(),
    }
}

/// Entries as they come together.
#[derive(Default)]
struct Gathered {
    entries: Vec<Entry>,
    places: HashMap<Box<str>, usize>,
}

impl Gathered {
    /// Adds an entry. One with an identifier that is there already adds its names to that entry.
    fn add(&mut self, id: Option<&str>, value: &str, aliases: &[String], place: &Place) -> Result<(), TaskError> {
        let value = value.trim();
        if value.is_empty() {
            return Err(invalid(place, "the entry has no value", "leave it out, or name it"));
        }
        let id = id.map_or(value, str::trim);
        if id.is_empty() {
            return Err(invalid(
                place,
                format!("the entry \"{value}\" has no identifier"),
                "leave it out, or give it one",
            ));
        }
        let at = match self.places.get(id) {
            Some(&at) => at,
            None => self.begin(id, value, place)?,
        };
        let entry = &mut self.entries[at];
        let names = std::iter::once(value).chain(aliases.iter().map(|alias| alias.trim()));
        for name in names.filter(|name| !name.is_empty()) {
            if *entry.value != *name && entry.aliases.iter().all(|alias| **alias != *name) {
                entry.aliases.push(name.into());
            }
        }
        Ok(())
    }

    /// Begins an entry; where it stands.
    fn begin(&mut self, id: &str, value: &str, place: &Place) -> Result<usize, TaskError> {
        let at = self.entries.len();
        if at == MOST_ENTRIES {
            return Err(invalid(
                place,
                format!("a vocabulary has at most {MOST_ENTRIES} entries"),
                "split it, for instance by country",
            ));
        }
        self.places.insert(id.into(), at);
        self.entries.push(Entry {
            id: id.into(),
            value: value.into(),
            aliases: Vec::new(),
        });
        Ok(at)
    }

    fn finish(self, place: &Place) -> Result<Terms, TaskError> {
        if self.entries.is_empty() {
            return Err(invalid(
                place,
                "the vocabulary has no entries",
                "list what the values are: vocabulary: [Germany, France]",
            ));
        }
        Ok(Terms::new(self.entries))
    }
}
