//! From cells of a table to what is measured of them.

use refuel_engine::evaluate::{Classes, Evaluation, Judged, canonical};
use refuel_task::{Answer, Gate, Kind, Status, Task};
use serde_json::Value;

/// What classes the values of a column can be.
enum Values {
    /// Those of a task. Where it has no list of them, each is a class of its own in its canonical form.
    OfTask(Box<Task>),
    /// Texts, each a class of its own; F1 is taken over those that are seen.
    Texts,
}

/// Turns right answers and given ones into classes.
pub(crate) struct Judge {
    values: Values,
    classes: Classes,
    /// Whether F1 makes sense.
    labelled: bool,
    gate: Gate,
    rows: Vec<Judged>,
    /// Rows whose right answer is none that the task can give; they are not measured.
    unusable: u64,
}

impl Judge {
    /// Answers of a task.
    pub(crate) fn of_task(task: &Task) -> Self {
        Self {
            values: Values::OfTask(Box::new(Task {
                // What examples there are is nothing to judge by.
                examples: None,
                ..task.clone()
            })),
            classes: Classes::of_task(task),
            labelled: task.kind.is_listed(),
            gate: task.gate(),
            rows: Vec::new(),
            unusable: 0,
        }
    }

    /// Two columns of a table, whatever made them.
    pub(crate) fn of_columns() -> Self {
        Self {
            values: Values::Texts,
            classes: Classes::default(),
            labelled: true,
            gate: Gate::default(),
            rows: Vec::new(),
            unusable: 0,
        }
    }

    /// Adds a row: what is right, what is in the table, and how sure it is. A value that is null abstained.
    pub(crate) fn add_cells(&mut self, truth: &Value, given: &Value, confidence: Option<f64>) {
        let Some(expected) = self.expected(truth) else { return };
        let given = self.classes_of(given);
        self.rows.push(Judged {
            expected,
            failed: false,
            abstained: given.is_none(),
            said: given.clone(),
            given,
            confidence,
        });
    }

    /// Adds a row: what is right, and an answer before the gate.
    pub(crate) fn add_answer(&mut self, truth: &Value, answer: &Answer) {
        let Some(expected) = self.expected(truth) else { return };
        let gated = self.gate.apply(answer.clone());
        let confidence = self.gate.confidence_of(answer);
        let row = Judged {
            expected,
            // Null is no value, and neither is a fallback that says what no label says.
            given: self.classes_of(&gated.value),
            failed: gated.status == Status::Error,
            abstained: gated.status == Status::Abstained,
            said: self.classes_of(&answer.value),
            confidence: confidence.map(f64::from),
        };
        self.rows.push(row);
    }

    fn expected(&mut self, truth: &Value) -> Option<Vec<u32>> {
        let truth = match &self.values {
            Values::OfTask(task) => task.normalize_expected(&read_list(task.kind, truth)).ok(),
            Values::Texts => Some(truth.clone()),
        };
        let expected = truth.and_then(|truth| self.classes_of(&truth));
        if expected.is_none() {
            self.unusable += 1;
        }
        expected
    }

    /// The classes of a value, in ascending order. None where it is no value.
    fn classes_of(&mut self, value: &Value) -> Option<Vec<u32>> {
        let kind = match &self.values {
            Values::OfTask(task) => Some(task.kind),
            Values::Texts => None,
        };
        let Some(kind) = kind.filter(|kind| kind.is_listed()) else {
            return match value {
                // That a text has no answer, or a cell no value, is a right answer of some kinds.
                Value::Null if kind.is_some_and(Kind::takes_null) => Some(vec![self.classes.number("null")]),
                Value::Null => None,
                Value::String(text) => Some(vec![self.classes.number(text.trim())]),
                other => Some(vec![self.classes.number(&canonical(other).to_string())]),
            };
        };
        match value {
            Value::Bool(flag) if kind == Kind::MATCH => Some(vec![u32::from(*flag)]),
            Value::Number(number) if kind == Kind::MATCH => match number.as_i64() {
                Some(0) => Some(vec![0]),
                Some(1) => Some(vec![1]),
                _ => None,
            },
            Value::String(label) if kind == Kind::LABEL => Some(vec![self.classes.find(label)?]),
            Value::Array(labels) if kind == Kind::MULTILABEL => {
                let mut classes = labels
                    .iter()
                    .map(|label| self.classes.find(label.as_str()?))
                    .collect::<Option<Vec<u32>>>()?;
                classes.sort_unstable();
                Some(classes)
            }
            Value::String(text) if kind == Kind::MULTILABEL => match serde_json::from_str(text) {
                Ok(list @ Value::Array(_)) => self.classes_of(&list),
                _ => None,
            },
            _ => None,
        }
    }

    /// Rows whose right answer is none that the task can give.
    pub(crate) fn unusable(&self) -> u64 {
        self.unusable
    }

    /// Everything that is measured. None without rows.
    pub(crate) fn evaluation(&self) -> Option<Evaluation> {
        Evaluation::of(&self.rows, &self.classes, self.labelled)
    }
}

/// SQLite keeps lists as JSON text.
fn read_list(kind: Kind, value: &Value) -> Value {
    match value {
        Value::String(text) if kind == Kind::MULTILABEL && text.trim_start().starts_with('[') => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn task() -> Task {
        Task::from_yaml(
            "kind: label\ninput: body\nlabels: [refund, delivery, other]\nthreshold: 0.5\n",
            "topic",
            Path::new("."),
        )
        .unwrap()
    }

    fn answer(value: &str, confidence: f32) -> Answer {
        Answer {
            value: value.into(),
            confidence: Some(confidence),
            status: Status::Ok,
            reason: None,
            ..Answer::error("m@1", "")
        }
    }

    #[test]
    fn answers_are_measured_behind_the_gate_and_their_confidence_before_it() {
        let mut judge = Judge::of_task(&task());
        judge.add_answer(&json!("refund"), &answer("refund", 0.9));
        judge.add_answer(&json!("delivery"), &answer("refund", 0.6));
        judge.add_answer(&json!("other"), &answer("other", 0.4));
        judge.add_answer(&json!("other"), &Answer::error("m@1", "input is empty"));
        judge.add_answer(&json!("no such label"), &answer("other", 0.9));
        assert_eq!(judge.unusable(), 1);
        let evaluation = judge.evaluation().unwrap();
        assert_eq!(
            (
                evaluation.rows,
                evaluation.completed,
                evaluation.abstained,
                evaluation.failed
            ),
            (4, 2, 1, 1)
        );
        assert!(
            (evaluation.accuracy - 0.25).abs() < 1e-9,
            "what abstained or failed is not right"
        );
        // Right: 0.9 and 0.4; wrong: 0.6. One of the two pairs is in order.
        assert!((evaluation.auroc.unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn confidence_is_measured_as_it_is_calibrated() {
        let calibrated = "calibrated: {map: {method: platt, slope: 0, intercept: -2}}\n";
        let text = format!("kind: label\ninput: body\nlabels: [refund, delivery, other]\nthreshold: 0.5\n{calibrated}");
        let mut judge = Judge::of_task(&Task::from_yaml(&text, "topic", Path::new(".")).unwrap());
        judge.add_answer(&json!("refund"), &answer("refund", 0.9));
        judge.add_answer(&json!("refund"), &answer("delivery", 0.6));
        let evaluation = judge.evaluation().unwrap();
        assert_eq!(evaluation.abstained, 2, "each is as sure as one in eight");
        assert_eq!(evaluation.auroc, Some(0.5), "and none surer than the other");
    }

    #[test]
    fn values_without_a_list_are_compared_in_their_canonical_form() {
        let yaml = "kind: normalize\ninput: raw\nformat: date\n";
        let mut judge = Judge::of_task(&Task::from_yaml(yaml, "day", Path::new(".")).unwrap());
        judge.add_answer(&json!("5 March 2024"), &answer("2024-03-05", 0.9));
        judge.add_answer(&json!("2024-03-06"), &answer("2024-03-05", 0.9));
        judge.add_answer(&json!("soon"), &answer("2024-03-05", 0.9));
        assert_eq!(judge.unusable(), 1);
        let evaluation = judge.evaluation().unwrap();
        assert!((evaluation.accuracy - 0.5).abs() < 1e-9);
        let yaml = "kind: enrich\ninput: [name]\nfields: {country: null, employees: {type: integer}}\n";
        let mut judge = Judge::of_task(&Task::from_yaml(yaml, "facts", Path::new(".")).unwrap());
        let given = Answer {
            value: json!({"country": "DE", "employees": 12}),
            ..answer("", 0.9)
        };
        judge.add_answer(&json!(r#"{"employees": "12", "country": "DE"}"#), &given);
        assert!((judge.evaluation().unwrap().accuracy - 1.0).abs() < 1e-9);
    }

    #[test]
    fn columns_are_compared_as_texts_and_null_abstained() {
        let mut judge = Judge::of_columns();
        judge.add_cells(&json!("a"), &json!("a"), Some(0.9));
        judge.add_cells(&json!("b"), &json!("a"), Some(0.2));
        judge.add_cells(&json!("b"), &Value::Null, None);
        judge.add_cells(&Value::Null, &json!("a"), None);
        let evaluation = judge.evaluation().unwrap();
        assert_eq!((evaluation.rows, evaluation.abstained), (3, 1));
        assert_eq!(
            judge.unusable(),
            1,
            "without a right answer there is nothing to measure"
        );
        assert_eq!(evaluation.auroc, Some(1.0));
    }
}
