//! What differs between the rows that a unit test expects and those that came out, cell by cell.
//!
//! Rows have no order of their own. Equal rows are matched first; of what is left, an expected row is put beside the
//! actual one that has most cells in common with it, so that one wrong cell shows as one wrong cell.

use serde::Serialize;
use serde_json::{Map, Value};

/// Rows of each side that are put beside each other by likeness; the comparison is of all with all.
const MOST_ALIGNED: usize = 500;

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "row")]
pub enum Line {
    /// A row that is as expected.
    Same {
        /// Its cells.
        cells: Vec<Value>,
    },
    /// A row that is like an expected one and differs in some cells.
    Changed {
        /// What was expected.
        expected: Vec<Value>,
        /// What came out.
        actual: Vec<Value>,
        /// For each column, whether its cells differ.
        differs: Vec<bool>,
    },
    /// A row that was expected and didn't come.
    Missing {
        /// Its cells.
        cells: Vec<Value>,
    },
    /// A row that came and wasn't expected.
    Extra {
        /// Its cells.
        cells: Vec<Value>,
    },
}

/// Expected and actual rows, beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowComparison {
    /// The columns that were compared.
    pub columns: Vec<String>,
    /// The lines: those of expected rows in their order, then the rows that are too many.
    pub lines: Vec<Line>,
}

impl RowComparison {
    /// Compares rows of the same columns.
    pub fn of(columns: Vec<String>, expected: Vec<Vec<Value>>, actual: Vec<Vec<Value>>) -> Self {
        let mut actual: Vec<Option<Vec<Value>>> = actual.into_iter().map(Some).collect();
        let mut lines: Vec<Option<Line>> = Vec::with_capacity(expected.len());
        for row in &expected {
            let same = actual
                .iter_mut()
                .find(|other| other.as_ref().is_some_and(|other| equal_rows(row, other)));
            lines.push(same.and_then(Option::take).map(|cells| Line::Same { cells }));
        }
        let unmatched: Vec<usize> = (0..expected.len()).filter(|&row| lines[row].is_none()).collect();
        for (row, other) in aligned(&unmatched, &expected, &actual) {
            let Some(cells) = actual[other].take() else { continue };
            let differs = expected[row]
                .iter()
                .zip(&cells)
                .map(|(left, right)| !equal(left, right))
                .collect();
            lines[row] = Some(Line::Changed {
                expected: expected[row].clone(),
                actual: cells,
                differs,
            });
        }
        let expected = expected
            .into_iter()
            .zip(lines)
            .map(|(cells, line)| line.unwrap_or(Line::Missing { cells }));
        let extra = actual.into_iter().flatten().map(|cells| Line::Extra { cells });
        Self {
            columns,
            lines: expected.chain(extra).collect(),
        }
    }

    /// Whether every row is as expected.
    pub fn is_same(&self) -> bool {
        self.differences() == 0
    }

    /// Rows that are not as expected.
    pub fn differences(&self) -> usize {
        self.lines
            .iter()
            .filter(|line| !matches!(line, Line::Same { .. }))
            .count()
    }

    /// The comparison as a table of plain text: a sign for each line (` ` same, `~` changed, `-` missing, `+` extra), and
    /// in a changed row `expected → actual` in the cells that differ. Rows that are as expected are left out but for their
    /// number.
    pub fn to_text(&self) -> String {
        let mut rows: Vec<(char, Vec<String>)> = vec![(' ', self.columns.clone())];
        let mut same = 0;
        for line in &self.lines {
            match line {
                Line::Same { .. } => same += 1,
                Line::Changed {
                    expected,
                    actual,
                    differs,
                } => {
                    let cells = differs.iter().enumerate().map(|(column, differs)| {
                        let right = shown(&actual[column]);
                        if *differs {
                            format!("{} → {right}", shown(&expected[column]))
                        } else {
                            right
                        }
                    });
                    rows.push(('~', cells.collect()));
                }
                Line::Missing { cells } => rows.push(('-', cells.iter().map(shown).collect())),
                Line::Extra { cells } => rows.push(('+', cells.iter().map(shown).collect())),
            }
        }
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let widths = rows.iter().map(|(_, cells)| cells[column].chars().count());
                widths.max().unwrap_or_default()
            })
            .collect();
        let mut text = String::new();
        for (sign, cells) in &rows {
            let mut line = format!("{sign} ");
            for (cell, width) in cells.iter().zip(&widths) {
                line.push_str("| ");
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 1));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let signs = rows.iter().skip(1).map(|(sign, _)| *sign);
        let meanings = [
            ('~', "~ expected → found"),
            ('-', "- not found"),
            ('+', "+ not expected"),
        ];
        let meanings: Vec<&str> = meanings
            .into_iter()
            .filter(|(sign, _)| signs.clone().any(|there| there == *sign))
            .map(|(_, meaning)| meaning)
            .collect();
        let more = (same > 0).then(|| format!("{same} more as expected"));
        let legend: Vec<&str> = meanings.into_iter().chain(more.as_deref()).collect();
        if !legend.is_empty() {
            text.push_str(&format!("  ({})\n", legend.join("; ")));
        }
        text
    }
}

/// Pairs of unmatched expected rows and rows that are left, those most alike first. Rows without a cell in common make no
/// pair.
fn aligned(unmatched: &[usize], expected: &[Vec<Value>], actual: &[Option<Vec<Value>>]) -> Vec<(usize, usize)> {
    let left: Vec<usize> = (0..actual.len()).filter(|&row| actual[row].is_some()).collect();
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for &row in unmatched.iter().take(MOST_ALIGNED) {
        for &other in left.iter().take(MOST_ALIGNED) {
            let Some(cells) = &actual[other] else { continue };
            let common = expected[row]
                .iter()
                .zip(cells)
                .filter(|(left, right)| equal(left, right));
            let common = common.count();
            if common > 0 {
                pairs.push((common, row, other));
            }
        }
    }
    pairs.sort_by_key(|&(common, row, other)| (std::cmp::Reverse(common), row, other));
    let (mut rows, mut others) = (std::collections::HashSet::new(), std::collections::HashSet::new());
    pairs
        .into_iter()
        .filter_map(|(_, row, other)| {
            if rows.contains(&row) || others.contains(&other) {
                return None;
            }
            rows.insert(row);
            others.insert(other);
            Some((row, other))
        })
        .collect()
}

fn equal_rows(left: &[Value], right: &[Value]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
}

/// Whether cells are equal. Numbers are equal by value, whatever type the database gives them, and a boolean equals 0 or
/// 1, which is what SQLite has for one; numbers that a test writes as text equal themselves.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => left == right,
            _ => close(left.as_f64(), right.as_f64()),
        },
        (Value::Bool(flag), Value::Number(number)) | (Value::Number(number), Value::Bool(flag)) => {
            number.as_i64() == Some(i64::from(*flag))
        }
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            number.to_string() == *text
        }
        (Value::Array(left), Value::Array(right)) => equal_rows(left, right),
        (Value::Object(left), Value::Object(right)) => equal_records(left, right),
        // SQLite keeps lists and records as JSON text.
        (json @ (Value::Array(_) | Value::Object(_)), Value::String(text))
        | (Value::String(text), json @ (Value::Array(_) | Value::Object(_))) => {
            serde_json::from_str::<Value>(text).is_ok_and(|read| !read.is_string() && equal(&read, json))
        }
        _ => left == right,
    }
}

/// Whether two records have the same keys with equal values, in any order.
pub(crate) fn equal_records(left: &Map<String, Value>, right: &Map<String, Value>) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other)))
}

/// Equal to the precision of `real`, which is what confidences have.
fn close(left: Option<f64>, right: Option<f64>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => (left - right).abs() <= 1e-6 * left.abs().max(right.abs()).max(1.0),
        _ => false,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.replace('\n', "⏎"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rows(value: Value) -> Vec<Vec<Value>> {
        serde_json::from_value(value).unwrap()
    }

    fn compare(expected: Value, actual: Value) -> RowComparison {
        let columns = ["id", "topic", "sure"].map(str::to_owned).to_vec();
        RowComparison::of(columns, rows(expected), rows(actual))
    }

    #[test]
    fn a_wrong_cell_shows_as_one_wrong_cell() {
        let comparison = compare(
            json!([
                [1, "refund", true],
                [2, "delivery", true],
                [3, "other", null],
                [5, "other", false]
            ]),
            json!([
                [3, "other", null],
                [2, "refund", true],
                [1, "refund", 1],
                [4, "delivery", 0.25]
            ]),
        );
        insta::assert_snapshot!(comparison.to_text());
        assert_eq!(comparison.differences(), 3);
    }

    #[test]
    fn the_order_of_rows_and_the_types_of_numbers_do_not_matter() {
        let comparison = compare(
            json!([[1, ["a", "b"], true], ["2", "x", 0.5]]),
            json!([[2, "x", 0.500_000_01], [1.0, "[\"a\", \"b\"]", 1]]),
        );
        assert!(comparison.is_same(), "{}", comparison.to_text());
    }

    #[test]
    fn records_are_equal_in_any_order_as_json_and_as_its_text() {
        let fields = json!({"brand": "Acme", "price": 129, "colors": ["red"]});
        for same in [
            json!({"colors": ["red"], "price": 129.0, "brand": "Acme"}),
            json!(r#"{"price": 129, "colors": ["red"], "brand": "Acme"}"#),
        ] {
            assert!(equal(&fields, &same), "{same}");
        }
        for other in [
            json!({"brand": "Acme", "price": 129}),
            json!({"brand": "Acme", "price": 128, "colors": ["red"]}),
            json!(r#"["brand"]"#),
            json!("Acme"),
        ] {
            assert!(!equal(&fields, &other), "{other}");
        }
    }

    #[test]
    fn a_row_that_is_there_twice_is_expected_twice() {
        let twice = json!([[1, "a", true], [1, "a", true]]);
        let once = json!([[1, "a", true]]);
        assert_eq!(compare(twice.clone(), once.clone()).differences(), 1);
        assert_eq!(compare(once, twice.clone()).differences(), 1);
        assert!(compare(twice.clone(), twice).is_same());
    }

    #[test]
    fn null_is_neither_empty_text_nor_zero() {
        assert!(!equal(&Value::Null, &json!("")));
        assert!(!equal(&Value::Null, &json!(0)));
        assert!(equal(&Value::Null, &Value::Null));
    }

    proptest! {
        /// Two bags of rows are the same exactly where one is an arrangement of the other.
        #[test]
        fn a_comparison_is_one_of_bags(left in prop::collection::vec(prop::collection::vec(0u8..3, 2), 0..8), turn in 0usize..8, change in any::<bool>()) {
            let as_rows = |rows: &[Vec<u8>]| rows.iter().map(|row| row.iter().map(|cell| json!(cell)).collect()).collect::<Vec<Vec<Value>>>();
            let mut right = left.clone();
            if !right.is_empty() {
                let turn = turn % right.len();
                right.rotate_left(turn);
                if change {
                    right[0][0] = 9;
                }
            }
            let columns = vec!["a".to_owned(), "b".to_owned()];
            let comparison = RowComparison::of(columns, as_rows(&left), as_rows(&right));
            prop_assert_eq!(comparison.is_same(), left.is_empty() || !change);
        }
    }
}
