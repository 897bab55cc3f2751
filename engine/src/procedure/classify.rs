//! A model that was trained to classify: one logit a class.

use refuel_compiler::GraphInterface;
use refuel_task::{Answer, Scored, Task};
use serde_json::Value;

use super::{Asked, Procedure, answered, best_scores};
use crate::confidence::softmax;
use crate::error::EngineError;
use crate::model::Model;
use crate::session::OnRows;

/// See the module.
pub(crate) struct Classify {
    /// For each label of the task, the model's class.
    classes: Vec<usize>,
    labels: Vec<String>,
}

impl Classify {
    /// Each of the task's labels must be one of the model's classes, by name or alias, whatever the case.
    pub(crate) fn new(model: &Model, task: &Task) -> Result<Self, EngineError> {
        let GraphInterface::Classifier { labels: names, .. } = &model.description.interface else {
            return Err(EngineError::WrongRole {
                model: model.name.clone(),
                is: "no classifier",
                kind: task.kind.name().to_owned(),
                needs: "a classifier or a decoder",
            });
        };
        let class_of = |text: &str| names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let classes = task
            .labels
            .iter()
            .map(|label| {
                class_of(&label.name)
                    .or_else(|| label.aliases.iter().find_map(|alias| class_of(alias)))
                    .ok_or_else(|| EngineError::UnknownClass {
                        model: model.name.clone(),
                        label: label.name.clone(),
                        classes: names.clone(),
                    })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            classes,
            labels: task.labels.iter().map(|label| label.name.clone()).collect(),
        })
    }
}

impl Procedure for Classify {
    fn tokens_after_row(&self) -> usize {
        0
    }

    /// The raw confidence is the probability among all of the model's classes, the normalized one among the task's.
    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        let logits = asked.model.session().classify(&asked.rows(), asked.cancel, on_rows)?;
        Ok(asked
            .questions
            .iter()
            .zip(logits)
            .map(|(question, logits)| {
                let logits: Vec<f64> = logits.into_iter().map(f64::from).collect();
                let all = softmax(&logits);
                let among = softmax(&self.classes.iter().map(|&class| logits[class]).collect::<Vec<_>>());
                let mut order: Vec<usize> = (0..among.len()).collect();
                order.sort_by(|&a, &b| among[b].total_cmp(&among[a]).then(a.cmp(&b)));
                let best = order[0];
                let raw = all[self.classes[best]];
                let value = Value::String(self.labels[best].clone());
                let mut answer = answered(asked.model, question, value, Some(among[best]), Some(raw));
                answer.scores = best_scores(&order, |label| Scored {
                    value: self.labels[label].clone(),
                    confidence: among[label],
                    raw_confidence: all[self.classes[label]],
                    span: None,
                });
                answer.output_tokens = 1;
                answer
            })
            .collect())
    }
}
