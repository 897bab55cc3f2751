//! Whether confidence is what it says: of answers with confidence 0.8, four in five right.

use serde::Serialize;

use super::proportion::{Interval, wilson};

/// Bins of equal width that confidences are put in.
pub const BINS: usize = 10;

/// Answers whose confidence is in `(from, to]`, or in `[0, to]` for the first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Lower border.
    pub from: f64,
    /// Upper border.
    pub to: f64,
    /// Answers.
    pub rows: u64,
    /// Their mean confidence. None where there are none.
    pub mean_confidence: Option<f64>,
    /// Share of them that is right. None where there are none.
    pub accuracy: Option<f64>,
    /// Its 95 % interval.
    pub accuracy_ci95: Option<Interval>,
}

/// Confidences beside how often they were borne out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Expected calibration error: the mean over the answers of the gap between the mean confidence and the accuracy of
    /// their bin (Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning";
    /// Guo et al. 2017, "On calibration of modern neural networks", equation 3). In `[0, 1]`; depends on [`BINS`].
    pub ece: f64,
    /// The bins.
    pub bins: Vec<Bin>,
}

impl Reliability {
    /// From confidences in `[0, 1]` with whether the answer was right. None without any; what is not a number is left out.
    pub fn of(scored: &[(f64, bool)]) -> Option<Self> {
        let mut sums = [(0u64, 0u64, 0.0f64); BINS];
        for &(confidence, right) in scored.iter().filter(|(confidence, _)| !confidence.is_nan()) {
            let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            let (rows, hits, sum) = &mut sums[bin];
            *rows += 1;
            *hits += u64::from(right);
            *sum += confidence;
        }
        let all: u64 = sums.iter().map(|(rows, ..)| rows).sum();
        if all == 0 {
            return None;
        }
        let gaps: f64 = sums.iter().map(|(_, hits, sum)| (*hits as f64 - sum).abs()).sum();
        let bins = sums.iter().enumerate().map(|(at, &(rows, hits, sum))| Bin {
            from: at as f64 / BINS as f64,
            to: (at + 1) as f64 / BINS as f64,
            rows,
            mean_confidence: (rows > 0).then(|| sum / rows as f64),
            accuracy: (rows > 0).then(|| hits as f64 / rows as f64),
            accuracy_ci95: wilson(hits, rows),
        });
        Some(Self {
            ece: gaps / all as f64,
            bins: bins.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_error_is_the_gap_weighed_by_rows() {
        // Nine of ten right at 0.9: no gap. Two at 0.45, both wrong: a gap of 0.45.
        let mut scored: Vec<(f64, bool)> = (0..10).map(|at| (0.9, at > 0)).collect();
        scored.extend([(0.45, false); 2]);
        let reliability = Reliability::of(&scored).unwrap();
        assert!((reliability.ece - 0.45 * 2.0 / 12.0).abs() < 1e-12);
        assert_eq!(reliability.bins[8].rows, 10, "0.9 is in (0.8, 0.9]");
        assert_eq!(reliability.bins[4].accuracy, Some(0.0));
        assert_eq!(reliability.bins[0].accuracy, None);
        assert_eq!(Reliability::of(&[]), None);
        assert_eq!(Reliability::of(&[(f64::NAN, true)]), None);
    }

    proptest! {
        #[test]
        fn the_error_is_that_of_the_definition(scored in proptest::collection::vec((0.0f64..=1.0, any::<bool>()), 1..80)) {
            let reliability = Reliability::of(&scored).unwrap();
            let mut naive = 0.0;
            for bin in &reliability.bins {
                let inside: Vec<&(f64, bool)> = scored
                    .iter()
                    .filter(|(confidence, _)| *confidence <= bin.to && (*confidence > bin.from || bin.from == 0.0))
                    .collect();
                prop_assert_eq!(inside.len() as u64, bin.rows);
                if inside.is_empty() {
                    continue;
                }
                let count = inside.len() as f64;
                let accuracy = inside.iter().filter(|(_, right)| *right).count() as f64 / count;
                let confidence = inside.iter().map(|(confidence, _)| confidence).sum::<f64>() / count;
                naive += count / scored.len() as f64 * (accuracy - confidence).abs();
            }
            prop_assert!((reliability.ece - naive).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&reliability.ece));
        }
    }
}
