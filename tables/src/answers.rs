//! The columns that answers are written to.

use refuel_task::{Source, Status};

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
}

/// The columns that answers are written to, behind those of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerColumns {
    /// Names: the value, then what [`AnswerColumns::SUFFIXES`] lists.
    pub names: Vec<String>,
    /// What the values are.
    pub value_type: ValueType,
}

impl AnswerColumns {
    /// What is told about a value, in the order of the columns.
    pub const SUFFIXES: [&str; 6] = ["confidence", "raw_confidence", "status", "reason", "source", "model"];

    /// Columns whose names begin with `prefix`, which is the task's name unless the user chose another.
    pub fn new(prefix: &str, value_type: ValueType) -> Self {
        let mut names = vec![prefix.to_owned()];
        names.extend(Self::SUFFIXES.iter().map(|suffix| format!("{prefix}_{suffix}")));
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
    }
}
