//! Trees that halve rows by one column at a time.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bins::{Bins, MISSING};

/// How a tree grows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TreeOptions {
    /// Most halvings between the root and a leaf.
    pub depth: usize,
    /// How strongly leaves are held back: what is added to their sum of second derivatives.
    pub penalty: f64,
    /// Least sum of second derivatives in a leaf.
    pub least_weight: f64,
}

impl Default for TreeOptions {
    fn default() -> Self {
        Self {
            depth: 3,
            penalty: 1.0,
            least_weight: 1.0,
        }
    }
}

/// A node of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// Rows whose column is at the border or below go to `left`, others to `right`.
    Split {
        /// The column.
        column: usize,
        /// The border.
        border: f32,
        /// Where rows go whose value is missing.
        missing_left: bool,
        /// Number of a node.
        left: usize,
        /// Number of a node.
        right: usize,
    },
    /// What the tree gives.
    Leaf(f32),
}

/// A tree; its root is the first node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Its nodes.
    pub nodes: Vec<Node>,
}

/// Sums of first and second derivatives.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    first: f64,
    second: f64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.first += other.first;
        self.second += other.second;
    }

    fn minus(self, other: Self) -> Self {
        Self {
            first: self.first - other.first,
            second: self.second - other.second,
        }
    }

    /// What the loss falls by with the best leaf, twice.
    fn worth(self, penalty: f64) -> f64 {
        self.first * self.first / (self.second + penalty)
    }
}

/// The best way to halve some rows.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    gain: f64,
    column: usize,
    bin: u8,
    missing_left: bool,
}

impl Tree {
    /// Grows a tree for rows with first and second derivatives of the loss (Chen and Guestrin 2016, "`XGBoost`: a scalable
    /// tree boosting system", equations 6 and 7; missing values as in its algorithm 3). Leaves are multiplied by `rate`.
    pub(super) fn grow(
        bins: &Bins,
        rows: &[usize],
        derivatives: &[(f64, f64)],
        options: &TreeOptions,
        rate: f64,
    ) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        tree.add(bins, rows.to_vec(), derivatives, options, rate, options.depth);
        tree
    }

    fn add(
        &mut self,
        bins: &Bins,
        rows: Vec<usize>,
        derivatives: &[(f64, f64)],
        options: &TreeOptions,
        rate: f64,
        depth: usize,
    ) -> usize {
        let number = self.nodes.len();
        let mut all = Sums::default();
        for &row in &rows {
            let (first, second) = derivatives[row];
            all.add(Sums { first, second });
        }
        let leaf = -rate * all.first / (all.second + options.penalty);
        self.nodes.push(Node::Leaf(leaf as f32));
        let found = (depth > 0)
            .then(|| best_split(bins, &rows, derivatives, all, options))
            .flatten();
        let Some(found) = found else { return number };
        let column = &bins.columns[found.column];
        let goes_left = |row: &usize| match column[*row] {
            MISSING => found.missing_left,
            bin => bin <= found.bin,
        };
        let (left, right): (Vec<usize>, Vec<usize>) = rows.into_iter().partition(goes_left);
        let left = self.add(bins, left, derivatives, options, rate, depth - 1);
        let right = self.add(bins, right, derivatives, options, rate, depth - 1);
        self.nodes[number] = Node::Split {
            column: found.column,
            border: bins.borders[found.column][found.bin as usize],
            missing_left: found.missing_left,
            left,
            right,
        };
        number
    }

    /// What the tree gives for a row.
    pub fn value(&self, row: impl Fn(usize) -> f32) -> f32 {
        let mut at = 0;
        loop {
            match self.nodes[at] {
                Node::Leaf(value) => return value,
                Node::Split {
                    column,
                    border,
                    missing_left,
                    left,
                    right,
                } => {
                    let value = row(column);
                    let goes_left = if value.is_nan() { missing_left } else { value <= border };
                    at = if goes_left { left } else { right };
                }
            }
        }
    }
}

/// The best of all columns; of equals the first.
fn best_split(
    bins: &Bins,
    rows: &[usize],
    derivatives: &[(f64, f64)],
    all: Sums,
    options: &TreeOptions,
) -> Option<Candidate> {
    let by_column: Vec<Option<Candidate>> = (0..bins.columns.len())
        .into_par_iter()
        .map(|column| best_of_column(bins, column, rows, derivatives, all, options))
        .collect();
    by_column
        .into_iter()
        .flatten()
        .reduce(|best, next| if next.gain > best.gain { next } else { best })
}

fn best_of_column(
    bins: &Bins,
    column: usize,
    rows: &[usize],
    derivatives: &[(f64, f64)],
    all: Sums,
    options: &TreeOptions,
) -> Option<Candidate> {
    let borders = bins.borders[column].len();
    let mut sums = vec![Sums::default(); borders + 1];
    let mut missing = Sums::default();
    for &row in rows {
        let (first, second) = derivatives[row];
        let bin = bins.columns[column][row];
        let to = if bin == MISSING {
            &mut missing
        } else {
            &mut sums[bin as usize]
        };
        to.add(Sums { first, second });
    }
    let mut best: Option<Candidate> = None;
    let mut below = Sums::default();
    for (bin, sum) in sums[..borders].iter().enumerate() {
        below.add(*sum);
        for missing_left in [false, true] {
            let mut left = below;
            if missing_left {
                left.add(missing);
            }
            let right = all.minus(left);
            if left.second < options.least_weight || right.second < options.least_weight {
                continue;
            }
            let penalty = options.penalty;
            let gain = left.worth(penalty) + right.worth(penalty) - all.worth(penalty);
            // Differences as small as this come from the order of sums.
            if gain > 1e-9 && best.is_none_or(|best| gain > best.gain + 1e-12) {
                best = Some(Candidate {
                    gain,
                    column,
                    bin: bin as u8,
                    missing_left,
                });
            }
        }
    }
    best
}
