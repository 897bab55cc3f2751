//! `resolve`: which records of whole tables are the same thing.

use serde_json::Value;

use super::{KindRules, Known, Problem, no_single_answer};
use crate::prompt::layout::Layout;

pub(super) struct ResolveKind;

impl KindRules for ResolveKind {
    fn name(&self) -> &'static str {
        "resolve"
    }

    fn about(&self) -> &'static str {
        "Which records of one or two whole tables are the same thing: an entity for each record, and one record for each \
         entity."
    }

    fn keys(&self) -> &'static [&'static str] {
        &[
            "key",
            "columns",
            "ignore",
            "mode",
            "blocking",
            "max_pairs",
            "model",
            "threshold",
            "canonical",
            "examples",
        ]
    }

    fn is_of_tables(&self) -> bool {
        true
    }

    fn read_answer(&self, _value: &Value, _known: Known<'_>) -> Result<Value, Problem> {
        Err(no_single_answer())
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        None
    }
}
