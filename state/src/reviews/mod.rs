//! People's verdicts. They outrank what a model says of the same input, whatever becomes of the task and its model.

mod examples;
mod store;

use jiff::Timestamp;
use refuel_task::{Answer, InputHash, Source, Status};
use serde::Serialize;
use serde_json::Value;

use crate::answers::Input;

pub use examples::{ReviewedExample, as_record};

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The right answer, in the form of the task's kind.
    Value(Value),
    /// Nothing that could be answered is right.
    Reject,
}

impl Verdict {
    /// The answer that the verdict stands for, sure and given by a person. A rejection has no value.
    pub fn to_answer(&self) -> Answer {
        let (value, reason) = match self {
            Self::Value(value) => (value.clone(), None),
            Self::Reject => (Value::Null, Some("rejected by a person".to_owned())),
        };
        Answer {
            value,
            confidence: Some(1.0),
            raw_confidence: Some(1.0),
            status: Status::Ok,
            reason,
            scores: Vec::new(),
            model: String::new(),
            source: Source::Human,
            input_tokens: 0,
            output_tokens: 0,
        }
    }
}

/// A verdict with what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// Name of the task.
    pub task: String,
    /// Hash of what the model read.
    pub hash: InputHash,
    /// What the task was given.
    pub input: Input,
    /// What was decided.
    pub verdict: Verdict,
    /// Who decided.
    pub reviewer: String,
    /// When.
    pub at: Timestamp,
    /// Why, where they said so.
    pub note: Option<String>,
    /// What the model had said; none where it had failed.
    pub guess: Option<Guess>,
}

/// What a model had said when a person decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guess {
    /// Its value.
    pub value: Value,
    /// Its confidence.
    pub confidence: Option<f32>,
    /// Fingerprint of the task then.
    pub fingerprint: String,
    /// `name@digest` of the model.
    pub model: String,
}

impl Review {
    /// Whether the model had said the same. None where it had said nothing.
    pub fn agrees(&self) -> Option<bool> {
        let guess = self.guess.as_ref()?;
        Some(self.verdict == Verdict::Value(guess.value.clone()))
    }
}
