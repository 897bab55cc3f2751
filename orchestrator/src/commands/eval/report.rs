//! The report. Its keys are stable.

use refuel_engine::evaluate::Comparison;
use refuel_task::Task;
use serde::Serialize;

use super::cases::Cases;
use super::measure::Measured;

/// What came out. Where nothing is compared, what was measured is at the top; else it is in `variants`, each with the
/// same keys.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// What was measured, where nothing is compared.
    #[serde(flatten)]
    single: Option<Measured>,
    /// Name of the task.
    pub(crate) task: String,
    /// Kind of the task.
    pub(crate) kind: &'static str,
    /// Column with the right answers.
    pub(crate) expected: String,
    /// What was asked to be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compare: Option<String>,
    /// Each value of the setting, in the order asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variants: Vec<Measured>,
    /// Each value behind the first, against it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) comparisons: Vec<Against>,
    /// Rows that were not evaluated.
    #[serde(flatten)]
    pub(crate) left_out: LeftOut,
}

/// A value of a setting against the first.
#[derive(Debug, Serialize)]
pub(crate) struct Against {
    /// The value.
    pub(crate) variant: String,
    /// The first value.
    #[serde(rename = "against")]
    pub(crate) first: String,
    #[serde(flatten)]
    pub(crate) comparison: Comparison,
}

/// Rows that were not evaluated.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOut {
    /// Rows whose expected value is none that the task can answer with.
    pub(crate) unusable_rows: u64,
    /// Their values, most rows first.
    pub(crate) unusable: Vec<Unusable>,
    /// Rows that the prompt shows with their answer, so that they would prove nothing.
    pub(crate) shown_rows: u64,
}

/// A value that can't be a right answer.
#[derive(Debug, Serialize)]
pub(crate) struct Unusable {
    /// The value.
    pub(crate) value: String,
    /// Rows that have it.
    pub(crate) rows: u64,
    /// What is wrong with it.
    pub(crate) reason: String,
}

impl LeftOut {
    /// Of the rows that were read.
    pub(crate) fn of(cases: &Cases) -> Self {
        let mut unusable: Vec<Unusable> = cases
            .unusable
            .iter()
            .map(|(value, (rows, reason))| Unusable {
                value: value.clone(),
                rows: *rows,
                reason: reason.clone(),
            })
            .collect();
        unusable.sort_by_key(|value| std::cmp::Reverse(value.rows));
        Self {
            unusable_rows: cases.unusable_rows,
            unusable,
            shown_rows: cases.shown_rows,
        }
    }
}

impl Report {
    /// Of what was measured, in the order asked.
    pub(crate) fn new(
        task: &Task,
        expected: &str,
        compare: Option<&str>,
        mut measured: Vec<Measured>,
        left_out: LeftOut,
    ) -> Self {
        let name = |measured: &Measured| measured.variant.clone().unwrap_or_default();
        let comparisons = match measured.split_first() {
            Some((first, others)) => others
                .iter()
                .filter_map(|other| {
                    let comparison = Comparison::of(&first.right, &other.right)?;
                    Some(Against {
                        variant: name(other),
                        first: name(first),
                        comparison,
                    })
                })
                .collect(),
            None => Vec::new(),
        };
        let single = if compare.is_none() { measured.pop() } else { None };
        Self {
            single,
            task: task.name.clone(),
            kind: task.kind.name(),
            expected: expected.to_owned(),
            compare: compare.map(ToOwned::to_owned),
            variants: measured,
            comparisons,
            left_out,
        }
    }

    /// What was measured: one where nothing is compared.
    pub(crate) fn measured(&self) -> impl Iterator<Item = &Measured> {
        self.single.iter().chain(&self.variants)
    }

    /// The same, to settle in a test what differs from run to run.
    #[cfg(test)]
    pub(crate) fn measured_mut(&mut self) -> impl Iterator<Item = &mut Measured> {
        self.single.iter_mut().chain(&mut self.variants)
    }
}
