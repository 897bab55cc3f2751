//! Answers beside right ones: what classes they are, and whether they are the same.

use refuel_engine::evaluate::{Classes, Judged, bare_words, canonical};
use refuel_task::{Answer, Gate, Kind, Normalization, Status, Task, ValueRules};
use serde_json::Value;

/// Turns answers, before the gate, into classes.
pub(crate) struct Judge {
    kind: Kind,
    gate: Gate,
    pub(crate) classes: Classes,
    /// Whether classes are those of a list.
    pub(crate) labelled: bool,
    /// Whether entries of a vocabulary are found by meaning: whatever is asked for, some are the nearest.
    by_meaning: bool,
}

impl Judge {
    pub(crate) fn new(task: &Task) -> Self {
        Self {
            kind: task.kind,
            gate: task.gate(),
            classes: Classes::of_task(task),
            labelled: task.kind.is_listed(),
            by_meaning: matches!(
                &task.value_rules,
                Some(ValueRules::Normalize(Normalization::Vocabulary {
                    embeddings: Some(_),
                    ..
                }))
            ),
        }
    }

    pub(crate) fn row(&mut self, expected: &Value, answer: &Answer) -> Judged {
        let gated = self.gate.apply(answer.clone());
        // Where null is an answer, it is one only where the model said so.
        let nothing = self.finds_nothing(answer);
        let mut classes_of = |answer: &Answer| {
            let says = answer.status == Status::Ok || !answer.value.is_null() || nothing;
            says.then(|| self.classes_of(&answer.value)).flatten()
        };
        let (given, said) = (classes_of(&gated), classes_of(answer));
        Judged {
            expected: self.classes_of(expected).unwrap_or_default(),
            // Null is no value, and neither is a fallback that says what no label says.
            given,
            failed: gated.status == Status::Error,
            abstained: gated.status == Status::Abstained,
            said,
            // That of an abstention is the confidence in an entry that is not given: of there being none it says nothing.
            confidence: self.confidence(answer).filter(|_| !nothing).map(f64::from),
        }
    }

    /// The value behind the gate. None where there is none that could be right.
    pub(crate) fn value(&self, answer: &Answer) -> Option<Value> {
        let gated = self.gate.apply(answer.clone());
        let says = gated.status == Status::Ok || !gated.value.is_null();
        says.then_some(gated.value)
    }

    /// Whether an answer says that there is no value, and not that there are several.
    fn finds_nothing(&self, answer: &Answer) -> bool {
        let is_open = answer
            .reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with("ambiguous") || reason.starts_with("several entries"));
        // Where entries are found by meaning, those that were not near enough are told beside the answer.
        let has_candidates = !self.by_meaning && !answer.scores.is_empty();
        self.kind == Kind::NORMALIZE && answer.status == Status::Abstained && !has_candidates && !is_open
    }

    /// The classes of a value, in ascending order. None where it is no value of the task.
    fn classes_of(&mut self, value: &Value) -> Option<Vec<u32>> {
        if !self.labelled {
            let text = match value {
                Value::String(text) if self.kind == Kind::ANSWER => bare_words(text),
                Value::String(text) => text.trim().to_owned(),
                // That there is no answer, or no value, is one, too.
                Value::Null if self.kind == Kind::ANSWER || self.kind == Kind::NORMALIZE => String::new(),
                Value::Object(_) | Value::Number(_) => canonical(value).to_string(),
                Value::Bool(_) => value.to_string(),
                _ => return None,
            };
            return Some(vec![self.classes.number(&text)]);
        }
        match value {
            Value::Bool(flag) if self.kind == Kind::MATCH => Some(vec![u32::from(*flag)]),
            Value::String(label) if self.kind == Kind::LABEL => Some(vec![self.classes.find(label)?]),
            Value::Array(labels) if self.kind == Kind::MULTILABEL => {
                let mut classes = labels
                    .iter()
                    .map(|label| self.classes.find(label.as_str()?))
                    .collect::<Option<Vec<u32>>>()?;
                classes.sort_unstable();
                Some(classes)
            }
            _ => None,
        }
    }

    /// The confidence that the gate looks at.
    pub(crate) fn confidence(&self, answer: &Answer) -> Option<f32> {
        self.gate.confidence_of(answer)
    }

    /// The same before it is calibrated.
    pub(crate) fn own_confidence(&self, answer: &Answer) -> Option<f32> {
        self.gate.own_confidence(answer)
    }

    /// Whether confidence is calibrated.
    pub(crate) fn is_calibrated(&self) -> bool {
        self.gate.calibrated.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use refuel_task::{Scored, Source};
    use serde_json::json;

    use super::*;

    fn abstained(reason: &str) -> Answer {
        Answer {
            value: Value::Null,
            confidence: Some(0.2),
            raw_confidence: Some(0.2),
            status: Status::Abstained,
            reason: Some(reason.to_owned()),
            source: Source::Similar,
            scores: vec![Scored {
                value: "Printer".to_owned(),
                confidence: 0.2,
                raw_confidence: 0.2,
                span: None,
            }],
            ..Answer::error("m@1", "")
        }
    }

    #[test]
    fn no_entry_near_enough_in_meaning_is_right_where_no_value_is_expected() {
        let value = json!({
            "name": "goods", "kind": "normalize", "input": "raw", "vocabulary": ["Printer", "Router"],
            "embeddings": "all-minilm-l6-v2",
        });
        let task = Task::from_json(&value, "test", Path::new(".")).unwrap();
        let mut judge = Judge::new(&task);
        let nothing = abstained("nothing in the vocabulary is like it, or near enough in meaning");
        let row = judge.row(&Value::Null, &nothing);
        assert!(row.is_right());
        assert_eq!(row.confidence, None, "0.2 is the confidence in the printer");
        assert!(!judge.row(&"Printer".into(), &nothing).is_right());
        let several = abstained("several entries of the vocabulary are alike");
        assert!(!judge.row(&Value::Null, &several).is_right());
    }
}
