//! Counts by class: precision, recall, F1, and which classes are taken for which.

use std::collections::{BTreeMap, HashMap};

use refuel_task::{Kind, Task};
use serde::Serialize;

/// Names of classes, each with a number.
#[derive(Debug, Clone, Default)]
pub struct Classes {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Classes {
    /// The list of what a task can answer; empty where it has none.
    pub fn of_task(task: &Task) -> Self {
        if task.kind == Kind::MATCH {
            ["false", "true"].iter().collect()
        } else {
            task.labels.iter().map(|label| &label.name).collect()
        }
    }

    /// The number of a name, which is given one where it has none.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The number of a name that has one.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The name of a number.
    pub fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl<T: AsRef<str>> FromIterator<T> for Classes {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let mut classes = Self::default();
        for name in names {
            classes.number(name.as_ref());
        }
        classes
    }
}

/// How often a class was right to give, given, and both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// Rows whose right answer it is, or is among.
    pub expected: u64,
    /// Rows that were given it.
    pub given: u64,
    /// Rows of both sorts.
    pub right: u64,
}

impl ClassCounts {
    /// Share of the rows that were given it for which that was right; 0 where none was.
    pub fn precision(&self) -> f64 {
        ratio(self.right as f64, self.given as f64)
    }

    /// Share of the rows whose right answer it is that were given it; 0 where there are none.
    pub fn recall(&self) -> f64 {
        ratio(self.right as f64, self.expected as f64)
    }

    /// Harmonic mean of precision and recall: `2 TP / (2 TP + FP + FN)` (van Rijsbergen 1979, "Information retrieval",
    /// chapter 7); 0 where it was neither given nor right.
    pub fn f1(&self) -> f64 {
        ratio(2.0 * self.right as f64, (self.expected + self.given) as f64)
    }

    fn occurs(&self) -> bool {
        self.expected + self.given > 0
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Counts of `classes` classes over rows: what is right, what was given (nothing for a row without a value), and how
/// often the row counts.
pub(super) fn count<'a>(
    classes: usize,
    rows: impl IntoIterator<Item = (&'a [u32], &'a [u32], u64)>,
) -> Vec<ClassCounts> {
    let mut counts = vec![ClassCounts::default(); classes];
    for (expected, given, times) in rows {
        for &class in expected {
            counts[class as usize].expected += times;
        }
        for &class in given {
            counts[class as usize].given += times;
            if expected.contains(&class) {
                counts[class as usize].right += times;
            }
        }
    }
    counts
}

/// Mean F1 of the classes that are right or were given at least once, as scikit-learn's `f1_score(average="macro")`
/// (Sokolova and Lapalme 2009, "A systematic analysis of performance measures for classification tasks", table 3).
pub(super) fn macro_f1(counts: &[ClassCounts]) -> f64 {
    let occurring = counts.iter().filter(|counts| counts.occurs());
    ratio(occurring.clone().map(ClassCounts::f1).sum(), occurring.count() as f64)
}

/// F1 of all classes' counts together. With one class to a row and a value in each, it is the accuracy.
pub(super) fn micro_f1(counts: &[ClassCounts]) -> f64 {
    let sum = |of: fn(&ClassCounts) -> u64| counts.iter().map(of).sum();
    ClassCounts {
        expected: sum(|counts| counts.expected),
        given: sum(|counts| counts.given),
        right: sum(|counts| counts.right),
    }
    .f1()
}

/// A class as it came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScore {
    /// Its name.
    pub label: String,
    /// Rows whose right answer it is, or is among.
    pub expected: u64,
    /// Rows that were given it.
    pub given: u64,
    /// Rows of both sorts.
    pub right: u64,
    /// See [`ClassCounts::precision`].
    pub precision: f64,
    /// See [`ClassCounts::recall`].
    pub recall: f64,
    /// See [`ClassCounts::f1`].
    pub f1: f64,
}

/// The classes that occur, those first that most rows have as their right answer.
pub(super) fn scores(classes: &Classes, counts: &[ClassCounts]) -> Vec<ClassScore> {
    let mut scores: Vec<ClassScore> = (0u32..)
        .zip(counts)
        .filter(|(_, counts)| counts.occurs())
        .map(|(class, counts)| ClassScore {
            label: classes.name(class).to_owned(),
            expected: counts.expected,
            given: counts.given,
            right: counts.right,
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
        })
        .collect();
    scores.sort_by_key(|score| std::cmp::Reverse(score.expected));
    scores
}

/// Rows whose right answer is one thing and that were given another: a cell of the confusion matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mixup {
    /// What is right.
    pub expected: String,
    /// What was given. None for no value.
    pub given: Option<String>,
    /// Rows.
    pub rows: u64,
}

/// The cells of the confusion matrix that are not empty, the diagonal among them, most rows first. For rows with one
/// class each.
pub(super) fn confusion(classes: &Classes, rows: impl IntoIterator<Item = (u32, Option<u32>)>) -> Vec<Mixup> {
    let mut cells: BTreeMap<(u32, Option<u32>), u64> = BTreeMap::new();
    for cell in rows {
        *cells.entry(cell).or_default() += 1;
    }
    let name = |class: u32| classes.name(class).to_owned();
    let mut cells: Vec<Mixup> = cells
        .into_iter()
        .map(|((expected, given), rows)| Mixup {
            expected: name(expected),
            given: given.map(name),
            rows,
        })
        .collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.rows));
    cells
}
