//! Counts over the rows of a run, in memory that does not grow with them.

use std::collections::HashMap;
use std::time::Instant;

use refuel_tables::Chunk;
use refuel_task::{Answer, Source, Status, Task};
use serde::Serialize;
use serde_json::Value;

/// Different values, and different reasons, that are counted one by one; the rest are counted together.
const MOST: usize = 20_000;

/// Characters of an input that a preview keeps.
const PREVIEW: usize = 400;

/// How often a value was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Share {
    /// Rows.
    pub(crate) rows: u64,
    /// Sum of the confidences of those that have one.
    #[serde(skip)]
    sum: f64,
    #[serde(skip)]
    with_confidence: u64,
}

impl Share {
    /// Mean confidence of the rows that have one.
    pub(crate) fn mean_confidence(&self) -> Option<f64> {
        (self.with_confidence > 0).then(|| self.sum / self.with_confidence as f64)
    }
}

/// A row with its answer, to be shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// The columns that the task reads.
    pub(crate) input: String,
    /// The answer.
    pub(crate) answer: Answer,
}

/// Counts over the rows of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Whether values are counted one by one, which makes sense where there is a list of them.
    by_value: bool,
    preview: usize,
    /// Rows.
    pub(crate) rows: u64,
    /// Rows with a value that can be used.
    pub(crate) ok: u64,
    /// Rows below the threshold.
    pub(crate) abstained: u64,
    /// Rows that failed.
    pub(crate) failed: u64,
    /// Rows that a model was asked for.
    pub(crate) asked: u64,
    /// Rows that rules, like examples or a head answered, without a language model.
    pub(crate) without_model: u64,
    /// Rows whose answer was kept from earlier.
    pub(crate) cached: u64,
    /// Rows whose answer is that of an equal row.
    pub(crate) duplicates: u64,
    /// Rows of which the model read a part only.
    pub(crate) truncated: u64,
    /// Tokens that were read for rows that a model was asked for.
    pub(crate) input_tokens: u64,
    /// Rows by value, in the order in which the task lists the values.
    values: Vec<(String, Share)>,
    places: HashMap<String, usize>,
    reasons: HashMap<String, u64>,
    /// The first rows.
    pub(crate) shown: Vec<Shown>,
    /// When the first answer was there.
    pub(crate) first_answer: Option<Instant>,
}

impl Tally {
    /// Counts nothing yet.
    pub(crate) fn new(task: &Task, preview: usize) -> Self {
        let mut tally = Self {
            by_value: matches!(task.kind.name(), "label" | "multilabel" | "match"),
            preview,
            ..Self::default()
        };
        for label in &task.labels {
            tally.share(&label.name);
        }
        tally
    }

    /// Counts the first rows of a chunk, one for each answer.
    pub(crate) fn add(&mut self, chunk: &Chunk, answers: &[Answer]) {
        for (row, answer) in answers.iter().enumerate() {
            self.count(answer);
            if self.shown.len() < self.preview {
                let record = chunk.record(row);
                let values: Vec<String> = record
                    .values()
                    .map(plain)
                    .filter(|value| !value.trim().is_empty())
                    .collect();
                self.shown.push(Shown {
                    input: crate::words::one_line(&values.join(" | "), PREVIEW),
                    answer: answer.clone(),
                });
            }
        }
    }

    fn count(&mut self, answer: &Answer) {
        self.rows += 1;
        match answer.status {
            Status::Ok => self.ok += 1,
            Status::Abstained => self.abstained += 1,
            Status::Error => {
                self.failed += 1;
                let reason = answer.reason.as_deref().unwrap_or("the row failed");
                if let Some(rows) = self.reasons.get_mut(reason) {
                    *rows += 1;
                } else if self.reasons.len() < MOST {
                    self.reasons.insert(reason.to_owned(), 1);
                }
                return;
            }
        }
        match answer.source {
            Source::Model => {
                self.asked += 1;
                self.input_tokens += u64::from(answer.input_tokens);
            }
            Source::Cache => self.cached += 1,
            Source::Duplicate => self.duplicates += 1,
            Source::Rule | Source::Similar | Source::Head => self.without_model += 1,
            Source::Human => {}
        }
        if answer
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("truncated:"))
        {
            self.truncated += 1;
        }
        if !self.by_value || answer.status != Status::Ok {
            return;
        }
        match &answer.value {
            Value::Array(values) => values.iter().for_each(|value| self.give(&plain(value), answer)),
            Value::Null => {}
            value => match value.as_str() {
                Some(text) => self.give(text, answer),
                None => self.give(&plain(value), answer),
            },
        }
    }

    fn give(&mut self, value: &str, answer: &Answer) {
        // For several labels at once, each has a probability of its own.
        let own = answer
            .scores
            .iter()
            .find(|scored| answer.value.is_array() && scored.value == value);
        let confidence = own.map(|scored| scored.confidence).or(answer.confidence);
        let Some(share) = self.share(value) else { return };
        share.rows += 1;
        if let Some(confidence) = confidence {
            share.sum += f64::from(confidence);
            share.with_confidence += 1;
        }
    }

    fn share(&mut self, value: &str) -> Option<&mut Share> {
        let place = match self.places.get(value) {
            Some(place) => *place,
            None if self.values.len() < MOST => {
                self.values.push((value.to_owned(), Share::default()));
                self.places.insert(value.to_owned(), self.values.len() - 1);
                self.values.len() - 1
            }
            None => return None,
        };
        Some(&mut self.values[place].1)
    }

    /// Values that were given, most frequent first.
    pub(crate) fn values(&self) -> Vec<(&str, Share)> {
        let mut given: Vec<(&str, Share)> = self
            .values
            .iter()
            .filter(|(_, share)| share.rows > 0)
            .map(|(name, share)| (name.as_str(), *share))
            .collect();
        given.sort_by_key(|(_, share)| std::cmp::Reverse(share.rows));
        given
    }

    /// How many of the task's labels no row was given.
    pub(crate) fn unused(&self) -> usize {
        self.values.iter().filter(|(_, share)| share.rows == 0).count()
    }

    /// Why rows failed, most frequent first.
    pub(crate) fn reasons(&self) -> Vec<(&str, u64)> {
        let mut reasons: Vec<(&str, u64)> = self
            .reasons
            .iter()
            .map(|(reason, rows)| (reason.as_str(), *rows))
            .collect();
        reasons.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
        reasons
    }
}

/// A value as text.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<String>>().join(", "),
        other => other.to_string(),
    }
}
