//! The functions, and calls of them.

pub(crate) mod check;
mod in_from;

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::Position;
pub(crate) use in_from::InFrom;

/// A function that asks a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `refuel_label(input, task)`: one label, as text.
    #[serde(rename = "refuel_label")]
    Label,
    /// `refuel_labels(input, task)`: any number of labels.
    #[serde(rename = "refuel_labels")]
    Labels,
    /// `refuel_extract(input, task)`: the fields of a record, as JSON.
    #[serde(rename = "refuel_extract")]
    Extract,
    /// `refuel_answer(context, question, task)`: the piece of a text that answers a question.
    #[serde(rename = "refuel_answer")]
    Answer,
    /// `refuel_normalize(input, task)`: the canonical form of a value, as text.
    #[serde(rename = "refuel_normalize")]
    Normalize,
    /// `refuel_clean(input, task)`: the text, mended.
    #[serde(rename = "refuel_clean")]
    Clean,
    /// `refuel_enrich(record, task)`: the fields of the record, with those that it lacked, as JSON.
    #[serde(rename = "refuel_enrich")]
    Enrich,
    /// `refuel_match(a, b, task)`: whether two texts mean the same.
    #[serde(rename = "refuel_match")]
    Match,
    /// `refuel_match_score(a, b, task)`: how likely that is.
    #[serde(rename = "refuel_match_score")]
    MatchScore,
    /// `refuel_confidence(input, task)`, `refuel_confidence(a, b, task)`: how sure the answer is.
    #[serde(rename = "refuel_confidence")]
    Confidence,
    /// `refuel_detail(input, task)`, `refuel_detail(a, b, task)`: everything about the answer, as a composite of the extension.
    #[serde(rename = "refuel_detail")]
    Detail,
    /// `FROM refuel_resolve(relation, task)`: which records of a relation are the same thing.
    #[serde(rename = "refuel_resolve")]
    Resolve,
    /// `FROM refuel_repair(relation, task)`: which cells of a relation are wrong.
    #[serde(rename = "refuel_repair")]
    Repair,
    /// `refuel_embed(input, model)`: the vector of a text.
    #[serde(rename = "refuel_embed")]
    Embed,
    /// `refuel_complete(prompt, model, options)`: text that a model writes.
    #[serde(rename = "refuel_complete")]
    Complete,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Label,
        Self::Labels,
        Self::Extract,
        Self::Answer,
        Self::Normalize,
        Self::Clean,
        Self::Enrich,
        Self::Match,
        Self::MatchScore,
        Self::Confidence,
        Self::Detail,
        Self::Resolve,
        Self::Repair,
        Self::Embed,
        Self::Complete,
    ];

    /// The name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Label => "refuel_label",
            Self::Labels => "refuel_labels",
            Self::Extract => "refuel_extract",
            Self::Answer => "refuel_answer",
            Self::Normalize => "refuel_normalize",
            Self::Clean => "refuel_clean",
            Self::Enrich => "refuel_enrich",
            Self::Match => "refuel_match",
            Self::MatchScore => "refuel_match_score",
            Self::Confidence => "refuel_confidence",
            Self::Detail => "refuel_detail",
            Self::Resolve => "refuel_resolve",
            Self::Repair => "refuel_repair",
            Self::Embed => "refuel_embed",
            Self::Complete => "refuel_complete",
        }
    }

    /// The column of a table of answers that it reads.
    pub fn column(self) -> &'static str {
        match self {
            Self::Confidence => "confidence",
            Self::MatchScore => "score",
            Self::Label
            | Self::Labels
            | Self::Extract
            | Self::Answer
            | Self::Normalize
            | Self::Clean
            | Self::Enrich
            | Self::Match
            | Self::Detail
            | Self::Resolve
            | Self::Repair
            | Self::Embed
            | Self::Complete => "value",
        }
    }

    /// How many texts an input can have.
    pub fn texts(self) -> RangeInclusive<usize> {
        match self {
            Self::Match | Self::MatchScore | Self::Answer => 2..=2,
            Self::Confidence | Self::Detail => 1..=2,
            _ => 1..=1,
        }
    }

    /// Whether it is about a whole relation, and returns rows: it stands in `FROM`.
    pub fn is_of_relations(self) -> bool {
        matches!(self, Self::Resolve | Self::Repair)
    }

    /// What a call has to be given.
    pub(crate) fn takes(self) -> &'static str {
        match self {
            Self::Match | Self::MatchScore => "two texts and a task",
            Self::Answer => "a context, a question and a task",
            Self::Confidence | Self::Detail => "one or two texts and a task",
            Self::Enrich => "a record and a task",
            Self::Resolve | Self::Repair => "a relation and a task",
            Self::Embed => "a text and a model",
            Self::Complete => "a prompt, a model and, if need be, options",
            _ => "a text and a task",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a call asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// A task.
    Task {
        /// Its name.
        name: String,
        /// The version that the call insists on: `topic@2`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u32>,
    },
    /// An embedding model.
    Embed {
        /// The model as the call names it.
        model: String,
    },
    /// A model that writes.
    Complete {
        /// The model as the call names it.
        model: String,
        /// The options as the call writes them, a JSON object.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        options: Option<String>,
    },
}

impl Asked {
    /// The task or model as the query names it.
    pub fn name(&self) -> String {
        match self {
            Self::Task {
                name,
                version: Some(version),
            } => format!("{name}@{version}"),
            Self::Task { name, version: None } => name.clone(),
            Self::Embed { model } | Self::Complete { model, .. } => model.clone(),
        }
    }
}

/// A call that a query makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Call {
    /// The function.
    pub function: Function,
    /// What is asked.
    pub asked: Asked,
    /// Where the call is in the SQL.
    pub position: Position,
}
