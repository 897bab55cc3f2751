//! Heads on embeddings: one label out of a list.

use ndarray::Array2;
use refuel_learn::{Facts, Features, LinearHead, TermVocabulary, head_from_onnx};
use refuel_registry::ModelEntry;
use refuel_task::{Answer, RenderedInput, Source, Task};
use serde_json::Value;

use super::{Answering, GRAPH_FILE, matrix, read, unfit, unusable};
use crate::error::EngineError;

/// A head on embeddings, and on terms where it reads them.
#[derive(Debug, Clone)]
pub(crate) struct LabelHead {
    head: LinearHead,
    terms: Option<TermVocabulary>,
    facts: Facts,
    model: String,
}

impl LabelHead {
    /// Reads the head that is to answer a task.
    ///
    /// # Errors
    /// [`EngineError::ModelUnusable`], and [`EngineError::HeadUnfit`] where it was trained for other labels.
    pub(crate) fn open(entry: &ModelEntry, task: &Task) -> Result<Self, EngineError> {
        let (head, facts) = head_from_onnx(&read(entry, GRAPH_FILE)?).map_err(|error| unusable(entry, error))?;
        let terms = facts.terms.as_deref().map(TermVocabulary::from_json).transpose();
        let known = |label: &String| task.labels.iter().any(|own| own.name == *label);
        if let Some(strange) = facts.labels.iter().find(|label| !known(label)) {
            let what = format!("it was trained for the label \"{strange}\", which the task does not have");
            return Err(unfit(entry, task, what));
        }
        if let Some(new) = task.labels.iter().find(|label| !facts.labels.contains(&label.name)) {
            let what = format!("it was trained without the label \"{}\"", new.name);
            return Err(unfit(entry, task, what));
        }
        if let Some(what) = other_catch_all(&facts, task) {
            return Err(unfit(entry, task, what));
        }
        Ok(Self {
            terms: terms.map_err(|error| unusable(entry, error))?,
            model: entry.manifest.reference(),
            head,
            facts,
        })
    }

    /// `name@digest` of the model whose embeddings it reads.
    pub(crate) fn encoder(&self) -> Option<&str> {
        self.facts.embedding_model.as_deref()
    }

    /// Answers to inputs, given with the vectors of their texts.
    pub(crate) fn answers(&self, inputs: &[&RenderedInput], vectors: &[Vec<f32>]) -> Result<Vec<Answer>, EngineError> {
        let probabilities = self.probabilities(inputs, matrix(vectors)?)?;
        let answering = Answering {
            model: &self.model,
            source: Source::Head,
            calibration: &self.facts.calibration,
        };
        let labels = &self.facts.labels;
        let answer = |shares: ndarray::ArrayView1<'_, f32>| {
            answering.best(labels, &shares.to_vec(), |label| Value::from(labels[label].as_str()))
        };
        Ok(probabilities.rows().into_iter().map(answer).collect())
    }

    fn probabilities(&self, inputs: &[&RenderedInput], dense: Array2<f32>) -> Result<Array2<f32>, EngineError> {
        let texts: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
        let features = Features {
            dense,
            terms: self.terms.as_ref().map(|terms| terms.rows(&texts)),
        };
        match &self.facts.catch_all {
            Some(catch_all) => Ok(catch_all.probabilities(&self.head.logits(&features)?)),
            None => Ok(self.head.probabilities(&features)?),
        }
    }
}

/// What tells the catch-all that a head was trained with from the task's, if anything does.
fn other_catch_all(facts: &Facts, task: &Task) -> Option<String> {
    let wanted = task.catch_all().map(|(label, share)| (&task.labels[label].name, share));
    let trained = facts
        .catch_all
        .and_then(|catch_all| Some((facts.labels.get(catch_all.label)?, catch_all.share as f32)));
    match (trained, wanted) {
        (Some((label, share)), Some((own, wanted))) if label == own && (share - wanted).abs() > f32::EPSILON => {
            Some(format!(
                "it was trained to expect \"{label}\" for a share of {share} of all rows, and the task says {wanted}"
            ))
        }
        (Some((label, _)), wanted) if wanted.is_none_or(|(own, _)| own != label) => Some(format!(
            "it was trained with \"{label}\" as a catch-all, and the task says otherwise"
        )),
        (None, Some(_)) => Some("it was trained without the task's catch-all".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use refuel_learn::CatchAll;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_catch_all_of_another_share_or_label_is_another_one() {
        let task = |other: Value| {
            let value = json!({
                "name": "topic", "kind": "label", "input": "text", "labels": ["refund", "delivery", other], "strategy": "head",
            });
            Task::from_json(&value, "test", Path::new(".")).unwrap()
        };
        // The head's labels need not be in the task's order.
        let names = ["other", "refund", "delivery"].map(str::to_owned).to_vec();
        let mut facts = Facts::new(names, String::new(), 12);
        let same = task(json!({"name": "other", "catch_all": 0.3}));
        let told = |facts: &Facts, task: &Task| other_catch_all(facts, task).unwrap_or_default();
        assert!(told(&facts, &same).contains("without the task's catch-all"));
        facts.catch_all = Some(CatchAll {
            label: 0,
            share: f64::from(0.3_f32),
            weights: [0.0, -1.0, 1.0],
        });
        assert_eq!(other_catch_all(&facts, &same), None);
        let share = told(&facts, &task(json!({"name": "other", "catch_all": 0.4})));
        assert!(
            share.contains("a share of 0.3 of all rows, and the task says 0.4"),
            "{share}"
        );
        let none = told(&facts, &task(json!("other")));
        assert!(none.contains("and the task says otherwise"), "{none}");
    }
}
