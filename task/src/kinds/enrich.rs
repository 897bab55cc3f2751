//! `enrich`: the missing fields of a record.

use serde_json::Value;

use super::{KindRules, Known, Problem};
use crate::prompt::layout::Layout;
use crate::prompt::values;
use crate::shape;

pub(super) struct EnrichKind;

impl KindRules for EnrichKind {
    fn name(&self) -> &'static str {
        "enrich"
    }

    fn about(&self) -> &'static str {
        "The fields of a record, the missing ones filled in from a reference table or by a model: a JSON object."
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "guidelines",
            "fields",
            "schema",
            "reference",
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

    fn reads_record(&self) -> bool {
        true
    }

    fn gives_record(&self) -> bool {
        true
    }

    fn answer_key(&self) -> Option<&'static str> {
        Some("fields")
    }

    /// What the record has already may be left out.
    fn read_answer(&self, value: &Value, known: Known<'_>) -> Result<Value, Problem> {
        let fields: Vec<shape::Field> = known
            .fields
            .iter()
            .map(|field| shape::Field {
                required: false,
                ..field.clone()
            })
            .collect();
        shape::check(&fields, value)
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        Some(&values::Completed)
    }
}
