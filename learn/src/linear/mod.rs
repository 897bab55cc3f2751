//! Linear heads: multinomial logistic regression, and one logistic regression a label where several may be right.

mod lbfgs;
mod objective;

use ndarray::{Array2, Axis, concatenate, s};

pub use objective::Activation;

use crate::error::LearnError;
use crate::features::Features;
use lbfgs::Limits;
use objective::{Problem, logits_of};

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
            features,
            targets: &targets.shares,
            weights,
            prior: options.prior,
            penalty: options.penalty,
            activation: targets.activation,
        };
        let mut room = Vec::new();
        let point = lbfgs::minimize(vec![0.0; problem.size()], &Limits::default(), |point, gradient| {
            problem.evaluate(point, gradient, &mut room)
        });
        let labels = targets.labels();
        let columns = features.columns();
        let mut weights =
            Array2::from_shape_vec((columns, labels), point[..columns * labels].to_vec()).expect("one number a weight");
        let dimensions = features.dense.ncols();
        if let Some(prior) = options.prior {
            let mut of_dense = weights.slice_mut(s![..dimensions, ..]);
            of_dense += prior;
        }
        Ok(Self {
            weights,
            bias: point[columns * labels..].to_vec(),
            activation: targets.activation,
            dimensions,
        })
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
        if self.terms() == 0 && features.terms.is_some() {
            return self.logits(&Features::dense(features.dense.clone()));
        }
        if features.columns() != self.weights.nrows() || features.dense.ncols() != self.dimensions {
            return Err(LearnError::Shape {
                what: "columns of the features",
                expected: self.weights.nrows(),
                found: features.columns(),
            });
        }
        let mut point: Vec<f32> = self.weights.iter().copied().collect();
        point.extend(&self.bias);
        Ok(logits_of(features, 0..features.rows(), &point, self.labels()))
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

    /// The same head for terms whose values were not multiplied by `scale` beforehand.
    #[must_use]
    pub(crate) fn with_terms_unscaled(mut self, scale: f32) -> Self {
        self.weights
            .slice_mut(s![self.dimensions.., ..])
            .mapv_inplace(|weight| weight * scale);
        self
    }
}

/// Rows of `above` and then those of `below`, with their targets and weights.
pub(crate) fn stacked(
    above: (&Features, &Targets, &[f32]),
    below: (&Features, &Targets, &[f32]),
) -> (Features, Targets, Vec<f32>) {
    let join = |above: &Array2<f32>, below: &Array2<f32>| {
        concatenate(Axis(0), &[above.view(), below.view()]).expect("they have the same columns")
    };
    let terms = above
        .0
        .terms
        .as_ref()
        .zip(below.0.terms.as_ref())
        .map(|(above, below)| {
            let mut joined = above.clone();
            (0..below.rows()).for_each(|row| joined.push(below.row(row).map(|(term, weight)| (term as u32, weight))));
            joined
        });
    let features = Features {
        dense: join(&above.0.dense, &below.0.dense),
        terms,
    };
    let targets = Targets {
        shares: join(&above.1.shares, &below.1.shares),
        activation: above.1.activation,
    };
    (features, targets, [above.2, below.2].concat())
}

#[cfg(test)]
mod tests;
