//! `answer`: the piece of a text that answers a question, or that there is none.

use serde_json::Value;

use super::{KindRules, Known, Problem, read_text};
use crate::prompt::layout::{self, Layout, NO_ANSWER};

pub(super) struct AnswerKind;

impl KindRules for AnswerKind {
    fn name(&self) -> &'static str {
        "answer"
    }

    fn about(&self) -> &'static str {
        "The piece of a text that answers a question, or null where none does."
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "guidelines",
            "examples",
            "threshold",
            "target_precision",
            "calibrated",
            "confidence",
            "fallback",
            "no_answer_threshold",
            "max_tokens",
            "strategy",
            "head",
        ]
    }

    fn sides(&self) -> Option<[&'static str; 2]> {
        Some(["context", "question"])
    }

    fn answer_key(&self) -> Option<&'static str> {
        Some("answer")
    }

    fn takes_null(&self) -> bool {
        true
    }

    fn max_tokens(&self) -> u32 {
        64
    }

    /// Null and blank text say that the question can't be answered from the text, as tables write it, and the word for it does too.
    fn read_answer(&self, value: &Value, _known: Known<'_>) -> Result<Value, Problem> {
        match value {
            Value::Null => Ok(Value::Null),
            Value::String(text) if text.trim().is_empty() => Ok(Value::Null),
            Value::String(text) if text.trim().eq_ignore_ascii_case(NO_ANSWER) => Ok(Value::Null),
            Value::String(text) => Ok(text.trim().into()),
            other => read_text(other),
        }
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        Some(&layout::FromText)
    }
}
