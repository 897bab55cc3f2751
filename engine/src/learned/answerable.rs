//! Heads of tasks of kind `answer`: whether a text answers a question at all, and whether a piece of it is right, as the
//! language model's own states tell.

use ndarray::Array2;
use refuel_learn::{ANSWERABLE_OUTPUTS, AnswerableHead, Facts, LearnError, Questions, Shown, head_from_onnx};
use refuel_registry::ModelEntry;
use refuel_task::Task;

use super::{GRAPH_FILE, named, read, unfit, unusable};
use crate::error::EngineError;

/// What a language model shows and holds in mind of one question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Read {
    /// What it shows.
    pub(crate) shown: Shown,
    /// Its states; empty where its session tells none.
    pub(crate) states: Vec<f32>,
}

/// Questions as a head takes them.
///
/// # Errors
/// [`LearnError::Shape`] where one has other states than the others.
pub(crate) fn questions(read: &[&Read]) -> Result<Questions, LearnError> {
    let columns = read.first().map_or(0, |read| read.states.len());
    if let Some(other) = read.iter().find(|read| read.states.len() != columns) {
        return Err(LearnError::Shape {
            what: "numbers of states",
            expected: columns,
            found: other.states.len(),
        });
    }
    let states: Vec<f32> = read.iter().flat_map(|read| read.states.iter().copied()).collect();
    Ok(Questions {
        shown: read.iter().map(|read| read.shown).collect(),
        states: Array2::from_shape_vec((read.len(), columns), states).expect("each has as many as any other"),
    })
}

/// A head that says how sure answers of a language model are.
#[derive(Debug, Clone)]
pub(crate) struct AnswerHead {
    head: AnswerableHead,
    facts: Facts,
    digest: String,
}

impl AnswerHead {
    /// Reads the head that is to judge the answers of a model to a task.
    ///
    /// # Errors
    /// [`EngineError::ModelUnusable`], and [`EngineError::HeadUnfit`] where it was trained for another kind of task, or
    /// on what another model holds in mind.
    pub(crate) fn open(entry: &ModelEntry, task: &Task, model: &ModelEntry) -> Result<Self, EngineError> {
        let (head, facts) = head_from_onnx(&read(entry, GRAPH_FILE)?).map_err(|error| unusable(entry, error))?;
        if !facts.labels.iter().eq(ANSWERABLE_OUTPUTS) || !facts.columns.iter().eq(Shown::MEASURES) {
            return Err(unfit(entry, task, "it was not trained for a task of kind `answer`"));
        }
        let reads = facts.embedding_model.clone().unwrap_or_default();
        if reads != named(model) {
            let what = format!("it was trained on what {reads} says, and {} is asked", named(model));
            return Err(unfit(entry, task, what));
        }
        Ok(Self {
            head: AnswerableHead { head },
            facts,
            digest: entry.manifest.digest.clone(),
        })
    }

    /// The digest of the head.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Numbers of the states that it reads.
    pub(crate) fn states(&self) -> usize {
        self.head.states()
    }

    /// Of each question, how probable it is that there is no answer, and that the piece is right.
    pub(crate) fn judge(&self, read: &[&Read]) -> Result<Vec<[f32; 2]>, EngineError> {
        if read.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.head.probabilities(&questions(read)?)?;
        Ok(found.rows().into_iter().map(|row| [row[0], row[1]]).collect())
    }

    /// How sure it may be of something that it takes for this probable.
    pub(crate) fn confidence(&self, probability: f32) -> f32 {
        self.facts.calibration.apply(probability).clamp(0.0, 1.0)
    }
}
