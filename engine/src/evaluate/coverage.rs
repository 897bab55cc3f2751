//! How many answers are right of those that a model is surest of.

use serde::Serialize;

use super::proportion::{Interval, wilson};

/// The shares of the rows that are looked at.
const SHARES: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Most points of a whole curve.
const MOST_POINTS: usize = 400;

/// The surest answers, and how many of them are right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CoveragePoint {
    /// Their share of all rows.
    pub coverage: f64,
    /// Answers. Those that are equally sure are taken together.
    pub rows: u64,
    /// The least confidence among them.
    pub confidence: f64,
    /// Share of them that is right.
    pub accuracy: f64,
    /// Its 95 % interval.
    pub accuracy_ci95: Interval,
}

/// Every set of surest answers, from the smallest: their accuracy against their share of all rows (the risk-coverage curve
/// of El-Yaniv and Wiener 2010, "On the foundations of noise-free selective classification", with accuracy for risk).
/// `rows` counts those without a confidence too. What is not a number is never among the surest.
fn curve(scored: &[(f64, bool)], rows: u64) -> Vec<CoveragePoint> {
    let mut sorted: Vec<(f64, bool)> = scored.iter().copied().filter(|(sure, _)| !sure.is_nan()).collect();
    sorted.sort_by(|left, other| other.0.total_cmp(&left.0));
    let (mut taken, mut right) = (0u64, 0u64);
    let mut points = Vec::new();
    for tied in sorted.chunk_by(|left, other| left.0.total_cmp(&other.0).is_eq()) {
        taken += tied.len() as u64;
        right += tied.iter().filter(|(_, right)| *right).count() as u64;
        let Some(accuracy_ci95) = wilson(right, taken) else {
            continue;
        };
        points.push(CoveragePoint {
            coverage: taken as f64 / rows.max(taken) as f64,
            rows: taken,
            confidence: tied[0].0,
            accuracy: right as f64 / taken as f64,
            accuracy_ci95,
        });
    }
    points
}

/// For each tenth of the rows, the smallest set of surest answers that is as large. Fewer where not all rows have a
/// confidence, or many are equally sure.
pub fn coverage_table(scored: &[(f64, bool)], rows: u64) -> Vec<CoveragePoint> {
    let points = curve(scored, rows);
    let mut table: Vec<CoveragePoint> = Vec::new();
    for share in SHARES {
        let Some(point) = points.iter().find(|point| point.coverage >= share - 1e-9) else {
            break;
        };
        if table.last().is_none_or(|last| last.rows < point.rows) {
            table.push(*point);
        }
    }
    table
}

/// The whole curve, thinned out to what can be drawn: at most 400 points, the last among them.
pub fn coverage_curve(scored: &[(f64, bool)], rows: u64) -> Vec<CoveragePoint> {
    let points = curve(scored, rows);
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points
        .into_iter()
        .enumerate()
        .filter(|(at, _)| at % step == 0 || *at == last);
    kept.map(|(_, point)| point).collect()
}

/// Mean squared distance of confidence from what it was about, 1 for a right answer and 0 for a wrong one (Brier 1950,
/// "Verification of forecasts expressed in terms of probability", for the answer that was given). None without any; what
/// is not a number is left out.
pub fn brier(scored: &[(f64, bool)]) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0u64);
    for (confidence, right) in scored.iter().filter(|(confidence, _)| !confidence.is_nan()) {
        sum += (confidence - f64::from(u8::from(*right))).powi(2);
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_surest_are_taken_first_and_ties_together() {
        let scored = [(0.9, true), (0.8, true), (0.8, false), (0.3, false), (f64::NAN, true)];
        let points: Vec<(u64, f64, f64)> = curve(&scored, 10)
            .iter()
            .map(|point| (point.rows, point.coverage, point.accuracy))
            .collect();
        assert_eq!(points, [(1, 0.1, 1.0), (3, 0.3, 2.0 / 3.0), (4, 0.4, 0.5)]);
        let table: Vec<u64> = coverage_table(&scored, 10).iter().map(|point| point.rows).collect();
        assert_eq!(
            table,
            [1, 3, 4],
            "a fifth and three tenths are the same rows, and half has no confidence"
        );
        assert!(coverage_table(&[], 3).is_empty());
    }

    #[test]
    fn a_long_curve_is_thinned_and_keeps_its_end() {
        let scored: Vec<(f64, bool)> = (0..5000).map(|at| (f64::from(at) / 5000.0, at % 2 == 0)).collect();
        let points = coverage_curve(&scored, 5000);
        assert!(points.len() <= MOST_POINTS + 1);
        assert_eq!(points.last().map(|point| point.rows), Some(5000));
    }

    /// `sklearn.metrics.brier_score_loss`.
    #[test]
    fn the_score_is_that_of_scikit_learn() {
        let score = brier(&[(0.1, false), (0.9, true), (0.8, true), (0.3, false)]).unwrap();
        assert!((score - 0.0375).abs() < 1e-12);
        assert_eq!(brier(&[(f64::NAN, true)]), None);
    }

    proptest! {
        #[test]
        fn accuracy_is_that_of_the_rows_at_the_confidence_or_above(scored in proptest::collection::vec((0u8..10, any::<bool>()), 1..60)) {
            let scored: Vec<(f64, bool)> = scored.into_iter().map(|(sure, right)| (f64::from(sure) / 9.0, right)).collect();
            for point in curve(&scored, scored.len() as u64) {
                let above: Vec<_> = scored.iter().filter(|(sure, _)| *sure >= point.confidence).collect();
                prop_assert_eq!(above.len() as u64, point.rows);
                let right = above.iter().filter(|(_, right)| *right).count() as f64;
                prop_assert!((point.accuracy - right / above.len() as f64).abs() < 1e-12);
            }
        }
    }
}
