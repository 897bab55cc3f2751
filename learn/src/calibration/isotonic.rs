//! The rising function that is nearest to what was seen.

/// Fits by pooling adjacent violators (Ayer et al. 1955, "An empirical distribution function for sampling with incomplete
/// information"): corners of a function that never falls, by raw confidence. Each is the mean of a pool: its raw
/// confidence and its share of right answers, of which one right and one wrong one more are thought, so that no pool is
/// at 0 or 1. Between corners the function is straight, which keeps apart what was apart.
pub(super) fn fit(scored: &[(f32, bool)]) -> Vec<(f32, f32)> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|left, right| left.0.total_cmp(&right.0));
    // Sum of raw confidences, right answers, answers.
    let mut pools: Vec<(f64, f64, f64)> = Vec::new();
    for tied in sorted.chunk_by(|left, right| left.0.total_cmp(&right.0).is_eq()) {
        let right = tied.iter().filter(|(_, right)| *right).count() as f64;
        let count = tied.len() as f64;
        pools.push((f64::from(tied[0].0) * count, right, count));
        while let [.., before, last] = pools.as_slice() {
            if before.1 / before.2 < last.1 / last.2 {
                break;
            }
            let joined = (before.0 + last.0, before.1 + last.1, before.2 + last.2);
            pools.truncate(pools.len() - 2);
            pools.push(joined);
        }
    }
    let share = |(_, right, count): &(f64, f64, f64)| (right + 1.0) / (count + 2.0);
    let mut corners: Vec<(f32, f32)> = Vec::with_capacity(pools.len());
    let mut highest = 0.0f32;
    for pool in &pools {
        // What is thought in addition must not make the function fall.
        highest = highest.max(share(pool) as f32);
        corners.push(((pool.0 / pool.2) as f32, highest));
    }
    corners
}
