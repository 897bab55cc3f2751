//! Gradient boosted trees for tables of some tens of columns in which values may be missing.
//!
//! Written here because what is needed is small and exact: the same trees however many threads there are, borders that
//! ONNX Runtime reads as they are, missing values on the side where they belong. The libraries for it that build without
//! C++ choose how long to learn by the clock, or are not kept up.

mod bins;
mod tree;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::error::LearnError;
use bins::Bins;
pub use tree::{Node, Tree, TreeOptions};

/// How trees are boosted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoostOptions {
    /// How a tree grows.
    pub tree: TreeOptions,
    /// What each tree's leaves are multiplied by.
    pub rate: f64,
    /// Most trees.
    pub rounds: usize,
}

impl Default for BoostOptions {
    fn default() -> Self {
        Self {
            tree: TreeOptions::default(),
            rate: 0.1,
            rounds: 200,
        }
    }
}

/// Trees whose sum is the logit of a yes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoostedTrees {
    /// Where the sum begins.
    pub base: f32,
    /// The trees.
    pub trees: Vec<Tree>,
    /// Columns of a row.
    pub columns: usize,
}

impl BoostedTrees {
    /// Fits trees to rows, `[rows, columns]` with NaN for what is missing, to how right a yes is for each, from 0 to 1,
    /// and how much each counts (Friedman 2001, "Greedy function approximation: a gradient boosting machine", with the
    /// second derivatives of the logistic loss). After every tree `each` is called with it: false ends the fitting before
    /// it is taken.
    ///
    /// # Errors
    /// [`LearnError::Shape`], [`LearnError::TooFewExamples`] without rows, [`LearnError::NotFinite`] for infinite values.
    pub fn fit(
        table: &Array2<f32>,
        targets: &[f32],
        weights: &[f32],
        options: &BoostOptions,
        each: &mut dyn FnMut(&Tree) -> bool,
    ) -> Result<Self, LearnError> {
        check(table, targets.len(), weights.len())?;
        let bins = Bins::of(table);
        let whole: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let yes: f64 = weights
            .iter()
            .zip(targets)
            .map(|(weight, target)| f64::from(weight * target))
            .sum();
        // One yes and one no more, so that the logit is finite.
        let base = ((yes + 1.0) / (whole - yes + 1.0)).ln() as f32;
        let mut logits = vec![base; table.nrows()];
        let rows: Vec<usize> = (0..table.nrows()).filter(|&row| weights[row] > 0.0).collect();
        let mut trees = Vec::new();
        for _ in 0..options.rounds {
            let derivatives: Vec<(f64, f64)> = logits
                .iter()
                .zip(targets.iter().zip(weights))
                .map(|(logit, (target, weight))| {
                    let share = 1.0 / (1.0 + (-f64::from(*logit)).exp());
                    let weight = f64::from(*weight);
                    (weight * (share - f64::from(*target)), weight * share * (1.0 - share))
                })
                .collect();
            let tree = Tree::grow(&bins, &rows, &derivatives, &options.tree, options.rate);
            let is_useless = matches!(tree.nodes.as_slice(), [Node::Leaf(_)]);
            if is_useless || !each(&tree) {
                break;
            }
            for (row, logit) in logits.iter_mut().enumerate() {
                *logit += tree.value(|column| table[[row, column]]);
            }
            trees.push(tree);
        }
        Ok(Self {
            base,
            trees,
            columns: table.ncols(),
        })
    }

    /// The logit of a yes for each row.
    ///
    /// # Errors
    /// [`LearnError::Shape`] for another number of columns.
    pub fn logits(&self, table: &Array2<f32>) -> Result<Vec<f32>, LearnError> {
        if table.ncols() != self.columns {
            return Err(LearnError::Shape {
                what: "columns of a pair",
                expected: self.columns,
                found: table.ncols(),
            });
        }
        Ok((0..table.nrows())
            .map(|row| {
                let values = self.trees.iter().map(|tree| tree.value(|column| table[[row, column]]));
                self.base + values.sum::<f32>()
            })
            .collect())
    }
}

/// Checks that a table has rows that belong to what is said of them, and nothing infinite.
pub(crate) fn check(table: &Array2<f32>, targets: usize, weights: usize) -> Result<(), LearnError> {
    for found in [targets, weights] {
        if found != table.nrows() {
            return Err(LearnError::Shape {
                what: "targets and weights of pairs",
                expected: table.nrows(),
                found,
            });
        }
    }
    if table.nrows() == 0 {
        return Err(LearnError::TooFewExamples {
            what: "a classifier of pairs",
            need: 1,
            have: 0,
        });
    }
    for (row, values) in table.rows().into_iter().enumerate() {
        if let Some(value) = values.iter().find(|value| value.is_infinite()) {
            return Err(LearnError::NotFinite {
                what: "the features",
                row,
                value: *value,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A yes where exactly one of two columns is high, which no line tells; a third column is missing at random.
    fn crossed(rows: usize, seed: u64) -> (Array2<f32>, Vec<f32>) {
        let mut random = fastrand::Rng::with_seed(seed);
        let table = Array2::from_shape_fn((rows, 3), |(_, column)| {
            let value = random.f32();
            if column == 2 && value < 0.4 { f32::NAN } else { value }
        });
        let targets = table
            .rows()
            .into_iter()
            .map(|row| f32::from(u8::from((row[0] > 0.5) != (row[1] > 0.3))))
            .collect();
        (table, targets)
    }

    fn fit(table: &Array2<f32>, targets: &[f32]) -> BoostedTrees {
        let weights = vec![1.0; targets.len()];
        BoostedTrees::fit(table, targets, &weights, &BoostOptions::default(), &mut |_| true).unwrap()
    }

    fn hits(trees: &BoostedTrees, table: &Array2<f32>, targets: &[f32]) -> usize {
        let logits = trees.logits(table).unwrap();
        logits
            .iter()
            .zip(targets)
            .filter(|(logit, target)| (**logit > 0.0) == (**target > 0.5))
            .count()
    }

    #[test]
    fn what_no_line_tells_is_learned() {
        let (table, targets) = crossed(500, 1);
        let (others, right) = crossed(500, 2);
        let hits = hits(&fit(&table, &targets), &others, &right);
        assert!(hits > 480, "{hits} of 500");
    }

    #[test]
    fn that_a_value_is_missing_can_tell_all() {
        let table = Array2::from_shape_fn((60, 1), |(row, _)| if row % 2 == 0 { f32::NAN } else { row as f32 });
        let targets: Vec<f32> = (0..60u8).map(|row| f32::from(row % 2)).collect();
        assert_eq!(hits(&fit(&table, &targets), &table, &targets), 60);
    }

    #[test]
    fn trees_do_not_depend_on_threads() {
        let (table, targets) = crossed(300, 3);
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(&table, &targets))
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn rows_of_one_kind_need_no_trees() {
        let (table, _) = crossed(20, 1);
        let trees = fit(&table, &[1.0; 20]);
        assert!(trees.logits(&table).unwrap().iter().all(|logit| *logit > 2.0));
    }

    proptest! {
        /// More trees never fit the rows that they were fitted to worse, whatever the numbers are.
        #[test]
        fn every_tree_lowers_the_loss(values in proptest::collection::vec((proptest::option::of(-1e30f32..1e30), 0u8..2), 2..60)) {
            let table = Array2::from_shape_fn((values.len(), 1), |(row, _)| values[row].0.unwrap_or(f32::NAN));
            let targets: Vec<f32> = values.iter().map(|(_, target)| f32::from(*target)).collect();
            let trees = fit(&table, &targets);
            let loss = |count: usize| {
                let some = BoostedTrees { trees: trees.trees[..count].to_vec(), ..trees.clone() };
                let logits = some.logits(&table).unwrap();
                logits.iter().zip(&targets).map(|(logit, target)| {
                    let logit = f64::from(*logit);
                    logit.max(0.0) + (-logit.abs()).exp().ln_1p() - f64::from(*target) * logit
                }).sum::<f64>()
            };
            let mut before = loss(0);
            for count in 1..=trees.trees.len().min(20) {
                let now = loss(count);
                prop_assert!(now <= before + 1e-5, "{} {}", before, now);
                before = now;
            }
        }
    }
}
