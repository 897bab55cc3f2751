//! `complete`: text that the model writes.

use serde_json::Value;

use super::{KindRules, Known, Problem, read_text};
use crate::prompt::layout::{self, Layout};

pub(super) struct CompleteKind;

impl KindRules for CompleteKind {
    fn name(&self) -> &'static str {
        "complete"
    }

    fn about(&self) -> &'static str {
        "Text that the model writes, the likeliest token at every step."
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
            "max_tokens",
            "stop",
            "temperature",
        ]
    }

    fn answer_key(&self) -> Option<&'static str> {
        Some("output")
    }

    fn read_answer(&self, value: &Value, _known: Known<'_>) -> Result<Value, Problem> {
        read_text(value)
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        Some(&layout::Free)
    }
}
