//! `label`: one label out of a list.

use serde_json::Value;

use super::{KindRules, Known, Problem, read_label, read_text};
use crate::prompt::layout::{self, Layout};

pub(super) struct LabelKind;

impl KindRules for LabelKind {
    fn name(&self) -> &'static str {
        "label"
    }

    fn about(&self) -> &'static str {
        "One label out of a list."
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "guidelines",
            "labels",
            "examples",
            "threshold",
            "target_precision",
            "calibrated",
            "confidence",
            "fallback",
            "calibration",
            "strategy",
            "rules",
            "keep",
            "head",
        ]
    }

    fn required(&self) -> &'static [(&'static str, &'static str)] {
        &[("labels", "list what can be answered: labels: [refund, delivery, other]")]
    }

    fn is_listed(&self) -> bool {
        true
    }

    fn answer_key(&self) -> Option<&'static str> {
        Some("label")
    }

    fn read_answer(&self, value: &Value, known: Known<'_>) -> Result<Value, Problem> {
        read_label(value, known.labels).map(Value::String)
    }

    /// A fallback may say what no label says, such as `needs review`.
    fn read_fallback(&self, value: &Value, _known: Known<'_>) -> Result<Value, Problem> {
        read_text(value)
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        Some(&layout::OneLabel)
    }
}
