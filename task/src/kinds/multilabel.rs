//! `multilabel`: any number of labels out of a list, each judged by itself.

use serde_json::Value;

use super::{KindRules, Known, Problem, read_label};
use crate::prompt::layout::{self, Layout};

pub(super) struct MultilabelKind;

impl KindRules for MultilabelKind {
    fn name(&self) -> &'static str {
        "multilabel"
    }

    fn about(&self) -> &'static str {
        "Any number of labels out of a list, each judged by itself."
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
            "label_threshold",
        ]
    }

    fn required(&self) -> &'static [(&'static str, &'static str)] {
        &[("labels", "list what can apply: labels: [billing, login, praise]")]
    }

    fn is_listed(&self) -> bool {
        true
    }

    fn answer_key(&self) -> Option<&'static str> {
        Some("labels")
    }

    /// A list, a JSON list in text, or names with `;` between them. The result is in the task's order, each label once.
    fn read_answer(&self, value: &Value, known: Known<'_>) -> Result<Value, Problem> {
        let items: Vec<Value> = match value {
            Value::Null => Vec::new(),
            Value::Array(items) => items.clone(),
            Value::String(text) if text.trim_start().starts_with('[') => {
                serde_json::from_str(text).map_err(|error| {
                    Problem::new(
                        format!("\"{text}\" is not a JSON list: {error}"),
                        "write [\"one\", \"two\"] or one; two",
                    )
                })?
            }
            Value::String(text) => text
                .split(';')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(Value::from)
                .collect(),
            other => {
                return Err(Problem::new(
                    format!("it must be a list of labels, not {other}"),
                    "write [one, two]",
                ));
            }
        };
        let mut given = items
            .iter()
            .map(|item| read_label(item, known.labels))
            .collect::<Result<Vec<_>, _>>()?;
        given.sort_by_key(|name| known.labels.iter().position(|label| label.name == *name));
        given.dedup();
        Ok(given.into())
    }

    fn layout(&self) -> Option<&'static dyn Layout> {
        Some(&layout::EachLabel)
    }
}
