//! The functions, and calls of them.

pub(crate) mod check;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Position;

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
    /// `refuel_match(a, b, task)`: whether two texts mean the same.
    #[serde(rename = "refuel_match")]
    Match,
    /// `refuel_match_score(a, b, task)`: how likely that is.
    #[serde(rename = "refuel_match_score")]
    MatchScore,
    /// `refuel_confidence(input, task)`: how sure the answer is.
    #[serde(rename = "refuel_confidence")]
    Confidence,
    /// `refuel_detail(input, task)`: everything about the answer, as a composite of the extension.
    #[serde(rename = "refuel_detail")]
    Detail,
    /// `refuel_embed(input, model)`: the vector of a text.
    #[serde(rename = "refuel_embed")]
    Embed,
    /// `refuel_complete(prompt, model, options)`: text that a model writes.
    #[serde(rename = "refuel_complete")]
    Complete,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Label,
        Self::Labels,
        Self::Match,
        Self::MatchScore,
        Self::Confidence,
        Self::Detail,
        Self::Embed,
        Self::Complete,
    ];

    /// The name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Label => "refuel_label",
            Self::Labels => "refuel_labels",
            Self::Match => "refuel_match",
            Self::MatchScore => "refuel_match_score",
            Self::Confidence => "refuel_confidence",
            Self::Detail => "refuel_detail",
            Self::Embed => "refuel_embed",
            Self::Complete => "refuel_complete",
        }
    }

    /// The column of a table of answers that it reads.
    pub fn column(self) -> &'static str {
        match self {
            Self::Confidence => "confidence",
            Self::MatchScore => "score",
            Self::Label | Self::Labels | Self::Match | Self::Detail | Self::Embed | Self::Complete => "value",
        }
    }

    /// How many texts an input has.
    pub fn texts(self) -> u8 {
        match self {
            Self::Match | Self::MatchScore => 2,
            _ => 1,
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
