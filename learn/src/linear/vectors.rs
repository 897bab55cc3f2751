//! Sums over long vectors. What a sum comes to doesn't depend on how many threads there are.

use rayon::prelude::*;

/// Numbers that one thread sums. Fixed, as the order of a sum is part of its result.
const CHUNK: usize = 1 << 15;
/// Sums that are kept side by side, so that a processor can add several numbers at a time.
const LANES: usize = 16;

/// The inner product, in double precision.
pub(super) fn dot(left: &[f32], right: &[f32]) -> f64 {
    let sums: Vec<f64> = left
        .par_chunks(CHUNK)
        .zip(right.par_chunks(CHUNK))
        .map(|(left, right)| dot_of_chunk(left, right))
        .collect();
    sums.iter().sum()
}

fn dot_of_chunk(left: &[f32], right: &[f32]) -> f64 {
    let mut sums = [0.0f64; LANES];
    let (lefts, rights) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest = lefts.remainder().iter().zip(rights.remainder());
    let rest: f64 = rest.map(|(left, right)| f64::from(*left) * f64::from(*right)).sum();
    for (left, right) in lefts.zip(rights) {
        for lane in 0..LANES {
            sums[lane] += f64::from(left[lane]) * f64::from(right[lane]);
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Adds `times` times `what` to `to`.
pub(super) fn add(to: &mut [f32], times: f32, what: &[f32]) {
    to.par_chunks_mut(CHUNK)
        .zip(what.par_chunks(CHUNK))
        .for_each(|(to, what)| add_short(to, times, what));
}

/// [`add`] where the vectors are too short to be shared among threads.
pub(super) fn add_short(to: &mut [f32], times: f32, what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += times * what);
}

/// Writes `from + times * along` into `to`.
pub(super) fn shifted(to: &mut [f32], from: &[f32], times: f32, along: &[f32]) {
    let parts = to
        .par_chunks_mut(CHUNK)
        .zip(from.par_chunks(CHUNK))
        .zip(along.par_chunks(CHUNK));
    parts.for_each(|((to, from), along)| {
        for ((to, from), along) in to.iter_mut().zip(from).zip(along) {
            *to = from + times * along;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_over_many_chunks_has_every_number_in_it() {
        for length in [0, 1, 15, 16, 17, CHUNK - 1, CHUNK, 2 * CHUNK + 5] {
            let ones = vec![1.0f32; length];
            let twos = vec![2.0f32; length];
            assert!((dot(&ones, &twos) - 2.0 * length as f64).abs() < 1e-9);
            let mut sum = ones.clone();
            add(&mut sum, -0.5, &twos);
            assert!(sum.iter().all(|value| *value == 0.0), "{length}");
            shifted(&mut sum, &ones, 2.0, &twos);
            assert!(sum.iter().all(|value| (*value - 5.0).abs() < 1e-6), "{length}");
        }
    }
}
