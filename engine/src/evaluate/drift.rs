//! Whether labels are given as often as they were.

use std::collections::BTreeMap;

use serde::Serialize;
use statrs::function::gamma::gamma_ur;

/// How often labels were given, earlier and later.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Drift {
    /// Rows that were labelled earlier.
    pub earlier_rows: u64,
    /// Rows that were labelled later.
    pub later_rows: u64,
    /// Labels that were given at all.
    pub labels: u64,
    /// Whether chance alone would make them differ as much.
    pub chi_square: ChiSquare,
    /// How much they differ: [`population_stability_index`].
    pub stability_index: f64,
    /// What that index is on average for so many rows where nothing has changed: `(labels - 1) (1/n + 1/m)` (Yurdakul 2018,
    /// "Statistical properties of population stability index", chapter 3). An index that is not well above it says nothing.
    pub stability_index_by_chance: f64,
}

/// Pearson's chi-square test of homogeneity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChiSquare {
    /// Sum over all cells of the squared distance from what was expected, by what was expected.
    pub statistic: f64,
    /// Labels that were given at all, less one.
    pub degrees_of_freedom: u64,
    /// Probability of a statistic as large where both are samples of the same.
    pub p_value: f64,
    /// The least count that was expected of a cell. Below 5 the probability is only roughly right (Cochran 1954, "Some
    /// methods for strengthening the common chi-square tests").
    pub least_expected: f64,
}

impl Drift {
    /// From how often each label was given. None where there are no rows on either side.
    pub fn of(earlier: &BTreeMap<String, u64>, later: &BTreeMap<String, u64>) -> Option<Self> {
        let count = |counts: &BTreeMap<String, u64>, label: &str| counts.get(label).copied().unwrap_or_default();
        let mut labels: Vec<&String> = earlier.keys().chain(later.keys()).collect();
        labels.sort_unstable();
        labels.dedup();
        let (earlier, later): (Vec<u64>, Vec<u64>) = labels
            .into_iter()
            .map(|label| (count(earlier, label), count(later, label)))
            .filter(|(earlier, later)| earlier + later > 0)
            .unzip();
        let (earlier_rows, later_rows) = (earlier.iter().sum::<u64>(), later.iter().sum::<u64>());
        let chi_square = chi_square_of_homogeneity(&earlier, &later)?;
        let stability_index = population_stability_index(&earlier, &later)?;
        let by_chance = chi_square.degrees_of_freedom as f64 * (1.0 / earlier_rows as f64 + 1.0 / later_rows as f64);
        Some(Self {
            earlier_rows,
            later_rows,
            labels: earlier.len() as u64,
            chi_square,
            stability_index,
            stability_index_by_chance: by_chance,
        })
    }
}

/// Pearson's test of whether two lists of counts, in the same order, are samples of the same distribution; without
/// continuity correction (Pearson 1911, "On the probability that two independent distributions of frequency are really
/// samples from the same population"). Cells that are empty in both are left out; where only one is left there is nothing
/// to tell apart, and the probability is 1. None where a list is longer than the other, or has no rows.
pub fn chi_square_of_homogeneity(earlier: &[u64], later: &[u64]) -> Option<ChiSquare> {
    let (first, second) = totals(earlier, later)?;
    let (mut statistic, mut cells, mut least_expected) = (0.0, 0u64, f64::INFINITY);
    for (&earlier, &later) in earlier.iter().zip(later) {
        let both = earlier as f64 + later as f64;
        if both == 0.0 {
            continue;
        }
        cells += 1;
        for (seen, total) in [(earlier, first), (later, second)] {
            let expected = both * (total / (first + second));
            statistic += (seen as f64 - expected).powi(2) / expected;
            least_expected = least_expected.min(expected);
        }
    }
    let degrees_of_freedom = cells - 1;
    let p_value = match degrees_of_freedom {
        0 => 1.0,
        // Rounding can leave a little of what is exactly 0, which is outside of the function's domain from below.
        degrees if statistic > 0.0 => gamma_ur(degrees as f64 / 2.0, statistic / 2.0).clamp(0.0, 1.0),
        _ => 1.0,
    };
    Some(ChiSquare {
        statistic,
        degrees_of_freedom,
        p_value,
        least_expected,
    })
}

/// Sum over all cells of `(q - p) ln(q / p)`, where `p` and `q` are their shares earlier and later: 0 where nothing has
/// changed; by custom little has below 0.1 and much above 0.25 (Siddiqi 2006, "Credit risk scorecards", chapter 9). It is
/// the Kullback-Leibler divergence in both directions added up.
///
/// A share of 0 has no logarithm: where a cell is empty in one of the two, half a row is added to every cell of both
/// (Haldane 1956, "The estimation and significance of the logarithm of a ratio of frequencies"). Cells that are empty in
/// both are left out. None where a list is longer than the other, or has no rows.
pub fn population_stability_index(earlier: &[u64], later: &[u64]) -> Option<f64> {
    totals(earlier, later)?;
    let pairs = || {
        earlier
            .iter()
            .zip(later)
            .filter(|(earlier, later)| **earlier + **later > 0)
    };
    let added = if pairs().any(|(earlier, later)| *earlier == 0 || *later == 0) {
        0.5
    } else {
        0.0
    };
    let (first, second) = pairs().fold((0.0, 0.0), |(first, second), (earlier, later)| {
        (first + *earlier as f64 + added, second + *later as f64 + added)
    });
    let terms = pairs().map(|(earlier, later)| {
        let (p, q) = ((*earlier as f64 + added) / first, (*later as f64 + added) / second);
        (q - p) * (q / p).ln()
    });
    Some(terms.sum())
}

/// Rows of each list. None where they are not of the same length, or one has no rows.
fn totals(earlier: &[u64], later: &[u64]) -> Option<(f64, f64)> {
    let total = |counts: &[u64]| counts.iter().map(|count| *count as f64).sum::<f64>();
    let (first, second) = (total(earlier), total(later));
    (earlier.len() == later.len() && first > 0.0 && second > 0.0).then_some((first, second))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs
            .iter()
            .map(|(label, count)| ((*label).to_owned(), *count))
            .collect()
    }

    /// Statistic, probability, least expected count, stability index.
    type Expected = [f64; 4];
    type Case = (&'static [u64], &'static [u64], u64, Expected);

    /// `scipy.stats.chi2_contingency([earlier, later], correction=False)` of `SciPy` 1.17, and with `NumPy`, after half a row
    /// was added to all cells where one is empty, `((q - p) * np.log(q / p)).sum()`.
    #[test]
    fn the_numbers_are_those_of_scipy() {
        let cases: [Case; 7] = [
            (
                &[50, 30, 20],
                &[45, 35, 20],
                2,
                [0.647_773_279_352, 0.723_332_234_909, 20.0, 0.012_975_559_774_3],
            ),
            (
                &[100, 0, 5],
                &[80, 10, 9],
                2,
                [
                    13.200_027_485_7,
                    0.001_360_349_342_31,
                    4.852_941_176_47,
                    0.358_886_847_825,
                ],
            ),
            (
                &[900, 80, 20],
                &[850, 90, 60],
                2,
                [22.016_806_722_7, 0.000_016_561_938_422_7, 40.0, 0.047_980_242_595_3],
            ),
            (
                &[3, 1],
                &[1, 4],
                1,
                [2.7225, 0.098_942_936_067_3, 1.777_777_777_78, 1.366_698_657_38],
            ),
            (
                &[500_000, 500_000],
                &[501_000, 499_000],
                1,
                [2.000_002, 0.157_298_999_496, 499_500.0, 0.000_004_000_005_333_35],
            ),
            (
                &[10, 20, 30, 40, 50, 60],
                &[12, 18, 33, 37, 90, 10],
                5,
                [
                    47.474_017_836_8,
                    0.000_000_004_547_736_495_79,
                    10.731_707_317_1,
                    0.552_244_671_612,
                ],
            ),
            (
                &[1000, 1],
                &[1, 1000],
                1,
                [1_994.007_992_01, 0.0, 500.5, 13.787_907_140_3],
            ),
        ];
        let near = |found: f64, expected: f64| (found - expected).abs() <= 1e-9 * expected;
        for (earlier, later, degrees, [statistic, p_value, least_expected, index]) in cases {
            let test = chi_square_of_homogeneity(earlier, later).unwrap();
            assert_eq!(test.degrees_of_freedom, degrees);
            assert!(near(test.statistic, statistic), "{test:?} {statistic}");
            assert!(near(test.p_value, p_value), "{test:?} {p_value}");
            assert!(near(test.least_expected, least_expected), "{test:?} {least_expected}");
            let found = population_stability_index(earlier, later).unwrap();
            assert!(near(found, index), "{found} {index}");
        }
    }

    #[test]
    fn labels_are_matched_by_name_and_those_that_nobody_gave_do_not_count() {
        let earlier = counts(&[("refund", 50), ("delivery", 30), ("other", 20), ("spam", 0)]);
        let later = counts(&[("other", 20), ("refund", 45), ("delivery", 35)]);
        let drift = Drift::of(&earlier, &later).unwrap();
        assert_eq!((drift.earlier_rows, drift.later_rows, drift.labels), (100, 100, 3));
        assert_eq!(
            drift.chi_square,
            chi_square_of_homogeneity(&[50, 30, 20], &[45, 35, 20]).unwrap()
        );
        assert!((drift.stability_index_by_chance - 0.04).abs() < 1e-12);
    }

    #[test]
    fn a_label_that_is_new_or_gone_is_a_finite_drift() {
        let drift = Drift::of(&counts(&[("a", 100)]), &counts(&[("b", 100)])).unwrap();
        assert!(
            drift.stability_index > 5.0 && drift.stability_index.is_finite(),
            "{drift:?}"
        );
        assert!(drift.chi_square.p_value < 1e-40, "{drift:?}");
    }

    #[test]
    fn one_label_alone_can_not_drift_and_no_rows_say_nothing() {
        let drift = Drift::of(&counts(&[("a", 10)]), &counts(&[("a", 900)])).unwrap();
        assert_eq!((drift.chi_square.p_value, drift.stability_index), (1.0, 0.0));
        assert_eq!(Drift::of(&counts(&[]), &counts(&[("a", 1)])), None);
        assert_eq!(Drift::of(&counts(&[("a", 1)]), &counts(&[("a", 0)])), None);
        assert_eq!(chi_square_of_homogeneity(&[1], &[1, 2]), None);
    }

    proptest! {
        #[test]
        fn the_same_shares_do_not_drift(counts in proptest::collection::vec(1u64..1000, 1..20), times in 1u64..50) {
            let later: Vec<u64> = counts.iter().map(|count| count * times).collect();
            let test = chi_square_of_homogeneity(&counts, &later).unwrap();
            prop_assert!(test.statistic < 1e-9 && test.p_value > 0.999, "{test:?}");
            prop_assert!(population_stability_index(&counts, &later).unwrap().abs() < 1e-12);
        }

        #[test]
        fn any_counts_have_a_probability_and_an_index_that_is_not_below_0(
            pairs in proptest::collection::vec((0u64..5000, 0u64..5000), 1..30)
        ) {
            let (earlier, later): (Vec<u64>, Vec<u64>) = pairs.into_iter().unzip();
            prop_assume!(earlier.iter().sum::<u64>() > 0 && later.iter().sum::<u64>() > 0);
            let test = chi_square_of_homogeneity(&earlier, &later).unwrap();
            prop_assert!((0.0..=1.0).contains(&test.p_value), "{test:?}");
            let index = population_stability_index(&earlier, &later).unwrap();
            prop_assert!(index.is_finite() && index > -1e-12);
            let back = population_stability_index(&later, &earlier).unwrap();
            prop_assert!((index - back).abs() < 1e-9, "the index has no direction: {index} {back}");
        }
    }
}
