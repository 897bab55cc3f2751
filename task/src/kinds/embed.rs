//! `embed`: a vector, from an encoder.

use serde_json::Value;

use super::{KindRules, Known, Problem};
use crate::prompt::layout::Layout;

pub(super) struct EmbedKind;

impl KindRules for EmbedKind {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn about(&self) -> &'static str {
        "A vector that stands for the meaning of the input."
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn read_answer(&self, _value: &Value, _known: Known<'_>) -> Result<Value, Problem> {
        Err(Problem {
            message: "a vector has no right answer to compare with".to_owned(),
            hint: None,
        })
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        None
    }
}
