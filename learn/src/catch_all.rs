//! Labels such as "other" and "out of scope", which say what a row is not.
//!
//! Their rows have nothing in common, so that examples of some say little of others. What they do have is that no other
//! label fits them: that is learned here from rows of labels which a head has never seen.

use ndarray::{Array2, ArrayView1};
use refuel_compiler::small::{Attribute, SmallGraph};
use serde::{Deserialize, Serialize};

use crate::error::LearnError;
use crate::features::Features;
use crate::folds::{split, stratified_folds};
use crate::linear::LinearHead;

/// The least that the greatest share is compared with.
const LEAST_REST: f64 = 1e-6;

/// When a row belongs to no label but the catch-all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CatchAll {
    /// Number of the catch-all label.
    pub label: usize,
    /// Of the logarithm of the sum of the other labels' exponentiated logits, of the logit of the greatest of their
    /// probabilities among themselves, and of 1.
    pub weights: [f64; 3],
}

impl CatchAll {
    /// Learns from logits, `[rows, labels]`, of rows of other labels by a head that had not seen the rows, and of rows
    /// that no label of the head is right for: examples of the catch-all, and rows of labels that were kept from the
    /// head. `share` is how many of all rows are expected to belong to the catch-all, from 0 to 1: examples don't tell
    /// where they were picked label by label.
    ///
    /// The first feature is the free energy of Liu et al. 2020, "Energy-based out-of-distribution detection"; the second
    /// is the greatest probability, the baseline of Hendrycks and Gimpel 2017.
    ///
    /// # Errors
    /// [`LearnError::TooFewExamples`] without rows on both sides.
    pub fn fit(inside: &Array2<f32>, outside: &Array2<f32>, label: usize, share: f64) -> Result<Self, LearnError> {
        Self::fit_to(inside, outside, label, share, |columns| columns)
    }

    /// The same without the energy. What is learned of it on rows of labels that were kept from a head holds less for other
    /// rows: of 545 rows of CLINC150 that nothing was learned from, a head on embeddings has 90 % of those with an intent right
    /// either way, and finds 76 % of those out of scope without the energy, 73 % with it.
    ///
    /// # Errors
    /// As [`CatchAll::fit`].
    pub fn fit_without_energy(
        inside: &Array2<f32>,
        outside: &Array2<f32>,
        label: usize,
        share: f64,
    ) -> Result<Self, LearnError> {
        Self::fit_to(inside, outside, label, share, |[_, likeliest, one]| {
            [0.0, likeliest, one]
        })
    }

    fn fit_to(
        inside: &Array2<f32>,
        outside: &Array2<f32>,
        label: usize,
        share: f64,
        taken: impl Fn([f64; 3]) -> [f64; 3],
    ) -> Result<Self, LearnError> {
        let fewer = inside.nrows().min(outside.nrows());
        if fewer == 0 {
            return Err(LearnError::TooFewExamples {
                what: "a catch-all label",
                need: 1,
                have: fewer,
            });
        }
        let share = share.clamp(1e-3, 1.0 - 1e-3);
        let columns = |logits: &Array2<f32>| -> Vec<[f64; 3]> {
            let rows = logits.rows().into_iter();
            rows.map(|row| taken(columns_of(&row, label))).collect()
        };
        let rows = columns(inside)
            .into_iter()
            .map(|row| (row, 0.0))
            .chain(columns(outside).into_iter().map(|row| (row, 1.0)));
        // Both sides count the same; then the intercept moves to where the share is as expected.
        let whole = (inside.nrows() + outside.nrows()) as f64;
        let weigh = |target: f64| {
            let side = if target > 0.5 { outside.nrows() } else { inside.nrows() };
            whole / (2.0 * side as f64)
        };
        let rows: Vec<([f64; 3], f64, f64)> = rows.map(|(row, target)| (row, target, weigh(target))).collect();
        let mut weights = crate::calibration::weighted_logistic(&rows, [0.0; 3], 1.0);
        weights[2] += (share / (1.0 - share)).ln();
        Ok(Self { label, weights })
    }

    /// Adds to a graph what makes `probabilities` of its `logits`, `[rows, labels]`, as [`CatchAll::probabilities`] does.
    pub(crate) fn add_to(&self, graph: &mut SmallGraph, labels: usize) {
        let at = |number: f32| -> Vec<f32> {
            let of_label = |label: usize| if label == self.label { number } else { 0.0 };
            (0..labels).map(of_label).collect()
        };
        let [of_energy, of_rest, always] = self.weights.map(|weight| weight as f32);
        // What is so low has no share, and can be computed with.
        graph.floats("catch_all.low", &[1, labels], &at(-1e30));
        graph.floats("catch_all.place", &[1, labels], &at(1.0));
        for (name, number) in [
            ("catch_all.one", 1.0),
            ("catch_all.least", LEAST_REST as f32),
            ("catch_all.of_energy", of_energy),
            ("catch_all.of_rest", -of_rest),
            ("catch_all.always", always),
        ] {
            graph.floats(name, &[1, 1], &[number]);
        }
        graph.integers("catch_all.columns", &[1]);
        let last = ("axis", Attribute::Integer(-1));
        for (operator, inputs, output) in [
            ("Add", &["logits", "catch_all.low"][..], "others"),
            ("ReduceLogSumExp", &["others", "catch_all.columns"], "energy"),
            ("Softmax", &["others"], "shares"),
            ("ReduceMax", &["shares", "catch_all.columns"], "greatest"),
            ("Reciprocal", &["greatest"], "sum"),
            ("Sub", &["sum", "catch_all.one"], "above_one"),
            ("Max", &["above_one", "catch_all.least"], "rest"),
            ("Log", &["rest"], "log_rest"),
            ("Mul", &["energy", "catch_all.of_energy"], "by_energy"),
            ("Mul", &["log_rest", "catch_all.of_rest"], "by_rest"),
            ("Sum", &["by_energy", "by_rest", "catch_all.always"], "logit"),
            ("Sigmoid", &["logit"], "outside"),
            ("Sub", &["catch_all.one", "outside"], "inside"),
            ("Mul", &["shares", "inside"], "of_others"),
            ("Mul", &["outside", "catch_all.place"], "of_catch_all"),
            ("Add", &["of_others", "of_catch_all"], "probabilities"),
        ] {
            let attributes = if operator == "Softmax" { &[last][..] } else { &[] };
            graph.node("", operator, inputs, output, attributes);
        }
    }

    /// Probabilities of all labels, `[rows, labels]`, from logits by a head whose catch-all label does not count.
    pub fn probabilities(&self, logits: &Array2<f32>) -> Array2<f32> {
        let mut probabilities = logits.clone();
        for (mut to, row) in probabilities.rows_mut().into_iter().zip(logits.rows()) {
            let columns = columns_of(&row, self.label);
            let logit: f64 = columns
                .iter()
                .zip(&self.weights)
                .map(|(value, weight)| value * weight)
                .sum();
            let outside = (1.0 / (1.0 + (-logit).exp())) as f32;
            let energy = columns[0] as f32;
            for (label, (to, logit)) in to.iter_mut().zip(row).enumerate() {
                *to = if label == self.label {
                    outside
                } else {
                    (1.0 - outside) * (logit - energy).exp()
                };
            }
        }
        probabilities
    }
}

/// What [`CatchAll::weights`] are of.
fn columns_of(logits: &ArrayView1<'_, f32>, label: usize) -> [f64; 3] {
    let others = || {
        logits
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != label)
            .map(|(_, logit)| f64::from(*logit))
    };
    let highest = others().fold(f64::NEG_INFINITY, f64::max);
    if !highest.is_finite() {
        return [0.0, 0.0, 1.0];
    }
    let sum: f64 = others().map(|logit| (logit - highest).exp()).sum();
    let energy = highest + sum.ln();
    // The greatest share against all the others; bounded, as with one label there are none.
    let rest = (sum - 1.0).max(LEAST_REST);
    [energy, -rest.ln(), 1.0]
}

/// Logits of rows by heads that have seen no row of their label: labels are left out in `folds` parts. `fit` makes a head
/// of some rows. `[rows, labels]`; labels that were left out are at negative infinity.
///
/// # Errors
/// Whatever `fit` says, and [`LearnError::Shape`].
pub fn logits_without_own_label(
    features: &Features,
    labels: &[usize],
    count: usize,
    folds: usize,
    seed: u64,
    fit: &mut dyn FnMut(&[usize]) -> Result<LinearHead, LearnError>,
) -> Result<Array2<f32>, LearnError> {
    let parts_of_labels = stratified_folds(&vec![0; count], None, folds, seed);
    let parts: Vec<usize> = labels.iter().map(|&label| parts_of_labels[label]).collect();
    let mut all = Array2::from_elem((labels.len(), count), f32::NEG_INFINITY);
    for part in 0..folds {
        let (trained, held) = split(&parts, part);
        if trained.is_empty() || held.is_empty() {
            continue;
        }
        let logits = fit(&trained)?.logits(&features.select(&held))?;
        for (row, logits) in held.into_iter().zip(logits.rows()) {
            for label in (0..count).filter(|label| parts_of_labels[*label] != part) {
                all[[row, label]] = logits[label];
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits of rows of which one label of three stands out by `by`; the last label is the catch-all.
    fn rows(count: usize, by: f32, seed: u64) -> Array2<f32> {
        let mut random = fastrand::Rng::with_seed(seed);
        Array2::from_shape_fn((count, 4), |(row, label)| {
            random.f32() + if row % 3 == label { by } else { 0.0 }
        })
    }

    #[test]
    fn rows_that_no_label_fits_go_to_the_catch_all() {
        let catch_all = CatchAll::fit(&rows(100, 5.0, 1), &rows(20, 0.3, 2), 3, 0.5).unwrap();
        let inside = catch_all.probabilities(&rows(60, 5.0, 3));
        let outside = catch_all.probabilities(&rows(60, 0.3, 4));
        assert!(crate::best_of(&inside).iter().all(|label| *label != 3));
        assert!(crate::best_of(&outside).iter().all(|label| *label == 3));
        assert!(inside.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-4));
    }

    #[test]
    fn without_the_energy_it_weighs_nothing() {
        let catch_all = CatchAll::fit_without_energy(&rows(100, 5.0, 1), &rows(20, 0.3, 2), 3, 0.5).unwrap();
        assert!(catch_all.weights[0].abs() < 1e-12, "{:?}", catch_all.weights);
        let outside = catch_all.probabilities(&rows(60, 0.3, 4));
        assert!(crate::best_of(&outside).iter().all(|label| *label == 3));
    }

    #[test]
    fn the_more_are_expected_the_more_are_caught() {
        let caught = |share: f64| {
            let catch_all = CatchAll::fit(&rows(100, 1.0, 1), &rows(40, 0.3, 2), 3, share).unwrap();
            let found = crate::best_of(&catch_all.probabilities(&rows(300, 0.7, 5)));
            found.iter().filter(|label| **label == 3).count()
        };
        assert!(caught(0.1) < caught(0.5) && caught(0.5) < caught(0.9));
    }

    #[test]
    fn without_rows_of_a_side_nothing_is_learned() {
        let none = Array2::zeros((0, 4));
        assert!(matches!(
            CatchAll::fit(&rows(10, 1.0, 1), &none, 3, 0.2),
            Err(LearnError::TooFewExamples { .. })
        ));
    }
}
