//! Trains a head: what it reads, how strongly it is held back and what the labels' names say are chosen by
//! cross-validation.

use std::collections::HashMap;

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::LearnError;
use crate::features::Features;
use crate::folds::{split, stratified_folds};
use crate::linear::{Activation, FitOptions, LinearHead, Targets, best_of, stacked};

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

/// Passes over the examples that a fit is thought to take, at four operations for each number of them and label.
const PASSES: f64 = 240.0;
/// Operations that one choice may cost for all its parts to be tried: above, choices are made on fewer examples, so that
/// training stays a matter of minutes.
const MOST_OF_A_CHOICE: f64 = 1e11;
/// Operations of a fit above which only two parts are held out.
const MOST_OF_A_FIT: f64 = 5e11;
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
    let best = targets.best();
    if targets.activation == Activation::Softmax && best.iter().all(|label| *label == best[0]) {
        return Err(LearnError::OneLabel {
            label: format!("number {}", best[0]),
        });
    }
    let work = PASSES * (features.rows() * features.columns().min(2048) * targets.labels()) as f64;
    let folds = if work > MOST_OF_A_FIT { 2 } else { options.folds.max(2) };
    let weights = if options.balanced {
        targets.balanced_weights()
    } else {
        vec![1.0; targets.rows()]
    };
    let search = Search {
        features,
        targets,
        texts,
        parts: stratified_folds(&best, groups, folds, options.seed),
        weights,
        folds,
        stopped,
    };
    let fewest = FEWEST_TO_CHOOSE_ON.max(2 * targets.labels());
    let shares = ((work * folds as f64 / MOST_OF_A_CHOICE) as usize).min(features.rows() / fewest);
    let choice = if shares > 1 {
        search.choose_on_one_of(shares, groups, options)?
    } else {
        search.choose(options)?
    };
    let all: Vec<usize> = (0..features.rows()).collect();
    let head = search.fit(&all, &choice)?.with_terms_unscaled(choice.term_scale);
    let held_out = search.held_out(&choice)?;
    let (log_loss, accuracy) = search.score(&held_out);
    Ok(TrainedHead {
        head,
        choice,
        held_out,
        log_loss,
        accuracy,
    })
}

/// A setting of a choice.
type Setting = fn(&mut Choice) -> &mut f32;

struct Search<'a> {
    features: &'a Features,
    targets: &'a Targets,
    texts: Option<&'a LabelTexts>,
    weights: Vec<f32>,
    parts: Vec<usize>,
    folds: usize,
    stopped: &'a (dyn Fn() -> bool + Sync),
}

impl Search<'_> {
    /// The best on one of `shares` equal shares of the examples.
    fn choose_on_one_of(
        &self,
        shares: usize,
        groups: Option<&[u64]>,
        options: &HeadOptions,
    ) -> Result<Choice, LearnError> {
        let share = stratified_folds(&self.targets.best(), groups, shares, options.seed);
        let rows: Vec<usize> = (0..share.len()).filter(|&row| share[row] == 0).collect();
        let targets = self.targets.select(&rows);
        let groups: Option<Vec<u64>> = groups.map(|groups| rows.iter().map(|&row| groups[row]).collect());
        let search = Search {
            features: &self.features.select(&rows),
            parts: stratified_folds(&targets.best(), groups.as_deref(), self.folds, options.seed),
            weights: rows.iter().map(|&row| self.weights[row]).collect(),
            targets: &targets,
            ..*self
        };
        let choice = search.choose(options)?;
        // What holds weights back is as strong beside all examples as it was beside some.
        Ok(Choice {
            penalty: choice.penalty / shares as f32,
            ..choice
        })
    }

    /// The best of what is tried, one setting after another.
    fn choose(&self, options: &HeadOptions) -> Result<Choice, LearnError> {
        let has_terms = self.features.terms.is_some();
        let has_texts = self.texts.is_some();
        let middle = |values: &[f32]| values.get(values.len() / 2).copied().unwrap_or_default();
        let mut choice = Choice {
            penalty: middle(&options.penalties),
            term_scale: if has_terms { middle(&options.term_scales) } else { 0.0 },
            text_weight: if has_texts { middle(&options.text_weights) } else { 0.0 },
            prior_scale: 0.0,
        };
        let settings: [(&[f32], bool, Setting); 4] = [
            (&options.penalties, true, |choice| &mut choice.penalty),
            (&options.prior_scales, has_texts, |choice| &mut choice.prior_scale),
            (&options.text_weights, has_texts, |choice| &mut choice.text_weight),
            (&options.term_scales, has_terms, |choice| &mut choice.term_scale),
        ];
        let mut known: HashMap<[u32; 4], f64> = HashMap::new();
        for _ in 0..2 {
            let before = choice;
            for (values, applies, place) in &settings {
                if !applies {
                    continue;
                }
                let mut best: Option<(f64, f32)> = None;
                for &value in *values {
                    *place(&mut choice) = value;
                    let loss = self.loss(&choice, &mut known)?;
                    if best.is_none_or(|(least, _)| loss < least) {
                        best = Some((loss, value));
                    }
                }
                if let Some((_, value)) = best {
                    *place(&mut choice) = value;
                }
            }
            if choice == before {
                break;
            }
        }
        Ok(choice)
    }

    fn loss(&self, choice: &Choice, known: &mut HashMap<[u32; 4], f64>) -> Result<f64, LearnError> {
        let key = [
            choice.penalty,
            choice.term_scale,
            choice.text_weight,
            choice.prior_scale,
        ]
        .map(f32::to_bits);
        if let Some(loss) = known.get(&key) {
            return Ok(*loss);
        }
        let (loss, _) = self.score(&self.held_out(choice)?);
        known.insert(key, loss);
        Ok(loss)
    }

    /// A head that saw some rows.
    fn fit(&self, rows: &[usize], choice: &Choice) -> Result<LinearHead, LearnError> {
        if (self.stopped)() {
            return Err(LearnError::Stopped);
        }
        let features = self.features.select(rows).with_terms_scaled(choice.term_scale);
        let targets = self.targets.select(rows);
        let weights: Vec<f32> = rows.iter().map(|&row| self.weights[row]).collect();
        let prior = self
            .texts
            .filter(|_| choice.prior_scale > 0.0)
            .map(|texts| label_means(texts, self.targets.labels()) * choice.prior_scale);
        let options = FitOptions {
            penalty: choice.penalty,
            prior: prior.as_ref(),
        };
        let Some(texts) = self.texts.filter(|_| choice.text_weight > 0.0) else {
            return LinearHead::fit(&features, &targets, &weights, &options);
        };
        let mut of_texts = Targets::single(&texts.labels, self.targets.labels())?;
        of_texts.activation = targets.activation;
        let mut counts = vec![0usize; self.targets.labels()];
        texts.labels.iter().for_each(|&label| counts[label] += 1);
        let text_weights: Vec<f32> = texts
            .labels
            .iter()
            .map(|&label| choice.text_weight / counts[label] as f32)
            .collect();
        let text_features = texts.features.with_terms_scaled(choice.term_scale);
        let (features, targets, weights) = stacked(
            (&features, &targets, &weights),
            (&text_features, &of_texts, &text_weights),
        );
        LinearHead::fit(&features, &targets, &weights, &options)
    }

    /// Logits of all rows by heads that did not see their part.
    fn held_out(&self, choice: &Choice) -> Result<Array2<f32>, LearnError> {
        let fitted: Vec<(Vec<usize>, Array2<f32>)> = (0..self.folds)
            .into_par_iter()
            .map(|part| {
                let (trained, held) = split(&self.parts, part);
                if trained.is_empty() || held.is_empty() {
                    return Ok((Vec::new(), Array2::zeros((0, self.targets.labels()))));
                }
                let head = self.fit(&trained, choice)?;
                let features = self.features.select(&held).with_terms_scaled(choice.term_scale);
                let logits = head.logits(&features)?;
                Ok((held, logits))
            })
            .collect::<Result<_, LearnError>>()?;
        let mut all = Array2::zeros((self.targets.rows(), self.targets.labels()));
        for (rows, logits) in fitted {
            for (at, row) in rows.into_iter().enumerate() {
                all.row_mut(row).assign(&logits.row(at));
            }
        }
        Ok(all)
    }

    /// Mean cross-entropy by weights, and accuracy.
    fn score(&self, logits: &Array2<f32>) -> (f64, f64) {
        let losses = cross_entropies(logits, self.targets);
        let (mut sum, mut whole) = (0.0, 0.0);
        for (weight, loss) in self.weights.iter().zip(&losses) {
            sum += f64::from(*weight) * loss;
            whole += f64::from(*weight);
        }
        (sum / whole.max(f64::MIN_POSITIVE), accuracy(logits, self.targets))
    }
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
fn label_means(texts: &LabelTexts, labels: usize) -> Array2<f32> {
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
