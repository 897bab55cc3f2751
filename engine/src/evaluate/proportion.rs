//! Intervals of rates.

use serde::Serialize;

/// Half-width of a 95 % interval in standard deviations of the normal distribution.
pub const Z95: f64 = 1.959_963_984_540_054;

/// An interval, from its lower to its upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval(pub f64, pub f64);

impl Interval {
    /// Whether a number lies in it, the bounds counted.
    pub fn contains(&self, number: f64) -> bool {
        (self.0..=self.1).contains(&number)
    }
}

/// 95 % interval of a rate of which `hits` of `trials` were seen: the score interval, without continuity correction
/// (Wilson 1927, "Probable inference, the law of succession, and statistical inference", equation 4). None without
/// trials.
pub fn wilson(hits: u64, trials: u64) -> Option<Interval> {
    if trials == 0 {
        return None;
    }
    let (n, z2) = (trials as f64, Z95 * Z95);
    let rate = hits as f64 / n;
    let centre = (rate + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z95 / (1.0 + z2 / n) * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    // Where all or none hit, a bound is exactly there, and rounding may not take it past.
    let lower = if hits == 0 { 0.0 } else { (centre - half).max(0.0) };
    let upper = if hits == trials { 1.0 } else { (centre + half).min(1.0) };
    Some(Interval(lower, upper))
}

/// Difference of two rates that were seen on the same `rows`, with its 95 % interval. `gained` rows are hits of the
/// second alone, `lost` rows of the first alone. The interval is Wald's after half a row was added to each of the four
/// cells (Agresti and Min 2005, "Simple improved confidence intervals for comparing matched proportions", section 3).
/// None without rows.
pub fn paired_difference(gained: u64, lost: u64, rows: u64) -> Option<(f64, Interval)> {
    if rows == 0 {
        return None;
    }
    let (gained, lost, n) = (gained as f64, lost as f64, rows as f64);
    let (more, less, total) = (gained + 0.5, lost + 0.5, n + 2.0);
    let centre = (more - less) / total;
    let half = Z95 * ((more + less) - (more - less).powi(2) / total).max(0.0).sqrt() / total;
    Some((
        (gained - lost) / n,
        Interval((centre - half).max(-1.0), (centre + half).min(1.0)),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `statsmodels.stats.proportion.proportion_confint(hits, trials, method="wilson")`, statsmodels 0.15.
    #[test]
    fn wilson_is_that_of_statsmodels() {
        for (hits, trials, lower, upper) in [
            (0, 10, 0.0, 0.277_532_799_863),
            (10, 10, 0.722_467_200_137, 1.0),
            (1, 2, 0.094_531_205_734, 0.905_468_794_266),
            (7, 20, 0.181_191_824_101, 0.567_145_723_315),
            (81, 263, 0.255_288_519_878, 0.366_209_576_983),
            (356, 500, 0.670_810_550_760, 0.749_956_728_884),
            (9990, 10_000, 0.998_160_055_613, 0.999_456_714_014),
        ] {
            let interval = wilson(hits, trials).unwrap();
            assert!(
                (interval.0 - lower).abs() < 1e-9 && (interval.1 - upper).abs() < 1e-9,
                "{hits}/{trials}: {interval:?}"
            );
        }
        assert_eq!(wilson(0, 0), None);
    }

    proptest! {
        /// The bounds are where a test of the rate would just not reject what was seen.
        #[test]
        fn wilson_bounds_are_one_z_away(hits in 0u64..=1000, more in 0u64..1000) {
            let trials = hits + more.max(1);
            let Interval(lower, upper) = wilson(hits, trials).unwrap();
            let rate = hits as f64 / trials as f64;
            prop_assert!(lower <= rate && rate <= upper && 0.0 <= lower && upper <= 1.0);
            for bound in [lower, upper].into_iter().filter(|bound| *bound > 0.0 && *bound < 1.0) {
                let z = (rate - bound).abs() / (bound * (1.0 - bound) / trials as f64).sqrt();
                prop_assert!((z - Z95).abs() < 1e-6, "{z}");
            }
        }

        #[test]
        fn a_difference_lies_between_its_bounds_and_turns_with_its_sides(gained in 0u64..500, lost in 0u64..500, same in 0u64..500) {
            let rows = gained + lost + same;
            prop_assume!(rows > 0);
            let (difference, interval) = paired_difference(gained, lost, rows).unwrap();
            let (turned, other) = paired_difference(lost, gained, rows).unwrap();
            prop_assert!((difference + turned).abs() < 1e-12 && (interval.0 + other.1).abs() < 1e-12);
            prop_assert!(interval.0 < interval.1);
            prop_assert!(rows < 20 || interval.contains(difference), "{difference} {interval:?}");
        }
    }
}
