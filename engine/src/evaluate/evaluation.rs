//! Everything that is measured of one way to answer.

use std::collections::HashMap;

use serde::Serialize;

use super::bootstrap::percentile_interval;
use super::classes::{self, ClassScore, Classes, Mixup};
use super::coverage::{CoveragePoint, brier, coverage_table};
use super::proportion::{Interval, wilson};
use super::ranking::{auroc, auroc_interval};
use super::reliability::{Bin, Reliability};
use super::thresholds::{ThresholdRow, threshold_table};

/// A row with what is right and what came out. Classes are numbers of a [`Classes`]; a row of a task with one label has
/// one, of a task with several labels any number, in ascending order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// What is right.
    pub expected: Vec<u32>,
    /// The value that came out, behind the gate. None where there is none that could be right: for a row that failed, and
    /// for one that abstained without a fallback.
    pub given: Option<Vec<u32>>,
    /// Whether the row failed.
    pub failed: bool,
    /// Whether the answer was not sure enough.
    pub abstained: bool,
    /// What the model said, before the gate. None for a row that failed.
    pub said: Option<Vec<u32>>,
    /// The confidence that the task's gate looks at.
    pub confidence: Option<f64>,
}

impl Judged {
    /// Whether the value that came out is the right one.
    pub fn is_right(&self) -> bool {
        self.given.as_ref() == Some(&self.expected)
    }

    /// The confidence with whether what the model said is right, for a row that has both.
    pub fn scored(&self) -> Option<(f64, bool)> {
        Some((self.confidence?, *self.said.as_ref()? == self.expected))
    }
}

/// The null model: always the answer that is right most often.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Majority {
    /// The answer.
    pub value: String,
    /// Share of rows for which it is right.
    pub rate: f64,
}

/// Whether answers are better than always the most frequent one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval of the accuracy is above.
    Better,
    /// The accuracy is above, and its interval reaches down to it: more rows could tell.
    Unclear,
    /// The accuracy is no higher.
    NotBetter,
}

/// Everything that is measured of one way to answer. The keys are stable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Rows.
    pub rows: u64,
    /// Rows whose answer can be used.
    pub completed: u64,
    /// Rows whose answer was not sure enough.
    pub abstained: u64,
    /// Rows that failed.
    pub failed: u64,
    /// Share of the rows whose answer can be used.
    pub completion_rate: f64,
    /// Share of all rows with the right value. A row that failed is a wrong one.
    pub accuracy: f64,
    /// Its 95 % interval ([`wilson`]).
    pub accuracy_ci95: Interval,
    /// Share of the completed rows with the right value. None where there are none.
    pub accuracy_of_completed: Option<f64>,
    /// Its 95 % interval.
    pub accuracy_of_completed_ci95: Option<Interval>,
    /// Share of rows for which the most frequent right answer is right.
    pub majority_rate: f64,
    /// That answer.
    pub majority_value: String,
    /// Whether the accuracy is above that.
    pub beats_majority: Verdict,
    /// Mean F1 over the labels. None for free text.
    pub f1_macro: Option<f64>,
    /// Its 95 % interval, by bootstrap.
    pub f1_macro_ci95: Option<Interval>,
    /// F1 over all labels' counts together. None for free text.
    pub f1_micro: Option<f64>,
    /// Area under the ROC of the confidence for telling right from wrong, before the gate. None where all are right or
    /// all wrong, or there is no confidence.
    pub auroc: Option<f64>,
    /// Its 95 % interval.
    pub auroc_ci95: Option<Interval>,
    /// Expected calibration error of the confidence, before the gate.
    pub ece: Option<f64>,
    /// Mean squared distance of the confidence from what it was about, before the gate.
    pub brier: Option<f64>,
    /// Precision, recall and F1 of each label. Empty for free text.
    pub labels: Vec<ClassScore>,
    /// What was taken for what. Empty for free text and for several labels at once.
    pub confusion: Vec<Mixup>,
    /// Confidences beside how often they were borne out.
    pub reliability: Vec<Bin>,
    /// The answers that the model is surest of, in tenths of the rows.
    pub coverage: Vec<CoveragePoint>,
    /// What each threshold would accept.
    pub thresholds: Vec<ThresholdRow>,
}

impl Evaluation {
    /// Measures rows. With `labelled`, classes are labels of a list; else they are texts, each a class of its own, of
    /// which no F1 is taken. None without rows.
    pub fn of(rows: &[Judged], classes: &Classes, labelled: bool) -> Option<Self> {
        let majority = majority(rows, classes)?;
        let all = rows.len() as u64;
        let count = |of: &dyn Fn(&Judged) -> bool| rows.iter().filter(|row| of(row)).count() as u64;
        let completed = |row: &Judged| !row.failed && !row.abstained;
        let (failed, abstained, done) = (count(&|row| row.failed), count(&|row| row.abstained), count(&completed));
        let right = count(&Judged::is_right);
        let right_of_completed = count(&|row| completed(row) && row.is_right());
        let accuracy = right as f64 / all as f64;
        let accuracy_ci95 = wilson(right, all)?;
        let scored: Vec<(f64, bool)> = rows.iter().filter_map(Judged::scored).collect();
        let reliability = Reliability::of(&scored);
        let weighed = |times: &dyn Fn(usize) -> u64| {
            let rows = rows.iter().enumerate();
            classes::count(
                classes.len(),
                rows.map(|(at, row)| {
                    (
                        row.expected.as_slice(),
                        row.given.as_deref().unwrap_or_default(),
                        times(at),
                    )
                }),
            )
        };
        let counts = if labelled { weighed(&|_| 1) } else { Vec::new() };
        let single = rows
            .iter()
            .all(|row| row.expected.len() == 1 && row.given.as_ref().is_none_or(|given| given.len() == 1));
        Some(Self {
            rows: all,
            completed: done,
            abstained,
            failed,
            completion_rate: done as f64 / all as f64,
            accuracy,
            accuracy_ci95,
            accuracy_of_completed: (done > 0).then(|| right_of_completed as f64 / done as f64),
            accuracy_of_completed_ci95: wilson(right_of_completed, done),
            beats_majority: if accuracy_ci95.0 > majority.rate {
                Verdict::Better
            } else if accuracy > majority.rate {
                Verdict::Unclear
            } else {
                Verdict::NotBetter
            },
            majority_rate: majority.rate,
            majority_value: majority.value,
            f1_macro: labelled.then(|| classes::macro_f1(&counts)),
            f1_macro_ci95: labelled
                .then(|| {
                    percentile_interval(rows.len(), |drawn| {
                        classes::macro_f1(&weighed(&|row| u64::from(drawn[row])))
                    })
                })
                .flatten(),
            f1_micro: labelled.then(|| classes::micro_f1(&counts)),
            auroc: auroc(&scored),
            auroc_ci95: auroc_interval(&scored),
            ece: reliability.as_ref().map(|reliability| reliability.ece),
            brier: brier(&scored),
            labels: classes::scores(classes, &counts),
            confusion: if labelled && single {
                let cell = |row: &Judged| (row.expected[0], row.given.as_ref().map(|given| given[0]));
                classes::confusion(classes, rows.iter().map(cell))
            } else {
                Vec::new()
            },
            reliability: reliability.map_or_else(Vec::new, |reliability| reliability.bins),
            coverage: coverage_table(&scored, all),
            thresholds: threshold_table(&scored, all),
        })
    }

    /// The null model on the same rows.
    pub fn majority(&self) -> Majority {
        Majority {
            value: self.majority_value.clone(),
            rate: self.majority_rate,
        }
    }
}

/// The right answer that most rows have; the first of equals in the order of the classes. None without rows.
fn majority(rows: &[Judged], classes: &Classes) -> Option<Majority> {
    let mut counts: HashMap<&[u32], u64> = HashMap::new();
    for row in rows {
        *counts.entry(&row.expected).or_default() += 1;
    }
    let (value, count) = counts
        .into_iter()
        .max_by(|left, other| left.1.cmp(&other.1).then(other.0.cmp(left.0)))?;
    let names: Vec<&str> = value.iter().map(|class| classes.name(*class)).collect();
    Some(Majority {
        value: names.join(", "),
        rate: count as f64 / rows.len() as f64,
    })
}
