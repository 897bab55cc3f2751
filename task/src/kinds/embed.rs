//! `embed`: a vector, from an encoder.

use serde_json::Value;

use super::{KindRules, Problem};
use crate::prompt::layout::Layout;
use crate::task::Label;

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

    fn read_answer(&self, _value: &Value, _labels: &[Label]) -> Result<Value, Problem> {
        Err(Problem {
            message: "a vector has no right answer to compare with".to_owned(),
            hint: None,
        })
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        None
    }
}
