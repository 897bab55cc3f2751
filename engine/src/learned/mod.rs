//! Heads: what was trained on a task's examples, as the registry keeps it, and the answers that it gives.
//!
//! A head is a model of the registry with a graph (`model.onnx`, which says what its labels are), the profile of the
//! records that pairs are compared by (`profile.json`), and what was chosen for a cascade (`cascade.json`). Its digest is
//! over all of these, so that a head which was trained again, or whose cascade was chosen again, is asked anew.

pub(crate) mod answerable;
pub(crate) mod cascade;
pub(crate) mod encoder;
pub(crate) mod labels;
pub(crate) mod pairs;
pub(crate) mod tagger;

use ndarray::Array2;
use refuel_compiler::Role;
use refuel_learn::{Calibration, LearnError};
use refuel_registry::{ModelEntry, RegistryError};
use refuel_task::{Answer, Kind, Scored, Source, Status, Task};
use serde_json::Value;

use crate::engine::Shared;
use crate::error::EngineError;
use crate::procedure::best_scores;

/// The file of a head's graph.
pub(crate) const GRAPH_FILE: &str = "model.onnx";

/// The head of a task in the registry.
///
/// # Errors
/// [`EngineError::NoHead`] where there is none, or another model has its name.
pub(crate) fn entry_of(shared: &Shared, task: &Task) -> Result<ModelEntry, EngineError> {
    let head = task.head_name();
    let missing = || EngineError::NoHead {
        head: head.clone(),
        task: task.name.clone(),
    };
    match shared.entry(&head) {
        Ok(entry) if entry.manifest.description.role == Role::Head => Ok(entry),
        Ok(_) | Err(EngineError::Registry(RegistryError::Unknown { .. })) => Err(missing()),
        Err(error) => Err(error),
    }
}

/// Reads a file of a head.
pub(crate) fn read(entry: &ModelEntry, file: &str) -> Result<Vec<u8>, EngineError> {
    Ok(fs_err::read(entry.dir.join(file))?)
}

/// The error of a head that is not what it should be.
pub(crate) fn unusable(entry: &ModelEntry, reason: impl std::fmt::Display) -> EngineError {
    EngineError::ModelUnusable {
        model: entry.manifest.reference(),
        reason: reason.to_string(),
    }
}

/// The error of a head for another task than this.
pub(crate) fn unfit(entry: &ModelEntry, task: &Task, what: impl Into<String>) -> EngineError {
    EngineError::HeadUnfit {
        head: entry.manifest.reference(),
        task: task.name.clone(),
        what: what.into(),
    }
}

/// The error of records that can't be compared.
pub(crate) fn unprofiled(task: &Task, error: &refuel_resolve::ResolveError) -> EngineError {
    EngineError::Untrainable {
        task: task.name.clone(),
        what: error.to_string(),
        hint: "give pairs whose columns hold something".to_owned(),
    }
}

/// The names of what a task of this kind chooses from, in the order of a head's outputs; of `extract`, the fields.
pub(crate) fn choices_of(task: &Task) -> Vec<String> {
    if task.kind == Kind::MATCH {
        return vec!["no".to_owned(), "yes".to_owned()];
    }
    if task.kind == Kind::EXTRACT {
        return tagger::Slots::of(task).names();
    }
    task.labels.iter().map(|label| label.name.clone()).collect()
}

/// The name of a model with its whole digest, as heads say whose states they read.
pub(crate) fn named(entry: &ModelEntry) -> String {
    let manifest = &entry.manifest;
    format!("{}@{}", manifest.name, manifest.digest.trim_start_matches("sha256:"))
}

/// Vectors as the rows of a matrix, each of length 1.
pub(crate) fn matrix(vectors: &[Vec<f32>]) -> Result<Array2<f32>, LearnError> {
    let columns = vectors.first().map_or(0, Vec::len);
    let mut rows =
        Array2::from_shape_vec((vectors.len(), columns), vectors.concat()).map_err(|_| LearnError::Shape {
            what: "numbers of vectors",
            expected: columns * vectors.len(),
            found: vectors.iter().map(Vec::len).sum(),
        })?;
    refuel_learn::normalize_rows(&mut rows);
    Ok(rows)
}

/// Who answers, and how sure he may be.
pub(crate) struct Answering<'a> {
    /// `name@digest`, as answers carry it.
    pub(crate) model: &'a str,
    /// Where answers come from.
    pub(crate) source: Source,
    /// From the probability of the best to the share of such answers that are right.
    pub(crate) calibration: &'a Calibration,
}

impl Answering<'_> {
    /// The answer with the greatest probability; of equals the first. `value` gives what a choice stands for.
    ///
    /// The raw confidences are the probabilities. That of the best is calibrated, and the others share what is left as they
    /// did before.
    pub(crate) fn best(&self, choices: &[String], shares: &[f32], value: impl Fn(usize) -> Value) -> Answer {
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by(|&left, &right| shares[right].total_cmp(&shares[left]).then(left.cmp(&right)));
        let Some(&best) = order.first().filter(|&&best| shares[best].is_finite()) else {
            return Answer::error(self.model, "the head gave probabilities that are not numbers");
        };
        let raw = shares[best].clamp(0.0, 1.0);
        let confidence = self.calibration.apply(raw).clamp(0.0, 1.0);
        let of_others = if raw < 1.0 {
            (1.0 - confidence) / (1.0 - raw)
        } else {
            0.0
        };
        let scored = |choice: usize| Scored {
            value: choices[choice].clone(),
            confidence: if choice == best {
                confidence
            } else {
                shares[choice] * of_others
            },
            raw_confidence: shares[choice],
            span: None,
        };
        Answer {
            value: value(best),
            confidence: Some(confidence),
            raw_confidence: Some(raw),
            status: Status::Ok,
            reason: None,
            scores: best_scores(&order, scored),
            source: self.source,
            ..Answer::error(self.model, "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(shares: &[f32], calibration: &Calibration) -> Answer {
        let choices: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        Answering {
            model: "topic@1",
            source: Source::Head,
            calibration,
        }
        .best(&choices, shares, |choice| choices[choice].clone().into())
    }

    #[test]
    fn the_likeliest_is_the_answer_and_the_others_share_what_calibration_leaves() {
        let halves = Calibration::Temperature { temperature: 2.0 };
        let answer = answer(&[0.1, 0.8, 0.1], &halves);
        assert_eq!(answer.value, "b");
        assert_eq!(answer.raw_confidence, Some(0.8));
        assert!(
            (answer.confidence.unwrap() - 0.666_67).abs() < 1e-4,
            "the square root of the odds"
        );
        let values: Vec<&str> = answer.scores.iter().map(|scored| scored.value.as_str()).collect();
        assert_eq!(values, ["b", "a", "c"]);
        let sum: f32 = answer.scores.iter().map(|scored| scored.confidence).sum();
        assert!((sum - 1.0).abs() < 1e-5);
    }

    #[test]
    fn what_is_certain_stays_so_and_what_is_no_number_is_an_error() {
        assert_eq!(answer(&[0.0, 0.0, 1.0], &Calibration::None).confidence, Some(1.0));
        assert_eq!(answer(&[f32::NAN; 3], &Calibration::None).status, Status::Error);
    }
}
