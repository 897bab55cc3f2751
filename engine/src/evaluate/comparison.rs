//! Two ways to answer the same rows.

use serde::Serialize;

use super::proportion::{Interval, paired_difference};

/// A difference is one where chance would bring about as much less often than this.
pub const SIGNIFICANCE: f64 = 0.05;

/// How a second way to answer differs from a first, on the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Accuracy of the second less that of the first.
    pub difference: f64,
    /// Its 95 % interval: that of [`paired_difference`], reaching to 0 wherever `p_value` doesn't tell the two apart.
    pub difference_ci95: Interval,
    /// Rows that only the second has right.
    pub gained: u64,
    /// Rows that only the first has right.
    pub lost: u64,
    /// Probability of rows that are told apart as unevenly as these, or more so, if neither way were better.
    pub p_value: f64,
}

impl Comparison {
    /// From whether each row was right, in the same order. None where there are no rows, or not as many of both.
    pub fn of(first: &[bool], second: &[bool]) -> Option<Self> {
        if first.len() != second.len() {
            return None;
        }
        let pairs = || first.iter().zip(second);
        let gained = pairs().filter(|(first, second)| !**first && **second).count() as u64;
        let lost = pairs().filter(|(first, second)| **first && !**second).count() as u64;
        Self::of_counts(gained, lost, first.len() as u64)
    }

    /// From how many of `rows` only the second, and only the first, has right. None without rows.
    fn of_counts(gained: u64, lost: u64, rows: u64) -> Option<Self> {
        let (difference, Interval(lower, upper)) = paired_difference(gained, lost, rows)?;
        let mut comparison = Self {
            difference,
            difference_ci95: Interval(lower, upper),
            gained,
            lost,
            p_value: mcnemar_exact(gained, lost),
        };
        if !comparison.is_significant() {
            // The exact test decides. It asks for more than the interval, which is one of large samples, and on few rows
            // the two would say the opposite of each other.
            comparison.difference_ci95 = Interval(lower.min(0.0), upper.max(0.0));
        }
        Some(comparison)
    }

    /// Whether the two are told apart: McNemar's exact test decides, and the interval is without 0 just then.
    pub fn is_significant(&self) -> bool {
        self.p_value < SIGNIFICANCE
    }
}

/// McNemar's test in its exact form: two-sided, `2 P(X <= min(gained, lost))` for `X` binomial with
/// `n = gained + lost` and a probability of one half, at most 1 (McNemar 1947, "Note on the sampling error of the
/// difference between correlated proportions"; the exact form is the sign test).
pub fn mcnemar_exact(gained: u64, lost: u64) -> f64 {
    let (n, least) = (gained + lost, gained.min(lost));
    if gained == lost {
        return 1.0;
    }
    // In logarithms: 2^-n is no number of double precision from 1,075 rows on.
    let mut term = -(n as f64) * std::f64::consts::LN_2;
    let mut largest = term;
    let mut sum = 1.0;
    for at in 0..least {
        term += ((n - at) as f64 / (at + 1) as f64).ln();
        // Terms grow up to the middle, which is never passed.
        sum = sum * (largest - term).exp() + 1.0;
        largest = term;
    }
    (2.0 * (largest + sum.ln()).exp()).min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `scipy.stats.binomtest(gained, gained + lost, 0.5).pvalue`.
    #[test]
    fn the_test_is_that_of_scipy() {
        for (gained, lost, expected) in [
            (1, 0, 1.0),
            (5, 1, 0.21875),
            (10, 3, 0.092_285_156_25),
            (25, 12, 0.047_031_027_439_52),
            (0, 20, 1.907_348_632_812_5e-6),
            (120, 80, 0.005_685_155_996_75),
            (1500, 1400, 0.065_987_349_665_18),
            (30_000, 30_500, 0.042_485_574_410_37),
        ] {
            let p = mcnemar_exact(gained, lost);
            assert!((p / expected - 1.0).abs() < 1e-6, "{gained} {lost}: {p} {expected}");
        }
    }

    #[test]
    fn rows_that_both_have_right_or_wrong_do_not_count() {
        let first = [true, true, false, false, true, false];
        let second = [true, false, true, true, true, false];
        let comparison = Comparison::of(&first, &second).unwrap();
        assert_eq!((comparison.gained, comparison.lost), (2, 1));
        assert!((comparison.difference - 1.0 / 6.0).abs() < 1e-12);
        assert!((comparison.p_value - 1.0).abs() < 1e-12);
        assert_eq!(Comparison::of(&[], &[]), None);
        assert_eq!(Comparison::of(&[true], &[]), None);
    }

    #[test]
    fn an_interval_that_would_exclude_zero_reaches_it_where_the_test_does_not_reject() {
        let (_, plain) = paired_difference(5, 14, 58).unwrap();
        assert!(!plain.contains(0.0), "{plain:?}");
        let comparison = Comparison::of_counts(5, 14, 58).unwrap();
        assert!(!comparison.is_significant(), "{comparison:?}");
        assert_eq!(comparison.difference_ci95, Interval(plain.0, 0.0));
    }

    proptest! {
        #[test]
        fn the_interval_is_without_zero_just_where_the_test_rejects(gained in 0u64..300, lost in 0u64..300, same in 0u64..2000) {
            prop_assume!(gained + lost + same > 0);
            let comparison = Comparison::of_counts(gained, lost, gained + lost + same).unwrap();
            let Interval(lower, upper) = comparison.difference_ci95;
            prop_assert_eq!(comparison.is_significant(), lower > 0.0 || upper < 0.0, "{:?}", comparison);
        }

        #[test]
        fn the_test_is_the_sum_of_its_tails(gained in 0u64..40, lost in 0u64..40) {
            let n = gained + lost;
            let mut tail = 0.0;
            let mut choose = 1.0;
            for at in 0..=gained.min(lost) {
                tail += choose / 2f64.powi(n as i32);
                choose = choose * (n - at) as f64 / (at + 1) as f64;
            }
            prop_assert!((mcnemar_exact(gained, lost) - (2.0 * tail).min(1.0)).abs() < 1e-9);
            prop_assert!((mcnemar_exact(gained, lost) - mcnemar_exact(lost, gained)).abs() < 1e-15);
        }
    }
}
