//! What was chosen for a cascade: which ways of answering are tried, and how sure each but the last has to be.

use refuel_registry::ModelEntry;
use refuel_task::Task;
use serde::{Deserialize, Serialize};

use super::{read, unusable};
use crate::error::EngineError;

/// The file of a cascade in a head's folder.
pub(crate) const CASCADE_FILE: &str = "cascade.json";
/// Version of its form.
pub(crate) const VERSION: u32 = 1;

/// The names of the ways of answering.
pub(crate) const RULES: &str = "rules";
/// See [`RULES`].
pub(crate) const HEAD: &str = "head";
/// See [`RULES`].
pub(crate) const MODEL: &str = "model";

/// A way of answering in a cascade, and what it did on the rows that it was chosen on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CascadePart {
    /// `rules`, `head` or `model`.
    pub name: String,
    /// The least confidence with which it answers; none for the last one, which answers whatever comes to it.
    pub threshold: Option<f32>,
    /// Rows that came to it.
    pub reached: u64,
    /// Rows that it answered.
    pub answered: u64,
    /// Rows that it answered rightly.
    pub right: u64,
    /// Lower bound of the share of its answers that are right, one-sided, 95 %. None for the last one.
    pub lower: Option<f64>,
}

/// What was chosen for a cascade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CascadeChoice {
    /// Version of the form.
    pub version: u32,
    /// The share of answers of each part but the last that has to be right.
    pub keep: f32,
    /// Labelled rows that it was chosen on.
    pub rows: u64,
    /// Hash of the rules that were tried, in hexadecimal; empty where there were none.
    pub rules: String,
    /// Digest of the language model that was tried. None where none was.
    pub model: Option<String>,
    /// The parts, from the cheapest.
    pub parts: Vec<CascadePart>,
}

/// What [`CascadeChoice::rules`] is for a task.
pub(crate) fn rules_of(task: &Task) -> String {
    if task.label_rules.is_empty() {
        return String::new();
    }
    let mut hasher = blake3::Hasher::new();
    for rule in &task.label_rules {
        hasher.update(format!("{:?} {:?}\n", rule.condition, rule.label).as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

impl CascadeChoice {
    /// Reads what was chosen for the cascade of a head. None where nothing was.
    pub(crate) fn open(entry: &ModelEntry) -> Result<Option<Self>, EngineError> {
        if !entry.manifest.files.iter().any(|file| file.path == CASCADE_FILE) {
            return Ok(None);
        }
        let choice: Self =
            serde_json::from_slice(&read(entry, CASCADE_FILE)?).map_err(|error| unusable(entry, error))?;
        if choice.version == VERSION && !choice.parts.is_empty() {
            Ok(Some(choice))
        } else {
            Err(unusable(entry, format!("{CASCADE_FILE} has a form that is not known")))
        }
    }

    /// Rows that were answered rightly.
    pub fn right(&self) -> u64 {
        self.parts.iter().map(|part| part.right).sum()
    }

    /// Whether the language model answers what the others leave.
    pub fn asks_model(&self) -> bool {
        self.parts.iter().any(|part| part.name == MODEL)
    }
}
