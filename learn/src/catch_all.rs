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

/// How far the likeliest label is ahead at most: more than heads give, and little enough to be computed with.
const MOST_AHEAD: f64 = 500.0;

/// When a row belongs to no label but the catch-all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CatchAll {
    /// Number of the catch-all label.
    pub label: usize,
    /// The share of all rows that is expected to belong to it, as it was asked for. 0 where a head doesn't say.
    #[serde(default)]
    pub share: f64,
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
    /// [`LearnError::NoCatchAllRows`] without rows that no label is right for, [`LearnError::TooFewExamples`] without others.
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
        if outside.nrows() == 0 {
            return Err(LearnError::NoCatchAllRows);
        }
        if inside.nrows() == 0 {
            return Err(LearnError::TooFewExamples {
                what: "a catch-all label beside others",
                need: 1,
                have: 0,
            });
        }
        let expected = share;
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
        Ok(Self {
            label,
            share: expected,
            weights,
        })
    }

    /// Adds to a graph what makes `probabilities` of its `logits`, `[rows, labels]`, as [`CatchAll::probabilities`] does.
    pub(crate) fn add_to(&self, graph: &mut SmallGraph, labels: usize) {
        let at = |number: f32| -> Vec<f32> {
            let of_label = |label: usize| if label == self.label { number } else { 0.0 };
            (0..labels).map(of_label).collect()
        };
        let [of_energy, of_ahead, always] = self.weights.map(|weight| weight as f32);
        // What is so low has no share, and can be computed with.
        graph.floats("catch_all.low", &[1, labels], &at(-1e30));
        graph.floats("catch_all.place", &[1, labels], &at(1.0));
        for (name, number) in [
            ("catch_all.one", 1.0),
            ("catch_all.most", MOST_AHEAD as f32),
            ("catch_all.of_energy", of_energy),
            ("catch_all.of_ahead", of_ahead),
            ("catch_all.always", always),
        ] {
            graph.floats(name, &[1, 1], &[number]);
        }
        graph.integers("catch_all.columns", &[1]);
        graph.integers("catch_all.labels", &[labels as i64]);
        graph.floats("catch_all.taken", &[2], &[0.0, -1e30]);
        let last = ("axis", Attribute::Integer(-1));
        let flat = ("keepdims", Attribute::Integer(0));
        for (operator, inputs, output) in [
            ("Add", &["logits", "catch_all.low"][..], "others"),
            ("ReduceLogSumExp", &["others", "catch_all.columns"], "energy"),
            ("Softmax", &["others"], "shares"),
            ("ReduceMax", &["others", "catch_all.columns"], "highest"),
            ("ArgMax", &["others"], "likeliest"),
            (
                "OneHot",
                &["likeliest", "catch_all.labels", "catch_all.taken"],
                "but_likeliest",
            ),
            ("Add", &["others", "but_likeliest"], "rest"),
            ("ReduceLogSumExp", &["rest", "catch_all.columns"], "energy_of_rest"),
            ("Sub", &["highest", "energy_of_rest"], "lead"),
            ("Min", &["lead", "catch_all.most"], "ahead"),
            ("Mul", &["energy", "catch_all.of_energy"], "by_energy"),
            ("Mul", &["ahead", "catch_all.of_ahead"], "by_ahead"),
            ("Sum", &["by_energy", "by_ahead", "catch_all.always"], "logit"),
            ("Sigmoid", &["logit"], "outside"),
            ("Sub", &["catch_all.one", "outside"], "inside"),
            ("Mul", &["shares", "inside"], "of_others"),
            ("Mul", &["outside", "catch_all.place"], "of_catch_all"),
            ("Add", &["of_others", "of_catch_all"], "probabilities"),
        ] {
            let attributes = match operator {
                "Softmax" => &[last][..],
                "ArgMax" => &[last, flat],
                _ => &[],
            };
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
            .map(|(at, logit)| (at, f64::from(*logit)))
    };
    let (likeliest, highest) = others().fold(
        (label, f64::NEG_INFINITY),
        |best, found| {
            if found.1 > best.1 { found } else { best }
        },
    );
    if !highest.is_finite() {
        return [0.0, 0.0, 1.0];
    }
    // The likeliest by itself is 1. The sum of the others is never taken from a rounded one, so that of rows which are all
    // nearly sure it can still be told which is the surer.
    let rest: f64 = others()
        .filter(|(at, _)| *at != likeliest)
        .map(|(_, logit)| (logit - highest).exp())
        .sum();
    let energy = highest + rest.ln_1p();
    [energy, (-rest.ln()).min(MOST_AHEAD), 1.0]
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
            Err(LearnError::NoCatchAllRows)
        ));
        assert!(matches!(
            CatchAll::fit(&none, &rows(10, 1.0, 1), 3, 0.2),
            Err(LearnError::TooFewExamples { .. })
        ));
    }

    /// Rows at a point of their label's own, so that nothing is easier than to tell the labels apart; those of the last label
    /// each lie at another point.
    fn easy(each: usize, labels: usize, seed: u64) -> (Features, Vec<usize>) {
        let mut random = fastrand::Rng::with_seed(seed);
        let numbers: Vec<usize> = (0..each * labels).map(|row| row % labels).collect();
        let mut dense = Array2::from_shape_simple_fn((numbers.len(), 24), || 0.2 * (random.f32() - 0.5));
        for (mut row, &label) in dense.rows_mut().into_iter().zip(&numbers) {
            let at = if label + 1 < labels {
                label
            } else {
                random.usize(labels..24)
            };
            row[at] += 1.0;
        }
        crate::normalize_rows(&mut dense);
        (Features::dense(dense), numbers)
    }

    #[test]
    fn easy_labels_do_not_hide_the_rows_that_none_of_them_fits() {
        let (labels, other) = (6, 5);
        let (features, numbers) = easy(8, labels, 1);
        let of = |is_other: bool| -> Vec<usize> {
            (0..numbers.len())
                .filter(|&row| (numbers[row] == other) == is_other)
                .collect()
        };
        let (inside, own) = (of(false), of(true));
        let known = features.select(&inside);
        let right: Vec<usize> = inside.iter().map(|&row| numbers[row]).collect();
        let options = crate::HeadOptions::default();
        let train = |rows: &[usize]| {
            let of_rows: Vec<usize> = rows.iter().map(|&row| right[row]).collect();
            let targets = crate::Targets::single(&of_rows, labels)?;
            crate::train_head(&known.select(rows), &targets, None, None, &options, &|| false)
        };
        let all: Vec<usize> = (0..inside.len()).collect();
        let trained = train(&all).unwrap();
        assert_eq!(crate::best_of(&trained.held_out), right, "the labels are easy");
        let temperature = crate::temperature_of_logits(&trained.held_out, &right);
        let mut fit = |rows: &[usize]| Ok(train(rows)?.head);
        let unseen = logits_without_own_label(&known, &right, labels, 5, 0, &mut fit).unwrap();
        let of_own = trained.head.logits(&features.select(&own)).unwrap();
        let outside = ndarray::concatenate(ndarray::Axis(0), &[unseen.view(), of_own.view()]).unwrap() / temperature;
        let catch_all = CatchAll::fit_without_energy(&(&trained.held_out / temperature), &outside, other, 0.2).unwrap();

        let (fresh, expected) = easy(40, labels, 2);
        let found = crate::best_of(&catch_all.probabilities(&(trained.head.logits(&fresh).unwrap() / temperature)));
        let share_right = |is_other: bool| {
            let rows = (0..expected.len()).filter(|&row| (expected[row] == other) == is_other);
            let hits: Vec<bool> = rows.map(|row| found[row] == expected[row]).collect();
            hits.iter().filter(|hit| **hit).count() as f64 / hits.len() as f64
        };
        assert!(
            share_right(true) > 0.8,
            "{} at temperature {temperature}",
            share_right(true)
        );
        assert!(
            share_right(false) > 0.95,
            "{} at temperature {temperature}",
            share_right(false)
        );
    }
}
