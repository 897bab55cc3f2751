//! `match`: whether two records are the same thing.

use serde_json::Value;

use super::{KindRules, Known, Problem};
use crate::prompt::layout::{self, Layout};

pub(super) struct MatchKind;

impl KindRules for MatchKind {
    fn name(&self) -> &'static str {
        "match"
    }

    fn about(&self) -> &'static str {
        "Whether two records are the same thing: true or false."
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
            "calibration",
            "strategy",
            "keep",
            "head",
        ]
    }

    fn sides(&self) -> Option<[&'static str; 2]> {
        Some(["a", "b"])
    }

    fn is_listed(&self) -> bool {
        true
    }

    fn answer_key(&self) -> Option<&'static str> {
        Some("match")
    }

    /// A boolean, or what data writes for one.
    fn read_answer(&self, value: &Value, _known: Known<'_>) -> Result<Value, Problem> {
        let flag = match value {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => match number.as_f64() {
                Some(1.0) => Some(true),
                Some(0.0) => Some(false),
                _ => None,
            },
            Value::String(text) => match text.trim().to_lowercase().as_str() {
                "true" | "yes" | "1" | "match" | "duplicate" | "t" | "y" => Some(true),
                "false" | "no" | "0" | "different" | "not duplicate" | "f" | "n" => Some(false),
                _ => None,
            },
            _ => None,
        };
        flag.map(Value::Bool).ok_or_else(|| {
            Problem::new(
                format!("{value} does not say whether two records match"),
                "write true or false",
            )
        })
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        Some(&layout::SameOrNot)
    }
}
