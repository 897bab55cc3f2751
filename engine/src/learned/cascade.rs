//! What was chosen for a cascade: which ways of answering are tried, and how sure each but the last has to be.

use refuel_learn::fewest_to_show;
use refuel_registry::ModelEntry;
use refuel_task::{Task, decimal};
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

    /// Whether the rows are too few to show of any part that it keeps the share that it has to, even if all of them were
    /// right. With the fewest that would.
    pub fn too_few(&self) -> Option<u64> {
        let fewest = fewest_to_show(decimal(self.keep))?;
        (self.rows < fewest).then_some(fewest)
    }

    /// What is shown of the share that each part but the last has to keep, with how many rows show it.
    pub fn shown(&self) -> String {
        let parts = self.parts.iter().filter_map(|part| Some((part, part.lower?)));
        let shown: Vec<String> = parts
            .map(|(part, lower)| {
                format!(
                    "{} is right for {} of {} rows, so for at least {lower:.3} of such rows",
                    part.name, part.right, part.answered
                )
            })
            .collect();
        if !shown.is_empty() {
            return format!("{} is kept: {}", self.keep, shown.join("; "));
        }
        if let Some(fewest) = self.too_few() {
            return format!(
                "no part is shown to keep {}: {} rows are too few, and {fewest} that are all right the fewest",
                self.keep, self.rows
            );
        }
        // What it answers when it is sure was not looked at, as nothing better comes behind it.
        let last = self.parts.last().map_or("nothing", |part| &part.name);
        format!(
            "no part has to keep {}: {last} answers every row, however sure it is",
            self.keep
        )
    }

    /// Whether the language model answers what the others leave.
    pub fn asks_model(&self) -> bool {
        self.parts.iter().any(|part| part.name == MODEL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, reached: u64, answered: u64, right: u64, lower: Option<f64>) -> CascadePart {
        CascadePart {
            name: name.to_owned(),
            threshold: lower.map(|_| 0.9),
            reached,
            answered,
            right,
            lower,
        }
    }

    fn choice(keep: f32, rows: u64, parts: Vec<CascadePart>) -> CascadeChoice {
        CascadeChoice {
            version: VERSION,
            keep,
            rows,
            rules: String::new(),
            model: None,
            parts,
        }
    }

    #[test]
    fn what_a_cascade_keeps_is_told_with_its_bound_and_its_rows() {
        let parts = vec![part(HEAD, 400, 200, 198, Some(0.969)), part(MODEL, 200, 200, 150, None)];
        let choice = choice(0.95, 400, parts);
        assert_eq!(
            choice.shown(),
            "0.95 is kept: head is right for 198 of 200 rows, so for at least 0.969 of such rows"
        );
        assert_eq!(choice.too_few(), None);
    }

    #[test]
    fn a_cascade_of_few_rows_claims_nothing() {
        let alone = |rows| choice(0.95, rows, vec![part(HEAD, rows, rows, rows, None)]);
        assert_eq!(alone(58).too_few(), Some(59));
        assert_eq!(
            alone(58).shown(),
            "no part is shown to keep 0.95: 58 rows are too few, and 59 that are all right the fewest"
        );
        assert_eq!(alone(59).too_few(), None);
        assert_eq!(
            alone(59).shown(),
            "no part has to keep 0.95: head answers every row, however sure it is"
        );
    }
}
