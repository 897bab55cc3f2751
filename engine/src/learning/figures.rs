//! How a head did on rows that it had not seen.

use std::collections::HashMap;
use std::hash::Hash;

use serde::Serialize;

use crate::evaluate::{Interval, auroc, auroc_interval, wilson};

/// How a head did on rows that it had not seen, next to the null model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeldOut {
    /// Rows.
    pub rows: usize,
    /// Share of them that is right.
    pub accuracy: f64,
    /// Its 95 % interval.
    pub accuracy_interval: Option<Interval>,
    /// Share of the rows that have the most frequent answer: what always giving it would get right.
    pub null_model: f64,
    /// How well confidence tells right from wrong. None where all are one of the two.
    pub auroc: Option<f64>,
    /// Its 95 % interval.
    pub auroc_interval: Option<Interval>,
    /// F1 of the pairs that are the same, for tasks of kind `match`; of the values of fields, for `extract`.
    pub f1: Option<f64>,
}

impl HeldOut {
    /// Measures rows, each with its confidence and whether it was right, and with the right answers.
    pub(super) fn of<A: Hash + Eq>(scored: &[(f32, bool)], right: &[A]) -> Self {
        let mut counts: HashMap<&A, usize> = HashMap::new();
        right.iter().for_each(|answer| *counts.entry(answer).or_default() += 1);
        let hits = scored.iter().filter(|(_, right)| *right).count();
        let wide: Vec<(f64, bool)> = scored
            .iter()
            .map(|(confidence, right)| (f64::from(*confidence), *right))
            .collect();
        let rows = scored.len().max(1) as f64;
        Self {
            rows: scored.len(),
            accuracy: hits as f64 / rows,
            accuracy_interval: wilson(hits as u64, scored.len() as u64),
            null_model: counts.values().copied().max().unwrap_or_default() as f64 / rows,
            auroc: auroc(&wide),
            auroc_interval: auroc_interval(&wide),
            f1: None,
        }
    }

    /// The accuracy with its interval, such as `0.912 [0.874, 0.939]`.
    pub fn shown(&self) -> String {
        match self.accuracy_interval {
            Some(interval) => format!("{:.3} [{:.3}, {:.3}]", self.accuracy, interval.0, interval.1),
            None => format!("{:.3}", self.accuracy),
        }
    }
}
