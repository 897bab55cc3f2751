//! The loss of a linear head and its gradient.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::features::Features;

/// Rows that one thread works on. Fixed, so that sums don't depend on how many threads there are.
const MOST_PARTS: usize = 8;
/// Fewer rows are not worth a thread.
const FEWEST_ROWS: usize = 256;
/// Numbers that one thread sums.
const CHUNK: usize = 1 << 14;

/// What turns logits into probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Exactly one label is right: the probabilities of a row sum to 1.
    Softmax,
    /// Each label is right or not by itself.
    Sigmoid,
}

impl Activation {
    /// Turns rows of logits into rows of probabilities.
    pub fn apply(self, logits: &mut Array2<f32>) {
        for mut row in logits.rows_mut() {
            match self {
                Self::Softmax => {
                    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    row.mapv_inplace(|logit| (logit - highest).exp());
                    let sum: f32 = row.sum();
                    row /= sum;
                }
                Self::Sigmoid => row.mapv_inplace(|logit| 1.0 / (1.0 + (-logit).exp())),
            }
        }
    }
}

/// What a head is fitted to.
pub(crate) struct Problem<'a> {
    /// What it reads.
    pub(crate) features: &'a Features,
    /// `[rows, labels]`: how right each label is for each row, from 0 to 1.
    pub(crate) targets: &'a Array2<f32>,
    /// How much each row counts.
    pub(crate) weights: &'a [f32],
    /// `[dimensions, labels]`: what the weights of the embedding are drawn to.
    pub(crate) prior: Option<&'a Array2<f32>>,
    /// How strongly weights are drawn there, or to 0: the factor of half their squared distance.
    pub(crate) penalty: f32,
    /// What turns logits into probabilities.
    pub(crate) activation: Activation,
}

impl Problem<'_> {
    fn labels(&self) -> usize {
        self.targets.ncols()
    }

    /// How many numbers a head has: a row of weights for every column of the features, and one of biases.
    pub(crate) fn size(&self) -> usize {
        (self.features.columns() + 1) * self.labels()
    }

    /// The loss at `point` (mean cross-entropy of the rows by their weights, plus the penalty); writes its gradient. The
    /// embedding's weights in `point` are counted from the prior. `room` is kept between calls: a gradient a part is much
    /// to ask the system for every time.
    pub(crate) fn evaluate(&self, point: &[f32], gradient: &mut [f32], room: &mut Vec<Vec<f32>>) -> f64 {
        let labels = self.labels();
        let rows = self.features.rows();
        let whole: f64 = self.weights.iter().map(|weight| f64::from(*weight)).sum();
        let part = rows.div_ceil(MOST_PARTS).max(FEWEST_ROWS);
        let starts: Vec<usize> = (0..rows).step_by(part).collect();
        room.resize_with(starts.len(), || vec![0.0; point.len()]);
        let losses: Vec<f64> = starts
            .par_iter()
            .zip(room.par_iter_mut())
            .map(|(&start, slopes)| self.part(point, start..rows.min(start + part), 1.0 / whole as f32, slopes))
            .collect();
        let loss: f64 = losses.iter().sum();
        gradient.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, sums)| {
            sums.fill(0.0);
            for slopes in &*room {
                let slopes = &slopes[chunk * CHUNK..][..sums.len()];
                sums.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope);
            }
        });
        let penalized = self.features.columns() * labels;
        let mut squares = 0.0f64;
        for (slope, at) in gradient[..penalized].iter_mut().zip(point) {
            *slope += self.penalty * at;
            squares += f64::from(*at) * f64::from(*at);
        }
        loss + 0.5 * f64::from(self.penalty) * squares
    }

    /// Loss of some rows, without the penalty; writes its gradient.
    fn part(&self, point: &[f32], rows: std::ops::Range<usize>, scale: f32, gradient: &mut [f32]) -> f64 {
        let labels = self.labels();
        let dimensions = self.features.dense.ncols();
        let dense = self.features.dense.slice(s![rows.clone(), ..]);
        let mut logits = logits_of(self.features, rows.clone(), point, labels);
        if let Some(prior) = self.prior {
            general_mat_mul(1.0, &dense, prior, 1.0, &mut logits);
        }
        let mut loss = 0.0;
        for (row, mut values) in rows.clone().zip(logits.rows_mut()) {
            let targets = self.targets.row(row);
            let weight = self.weights[row] * scale;
            loss += f64::from(weight) * residuals(self.activation, &mut values, &targets);
            values *= weight;
        }
        let (of_dense, rest) = gradient.split_at_mut(dimensions * labels);
        let mut of_dense =
            ndarray::ArrayViewMut2::from_shape((dimensions, labels), of_dense).expect("one number a weight");
        general_mat_mul(1.0, &dense.t(), &logits, 0.0, &mut of_dense);
        rest.fill(0.0);
        if let Some(terms) = &self.features.terms {
            for (at, row) in rows.enumerate() {
                let residuals = logits.row(at);
                for (term, value) in terms.row(row) {
                    let slopes = &mut rest[term * labels..(term + 1) * labels];
                    slopes
                        .iter_mut()
                        .zip(&residuals)
                        .for_each(|(slope, residual)| *slope += value * residual);
                }
            }
        }
        let bias = rest.len() - labels;
        rest[bias..]
            .iter_mut()
            .zip(logits.sum_axis(Axis(0)))
            .for_each(|(slope, sum)| *slope = sum);
        loss
    }
}

/// Logits of some rows, `[rows, labels]`, by weights that lie as [`Problem::size`] says.
pub(crate) fn logits_of(
    features: &Features,
    rows: std::ops::Range<usize>,
    point: &[f32],
    labels: usize,
) -> Array2<f32> {
    let dimensions = features.dense.ncols();
    let (of_dense, rest) = point.split_at(dimensions * labels);
    let (of_terms, bias) = rest.split_at(rest.len() - labels);
    let mut logits = Array2::zeros((rows.len(), labels));
    for mut row in logits.rows_mut() {
        row.iter_mut().zip(bias).for_each(|(logit, bias)| *logit = *bias);
    }
    let weights = ArrayView2::from_shape((dimensions, labels), of_dense).expect("one number a weight");
    general_mat_mul(
        1.0,
        &features.dense.slice(s![rows.clone(), ..]),
        &weights,
        1.0,
        &mut logits,
    );
    if let Some(terms) = &features.terms {
        for (row, mut values) in rows.zip(logits.rows_mut()) {
            for (term, value) in terms.row(row) {
                let weights = &of_terms[term * labels..(term + 1) * labels];
                values
                    .iter_mut()
                    .zip(weights)
                    .for_each(|(logit, weight)| *logit += value * weight);
            }
        }
    }
    logits
}

/// Turns a row's logits into what the loss changes by with each, and gives the row's cross-entropy.
fn residuals(
    activation: Activation,
    logits: &mut ndarray::ArrayViewMut1<'_, f32>,
    targets: &ndarray::ArrayView1<'_, f32>,
) -> f64 {
    match activation {
        Activation::Softmax => {
            let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = logits.iter().map(|logit| (logit - highest).exp()).sum();
            let log_sum = highest + sum.ln();
            let mut loss = 0.0;
            for (logit, target) in logits.iter_mut().zip(targets) {
                if *target > 0.0 {
                    loss += f64::from(*target) * f64::from(log_sum - *logit);
                }
                *logit = (*logit - log_sum).exp() - target;
            }
            loss
        }
        Activation::Sigmoid => {
            let mut loss = 0.0;
            for (logit, target) in logits.iter_mut().zip(targets) {
                // ln(1 + e^z) without overflow.
                let softplus = logit.max(0.0) + (-logit.abs()).exp().ln_1p();
                loss += f64::from(softplus - target * *logit);
                *logit = 1.0 / (1.0 + (-*logit).exp()) - target;
            }
            loss
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::TermRows;

    /// The gradient is what the loss changes by, for both activations, with terms and prior.
    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut number = || random.f32() * 2.0 - 1.0;
        let dense = Array2::from_shape_fn((7, 4), |_| number());
        let prior = Array2::from_shape_fn((4, 3), |_| number());
        let mut terms = TermRows::new(5);
        (0..7u32).for_each(|row| terms.push([(row % 5, 0.7), ((row + 2) % 5, -0.4)]));
        let features = Features {
            dense,
            terms: Some(terms),
        };
        let targets = Array2::from_shape_fn((7, 3), |(row, label)| if row % 3 == label { 0.8 } else { 0.1 });
        for activation in [Activation::Softmax, Activation::Sigmoid] {
            let problem = Problem {
                features: &features,
                targets: &targets,
                weights: &[1.0, 2.0, 0.5, 1.0, 1.0, 3.0, 1.0],
                prior: Some(&prior),
                penalty: 0.3,
                activation,
            };
            let point: Vec<f32> = (0..problem.size()).map(|_| number()).collect();
            let mut gradient = vec![0.0; point.len()];
            let mut room = Vec::new();
            problem.evaluate(&point, &mut gradient, &mut room);
            let mut unused = gradient.clone();
            for at in 0..point.len() {
                let mut shifted = |by: f32| {
                    let mut point = point.clone();
                    point[at] += by;
                    problem.evaluate(&point, &mut unused, &mut room)
                };
                let slope = (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
                assert!(
                    (slope - f64::from(gradient[at])).abs() < 1e-3,
                    "{activation:?} {at}: {slope} {}",
                    gradient[at]
                );
            }
        }
    }
}
