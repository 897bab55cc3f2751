//! What each threshold would accept.

use serde::Serialize;

use super::proportion::{Interval, wilson};

/// The thresholds of the table.
pub const THRESHOLDS: [f64; 12] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/// What a threshold would accept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ThresholdRow {
    /// The threshold.
    pub threshold: f64,
    /// Rows whose confidence is that or more.
    pub accepted: u64,
    /// Their share of all rows.
    pub coverage: f64,
    /// Share of them that is right. None where none is accepted.
    pub accuracy: Option<f64>,
    /// Its 95 % interval.
    pub accuracy_ci95: Option<Interval>,
    /// Rows that are accepted and wrong.
    pub wrong: u64,
}

/// A row for each of [`THRESHOLDS`], out of confidences with whether the answer was right. `rows` counts those without a
/// confidence too, which no threshold accepts.
///
/// Confidences are compared as the gate compares them: in single precision.
pub fn threshold_table(scored: &[(f64, bool)], rows: u64) -> Vec<ThresholdRow> {
    THRESHOLDS
        .iter()
        .map(|&threshold| {
            let accepts = |confidence: f64| confidence as f32 >= threshold as f32;
            let accepted = scored.iter().filter(|(confidence, _)| accepts(*confidence)).count() as u64;
            let right = scored
                .iter()
                .filter(|(confidence, right)| *right && accepts(*confidence))
                .count() as u64;
            ThresholdRow {
                threshold,
                accepted,
                coverage: if rows == 0 { 0.0 } else { accepted as f64 / rows as f64 },
                accuracy: (accepted > 0).then(|| right as f64 / accepted as f64),
                accuracy_ci95: wilson(right, accepted),
                wrong: accepted - right,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_accepts_what_is_at_it_or_above() {
        let single = |number: f32| f64::from(number);
        let scored = [
            (single(0.3), false),
            (single(0.7), true),
            (single(0.9), false),
            (single(0.95), true),
            (f64::NAN, true),
        ];
        let table = threshold_table(&scored, 10);
        let at = |threshold: f64| {
            *table
                .iter()
                .find(|row| (row.threshold - threshold).abs() < 1e-9)
                .unwrap()
        };
        assert_eq!(
            (at(0.0).accepted, at(0.0).coverage, at(0.0).accuracy),
            (4, 0.4, Some(0.5))
        );
        assert_eq!((at(0.7).accepted, at(0.7).wrong), (3, 1));
        assert_eq!((at(0.95).accepted, at(0.95).accuracy), (1, Some(1.0)));
        assert_eq!(
            (at(0.99).accepted, at(0.99).accuracy, at(0.99).accuracy_ci95),
            (0, None, None)
        );
        assert!(table.windows(2).all(|pair| pair[0].accepted >= pair[1].accepted));
        assert!(
            threshold_table(&[], 0)[0].coverage.abs() < 1e-12,
            "no rows are no division by zero"
        );
    }
}
