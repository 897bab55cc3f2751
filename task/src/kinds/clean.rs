//! `clean`: a text mended, by rules and by a model within bounds.

use serde_json::Value;

use super::{KindRules, Known, Problem, read_text};
use crate::prompt::layout::Layout;
use crate::prompt::values;

pub(super) struct CleanKind;

impl KindRules for CleanKind {
    fn name(&self) -> &'static str {
        "clean"
    }

    fn about(&self) -> &'static str {
        "A text mended: by rules, and then within bounds by a model where the task names one."
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "rules",
            "dictionary",
            "max_change",
            "keep",
            "guidelines",
            "examples",
            "threshold",
            "calibrated",
            "target_precision",
            "confidence",
            "fallback",
            "max_tokens",
        ]
    }

    fn needs_model(&self) -> bool {
        false
    }

    fn max_tokens(&self) -> u32 {
        512
    }

    fn answer_key(&self) -> Option<&'static str> {
        Some("text")
    }

    /// White space at the ends is none of the text.
    fn read_answer(&self, value: &Value, _known: Known<'_>) -> Result<Value, Problem> {
        match value {
            Value::String(text) => Ok(text.trim().into()),
            other => read_text(other),
        }
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        Some(&values::Mended)
    }
}
