//! The loss of a linear head and its gradient.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::LinearHead;
use super::lbfgs::{self, Limits};
use super::vectors::{add, add_short, dot};
use crate::features::{Features, TermRows};

/// Rows whose logits one thread computes at a time. Fixed, so that sums don't depend on how many threads there are.
const ROWS: usize = 256;
/// Columns of embeddings whose slopes one thread computes.
const COLUMNS: usize = 128;
/// Terms whose slopes one thread computes.
const TERMS: usize = 256;

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

/// What a head reads of the rows that it is fitted to, laid out for both ways: logits of rows, and slopes of weights. Terms
/// that no row has are left out; their weights stay 0.
#[derive(Debug, Clone)]
pub(crate) struct Design {
    /// `[rows, dimensions]`.
    dense: Array2<f32>,
    terms: Option<DesignTerms>,
    /// How many terms there are, those that no row has too.
    all_terms: usize,
}

#[derive(Debug, Clone)]
struct DesignTerms {
    /// By row the terms, numbered as in `used`.
    of_rows: TermRows,
    /// By term the rows.
    of_terms: TermRows,
    /// The columns of the terms that some row has, in ascending order.
    used: Vec<u32>,
}

impl Design {
    pub(crate) fn new(features: Features) -> Self {
        let all_terms = features.terms.as_ref().map_or(0, TermRows::columns);
        let terms = features.terms.map(|terms| {
            let (of_rows, used) = terms.compacted();
            DesignTerms {
                of_terms: of_rows.transposed(),
                of_rows,
                used,
            }
        });
        Self {
            dense: features.dense,
            terms,
            all_terms,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.dense.nrows()
    }

    fn dimensions(&self) -> usize {
        self.dense.ncols()
    }
}

/// What a head is fitted to.
pub(crate) struct Problem<'a> {
    /// What it reads.
    pub(crate) design: &'a Design,
    /// What terms' values are multiplied by; at 0 they are not read.
    pub(crate) term_scale: f32,
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

/// Weights where a search is or was, as numbers in a row: those of the embedding, counted from the prior, of the used terms, and
/// biases; of each, one a label.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    numbers: Vec<f32>,
    /// The terms that have weights.
    terms: Vec<u32>,
    /// What terms' values were multiplied by.
    term_scale: f32,
}

impl Problem<'_> {
    fn labels(&self) -> usize {
        self.targets.ncols()
    }

    fn terms(&self) -> Option<&DesignTerms> {
        self.design.terms.as_ref().filter(|_| self.term_scale != 0.0)
    }

    /// How many numbers are weights, which are held back, before the biases.
    fn penalized(&self) -> usize {
        (self.design.dimensions() + self.terms().map_or(0, |terms| terms.used.len())) * self.labels()
    }

    /// How many numbers a point has.
    pub(crate) fn size(&self) -> usize {
        self.penalized() + self.labels()
    }

    /// The point with the least loss, searched from `start`, which may be one of other rows with the same columns, or of another
    /// choice. Where it is told to stop it gives the best point so far.
    pub(crate) fn minimum(&self, start: Option<&Point>, limits: &Limits, stopped: &(dyn Fn() -> bool + Sync)) -> Point {
        let start = match start {
            Some(start) => self.moved(start),
            None => vec![0.0; self.size()],
        };
        let mut room = Array2::zeros((self.design.rows(), self.labels()));
        let numbers = lbfgs::minimize(start, limits, |point, gradient| {
            if stopped() {
                gradient.fill(0.0);
                return 0.0;
            }
            self.evaluate(point, gradient, &mut room)
        });
        Point {
            numbers,
            terms: self.terms().map_or_else(Vec::new, |terms| terms.used.clone()),
            term_scale: self.term_scale,
        }
    }

    /// A point of another problem as one of this: weights of terms give the same logits at the new scale, those that weren't
    /// known are 0.
    fn moved(&self, point: &Point) -> Vec<f32> {
        let labels = self.labels();
        let (of_dense, rest) = point.numbers.split_at(self.design.dimensions() * labels);
        let (of_terms, bias) = rest.split_at(rest.len() - labels);
        let mut moved = Vec::with_capacity(self.size());
        moved.extend(of_dense);
        if let Some(terms) = self.terms() {
            let ratio = point.term_scale / self.term_scale;
            for term in &terms.used {
                match point.terms.binary_search(term) {
                    Ok(at) => moved.extend(of_terms[at * labels..][..labels].iter().map(|weight| weight * ratio)),
                    Err(_) => moved.resize(moved.len() + labels, 0.0),
                }
            }
        }
        moved.extend(bias);
        moved
    }

    /// What is at a point as a head, which reads all terms, as they are given and not as they were scaled.
    pub(crate) fn head(&self, point: &Point) -> LinearHead {
        let labels = self.labels();
        let dimensions = self.design.dimensions();
        let rows = dimensions
            + if self.terms().is_some() {
                self.design.all_terms
            } else {
                0
            };
        let mut weights = Array2::zeros((rows, labels));
        let mut put = |row: usize, numbers: &[f32], scale: f32| {
            let numbers = ArrayView1::from(numbers);
            weights.row_mut(row).assign(&(&numbers * scale));
        };
        let mut parts = point.numbers[..self.penalized()].chunks_exact(labels);
        (0..dimensions)
            .zip(&mut parts)
            .for_each(|(row, numbers)| put(row, numbers, 1.0));
        for (term, numbers) in point.terms.iter().zip(parts) {
            put(dimensions + *term as usize, numbers, self.term_scale);
        }
        if let Some(prior) = self.prior {
            let mut of_dense = weights.slice_mut(s![..dimensions, ..]);
            of_dense += prior;
        }
        LinearHead {
            weights,
            bias: point.numbers[self.penalized()..].to_vec(),
            activation: self.activation,
            dimensions,
        }
    }

    /// The loss at `point` (mean cross-entropy of the rows by their weights, plus the penalty); writes its gradient. `room`,
    /// `[rows, labels]`, is kept between calls.
    fn evaluate(&self, point: &[f32], gradient: &mut [f32], room: &mut Array2<f32>) -> f64 {
        let labels = self.labels();
        let dimensions = self.design.dimensions();
        let whole: f64 = self.weights.iter().map(|weight| f64::from(*weight)).sum();
        let scale = 1.0 / whole as f32;
        let parts: Vec<ArrayViewMut2<'_, f32>> = room.axis_chunks_iter_mut(Axis(0), ROWS).collect();
        let done: Vec<(f64, Vec<f32>)> = parts
            .into_par_iter()
            .enumerate()
            .map(|(part, logits)| self.part(point, part * ROWS, scale, logits))
            .collect();
        let (of_dense, rest) = gradient.split_at_mut(dimensions * labels);
        let (of_terms, of_bias) = rest.split_at_mut(rest.len() - labels);
        let residuals = &*room;
        let parts = of_dense.par_chunks_mut(COLUMNS * labels).enumerate();
        parts.for_each(|(part, slopes)| {
            let columns = slopes.len() / labels;
            let mut slopes = ArrayViewMut2::from_shape((columns, labels), slopes).expect("one number a weight");
            let dense = self
                .design
                .dense
                .slice(s![.., part * COLUMNS..part * COLUMNS + columns]);
            general_mat_mul(1.0, &dense.t(), residuals, 0.0, &mut slopes);
        });
        if let Some(terms) = self.terms() {
            let residuals = residuals.as_slice().expect("rows are whole");
            let parts = of_terms.par_chunks_mut(TERMS * labels).enumerate();
            parts.for_each(|(part, slopes)| {
                slopes.fill(0.0);
                for (at, slopes) in slopes.chunks_exact_mut(labels).enumerate() {
                    for (row, value) in terms.of_terms.row(part * TERMS + at) {
                        add_short(slopes, value * self.term_scale, &residuals[row * labels..][..labels]);
                    }
                }
            });
        }
        of_bias.fill(0.0);
        done.iter().for_each(|(_, sums)| add_short(of_bias, 1.0, sums));
        let weights = &point[..self.penalized()];
        add(&mut gradient[..weights.len()], self.penalty, weights);
        let loss: f64 = done.iter().map(|(loss, _)| loss).sum();
        loss + 0.5 * f64::from(self.penalty) * dot(weights, weights)
    }

    /// Loss of some rows, without the penalty, and what it changes by with each bias; writes what it changes by with each
    /// logit.
    fn part(&self, point: &[f32], first: usize, scale: f32, mut logits: ArrayViewMut2<'_, f32>) -> (f64, Vec<f32>) {
        let rows = first..first + logits.nrows();
        let dense = self.design.dense.slice(s![rows.clone(), ..]);
        let terms = self.terms().map(|terms| (&terms.of_rows, self.term_scale));
        write_logits(&mut logits, &dense, terms, first, point);
        if let Some(prior) = self.prior {
            general_mat_mul(1.0, &dense, prior, 1.0, &mut logits);
        }
        let mut loss = 0.0;
        let mut sums = vec![0.0; self.labels()];
        for (row, mut values) in rows.zip(logits.rows_mut()) {
            let values = values.as_slice_mut().expect("rows are whole");
            let targets = self.targets.row(row);
            let targets = targets.as_slice().expect("rows are whole");
            let weight = self.weights[row] * scale;
            loss += f64::from(weight) * residuals(self.activation, values, targets);
            values.iter_mut().for_each(|value| *value *= weight);
            add_short(&mut sums, 1.0, values);
        }
        (loss, sums)
    }
}

/// Logits of rows, `[rows, labels]`, by weights that lie row by row, `[dimensions + terms + 1, labels]`.
pub(crate) fn logits_of(dense: &Array2<f32>, terms: Option<&TermRows>, point: &[f32], labels: usize) -> Array2<f32> {
    let mut logits = Array2::zeros((dense.nrows(), labels));
    let parts: Vec<ArrayViewMut2<'_, f32>> = logits.axis_chunks_iter_mut(Axis(0), ROWS).collect();
    parts.into_par_iter().enumerate().for_each(|(part, mut logits)| {
        let first = part * ROWS;
        let dense = dense.slice(s![first..first + logits.nrows(), ..]);
        write_logits(&mut logits, &dense, terms.map(|terms| (terms, 1.0)), first, point);
    });
    logits
}

/// Writes the logits of some rows, of which the first has this number among all.
fn write_logits(
    logits: &mut ArrayViewMut2<'_, f32>,
    dense: &ArrayView2<'_, f32>,
    terms: Option<(&TermRows, f32)>,
    first: usize,
    point: &[f32],
) {
    let labels = logits.ncols();
    let (of_dense, rest) = point.split_at(dense.ncols() * labels);
    let (of_terms, bias) = rest.split_at(rest.len() - labels);
    logits
        .rows_mut()
        .into_iter()
        .for_each(|mut row| row.assign(&ArrayView1::from(bias)));
    let weights = ArrayView2::from_shape((dense.ncols(), labels), of_dense).expect("one number a weight");
    general_mat_mul(1.0, dense, &weights, 1.0, logits);
    if let Some((terms, scale)) = terms {
        for (at, mut values) in logits.rows_mut().into_iter().enumerate() {
            let values = values.as_slice_mut().expect("rows are whole");
            for (term, value) in terms.row(first + at) {
                add_short(values, value * scale, &of_terms[term * labels..][..labels]);
            }
        }
    }
}

/// Turns a row's logits into what the loss changes by with each, and gives the row's cross-entropy.
fn residuals(activation: Activation, logits: &mut [f32], targets: &[f32]) -> f64 {
    match activation {
        Activation::Softmax => {
            let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let of_right: f64 = logits
                .iter()
                .zip(targets)
                .filter(|(_, target)| **target > 0.0)
                .map(|(logit, target)| f64::from(*target) * f64::from(highest - *logit))
                .sum();
            let whole: f64 = targets.iter().map(|target| f64::from(*target)).sum();
            let mut sum = 0.0;
            for logit in logits.iter_mut() {
                *logit = (*logit - highest).exp();
                sum += *logit;
            }
            let share = 1.0 / sum;
            logits
                .iter_mut()
                .zip(targets)
                .for_each(|(logit, target)| *logit = *logit * share - target);
            of_right + whole * f64::from(sum.ln())
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

    /// The gradient is what the loss changes by, for both activations, with terms and prior.
    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut number = || random.f32() * 2.0 - 1.0;
        let dense = Array2::from_shape_fn((7, 4), |_| number());
        let prior = Array2::from_shape_fn((4, 3), |_| number());
        let mut terms = TermRows::new(5);
        (0..7u32).for_each(|row| terms.push([(row % 4, 0.7), ((row + 2) % 4, -0.4)]));
        let design = Design::new(Features {
            dense,
            terms: Some(terms),
        });
        let targets = Array2::from_shape_fn((7, 3), |(row, label)| if row % 3 == label { 0.8 } else { 0.1 });
        for activation in [Activation::Softmax, Activation::Sigmoid] {
            let problem = Problem {
                design: &design,
                term_scale: 1.5,
                targets: &targets,
                weights: &[1.0, 2.0, 0.5, 1.0, 1.0, 3.0, 1.0],
                prior: Some(&prior),
                penalty: 0.3,
                activation,
            };
            let point: Vec<f32> = (0..problem.size()).map(|_| number()).collect();
            let mut gradient = vec![0.0; point.len()];
            let mut room = Array2::zeros((7, 3));
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
