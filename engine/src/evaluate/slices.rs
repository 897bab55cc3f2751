//! Where answers are worst.

use std::collections::BTreeMap;

use serde::Serialize;

use super::evaluation::Judged;
use super::proportion::{Interval, wilson};

/// Rows that a slice must have to be spoken of.
const FEWEST: u64 = 5;

/// Rows of a slice that are shown.
const EXAMPLES: usize = 3;

/// Rows that have something in common, such as a value of a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slice {
    /// What they have in common: the name of a column.
    pub by: String,
    /// Its value.
    pub value: String,
    /// Rows.
    pub rows: u64,
    /// Share of them that is right.
    pub accuracy: f64,
    /// Its 95 % interval.
    pub accuracy_ci95: Interval,
    /// Numbers of wrong rows to look at, from 0: those first of which the model was surest.
    #[serde(skip)]
    pub examples: Vec<usize>,
}

/// The slices with the lowest accuracy, at most `most`: those of five rows or more that are surely worse than the whole
/// or may be, ordered by the upper bound of their interval, so that a few rows that happen to be wrong don't come before
/// many that are. `columns` gives a name and, for each row, a value.
pub fn worst_slices(rows: &[Judged], columns: &[(String, Vec<String>)], most: usize) -> Vec<Slice> {
    let all = rows.iter().filter(|row| row.is_right()).count() as f64 / rows.len().max(1) as f64;
    let mut slices = Vec::new();
    for (by, values) in columns {
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, value) in values.iter().enumerate().take(rows.len()) {
            members.entry(value).or_default().push(row);
        }
        for (value, members) in members {
            let count = members.len() as u64;
            let right = members.iter().filter(|row| rows[**row].is_right()).count() as u64;
            let accuracy = right as f64 / count as f64;
            if count < FEWEST || accuracy >= all {
                continue;
            }
            let Some(accuracy_ci95) = wilson(right, count) else {
                continue;
            };
            let mut examples: Vec<usize> = members.into_iter().filter(|row| !rows[*row].is_right()).collect();
            examples.sort_by(|left, other| {
                let confidence = |row: usize| rows[row].confidence.unwrap_or(-1.0);
                confidence(*other).total_cmp(&confidence(*left)).then(left.cmp(other))
            });
            examples.truncate(EXAMPLES);
            slices.push(Slice {
                by: by.clone(),
                value: value.to_owned(),
                rows: count,
                accuracy,
                accuracy_ci95,
                examples,
            });
        }
    }
    slices.sort_by(|left, other| {
        left.accuracy_ci95
            .1
            .total_cmp(&other.accuracy_ci95.1)
            .then(other.rows.cmp(&left.rows))
    });
    slices.truncate(most);
    slices
}
