//! The columns that answers are written to.

use refuel_task::{Answer, Source, Status, decimal};
use serde_json::{Map, Value, json};

use crate::IoError;

/// What a task's values are, so that formats with types can keep them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Text, such as a label.
    Text,
    /// A list of text, such as several labels.
    Texts,
    /// Yes or no.
    Boolean,
    /// A list of numbers, such as an embedding.
    Numbers,
    /// A JSON object, whose fields are each told of.
    Record,
}

/// The columns that answers are written to, behind those of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerColumns {
    /// Names: the value, then what [`AnswerColumns::SUFFIXES`] lists; of records, then [`AnswerColumns::FIELDS`].
    pub names: Vec<String>,
    /// What the values are.
    pub value_type: ValueType,
}

impl AnswerColumns {
    /// What is told about a value, in the order of the columns.
    pub const SUFFIXES: [&str; 6] = ["confidence", "raw_confidence", "status", "reason", "source", "model"];

    /// What is told about the fields of a record: see [`fields_of`].
    pub const FIELDS: &str = "fields";

    /// Columns whose names begin with `prefix`, which is the task's name unless the user chose another.
    pub fn new(prefix: &str, value_type: ValueType) -> Self {
        let mut names = vec![prefix.to_owned()];
        let fields = (value_type == ValueType::Record).then_some(Self::FIELDS);
        let suffixes = Self::SUFFIXES.into_iter().chain(fields);
        names.extend(suffixes.map(|suffix| format!("{prefix}_{suffix}")));
        Self { names, value_type }
    }

    /// Refuses columns of the input that have one of these names.
    pub fn refuse_clash(&self, columns: &[String]) -> Result<(), IoError> {
        match columns.iter().find(|column| self.names.contains(column)) {
            Some(column) => Err(IoError::ClashingColumn { column: column.clone() }),
            None => Ok(()),
        }
    }
}

/// What is told about the fields of a record, by their paths: how sure each is, and where it stands in the input (its first
/// character and the one behind its last, from 0). None where there is no record.
pub fn fields_of(answer: &Answer) -> Option<Value> {
    let told = answer.scores.iter().map(|field| {
        let mut told =
            json!({"confidence": decimal(field.confidence), "raw_confidence": decimal(field.raw_confidence)});
        if let Some(span) = field.span {
            told["span"] = json!(span);
        }
        (field.value.clone(), told)
    });
    let told: Map<String, Value> = told.collect();
    (!told.is_empty()).then_some(Value::Object(told))
}

/// The word for a status.
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Abstained => "abstained",
        Status::Error => "error",
    }
}

/// The word for a source.
pub fn source_word(source: Source) -> &'static str {
    match source {
        Source::Model => "model",
        Source::Cache => "cache",
        Source::Duplicate => "duplicate",
        Source::Rule => "rule",
        Source::Human => "human",
        Source::Similar => "similar",
        Source::Head => "head",
    }
}
