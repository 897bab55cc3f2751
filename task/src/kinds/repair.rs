//! `repair`: which cells of a whole table are wrong, and what should stand there.

use serde_json::Value;

use super::{KindRules, Known, Problem, no_single_answer};
use crate::prompt::layout::Layout;

pub(super) struct RepairKind;

impl KindRules for RepairKind {
    fn name(&self) -> &'static str {
        "repair"
    }

    fn about(&self) -> &'static str {
        "Which cells of a whole table are wrong: for each a value that should stand there, and why. No model is asked."
    }

    fn keys(&self) -> &'static [&'static str] {
        &["key", "columns", "ignore", "threshold", "unknown", "examples"]
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
