//! The confusion matrix, of all labels where they are few, else of those that are mixed up most.

use std::collections::HashMap;

use refuel_engine::evaluate::Mixup;
use serde::Serialize;

/// Most labels of a matrix that can be read.
const MOST: usize = 20;

/// Mix-ups that are listed.
const LISTED: usize = 25;

/// A matrix that can be read.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Matrix {
    /// Labels of the rows and columns.
    labels: Vec<String>,
    /// Whether these are all labels.
    whole: bool,
    /// A row for each label, as the right answer.
    rows: Vec<MatrixRow>,
    /// Whether a row was given no value.
    has_none: bool,
    /// The worst mix-ups.
    mixups: Vec<ShownMixup>,
    /// How many there are.
    all_mixups: usize,
}

#[derive(Debug, PartialEq, Serialize)]
struct MatrixRow {
    label: String,
    /// A cell for each label that was given, then other labels, then no value.
    cells: Vec<Cell>,
    rows: u64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Cell {
    rows: u64,
    /// Share of the rows with this right answer, in percent.
    share: u64,
    right: bool,
    given: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct ShownMixup {
    expected: String,
    given: String,
    rows: u64,
    /// Share of the rows with this right answer, in percent.
    share: u64,
}

/// From the cells that are not empty, most rows first. None where there are none.
pub(super) fn matrix(cells: &[Mixup]) -> Option<Matrix> {
    let mut expected: HashMap<&str, u64> = HashMap::new();
    for cell in cells {
        *expected.entry(&cell.expected).or_default() += cell.rows;
    }
    // Rows without a value are a column of the matrix; no label was taken for another.
    let is_mixup = |cell: &&Mixup| cell.given.as_ref().is_some_and(|given| *given != cell.expected);
    let wrong: Vec<&Mixup> = cells.iter().filter(is_mixup).collect();
    // Labels of the worst mix-ups first, then those with the most rows.
    let mut labels: Vec<&str> = Vec::new();
    let from_wrong = wrong
        .iter()
        .flat_map(|cell| std::iter::once(&cell.expected).chain(&cell.given));
    let from_all = cells
        .iter()
        .flat_map(|cell| std::iter::once(&cell.expected).chain(&cell.given));
    let mut all: Vec<&str> = from_all.map(String::as_str).collect();
    all.sort_unstable();
    all.dedup();
    for label in from_wrong.map(String::as_str).chain(all.iter().copied()) {
        if labels.len() < MOST && !labels.contains(&label) {
            labels.push(label);
        }
    }
    if labels.is_empty() {
        return None;
    }
    let whole = labels.len() == all.len();
    labels.sort_by_key(|label| std::cmp::Reverse(expected.get(label).copied().unwrap_or(0)));
    let counts: HashMap<(&str, Option<&str>), u64> = cells
        .iter()
        .map(|cell| ((cell.expected.as_str(), cell.given.as_deref()), cell.rows))
        .collect();
    let percent = |rows: u64, of: &str| rows * 100 / expected.get(of).copied().unwrap_or(0).max(1);
    let rows = labels
        .iter()
        .filter(|label| expected.contains_key(*label))
        .map(|right| {
            let cell = |rows: u64, given: &str| Cell {
                rows,
                share: percent(rows, right),
                right: given == *right,
                given: given.to_owned(),
            };
            let count = |given: Option<&str>| counts.get(&(*right, given)).copied().unwrap_or(0);
            let mut row: Vec<Cell> = labels.iter().map(|given| cell(count(Some(given)), given)).collect();
            let all_of_row = expected.get(right).copied().unwrap_or(0);
            let none = count(None);
            if !whole {
                let shown: u64 = row.iter().map(|cell| cell.rows).sum();
                row.push(cell(all_of_row - shown - none, "another label"));
            }
            row.push(cell(none, "no value"));
            MatrixRow {
                label: (*right).to_owned(),
                cells: row,
                rows: all_of_row,
            }
        });
    let rows: Vec<MatrixRow> = rows.collect();
    Some(Matrix {
        has_none: rows
            .iter()
            .any(|row| row.cells.last().is_some_and(|cell| cell.rows > 0)),
        rows,
        whole,
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        mixups: wrong
            .iter()
            .take(LISTED)
            .map(|cell| ShownMixup {
                expected: cell.expected.clone(),
                given: cell.given.clone().unwrap_or_default(),
                rows: cell.rows,
                share: percent(cell.rows, &cell.expected),
            })
            .collect(),
        all_mixups: wrong.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(expected: &str, given: Option<&str>, rows: u64) -> Mixup {
        Mixup {
            expected: expected.to_owned(),
            given: given.map(str::to_owned),
            rows,
        }
    }

    #[test]
    fn few_labels_are_all_shown() {
        let cells = [
            cell("a", Some("a"), 6),
            cell("a", Some("b"), 2),
            cell("b", None, 2),
            cell("b", Some("b"), 1),
        ];
        let matrix = matrix(&cells).unwrap();
        assert_eq!(
            (matrix.labels.as_slice(), matrix.whole, matrix.has_none),
            (&["a".into(), "b".into()][..], true, true)
        );
        let counts: Vec<Vec<u64>> = matrix
            .rows
            .iter()
            .map(|row| row.cells.iter().map(|cell| cell.rows).collect())
            .collect();
        assert_eq!(counts, [[6, 2, 0], [0, 1, 2]]);
        assert_eq!(matrix.rows[0].cells[1].share, 25);
        assert_eq!(super::matrix(&[]), None);
    }

    #[test]
    fn of_many_labels_those_are_shown_that_are_mixed_up() {
        let mut cells: Vec<Mixup> = (0..70u64)
            .map(|at| cell(&format!("l{at:02}"), Some(&format!("l{at:02}")), 100 - at))
            .collect();
        cells.extend([cell("l69", Some("l68"), 9), cell("l69", None, 3)]);
        cells.sort_by_key(|cell| std::cmp::Reverse(cell.rows));
        let matrix = matrix(&cells).unwrap();
        assert!(!matrix.whole && matrix.labels.len() == MOST);
        assert!(matrix.labels.contains(&"l69".to_owned()) && matrix.labels.contains(&"l68".to_owned()));
        assert_eq!(matrix.mixups.len(), 1, "no value is no mix-up");
        let row = matrix.rows.iter().find(|row| row.label == "l69").unwrap();
        assert_eq!(row.cells.len(), MOST + 2);
        assert_eq!(row.cells.iter().map(|cell| cell.rows).sum::<u64>(), row.rows);
    }
}
