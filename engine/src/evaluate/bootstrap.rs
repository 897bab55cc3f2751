//! Intervals of what has no formula for one.

use rayon::prelude::*;

use super::proportion::Interval;

/// Resamples for few rows, and for many.
const RESAMPLES: (usize, usize) = (1000, 200);

/// Draws of a row that are made in all, where that leaves enough resamples.
const DRAWS: usize = 20_000_000;

/// 95 % interval of a statistic of rows: the percentiles 2.5 and 97.5 of its values over resamples of as many rows,
/// drawn with replacement (Efron 1979, "Bootstrap methods: another look at the jackknife"; Efron and Tibshirani 1993,
/// "An introduction to the bootstrap", chapter 13). The same rows give the same interval each time. `statistic` gets
/// how often each row was drawn. None without rows.
pub(super) fn percentile_interval(rows: usize, statistic: impl Fn(&[u32]) -> f64 + Sync) -> Option<Interval> {
    if rows == 0 {
        return None;
    }
    let resamples = (DRAWS / rows).clamp(RESAMPLES.1, RESAMPLES.0);
    let mut values: Vec<f64> = (0..resamples)
        .into_par_iter()
        .map(|resample| {
            let mut random = fastrand::Rng::with_seed(resample as u64);
            let mut drawn = vec![0u32; rows];
            for _ in 0..rows {
                drawn[random.usize(0..rows)] += 1;
            }
            statistic(&drawn)
        })
        .collect();
    values.sort_unstable_by(f64::total_cmp);
    Some(Interval(percentile(&values, 0.025), percentile(&values, 0.975)))
}

/// With linear interpolation between the two nearest.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::super::proportion::wilson;
    use super::*;

    #[test]
    fn of_a_rate_it_is_near_the_one_by_formula() {
        let right = |row: usize| row % 10 < 7;
        let rate = |drawn: &[u32]| {
            let hits: u32 = drawn
                .iter()
                .enumerate()
                .filter(|(row, _)| right(*row))
                .map(|(_, count)| count)
                .sum();
            f64::from(hits) / drawn.len() as f64
        };
        let interval = percentile_interval(400, rate).unwrap();
        let formula = wilson(280, 400).unwrap();
        assert!(
            (interval.0 - formula.0).abs() < 0.01 && (interval.1 - formula.1).abs() < 0.01,
            "{interval:?} {formula:?}"
        );
        assert_eq!(percentile_interval(400, rate), Some(interval), "the same each time");
        assert_eq!(percentile_interval(0, rate), None);
    }
}
