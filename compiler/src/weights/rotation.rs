//! Orthogonal changes of basis that make activations easy to quantize.
//!
//! The residual stream of a model whose norms have no weights may be turned by any orthogonal matrix without changing
//! the model's output; a Hadamard matrix spreads the few channels with large values over all of them (`QuaRot`: Ashkboos
//! et al. 2024, "`QuaRot`: Outlier-Free 4-Bit Inference in Rotated LLMs").

/// Turns vectors of one size by a fixed orthogonal matrix: random signs, then a Hadamard matrix of the largest power of
/// two that divides the size, together with a small random orthogonal matrix of what is left.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    power: usize,
    odd: usize,
    signs: Vec<f32>,
    /// `[odd, odd]`, row-major.
    small: Vec<f32>,
}

impl Rotation {
    /// The rotation for vectors of `size` numbers; always the same one.
    pub(crate) fn new(size: usize) -> Self {
        let power = power_of_two_in(size);
        let odd = size / power;
        let mut random = Random(0x5265_6675_656c ^ size as u64);
        let signs = (0..size)
            .map(|_| if random.next().is_multiple_of(2) { 1.0 } else { -1.0 })
            .collect();
        Self {
            power,
            odd,
            signs,
            small: orthogonal(odd, &mut random),
        }
    }

    /// Multiplies the row vector by the matrix, in place.
    pub(crate) fn apply(&self, row: &mut [f32]) {
        debug_assert_eq!(row.len(), self.power * self.odd);
        row.iter_mut().zip(&self.signs).for_each(|(value, sign)| *value *= sign);
        hadamard_strided(row, self.odd);
        if self.odd == 1 {
            return;
        }
        let mut turned = vec![0.0; self.odd];
        for part in row.chunks_exact_mut(self.odd) {
            turned.fill(0.0);
            for (&value, line) in part.iter().zip(self.small.chunks_exact(self.odd)) {
                turned
                    .iter_mut()
                    .zip(line)
                    .for_each(|(sum, weight)| *sum += value * weight);
            }
            part.copy_from_slice(&turned);
        }
    }
}

/// The largest power of two that divides `size`.
pub(crate) fn power_of_two_in(size: usize) -> usize {
    if size == 0 { 1 } else { 1 << size.trailing_zeros() }
}

/// Multiplies each run of `block` numbers by the orthonormal Hadamard matrix; `block` is a power of two that divides the
/// row's length.
pub(crate) fn hadamard_blocks(row: &mut [f32], block: usize) {
    for part in row.chunks_exact_mut(block) {
        hadamard_strided(part, 1);
    }
}

/// The orthonormal Hadamard matrix of `size`, a power of two, row-major (Sylvester's construction; it is symmetric).
pub(crate) fn hadamard_matrix(size: usize) -> Vec<f32> {
    let scale = 1.0 / (size as f32).sqrt();
    (0..size * size)
        .map(|index| {
            let (row, column) = (index / size, index % size);
            if (row & column).count_ones().is_multiple_of(2) {
                scale
            } else {
                -scale
            }
        })
        .collect()
}

/// The fast Walsh-Hadamard transform over the first dimension of `[2^k, stride]`.
fn hadamard_strided(values: &mut [f32], stride: usize) {
    let size = values.len() / stride;
    let mut half = 1;
    while half < size {
        for part in values.chunks_exact_mut(2 * half * stride) {
            let (low, high) = part.split_at_mut(half * stride);
            for (left, right) in low.iter_mut().zip(high) {
                (*left, *right) = (*left + *right, *left - *right);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (size as f32).sqrt();
    values.iter_mut().for_each(|value| *value *= scale);
}

/// A random orthogonal matrix: random rows, made orthogonal one after the other (Gram and Schmidt, twice over, for
/// precision).
fn orthogonal(size: usize, random: &mut Random) -> Vec<f32> {
    if size == 1 {
        return vec![1.0];
    }
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(size);
    while rows.len() < size {
        let mut row: Vec<f64> = (0..size).map(|_| random.normal()).collect();
        for _ in 0..2 {
            for other in &rows {
                let shared: f64 = row.iter().zip(other).map(|(left, right)| left * right).sum();
                row.iter_mut()
                    .zip(other)
                    .for_each(|(value, direction)| *value -= shared * direction);
            }
        }
        let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        if length > 1e-6 {
            row.iter_mut().for_each(|value| *value /= length);
            rows.push(row);
        }
    }
    rows.into_iter().flatten().map(|value| value as f32).collect()
}

/// Steele, Lea and Flood's `SplitMix64`: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Close to a normal distribution, from additions only, so that it is the same on every machine.
    fn normal(&mut self) -> f64 {
        (0..12)
            .map(|_| (self.next() >> 11) as f64 / (1_u64 << 53) as f64)
            .sum::<f64>()
            - 6.0
    }
}
