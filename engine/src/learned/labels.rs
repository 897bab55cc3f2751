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
        let name = |number: Option<usize>, names: &[String]| number.and_then(|number| names.get(number)).cloned();
        let own: Vec<String> = task.labels.iter().map(|label| label.name.clone()).collect();
        let wanted = name(task.catch_all().map(|(label, _)| label), &own);
        let trained = name(facts.catch_all.map(|catch_all| catch_all.label), &facts.labels);
        if wanted != trained {
            let what = match trained {
                Some(label) => format!("it was trained with \"{label}\" as a catch-all, and the task says otherwise"),
                None => "it was trained without the task's catch-all".to_owned(),
            };
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
