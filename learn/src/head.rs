//! Trains a head: what it reads, how strongly it is held back and what the labels' names say are chosen by
//! cross-validation.

mod search;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::error::LearnError;
use crate::features::Features;
use crate::folds::stratified_folds;
use crate::linear::{Activation, LinearHead, Targets, best_of};
use search::Search;

/// What names and descriptions of labels say: features of such texts, each with the label that it is about.
#[derive(Debug, Clone)]
pub struct LabelTexts {
    /// Features of the texts, of the same columns as the examples'.
    pub features: Features,
    /// The label of each text.
    pub labels: Vec<usize>,
}

/// What is tried for a head.
#[derive(Debug, Clone)]
pub struct HeadOptions {
    /// Parts that are held out by turns, at least 2.
    pub folds: usize,
    /// Where the parts come from.
    pub seed: u64,
    /// Whether every label counts the same, however many examples it has.
    pub balanced: bool,
    /// Penalties, as [`FitOptions::penalty`].
    pub penalties: Vec<f32>,
    /// What terms' values are multiplied by; 0 leaves them out.
    pub term_scales: Vec<f32>,
    /// How many examples a label's texts count for together; 0 leaves them out.
    pub text_weights: Vec<f32>,
    /// Logits per unit of cosine between a row and a label's texts, to which weights are drawn; 0 draws them to 0.
    pub prior_scales: Vec<f32>,
}

impl Default for HeadOptions {
    fn default() -> Self {
        Self {
            folds: 5,
            seed: 17,
            balanced: true,
            penalties: vec![1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5],
            term_scales: vec![0.0, 0.5, 1.0, 2.0],
            text_weights: vec![0.0, 0.5, 1.0, 2.0],
            prior_scales: vec![0.0, 4.0, 8.0, 16.0],
        }
    }
}

/// What was chosen for a head.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// As [`FitOptions::penalty`].
    pub penalty: f32,
    /// What terms' values are multiplied by.
    pub term_scale: f32,
    /// How many examples a label's texts count for.
    pub text_weight: f32,
    /// Logits per unit of cosine with a label's texts.
    pub prior_scale: f32,
}

/// A head, and how it did on examples that it had not seen.
#[derive(Debug, Clone)]
pub struct TrainedHead {
    /// The head, fitted to all examples.
    pub head: LinearHead,
    /// What was chosen.
    pub choice: Choice,
    /// Logits of every example by a head that had not seen it, `[examples, labels]`: what confidence is calibrated on.
    pub held_out: Array2<f32>,
    /// Their mean cross-entropy, by the examples' weights.
    pub log_loss: f64,
    /// Share of the examples whose most probable label is right, by heads that had not seen them. For several labels a
    /// row, the share of rows and labels that are right.
    pub accuracy: f64,
}

/// Operations of a fit above which fewer parts are held out: three, or two above three times as many.
const MOST_OF_A_FIT: f64 = 1e12;
/// Operations that one choice may cost for all its parts to be tried: above, choices are made on fewer examples, so that
/// training stays a matter of minutes.
const MOST_OF_A_CHOICE: f64 = 1e11;
/// Passes over the examples that a fit is thought to take, at four operations for each number of them and label.
const PASSES: f64 = 240.0;
/// Fewest examples, and fewest a label, that choices are made on where there are more.
const FEWEST_TO_CHOOSE_ON: usize = 1000;

/// Trains a head.
///
/// Texts of labels count twice: as examples, and as the point that weights are drawn to. Both, like all else in
/// [`HeadOptions`], are chosen one after another for the least cross-entropy on held-out examples, in two rounds. Equal
/// arguments give equal heads, however many threads there are. `stopped` is asked between fits.
///
/// # Errors
/// [`LearnError::OneLabel`] and [`LearnError::TooFewExamples`], and what is wrong with the arguments;
/// [`LearnError::Stopped`].
pub fn train_head(
    features: &Features,
    targets: &Targets,
    texts: Option<&LabelTexts>,
    groups: Option<&[u64]>,
    options: &HeadOptions,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<TrainedHead, LearnError> {
    features.check()?;
    if targets.rows() != features.rows() {
        return Err(LearnError::Shape {
            what: "targets",
            expected: features.rows(),
            found: targets.rows(),
        });
    }
    if targets.rows() < 4 {
        return Err(LearnError::TooFewExamples {
            what: "a head",
            need: 4,
            have: targets.rows(),
        });
    }
    if let Some(texts) = texts {
        Targets::single(&texts.labels, targets.labels())?;
    }
    let best = targets.best();
    if targets.activation == Activation::Softmax && best.iter().all(|label| *label == best[0]) {
        return Err(LearnError::OneLabel {
            label: format!("number {}", best[0]),
        });
    }
    let work = PASSES * (features.rows() * features.columns().min(2048) * targets.labels()) as f64;
    let folds = if work > MOST_OF_A_FIT { 2 } else { options.folds.max(2) };
    let fewest = FEWEST_TO_CHOOSE_ON.max(2 * targets.labels());
    let shares = ((work * folds as f64 / MOST_OF_A_CHOICE) as usize).min(features.rows() / fewest);
    let search = Search {
        features,
        targets,
        texts,
        weights: if options.balanced {
            targets.balanced_weights()
        } else {
            vec![1.0; targets.rows()]
        },
        parts: stratified_folds(&best, groups, folds, options.seed),
        folds,
        stopped,
    };
    let found = if shares > 1 {
        // A share of each part, so that a head of the share has not seen the other rows of its part either.
        let share = stratified_folds(&best, groups, shares, options.seed.wrapping_add(1));
        let rows: Vec<usize> = (0..share.len()).filter(|&row| share[row] == 0).collect();
        search.choose_on(&rows, shares, options)?
    } else {
        search.choose(options)?
    };
    let (head, held_out) = search.heads(&found)?;
    let (log_loss, accuracy) = search.score(&held_out);
    Ok(TrainedHead {
        head,
        choice: found.choice,
        held_out,
        log_loss,
        accuracy,
    })
}

/// Cross-entropy of each row.
pub fn cross_entropies(logits: &Array2<f32>, targets: &Targets) -> Vec<f64> {
    let mut probabilities = logits.clone();
    targets.activation.apply(&mut probabilities);
    // What rounds to 0 counts as the least number that is none, not as infinitely bad.
    let log = |probability: f32| f64::from(probability.max(f32::MIN_POSITIVE)).ln();
    probabilities
        .rows()
        .into_iter()
        .zip(targets.shares.rows())
        .map(|(row, shares)| {
            let terms = row.iter().zip(shares).map(|(probability, share)| {
                let share = *share;
                let of_right = if share > 0.0 {
                    f64::from(share) * log(*probability)
                } else {
                    0.0
                };
                if targets.activation == Activation::Sigmoid && share < 1.0 {
                    of_right + f64::from(1.0 - share) * log(1.0 - probability)
                } else {
                    of_right
                }
            });
            -terms.sum::<f64>()
        })
        .collect()
}

/// Share of rows whose greatest logit is at the right label; for several labels a row, of rows and labels on whose right
/// side of 0 the logit is.
pub fn accuracy(logits: &Array2<f32>, targets: &Targets) -> f64 {
    let hits = match targets.activation {
        Activation::Softmax => best_of(logits)
            .iter()
            .zip(targets.best())
            .filter(|(found, right)| **found == *right)
            .count() as f64,
        Activation::Sigmoid => {
            logits
                .iter()
                .zip(&targets.shares)
                .filter(|(logit, share)| (**logit > 0.0) == (**share > 0.5))
                .count() as f64
                / targets.labels().max(1) as f64
        }
    };
    hits / targets.rows().max(1) as f64
}

/// The mean embedding of each label's texts, brought to length 1: `[dimensions, labels]`.
pub(crate) fn label_means(texts: &LabelTexts, labels: usize) -> Array2<f32> {
    let mut means = Array2::zeros((labels, texts.features.dense.ncols()));
    for (row, &label) in texts.labels.iter().enumerate() {
        let mut mean = means.row_mut(label);
        mean += &texts.features.dense.row(row);
    }
    crate::features::normalize_rows(&mut means);
    means.reversed_axes().as_standard_layout().into_owned()
}

#[cfg(test)]
mod tests;
