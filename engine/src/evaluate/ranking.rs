//! Whether confidence tells right answers from wrong ones.

use std::cmp::Ordering;

use super::proportion::{Interval, Z95};

/// Area under the receiver operating characteristic of a score: the probability that a right answer has a higher score
/// than a wrong one, equal scores counted half (Hanley and McNeil 1982, "The meaning and use of the area under a
/// receiver operating characteristic curve"). By ranks (Mann and Whitney 1947), in `O(n log n)`.
///
/// Scores that are not a number rank below all others. None unless there are both right and wrong answers.
pub fn auroc(scored: &[(f64, bool)]) -> Option<f64> {
    let (right, wrong) = sides(scored);
    if right == 0 || wrong == 0 {
        return None;
    }
    let mut sorted: Vec<(f64, bool)> = scored
        .iter()
        .map(|&(score, right)| (if score.is_nan() { f64::NEG_INFINITY } else { score }, right))
        .collect();
    sorted.sort_unstable_by(|left, other| left.0.total_cmp(&other.0));
    // Twice the pairs, so that a tie is a whole number.
    let (mut pairs, mut wrong_below) = (0u128, 0u128);
    for tied in sorted.chunk_by(|left, other| left.0.partial_cmp(&other.0) == Some(Ordering::Equal)) {
        let (right, wrong) = sides(tied);
        pairs += u128::from(right) * (2 * wrong_below + u128::from(wrong));
        wrong_below += u128::from(wrong);
    }
    Some(pairs as f64 / 2.0 / (right as f64 * wrong as f64))
}

/// 95 % interval of such an area: the score-like interval of Newcombe 2006, "Confidence intervals for an effect size
/// measure based on the Mann-Whitney statistic. Part 2", method 5. Its bounds are the areas `a` from which the one seen
/// is 1.96 standard deviations away, with the variance
/// `a (1 - a) (1 + (N - 1) ((1 - a) / (2 - a) + a / (1 + a))) / (m n)`, `N = (m + n) / 2`. Unlike Hanley and McNeil's it
/// says something where the area is 0 or 1.
pub fn auroc_interval(scored: &[(f64, bool)]) -> Option<Interval> {
    let area = auroc(scored)?;
    let (right, wrong) = sides(scored);
    let (m, n) = (right as f64, wrong as f64);
    let spread = |a: f64| {
        let by_chance = (1.0 - a) / (2.0 - a) + a / (1.0 + a);
        (a * (1.0 - a) * (1.0 + (f64::midpoint(m, n) - 1.0) * by_chance) / (m * n)).sqrt()
    };
    // Between the area and the end of the scale, the distance in standard deviations grows: halving finds the bound.
    let bound = |end: f64| {
        let (mut inside, mut outside) = (area, end);
        for _ in 0..100 {
            let middle = f64::midpoint(inside, outside);
            if (area - middle).abs() < Z95 * spread(middle) {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        outside
    };
    Some(Interval(bound(0.0), bound(1.0)))
}

fn sides(scored: &[(f64, bool)]) -> (u64, u64) {
    let right = scored.iter().filter(|(_, right)| *right).count() as u64;
    (right, scored.len() as u64 - right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the definition: over all pairs.
    fn naive(scored: &[(f64, bool)]) -> Option<f64> {
        let (mut sum, mut pairs) = (0.0, 0.0);
        for right in scored.iter().filter(|(_, right)| *right) {
            for wrong in scored.iter().filter(|(_, right)| !right) {
                pairs += 1.0;
                sum += if right.0 > wrong.0 {
                    1.0
                } else if right.0 < wrong.0 {
                    0.0
                } else {
                    0.5
                };
            }
        }
        (pairs > 0.0).then(|| sum / pairs)
    }

    #[test]
    fn with_one_side_alone_there_is_no_area() {
        assert_eq!(auroc(&[]), None);
        assert_eq!(auroc(&[(0.4, true), (0.5, true)]), None);
        assert_eq!(auroc_interval(&[(0.4, false)]), None);
    }

    #[test]
    fn scores_that_are_all_equal_tell_nothing() {
        let scored: Vec<(f64, bool)> = (0..10).map(|at| (0.5, at % 3 == 0)).collect();
        assert_eq!(auroc(&scored), Some(0.5));
    }

    #[test]
    fn what_is_not_a_number_ranks_below() {
        assert_eq!(auroc(&[(f64::NAN, false), (0.0, true), (f64::NAN, true)]), Some(0.75));
        assert_eq!(
            auroc(&[(0.0, false), (-0.0, true)]),
            Some(0.5),
            "zeros are equal whatever their sign"
        );
    }

    #[test]
    fn a_perfect_area_has_an_interval_too() {
        let scored: Vec<(f64, bool)> = (0..20).map(|at| (f64::from(at), at >= 10)).collect();
        let interval = auroc_interval(&scored).unwrap();
        assert!(
            (interval.1 - 1.0).abs() < 1e-12 && interval.0 > 0.6 && interval.0 < 0.95,
            "{interval:?}"
        );
    }

    /// Bounds from `scipy.optimize.brentq` on the equation above.
    #[test]
    fn the_interval_solves_its_equation() {
        for (right, wrong, area, lower, upper) in [
            (10, 10, 0.75, 0.490_773_688_851, 0.897_054_395_203),
            (40, 20, 0.9, 0.773_577_546_592, 0.956_931_904_896),
            (200, 300, 0.6, 0.548_597_347_478, 0.648_866_067_631),
            (16, 4, 1.0, 0.711_462_956_658, 1.000_000_000_000),
        ] {
            // Wrong answers are at 0.5, right ones above, below and at it, so as to give the area.
            let above = ((2.0 * area - 1.0) * right as f64).round() as usize;
            let scored: Vec<(f64, bool)> = (0..wrong)
                .map(|_| (0.5, false))
                .chain((0..right).map(|at| (if at < above { 0.9 } else { 0.5 }, true)))
                .collect();
            assert!((auroc(&scored).unwrap() - area).abs() < 1e-12);
            let interval = auroc_interval(&scored).unwrap();
            assert!(
                (interval.0 - lower).abs() < 1e-8 && (interval.1 - upper).abs() < 1e-8,
                "{interval:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_area_is_that_over_all_pairs(scored in proptest::collection::vec((0u8..20, any::<bool>()), 0..60)) {
            let scored: Vec<(f64, bool)> = scored.into_iter().map(|(score, right)| (f64::from(score) / 7.0, right)).collect();
            match (auroc(&scored), naive(&scored)) {
                (Some(area), Some(expected)) => {
                    prop_assert!((area - expected).abs() < 1e-12, "{area} {expected}");
                    let interval = auroc_interval(&scored).unwrap();
                    prop_assert!(0.0 <= interval.0 && interval.0 <= area && area <= interval.1 && interval.1 <= 1.0);
                }
                (area, expected) => prop_assert_eq!(area, expected),
            }
        }
    }
}
