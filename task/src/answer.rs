//! What comes back for one input.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether an answer can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There is a value.
    Ok,
    /// The model answered, below the task's threshold, or rules have no answer: the value is the task's fallback, or null.
    /// Where an edit of a text is left out, or fields of a record stay missing, it is the text or the record without.
    Abstained,
    /// There is no answer; `reason` says why.
    Error,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A model invocation made for this row.
    Model,
    /// An earlier invocation, kept in the cache.
    Cache,
    /// The same input earlier in the same run.
    Duplicate,
    /// A rule, without a model; and what is known of a row before anybody is asked, such as that it lacks a column.
    Rule,
    /// A person's verdict.
    Human,
    /// The labels of the examples that are most alike.
    Similar,
    /// A trained head.
    Head,
}

/// One candidate, or one field of a record, with its probabilities, both in `[0, 1]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The candidate, such as a label; or the path of a field, such as `price` or `parts[0].name`.
    pub value: String,
    /// Probability normalized over the candidates.
    pub confidence: f32,
    /// Geometric mean of the probabilities of the candidate's tokens.
    pub raw_confidence: f32,
    /// Where it stands in the input, for what was read out of it: the first character and the one behind the last, counted
    /// from 0 in [`crate::RenderedInput::text`] (Unicode scalar values).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<[u32; 2]>,
}

/// One task applied to one input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The value: text, a list of text, a boolean, numbers, a record, or null.
    pub value: Value,
    /// Probability of the value normalized over what could have been answered, in `[0, 1]`.
    pub confidence: Option<f32>,
    /// Geometric mean of the probabilities of the value's tokens, in `[0, 1]`.
    pub raw_confidence: Option<f32>,
    /// Whether the answer can be used.
    pub status: Status,
    /// Why it can't be used, or what was done to the input (such as `truncated: 812 of 1,324 tokens kept`).
    pub reason: Option<String>,
    /// Candidates, best first. Of a record its fields, in the order of the task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Scored>,
    /// `name@digest` of the model that ran.
    pub model: String,
    /// Where the answer came from.
    pub source: Source,
    /// Tokens of the row that the model read, the shared prefix not counted.
    pub input_tokens: u32,
    /// Tokens that were scored or generated.
    pub output_tokens: u32,
}

impl Answer {
    /// An answer that failed.
    pub fn error(model: &str, reason: impl Into<String>) -> Self {
        Self {
            value: Value::Null,
            confidence: None,
            raw_confidence: None,
            status: Status::Error,
            reason: Some(reason.into()),
            scores: Vec::new(),
            model: model.to_owned(),
            source: Source::Model,
            input_tokens: 0,
            output_tokens: 0,
        }
    }

    /// An answer that failed before anybody was asked: there is something wrong with the row. `model` is who would have been.
    pub fn unasked(model: &str, reason: impl Into<String>) -> Self {
        Self {
            source: Source::Rule,
            ..Self::error(model, reason)
        }
    }
}
