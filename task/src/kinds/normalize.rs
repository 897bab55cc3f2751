//! `normalize`: a raw value made canonical, by a format or a vocabulary.

use serde_json::Value;

use super::{KindRules, Known, Problem, read_text};
use crate::prompt::layout::Layout;
use crate::prompt::values;
use crate::values::ValueRules;

pub(super) struct NormalizeKind;

impl KindRules for NormalizeKind {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn about(&self) -> &'static str {
        "The canonical form of a raw value: by rules, and by a model where the task names one and the rules have no answer."
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "format",
            "vocabulary",
            "embeddings",
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

    fn takes_null(&self) -> bool {
        true
    }

    fn max_tokens(&self) -> u32 {
        64
    }

    fn answer_key(&self) -> Option<&'static str> {
        Some("value")
    }

    /// Null and blank text say that there is no such value.
    fn read_answer(&self, value: &Value, known: Known<'_>) -> Result<Value, Problem> {
        match known.values {
            Some(ValueRules::Normalize(normalization)) => normalization.read(value),
            _ if value.is_null() => Ok(Value::Null),
            _ => read_text(value),
        }
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        Some(&values::Canonical)
    }
}
