//! Linear heads: multinomial logistic regression, and one logistic regression a label where several may be right.

pub(crate) mod lbfgs;
mod objective;
mod vectors;

use ndarray::{Array2, Axis};

pub use objective::Activation;

use crate::error::LearnError;
use crate::features::{Features, TermRows};
pub(crate) use lbfgs::Limits;
use objective::logits_of;
pub(crate) use objective::{Design, Point, Problem};

/// Which labels are right for each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// `[rows, labels]`, from 0 to 1: 1 for what a person said, or the probabilities of a stronger model.
    pub shares: Array2<f32>,
    /// Whether one label is right or any number.
    pub activation: Activation,
}

impl Targets {
    /// One right label a row, by its number.
    ///
    /// # Errors
    /// [`LearnError::UnknownLabel`].
    pub fn single(rows: &[usize], labels: usize) -> Result<Self, LearnError> {
        let mut shares = Array2::zeros((rows.len(), labels));
        for (row, &label) in rows.iter().enumerate() {
            if label >= labels {
                return Err(LearnError::UnknownLabel { row, label, labels });
            }
            shares[[row, label]] = 1.0;
        }
        Ok(Self {
            shares,
            activation: Activation::Softmax,
        })
    }

    /// Any number of right labels a row, by their numbers.
    ///
    /// # Errors
    /// [`LearnError::UnknownLabel`].
    pub fn multiple<R: AsRef<[usize]>>(rows: &[R], labels: usize) -> Result<Self, LearnError> {
        let mut shares = Array2::zeros((rows.len(), labels));
        for (row, right) in rows.iter().enumerate() {
            for &label in right.as_ref() {
                if label >= labels {
                    return Err(LearnError::UnknownLabel { row, label, labels });
                }
                shares[[row, label]] = 1.0;
            }
        }
        Ok(Self {
            shares,
            activation: Activation::Sigmoid,
        })
    }

    /// Probabilities that a stronger model gave, `[rows, labels]`, each row summing to 1: what is distilled.
    ///
    /// # Errors
    /// [`LearnError::NotFinite`] for what is no probability.
    pub fn soft(shares: Array2<f32>) -> Result<Self, LearnError> {
        for (row, values) in shares.rows().into_iter().enumerate() {
            if let Some(value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
                return Err(LearnError::NotFinite {
                    what: "the target",
                    row,
                    value: *value,
                });
            }
        }
        Ok(Self {
            shares,
            activation: Activation::Softmax,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.shares.nrows()
    }

    /// Number of labels.
    pub fn labels(&self) -> usize {
        self.shares.ncols()
    }

    /// The label of each row that is most right; the first of equals.
    pub fn best(&self) -> Vec<usize> {
        best_of(&self.shares)
    }

    /// Some of the rows, in the order that is asked for.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            shares: self.shares.select(Axis(0), rows),
            activation: self.activation,
        }
    }

    /// Weights of rows that make every label count the same, with a mean of 1: `n / (K n_k)` for the `n_k` of `n` rows
    /// with the label. All 1 where several labels may be right.
    pub fn balanced_weights(&self) -> Vec<f32> {
        if self.activation == Activation::Sigmoid {
            return vec![1.0; self.rows()];
        }
        let best = self.best();
        let mut counts = vec![0usize; self.labels()];
        best.iter().for_each(|&label| counts[label] += 1);
        let seen = counts.iter().filter(|count| **count > 0).count();
        best.iter()
            .map(|&label| self.rows() as f32 / (seen * counts[label]) as f32)
            .collect()
    }
}

/// The column of each row that is greatest; the first of equals.
pub fn best_of(rows: &Array2<f32>) -> Vec<usize> {
    rows.rows()
        .into_iter()
        .map(|row| {
            (0..row.len())
                .reduce(|best, next| if row[next] > row[best] { next } else { best })
                .unwrap_or(0)
        })
        .collect()
}

/// How a head is fitted.
#[derive(Debug, Clone, Copy)]
pub struct FitOptions<'a> {
    /// How strongly weights are drawn to the prior, or to 0: the factor of half their squared distance, beside the mean
    /// cross-entropy of a row.
    pub penalty: f32,
    /// What the embedding's weights are drawn to, `[dimensions, labels]`. 0 where there is none.
    pub prior: Option<&'a Array2<f32>>,
}

/// A linear head: logits are `embedding · weights + terms · weights + bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearHead {
    /// `[dimensions + terms, labels]`.
    pub weights: Array2<f32>,
    /// One number a label.
    pub bias: Vec<f32>,
    /// What turns logits into probabilities.
    pub activation: Activation,
    /// How many of the rows of `weights` are for the embedding.
    pub dimensions: usize,
}

impl LinearHead {
    /// Fits a head: the weights with the least mean cross-entropy of the rows by `weights`, plus the penalty, which is
    /// one point whatever it is started from. By L-BFGS.
    ///
    /// # Errors
    /// [`LearnError::Shape`], [`LearnError::NotFinite`] and [`LearnError::TooFewExamples`] without rows.
    pub fn fit(
        features: &Features,
        targets: &Targets,
        weights: &[f32],
        options: &FitOptions<'_>,
    ) -> Result<Self, LearnError> {
        features.check()?;
        for (what, found) in [("targets", targets.rows()), ("weights of rows", weights.len())] {
            if found != features.rows() {
                return Err(LearnError::Shape {
                    what,
                    expected: features.rows(),
                    found,
                });
            }
        }
        if features.rows() == 0 {
            return Err(LearnError::TooFewExamples {
                what: "a head",
                need: 1,
                have: 0,
            });
        }
        let problem = Problem {
            design: &Design::new(features.clone()),
            term_scale: 1.0,
            targets: &targets.shares,
            weights,
            prior: options.prior,
            penalty: options.penalty,
            activation: targets.activation,
        };
        Ok(problem.head(&problem.minimum(None, &Limits::default(), &|| false)))
    }

    /// Number of labels.
    pub fn labels(&self) -> usize {
        self.bias.len()
    }

    /// Number of terms that it reads beside the embedding.
    pub fn terms(&self) -> usize {
        self.weights.nrows() - self.dimensions
    }

    /// Logits, `[rows, labels]`. A head that reads no terms passes over those of the features.
    ///
    /// # Errors
    /// [`LearnError::Shape`] where the features are not those that it was fitted to.
    pub fn logits(&self, features: &Features) -> Result<Array2<f32>, LearnError> {
        let terms = features.terms.as_ref().filter(|_| self.terms() > 0);
        let columns = features.dense.ncols() + terms.map_or(0, TermRows::columns);
        if columns != self.weights.nrows() || features.dense.ncols() != self.dimensions {
            return Err(LearnError::Shape {
                what: "columns of the features",
                expected: self.weights.nrows(),
                found: columns,
            });
        }
        let mut point: Vec<f32> = self.weights.iter().copied().collect();
        point.extend(&self.bias);
        Ok(logits_of(&features.dense, terms, &point, self.labels()))
    }

    /// Probabilities, `[rows, labels]`.
    ///
    /// # Errors
    /// As [`LinearHead::logits`].
    pub fn probabilities(&self, features: &Features) -> Result<Array2<f32>, LearnError> {
        let mut logits = self.logits(features)?;
        self.activation.apply(&mut logits);
        Ok(logits)
    }
}

#[cfg(test)]
mod tests;
