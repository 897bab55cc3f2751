//! Reads tasks over whole tables.

mod repair;
mod resolve;

use std::path::Path;

use serde_json::{Value, json};

use super::fields::{Fields, text, wrong_type};
use crate::error::{Place, TaskError};
use crate::examples::read_records;
use crate::input::{Record, text_of};
use crate::kinds::Kind;
use crate::tables::{MOST_SOLVED, PairSide, TableTask};
use crate::yaml::{Content, Node};

pub(crate) use resolve::{MOST_NEIGHBOURS, MOST_RULES};

/// Keys of a set of solved pairs or rows, beside the one that names the column of the answers.
pub(crate) const SOLVED_KEYS: [&str; 2] = ["from", "items"];

/// What a task over a whole table says; none for the other kinds. `folder` is where the files that it names are looked
/// for; without one it may name none.
pub(super) fn read(fields: &mut Fields, kind: Kind, folder: Option<&Path>) -> Result<Option<TableTask>, TaskError> {
    if kind == Kind::RESOLVE {
        return Ok(Some(TableTask::Resolve(resolve::read(fields, folder)?)));
    }
    if kind == Kind::REPAIR {
        return Ok(Some(TableTask::Repair(repair::read(fields, folder)?)));
    }
    Ok(None)
}

/// The solved pairs or rows of a task as a list of items, as a catalog keeps them.
pub(super) fn solved(task: &TableTask) -> Value {
    match task {
        TableTask::Resolve(task) => {
            let side = |side: &PairSide| match side {
                PairSide::Key(key) => Value::from(key.as_str()),
                PairSide::Record(fields) => {
                    let fields = fields
                        .iter()
                        .map(|(column, value)| (column.clone(), value.as_str().into()));
                    Value::Object(fields.collect())
                }
            };
            let pair = |pair: &crate::tables::LabelledPair| json!({"left": side(&pair.left), "right": side(&pair.right), "match": pair.same});
            task.pairs.iter().map(pair).collect()
        }
        TableTask::Repair(task) => {
            let key = task.key.clone().unwrap_or_default();
            let row = |row: &crate::tables::RightRow| {
                let values = row.values.iter().map(|(column, value)| (column.clone(), json!(value)));
                let key = std::iter::once((key.clone(), Value::from(row.key.as_str())));
                Value::Object(key.chain(values).collect())
            };
            task.rows.iter().map(row).collect()
        }
    }
}

/// The column that names a row.
fn key(fields: &mut Fields) -> Result<Option<String>, TaskError> {
    fields.take("key").map(column).transpose()
}

/// The name of a column.
fn column(node: Node) -> Result<String, TaskError> {
    let place = node.place.clone();
    let name = text(node)?;
    if name.trim().is_empty() {
        return Err(TaskError::Invalid {
            place,
            message: "the name of a column is empty".to_owned(),
            hint: None,
        });
    }
    Ok(name)
}

/// Names of columns that are left out.
fn ignored(fields: &mut Fields) -> Result<Vec<String>, TaskError> {
    let Some(node) = fields.take("ignore") else {
        return Ok(Vec::new());
    };
    match node.content {
        Content::List(items) => items.into_iter().map(column).collect(),
        Content::Text(_) => Ok(vec![column(node)?]),
        _ => Err(wrong_type(&node, "text, or a list of texts")),
    }
}

/// Refuses a column that is named twice, or both as one to look at and as the key or as ignored.
fn check_columns(place: &Place, columns: &[String], ignore: &[String], key: Option<&str>) -> Result<(), TaskError> {
    let wrong = |message: String, hint: &str| {
        Err(TaskError::Invalid {
            place: place.clone(),
            message,
            hint: Some(hint.to_owned()),
        })
    };
    for (at, column) in columns.iter().enumerate() {
        if columns[..at].contains(column) {
            return wrong(format!("the column \"{column}\" is named twice"), "keep one of the two");
        }
        if ignore.contains(column) {
            return wrong(
                format!("the column \"{column}\" is in \"columns\" and in \"ignore\""),
                "\"columns\" is all that is looked at: leave \"ignore\" out",
            );
        }
        if key == Some(column) {
            return wrong(
                format!("\"{column}\" is the key, and says nothing of what it names"),
                "leave it out of \"columns\"",
            );
        }
    }
    Ok(())
}

/// Reads `examples` of whole tables: a list, or a map with a file or a list. `answer` is the key that names the column
/// with the right answers, where they stand in one.
fn solved_rows(fields: &mut Fields, answer: Option<&'static str>, folder: Option<&Path>) -> Result<Solved, TaskError> {
    let Some(node) = fields.take("examples") else {
        return Ok(Solved::default());
    };
    let place = node.place.clone();
    let items = match node.content {
        Content::List(items) => Solved::of_items(items)?,
        Content::Map(_) => {
            let known: Vec<&str> = SOLVED_KEYS.into_iter().chain(answer).collect();
            let mut set = Fields::open(node, &known)?;
            let answer_column = match answer {
                Some(key) => set.text(key)?,
                None => None,
            };
            let mut solved = match (set.take("from"), set.take("items")) {
                (Some(from), None) => Solved {
                    records: file(from, folder)?,
                    ..Solved::default()
                },
                (None, Some(list)) => match list.content {
                    Content::List(items) => Solved::of_items(items)?,
                    _ => return Err(wrong_type(&list, "a list of examples")),
                },
                (Some(from), Some(_)) => {
                    return Err(TaskError::Invalid {
                        place: from.place,
                        message: "\"examples\" has both \"from\" and \"items\"".to_owned(),
                        hint: Some("keep one of the two".to_owned()),
                    });
                }
                (None, None) => {
                    return Err(TaskError::MissingKey {
                        place,
                        key: "from".to_owned(),
                        context: " in \"examples\"".to_owned(),
                        hint: "name a file of solved examples, or list them under \"items\"".to_owned(),
                    });
                }
            };
            solved.answer_column = answer_column;
            solved
        }
        _ => return Err(wrong_type(&node, "a list of examples, or a map with \"from\"")),
    };
    if items.records.len() > MOST_SOLVED {
        return Err(TaskError::Invalid {
            place,
            message: format!(
                "the task has {} examples; {MOST_SOLVED} are the most",
                items.records.len()
            ),
            hint: None,
        });
    }
    Ok(items)
}

/// Solved pairs or rows, as they were written.
#[derive(Default)]
struct Solved {
    records: Vec<(Place, Record)>,
    /// The column with the right answers, where it has another name than the key for it.
    answer_column: Option<String>,
}

impl Solved {
    fn of_items(items: Vec<Node>) -> Result<Self, TaskError> {
        let records = items.into_iter().map(|item| match item.to_json() {
            Value::Object(record) => Ok((item.place, record)),
            _ => Err(wrong_type(&item, "a map")),
        });
        Ok(Self {
            records: records.collect::<Result<_, _>>()?,
            answer_column: None,
        })
    }
}

fn file(from: Node, folder: Option<&Path>) -> Result<Vec<(Place, Record)>, TaskError> {
    let place = from.place.clone();
    let shown = text(from)?;
    let Some(folder) = folder else {
        return Err(TaskError::Invalid {
            place,
            message: format!("a task that is in no folder can't read \"{shown}\""),
            hint: Some("give the examples themselves under \"items\", as `refuel task export` writes them".to_owned()),
        });
    };
    read_records(&folder.join(&shown), &shown, &place)
}

/// The text of a value; none where there is nothing.
fn value(value: &Value) -> Option<String> {
    let text = text_of(value);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
