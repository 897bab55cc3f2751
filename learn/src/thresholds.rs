//! Thresholds of confidence that keep what is accepted as right as was asked for.

use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

/// How sure a bound is to hold, one-sided.
pub const LEVEL: f64 = 0.95;

/// Lower bound of a rate of which `hits` of `trials` were seen, that is below the true rate in [`LEVEL`] of samples at
/// least, however few they are (Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated in the
/// case of the binomial", one-sided). 0 without trials.
pub fn lower_bound(hits: u64, trials: u64) -> f64 {
    if hits == 0 || hits > trials {
        return 0.0;
    }
    Beta::new(hits as f64, (trials - hits + 1) as f64).map_or(0.0, |beta| beta.inverse_cdf(1.0 - LEVEL))
}

/// Fewest trials whose [`lower_bound`] may be `rate`, which all have to be hits then. None of a rate that no number of
/// trials shows.
pub fn fewest_to_show(rate: f64) -> Option<u64> {
    if rate >= 1.0 {
        return None;
    }
    // The bound of n hits out of n is the nth root of 1 - LEVEL. What is nearly a whole number is one.
    Some(
        ((1.0 - LEVEL).ln() / rate.max(f64::MIN_POSITIVE).ln() - 1e-9)
            .ceil()
            .max(1.0) as u64,
    )
}

/// A threshold, and what it did on the rows that it was chosen on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// Confidences of this or more are accepted.
    pub threshold: f32,
    /// Rows that it accepts.
    pub accepted: u64,
    /// Their share of all rows.
    pub coverage: f64,
    /// Share of them that is right.
    pub precision: f64,
    /// Lower bound of that, as [`lower_bound`].
    pub precision_lower: f64,
}

/// The lowest threshold for which the bound of the precision of what is accepted is `precision` or more, out of
/// confidences with whether the answer was right; None where there is none, which is certain below
/// `ln(1 - LEVEL) / ln(precision)` rows. Rows whose confidence is not a number are never accepted.
///
/// The bound holds for each threshold by itself: that the best of many was taken makes it hold a little less often.
/// Confidences are compared in single precision, as gates do.
pub fn threshold_for_precision(scored: &[(f32, bool)], precision: f64) -> Option<Threshold> {
    let mut best = None;
    each_threshold(scored, |accepted, right, threshold| {
        // The bound costs more than the rate, which lies above it.
        if right as f64 >= precision * accepted as f64 {
            let found = threshold();
            if found.precision_lower >= precision {
                best = Some(found);
            }
        }
    });
    best
}

/// The threshold for which the bound of the precision of what is accepted is highest: how much could be asked of these
/// answers. The lowest of equals; None without any whose confidence is a number.
pub fn threshold_of_highest_precision(scored: &[(f32, bool)]) -> Option<Threshold> {
    let mut best: Option<Threshold> = None;
    each_threshold(scored, |_, _, threshold| {
        let found = threshold();
        if best.is_none_or(|best| found.precision_lower >= best.precision_lower) {
            best = Some(found);
        }
    });
    best
}

/// Looks at every threshold that can be told from the others, from the highest: how many rows it accepts, how many of them
/// are right, and the rest on demand.
fn each_threshold(scored: &[(f32, bool)], mut look: impl FnMut(u64, u64, &dyn Fn() -> Threshold)) {
    let mut sorted: Vec<(f32, bool)> = scored
        .iter()
        .copied()
        .filter(|(confidence, _)| !confidence.is_nan())
        .collect();
    sorted.sort_by(|left, right| right.0.total_cmp(&left.0));
    let (mut accepted, mut right) = (0u64, 0u64);
    for tied in sorted.chunk_by(|left, right| left.0.total_cmp(&right.0).is_eq()) {
        accepted += tied.len() as u64;
        right += tied.iter().filter(|(_, right)| *right).count() as u64;
        look(accepted, right, &|| Threshold {
            threshold: tied[0].0,
            accepted,
            coverage: accepted as f64 / scored.len() as f64,
            precision: right as f64 / accepted as f64,
            precision_lower: lower_bound(right, accepted),
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `statsmodels.stats.proportion.proportion_confint(hits, trials, alpha=0.1, method="beta")[0]`, statsmodels 0.15,
    /// which is `scipy.stats.beta.ppf(0.05, hits, trials - hits + 1)`.
    #[test]
    fn the_bound_is_that_of_clopper_and_pearson() {
        for (hits, trials, lower) in [
            (59, 59, 0.950_489),
            (10, 10, 0.741_134),
            (5, 10, 0.222_441),
            (0, 10, 0.0),
        ] {
            let bound = lower_bound(hits, trials);
            assert!((bound - lower).abs() < 1e-5, "{hits}/{trials}: {bound}");
        }
        assert!(lower_bound(0, 0).abs() < 1e-12);
    }

    #[test]
    fn the_fewest_trials_that_show_a_rate_are_those_whose_bound_is() {
        for rate in [0.5, 0.8, 0.9, 0.95, 0.99] {
            let fewest = fewest_to_show(rate).unwrap();
            assert!(lower_bound(fewest, fewest) >= rate && lower_bound(fewest - 1, fewest - 1) < rate);
        }
        assert_eq!((fewest_to_show(0.95), fewest_to_show(0.0)), (Some(59), Some(1)));
        assert_eq!(fewest_to_show(1.0), None);
    }

    #[test]
    fn fifty_nine_right_answers_are_the_fewest_for_19_in_20() {
        let right = |count: usize| vec![(0.9f32, true); count];
        assert_eq!(threshold_for_precision(&right(58), 0.95), None);
        let threshold = threshold_for_precision(&right(59), 0.95).unwrap();
        assert_eq!(threshold.accepted, 59);
    }

    #[test]
    fn the_most_that_can_be_asked_is_found() {
        let mut scored: Vec<(f32, bool)> = vec![(0.9, true); 30];
        scored.extend([(0.5, false); 30]);
        let most = threshold_of_highest_precision(&scored).unwrap();
        assert_eq!((most.threshold, most.accepted), (0.9, 30));
        assert!((most.precision_lower - 0.05f64.powf(1.0 / 30.0)).abs() < 1e-9);
        assert_eq!(threshold_for_precision(&scored, most.precision_lower), Some(most));
        assert_eq!(threshold_for_precision(&scored, most.precision_lower + 1e-6), None);
        assert_eq!(threshold_of_highest_precision(&[(f32::NAN, true)]), None);
    }

    #[test]
    fn wrong_answers_below_stay_below() {
        let mut scored: Vec<(f32, bool)> = (0..200).map(|at| (0.5 + at as f32 / 400.0, true)).collect();
        scored.extend((0..100).map(|at| (0.2 + at as f32 / 400.0, at % 2 == 0)));
        scored.push((f32::NAN, false));
        let threshold = threshold_for_precision(&scored, 0.95).unwrap();
        assert!((0.4..=0.5).contains(&threshold.threshold), "{threshold:?}");
        assert!(threshold.precision_lower >= 0.95 && threshold.precision >= threshold.precision_lower);
    }

    proptest! {
        #[test]
        fn what_is_promised_is_kept(scored in proptest::collection::vec((0.0f32..1.0, any::<bool>()), 0..200), precision in 0.1f64..0.99) {
            if let Some(found) = threshold_for_precision(&scored, precision) {
                let accepted: Vec<_> = scored.iter().filter(|(confidence, _)| *confidence >= found.threshold).collect();
                let right = accepted.iter().filter(|(_, right)| *right).count();
                prop_assert_eq!(accepted.len() as u64, found.accepted);
                prop_assert!(lower_bound(right as u64, found.accepted) >= precision);
            }
        }

        /// The bound is where a binomial test would just not reject what was seen.
        #[test]
        fn more_hits_have_a_higher_bound(hits in 1u64..100, more in 0u64..100) {
            let bound = lower_bound(hits, hits + more);
            prop_assert!(bound > 0.0 && bound < hits as f64 / (hits + more) as f64);
            prop_assert!(lower_bound(hits + 1, hits + more + 1) > bound);
        }
    }
}
