//! The columns that answers are written to.

use refuel_task::{Answer, Scored, Source, Status, decimal};
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
    /// Names: the value, then what [`AnswerColumns::SUFFIXES`] lists; of records, then [`AnswerColumns::FIELDS`]; where it was asked
    /// for, then [`AnswerColumns::SCORES`].
    pub names: Vec<String>,
    /// What the values are.
    pub value_type: ValueType,
    has_scores: bool,
}

impl AnswerColumns {
    /// What is told about a value, in the order of the columns.
    pub const SUFFIXES: [&str; 6] = ["confidence", "raw_confidence", "status", "reason", "source", "model"];

    /// What is told about the fields of a record: see [`fields_of`].
    pub const FIELDS: &str = "fields";

    /// What else could have been answered: see [`scores_of`].
    pub const SCORES: &str = "scores";

    /// Columns whose names begin with `prefix`, which is the task's name unless the user chose another.
    pub fn new(prefix: &str, value_type: ValueType) -> Self {
        let mut names = vec![prefix.to_owned()];
        let fields = (value_type == ValueType::Record).then_some(Self::FIELDS);
        let suffixes = Self::SUFFIXES.into_iter().chain(fields);
        names.extend(suffixes.map(|suffix| format!("{prefix}_{suffix}")));
        Self {
            names,
            value_type,
            has_scores: false,
        }
    }

    /// The same with a column for what else could have been answered.
    #[must_use]
    pub fn with_scores(mut self) -> Self {
        self.names.push(format!("{}_{}", self.names[0], Self::SCORES));
        self.has_scores = true;
        self
    }

    /// What is told of an answer in the columns behind those of [`AnswerColumns::SUFFIXES`], as JSON.
    pub fn told(&self, answer: &Answer) -> Vec<Option<Value>> {
        let fields = (self.value_type == ValueType::Record).then(|| fields_of(answer));
        fields
            .into_iter()
            .chain(self.has_scores.then(|| scores_of(answer)))
            .collect()
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
    let told = answer.scores.iter();
    let told: Map<String, Value> = told
        .map(|field| (field.value.clone(), Value::Object(told_of(field))))
        .collect();
    (!told.is_empty()).then_some(Value::Object(told))
}

/// How sure a candidate or a field is, and where it stands in the input.
fn told_of(scored: &Scored) -> Map<String, Value> {
    let mut told = Map::new();
    told.insert("confidence".to_owned(), decimal(scored.confidence).into());
    told.insert("raw_confidence".to_owned(), decimal(scored.raw_confidence).into());
    if let Some(span) = scored.span {
        told.insert("span".to_owned(), json!(span));
    }
    told
}

/// What else could have been answered, best first: each with how sure it is, and where it stands in the input. None where nothing
/// is known of it.
fn scores_of(answer: &Answer) -> Option<Value> {
    let scores: Vec<Value> = answer
        .scores
        .iter()
        .map(|scored| {
            let value = ("value".to_owned(), Value::from(scored.value.as_str()));
            std::iter::once(value).chain(told_of(scored)).collect()
        })
        .collect();
    (!scores.is_empty()).then_some(Value::Array(scores))
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
