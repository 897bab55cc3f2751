//! Answers beside right ones: what classes they are, and whether they are the same.

use refuel_engine::evaluate::{Classes, Judged, bare_words};
use refuel_task::{Answer, Gate, Kind, Status, Task};
use serde_json::Value;

/// Turns answers, before the gate, into classes.
pub(crate) struct Judge {
    kind: Kind,
    gate: Gate,
    pub(crate) classes: Classes,
    /// Whether classes are those of a list.
    pub(crate) labelled: bool,
}

impl Judge {
    pub(crate) fn new(task: &Task) -> Self {
        Self {
            kind: task.kind,
            gate: task.gate(),
            classes: Classes::of_task(task),
            labelled: task.kind.is_listed(),
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
            confidence: self.confidence(answer).map(f64::from),
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
            .is_some_and(|reason| reason.starts_with("ambiguous"));
        self.kind == Kind::NORMALIZE && answer.status == Status::Abstained && answer.scores.is_empty() && !is_open
    }

    /// The classes of a value, in ascending order. None where it is no value of the task.
    fn classes_of(&mut self, value: &Value) -> Option<Vec<u32>> {
        if !self.labelled {
            let text = match value {
                Value::String(text) if self.kind == Kind::ANSWER => bare_words(text),
                Value::String(text) => text.trim().to_owned(),
                // That there is no answer, or no value, is one, too.
                Value::Null if self.kind == Kind::ANSWER || self.kind == Kind::NORMALIZE => String::new(),
                Value::Object(_) | Value::Number(_) | Value::Bool(_) => value.to_string(),
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
