//! Whether two records are the same, out of features of the pair: trees, a line, or the mean of both, whichever does best on
//! pairs that it has not seen.

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::boosting::{BoostOptions, BoostedTrees, TreeOptions, check};
use crate::error::LearnError;
use crate::features::Features;
use crate::folds::{split, stratified_folds};
use crate::linear::{Activation, FitOptions, LinearHead, Targets};

/// Fewest pairs that are the same, and that are not.
const FEWEST_OF_A_SIDE: usize = 3;
const FOLDS: usize = 5;
const PENALTIES: [f32; 5] = [0.3, 0.1, 0.03, 0.01, 0.003];
const DEPTHS: [usize; 3] = [2, 3, 4];
/// Trees that may follow without the loss on held-out pairs falling.
const PATIENCE: usize = 30;

/// A line through features: a missing value counts as the mean of those that are there, and moves the logit by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairLine {
    /// What a missing value of each column counts as.
    pub means: Vec<f32>,
    /// What each column is multiplied by.
    pub weights: Vec<f32>,
    /// What is added where each column is missing.
    pub of_missing: Vec<f32>,
    /// What is added to all.
    pub bias: f32,
}

/// What tells the same from others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairModel {
    /// Trees.
    Trees(BoostedTrees),
    /// A line.
    Line(PairLine),
    /// The mean of the logits of both.
    Both(BoostedTrees, PairLine),
}

/// A classifier of pairs, and how it did on pairs that it had not seen.
#[derive(Debug, Clone)]
pub struct TrainedPairs {
    /// The classifier, fitted to all pairs.
    pub model: PairModel,
    /// Logit of each pair by a classifier that had not seen it: what confidence is calibrated on.
    pub held_out: Vec<f32>,
    /// What was tried, each with its mean cross-entropy on held-out pairs.
    pub tried: Vec<(String, f64)>,
}

impl PairLine {
    fn fit(table: &Array2<f32>, targets: &[f32], penalty: f32) -> Result<Self, LearnError> {
        let columns = table.ncols();
        let (mut means, mut scales) = (Vec::with_capacity(columns), Vec::with_capacity(columns));
        for column in table.axis_iter(Axis(1)) {
            let present: Vec<f64> = column
                .iter()
                .filter(|value| !value.is_nan())
                .map(|value| f64::from(*value))
                .collect();
            let count = present.len().max(1) as f64;
            let mean = present.iter().sum::<f64>() / count;
            let deviation = (present.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
            means.push(mean as f32);
            // A column that is always the same says nothing, whatever it is divided by.
            scales.push(if deviation > 1e-12 {
                (1.0 / deviation) as f32
            } else {
                0.0
            });
        }
        let dense = Array2::from_shape_fn((table.nrows(), 2 * columns), |(row, at)| {
            let column = at % columns.max(1);
            let value = table[[row, column]];
            match (at < columns, value.is_nan()) {
                (true, false) => (value - means[column]) * scales[column],
                (false, true) => 1.0,
                _ => 0.0,
            }
        });
        let targets = Targets {
            shares: Array2::from_shape_vec((targets.len(), 1), targets.to_vec()).expect("one number a pair"),
            activation: Activation::Sigmoid,
        };
        let options = FitOptions { penalty, prior: None };
        let head = LinearHead::fit(&Features::dense(dense), &targets, &vec![1.0; table.nrows()], &options)?;
        let mut bias = head.bias[0];
        let weights: Vec<f32> = (0..columns).map(|at| head.weights[[at, 0]] * scales[at]).collect();
        for (weight, mean) in weights.iter().zip(&means) {
            bias -= weight * mean;
        }
        Ok(Self {
            means,
            of_missing: (0..columns).map(|at| head.weights[[columns + at, 0]]).collect(),
            weights,
            bias,
        })
    }

    fn logits(&self, table: &Array2<f32>) -> Vec<f32> {
        let logit = |row: ndarray::ArrayView1<'_, f32>| {
            let terms = row.iter().enumerate().map(|(at, value)| {
                if value.is_nan() {
                    self.means[at] * self.weights[at] + self.of_missing[at]
                } else {
                    value * self.weights[at]
                }
            });
            self.bias + terms.sum::<f32>()
        };
        table.rows().into_iter().map(logit).collect()
    }
}

impl PairModel {
    /// The logit of two records being the same, for each pair, `[pairs, columns]` with NaN for what is missing.
    ///
    /// # Errors
    /// [`LearnError::Shape`] for another number of columns.
    pub fn logits(&self, table: &Array2<f32>) -> Result<Vec<f32>, LearnError> {
        match self {
            Self::Trees(trees) => trees.logits(table),
            Self::Line(line) if table.ncols() != line.weights.len() => Err(LearnError::Shape {
                what: "columns of a pair",
                expected: line.weights.len(),
                found: table.ncols(),
            }),
            Self::Line(line) => Ok(line.logits(table)),
            Self::Both(trees, line) => {
                let of_trees = trees.logits(table)?;
                Ok(means(&of_trees, &line.logits(table)))
            }
        }
    }

    /// The probability of two records being the same, for each pair.
    ///
    /// # Errors
    /// As [`PairModel::logits`].
    pub fn probabilities(&self, table: &Array2<f32>) -> Result<Vec<f32>, LearnError> {
        let logits = self.logits(table)?;
        Ok(logits.into_iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect())
    }
}

fn means(left: &[f32], right: &[f32]) -> Vec<f32> {
    left.iter()
        .zip(right)
        .map(|(left, right)| f32::midpoint(*left, *right))
        .collect()
}

/// What is tried.
#[derive(Debug, Clone, Copy)]
enum Way {
    Line(f32),
    Trees(usize),
}

/// Trains a classifier of pairs, `[pairs, columns]` with NaN for what is missing. `groups` holds pairs together that have
/// a record in common.
///
/// # Errors
/// [`LearnError::TooFewExamples`] with fewer than 3 pairs of a side, and what is wrong with the
/// arguments.
pub fn train_pairs(
    table: &Array2<f32>,
    same: &[bool],
    groups: Option<&[u64]>,
    seed: u64,
) -> Result<TrainedPairs, LearnError> {
    check(table, same.len(), same.len())?;
    let yes = same.iter().filter(|same| **same).count();
    let fewer = yes.min(same.len() - yes);
    if fewer < FEWEST_OF_A_SIDE {
        return Err(LearnError::TooFewExamples {
            what: "a classifier of pairs, of the same and of others each,",
            need: FEWEST_OF_A_SIDE,
            have: fewer,
        });
    }
    let sides: Vec<usize> = same.iter().map(|same| usize::from(*same)).collect();
    let search = Search {
        table,
        targets: same.iter().map(|same| f32::from(u8::from(*same))).collect(),
        parts: stratified_folds(&sides, groups, FOLDS.min(fewer), seed),
        folds: FOLDS.min(fewer),
    };
    let mut tried = Vec::new();
    let best_of = |ways: &[Way], tried: &mut Vec<(String, f64)>| -> Result<Best, LearnError> {
        let mut best: Option<Best> = None;
        for &way in ways {
            let (logits, rounds) = search.held_out(way)?;
            let loss = mean_loss(&logits, &search.targets);
            tried.push((way.name(rounds), loss));
            if best.as_ref().is_none_or(|best| loss < best.loss) {
                best = Some(Best {
                    loss,
                    way,
                    rounds,
                    logits,
                });
            }
        }
        Ok(best.expect("something was tried"))
    };
    let line = best_of(&PENALTIES.map(Way::Line), &mut tried)?;
    let trees = best_of(&DEPTHS.map(Way::Trees), &mut tried)?;
    let of_both = means(&trees.logits, &line.logits);
    let loss_of_both = mean_loss(&of_both, &search.targets);
    tried.push(("both".to_owned(), loss_of_both));
    let all: Vec<usize> = (0..same.len()).collect();
    let fit = |best: &Best| search.fit(best.way, best.rounds, &all);
    let better = if line.loss < trees.loss { &line } else { &trees };
    let (model, held_out) = if loss_of_both < better.loss {
        match (fit(&trees)?, fit(&line)?) {
            (PairModel::Trees(trees), PairModel::Line(line)) => (PairModel::Both(trees, line), of_both),
            (other, _) => (other, trees.logits),
        }
    } else {
        (fit(better)?, better.logits.clone())
    };
    Ok(TrainedPairs { model, held_out, tried })
}

/// The best of some ways.
struct Best {
    loss: f64,
    way: Way,
    rounds: usize,
    logits: Vec<f32>,
}

impl Way {
    fn name(self, rounds: usize) -> String {
        match self {
            Self::Line(penalty) => format!("line, penalty {penalty}"),
            Self::Trees(depth) => format!("{rounds} trees of depth {depth}"),
        }
    }
}

struct Search<'a> {
    table: &'a Array2<f32>,
    targets: Vec<f32>,
    parts: Vec<usize>,
    folds: usize,
}

impl Search<'_> {
    fn fit(&self, way: Way, rounds: usize, rows: &[usize]) -> Result<PairModel, LearnError> {
        let table = self.table.select(Axis(0), rows);
        let targets: Vec<f32> = rows.iter().map(|&row| self.targets[row]).collect();
        Ok(match way {
            Way::Line(penalty) => PairModel::Line(PairLine::fit(&table, &targets, penalty)?),
            Way::Trees(depth) => {
                let options = options(depth, rounds);
                let weights = vec![1.0; rows.len()];
                PairModel::Trees(BoostedTrees::fit(&table, &targets, &weights, &options, &mut |_| true)?)
            }
        })
    }

    /// Logits of all pairs by classifiers that did not see them, and how many trees are best.
    fn held_out(&self, way: Way) -> Result<(Vec<f32>, usize), LearnError> {
        let most = match way {
            Way::Line(_) => 0,
            Way::Trees(depth) => options(depth, 0).rounds.max(BoostOptions::default().rounds),
        };
        // Of every part, the held-out logits after each number of trees.
        let paths: Vec<(Vec<usize>, Vec<Vec<f32>>)> = (0..self.folds)
            .into_par_iter()
            .map(|part| {
                let (trained, held) = split(&self.parts, part);
                let table = self.table.select(Axis(0), &held);
                let path = match self.fit(way, most, &trained)? {
                    PairModel::Line(line) => vec![line.logits(&table)],
                    PairModel::Trees(trees) | PairModel::Both(trees, _) => path_of(&trees, &table, most),
                };
                Ok((held, path))
            })
            .collect::<Result<_, LearnError>>()?;
        let logits_at = |rounds: usize| {
            let mut logits = vec![0.0; self.targets.len()];
            for (held, path) in &paths {
                held.iter()
                    .zip(&path[rounds])
                    .for_each(|(row, logit)| logits[*row] = *logit);
            }
            logits
        };
        let mut best = (f64::INFINITY, 0);
        for rounds in 0..=most {
            let loss = mean_loss(&logits_at(rounds), &self.targets);
            if loss < best.0 {
                best = (loss, rounds);
            } else if rounds > best.1 + PATIENCE {
                break;
            }
        }
        Ok((logits_at(best.1), best.1))
    }
}

fn options(depth: usize, rounds: usize) -> BoostOptions {
    BoostOptions {
        tree: TreeOptions {
            depth,
            ..TreeOptions::default()
        },
        rounds,
        ..BoostOptions::default()
    }
}

/// Logits after 0 to `most` trees; the last ones again where there are fewer.
fn path_of(trees: &BoostedTrees, table: &Array2<f32>, most: usize) -> Vec<Vec<f32>> {
    let mut logits = vec![trees.base; table.nrows()];
    let mut path = vec![logits.clone()];
    for at in 0..most {
        if let Some(tree) = trees.trees.get(at) {
            for (row, logit) in logits.iter_mut().enumerate() {
                *logit += tree.value(|column| table[[row, column]]);
            }
        }
        path.push(logits.clone());
    }
    path
}

fn mean_loss(logits: &[f32], targets: &[f32]) -> f64 {
    let losses = logits.iter().zip(targets).map(|(logit, target)| {
        let logit = f64::from(*logit);
        logit.max(0.0) + (-logit.abs()).exp().ln_1p() - f64::from(*target) * logit
    });
    losses.sum::<f64>() / logits.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs whose logit is `of` of two numbers, the second of which is missing now and then.
    fn pairs(rows: usize, seed: u64, of: impl Fn(f32, f32) -> f32) -> (Array2<f32>, Vec<bool>) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut table = Array2::from_shape_simple_fn((rows, 2), || random.f32() * 4.0 - 2.0);
        let same = table
            .rows()
            .into_iter()
            .map(|row| random.f32() < 1.0 / (1.0 + (-of(row[0], row[1])).exp()))
            .collect();
        for row in (0..rows).step_by(7) {
            table[[row, 1]] = f32::NAN;
        }
        (table, same)
    }

    fn accuracy(model: &PairModel, table: &Array2<f32>, same: &[bool]) -> f64 {
        let probabilities = model.probabilities(table).unwrap();
        let hits = probabilities
            .iter()
            .zip(same)
            .filter(|(share, same)| (**share > 0.5) == **same)
            .count();
        hits as f64 / same.len() as f64
    }

    #[test]
    fn a_line_has_a_part_where_a_line_tells_all() {
        let of = |first: f32, second: f32| 3.0 * first + 2.0 * second;
        let (table, same) = pairs(300, 1, of);
        let trained = train_pairs(&table, &same, None, 1).unwrap();
        assert!(!matches!(trained.model, PairModel::Trees(_)), "{:?}", trained.tried);
        let (others, right) = pairs(600, 2, of);
        assert!(accuracy(&trained.model, &others, &right) > 0.85);
    }

    #[test]
    fn trees_have_a_part_where_no_line_tells_anything() {
        let of = |first: f32, second: f32| 6.0 * first * second;
        let (table, same) = pairs(500, 1, of);
        let trained = train_pairs(&table, &same, None, 1).unwrap();
        assert!(!matches!(trained.model, PairModel::Line(_)), "{:?}", trained.tried);
        let (others, right) = pairs(600, 2, of);
        assert!(accuracy(&trained.model, &others, &right) > 0.8);
    }

    #[test]
    fn too_few_pairs_of_a_side_are_said() {
        let (table, _) = pairs(20, 1, |_, _| 0.0);
        let same: Vec<bool> = (0..20).map(|row| row < 2).collect();
        assert!(matches!(
            train_pairs(&table, &same, None, 1),
            Err(LearnError::TooFewExamples { have: 2, .. })
        ));
    }
}
