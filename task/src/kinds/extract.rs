//! `extract`: the fields of a record, read out of a text.

use serde_json::Value;

use super::{KindRules, Known, Problem};
use crate::prompt::layout::{self, Layout};
use crate::shape;

pub(super) struct ExtractKind;

impl KindRules for ExtractKind {
    fn name(&self) -> &'static str {
        "extract"
    }

    fn about(&self) -> &'static str {
        "The fields of a record, read out of a text: a JSON object."
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "guidelines",
            "fields",
            "schema",
            "examples",
            "threshold",
            "target_precision",
            "calibrated",
            "confidence",
            "fallback",
            "max_tokens",
            "strategy",
            "keep",
            "head",
        ]
    }

    fn gives_record(&self) -> bool {
        true
    }

    fn answer_key(&self) -> Option<&'static str> {
        Some("fields")
    }

    fn read_answer(&self, value: &Value, known: Known<'_>) -> Result<Value, Problem> {
        shape::check(known.fields, value)
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        Some(&layout::AsRecord)
    }
}
