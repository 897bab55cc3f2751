//! From single precision to fewer bits.

use rayon::prelude::*;

/// Numbers that share a scale in blockwise formats.
pub(crate) const BLOCK: usize = 32;

/// Quantizes each row of `[rows, columns]` to -127..=127 with a scale of its own: `value ≈ quantized · scale`, wrong by at
/// most half a scale.
pub(crate) fn int8_rows(values: &[f32], columns: usize, quantized: &mut [i8], scales: &mut [f32]) {
    values
        .par_chunks_exact(columns)
        .zip(quantized.par_chunks_exact_mut(columns))
        .zip(scales.par_iter_mut())
        .for_each(|((values, quantized), scale)| {
            *scale = symmetric_scale(values, 127.0);
            let inverse = 1.0 / *scale;
            for (value, quantized) in values.iter().zip(quantized) {
                *quantized = (value * inverse).round().clamp(-127.0, 127.0) as i8;
            }
        });
}

fn symmetric_scale(values: &[f32], levels: f32) -> f32 {
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    // Below this a scale's inverse would overflow; such numbers are nothing beside any other weight.
    if largest < 1e-30 { 1.0 } else { largest / levels }
}

/// Bytes of one row in 8-bit blocks.
pub(crate) fn blocks8_bytes(columns: usize) -> usize {
    columns.div_ceil(BLOCK) * BLOCK
}

/// Quantizes to 8-bit blocks as `MatMulNBits` reads them: `value ≈ (byte - 128) · scale`. `bytes` is
/// `[rows, blocks, 32]`, `scales` `[rows, blocks]`; a row's end is filled up with zeros.
pub(crate) fn blocks8(values: &[f32], columns: usize, bytes: &mut [u8], scales: &mut [f32]) {
    let blocks = columns.div_ceil(BLOCK);
    values
        .par_chunks_exact(columns)
        .zip(bytes.par_chunks_exact_mut(blocks * BLOCK))
        .zip(scales.par_chunks_exact_mut(blocks))
        .for_each(|((row, bytes), scales)| {
            for ((values, bytes), scale) in row.chunks(BLOCK).zip(bytes.chunks_exact_mut(BLOCK)).zip(scales) {
                *scale = symmetric_scale(values, 127.0);
                let inverse = 1.0 / *scale;
                bytes.fill(128);
                for (value, byte) in values.iter().zip(bytes) {
                    *byte = ((value * inverse).round().clamp(-127.0, 127.0) + 128.0) as u8;
                }
            }
        });
}

/// Bytes of one row in 4-bit blocks, and of its zero points.
pub(crate) fn blocks4_bytes(columns: usize) -> (usize, usize) {
    let blocks = columns.div_ceil(BLOCK);
    (blocks * BLOCK / 2, blocks.div_ceil(2))
}

/// Quantizes to 4-bit blocks as `MatMulNBits` reads them: `value ≈ (nibble - zero) · scale + offset`, the lower nibble
/// first. `bytes` is `[rows, blocks, 16]`, `scales` and `offsets` `[rows, blocks]`, `zeros` `[rows, blocks / 2]` rounded up.
///
/// Blocks that were of 4 bits before (those of GGUF files) are kept as they are, which is what the offset is for; it is 0
/// for all others.
pub(crate) fn blocks4(
    values: &[f32],
    columns: usize,
    bytes: &mut [u8],
    scales: &mut [f32],
    zeros: &mut [u8],
    offsets: &mut [f32],
) {
    let blocks = columns.div_ceil(BLOCK);
    let (row_bytes, row_zeros) = blocks4_bytes(columns);
    values
        .par_chunks_exact(columns)
        .zip(bytes.par_chunks_exact_mut(row_bytes))
        .zip(scales.par_chunks_exact_mut(blocks))
        .zip(zeros.par_chunks_exact_mut(row_zeros))
        .zip(offsets.par_chunks_exact_mut(blocks))
        .for_each(|((((row, bytes), scales), zeros), offsets)| {
            zeros.fill(0x88);
            for (index, (values, bytes)) in row.chunks(BLOCK).zip(bytes.chunks_exact_mut(BLOCK / 2)).enumerate() {
                let mut padded = [0.0; BLOCK];
                padded[..values.len()].copy_from_slice(values);
                let on_grid = (values.len() == BLOCK).then(|| grid4(&padded)).flatten();
                let (fit, offset) = on_grid.unwrap_or_else(|| (Fit4::search(&padded), 0.0));
                scales[index] = fit.scale;
                offsets[index] = offset;
                let shift = 4 * (index % 2);
                zeros[index / 2] = zeros[index / 2] & !(0xf << shift) | ((fit.zero as u8) << shift);
                for (pair, byte) in padded.chunks_exact(2).zip(bytes) {
                    *byte = fit.level(pair[0] - offset) as u8 | ((fit.level(pair[1] - offset) as u8) << 4);
                }
            }
        });
}

/// The scale, zero point and offset of a block whose values are 16 or fewer even steps, as those of a 4-bit GGUF tensor
/// are: it is then kept exactly. None where they aren't.
fn grid4(values: &[f32; BLOCK]) -> Option<(Fit4, f32)> {
    let mut sorted = *values;
    sorted.sort_unstable_by(f32::total_cmp);
    let (low, high) = (sorted[0], sorted[BLOCK - 1]);
    let range = high - low;
    if !range.is_finite() || range < 1e-30 {
        return None;
    }
    // Two equal levels differ by what single precision lost; two different ones by a fifteenth of the range at least.
    let gap = sorted
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|gap| *gap > range / 64.0)
        .fold(range, f32::min);
    // The smallest gap may be of several steps where no value took the level between.
    (1..=3).find_map(|steps| {
        let levels = (range * steps as f32 / gap).round();
        let scale = range / levels;
        let even = |value: &f32| ((value - low) / scale - ((value - low) / scale).round()).abs() < 0.01;
        if levels > 15.0 || !values.iter().all(even) {
            return None;
        }
        let zero = (-low / scale).round().clamp(0.0, 15.0 - levels);
        Some((Fit4 { scale, zero }, low + zero * scale))
    })
}

/// A scale and a zero point of a 4-bit block.
#[derive(Debug, Clone, Copy)]
struct Fit4 {
    scale: f32,
    zero: f32,
}

impl Fit4 {
    fn level(self, value: f32) -> f32 {
        (value * (1.0 / self.scale) + self.zero)
            .round_ties_even()
            .clamp(0.0, 15.0)
    }

    /// The least sum of squared errors over ranges from the block's whole one down to 80 % of it, each with the best
    /// scale for the levels that it gives.
    fn search(values: &[f32; BLOCK]) -> Self {
        let low = values.iter().copied().fold(0.0_f32, f32::min);
        let high = values.iter().copied().fold(0.0_f32, f32::max);
        if high - low < 1e-30 {
            return Self { scale: 1.0, zero: 8.0 };
        }
        let mut best = Self { scale: 1.0, zero: 8.0 };
        let mut least = f32::INFINITY;
        for step in 0..9 {
            let scale = (high - low) / 15.0 * (1.0 - 0.025 * step as f32);
            // A shorter range cuts off as much below as above.
            let cut = (high - low - 15.0 * scale) / 2.0;
            let exact = -(low + cut) / scale;
            for zero in [exact.floor(), exact.ceil()] {
                let zero = zero.clamp(0.0, 15.0);
                let (fit, error) = Self { scale, zero }.refined(values);
                if error < least {
                    (best, least) = (fit, error);
                }
            }
        }
        best
    }

    /// The best scale for the levels that this one gives (least squares), and the squared error with it.
    fn refined(self, values: &[f32; BLOCK]) -> (Self, f32) {
        let inverse = 1.0 / self.scale;
        let (mut product, mut square) = (0.0_f32, 0.0_f32);
        let mut levels = [0.0_f32; BLOCK];
        for (level, value) in levels.iter_mut().zip(values) {
            *level = (value * inverse + self.zero).round_ties_even().clamp(0.0, 15.0) - self.zero;
        }
        for (level, value) in levels.iter().zip(values) {
            product += level * value;
            square += level * level;
        }
        let scale = if square > 0.0 { product / square } else { self.scale };
        let scale = if scale > 0.0 { scale } else { self.scale };
        let fit = Self { scale, ..self };
        let inverse = 1.0 / scale;
        let error = values
            .iter()
            .map(|value| {
                let level = (value * inverse + fit.zero).round_ties_even().clamp(0.0, 15.0) - fit.zero;
                let error = value - level * scale;
                error * error
            })
            .sum();
        (fit, error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `MatMulNBits` and the offsets make of a row.
    fn restored4(values: &[f32]) -> Vec<f32> {
        let blocks = values.len().div_ceil(BLOCK);
        let (row_bytes, row_zeros) = blocks4_bytes(values.len());
        let (mut bytes, mut zeros) = (vec![0; row_bytes], vec![0; row_zeros]);
        let (mut scales, mut offsets) = (vec![0.0; blocks], vec![0.0; blocks]);
        blocks4(values, values.len(), &mut bytes, &mut scales, &mut zeros, &mut offsets);
        let restore = |index: usize| {
            let block = index / BLOCK;
            let nibble = bytes[index / 2] >> (4 * (index % 2)) & 0xf;
            let zero = zeros[block / 2] >> (4 * (block % 2)) & 0xf;
            (f32::from(nibble) - f32::from(zero)) * scales[block] + offsets[block]
        };
        (0..values.len()).map(restore).collect()
    }

    proptest! {
        #[test]
        fn blocks_that_were_of_4_bits_are_kept_as_they_are(
            levels in prop::collection::vec(0_u8..16, BLOCK * 3),
            scale in 1e-4_f32..1.0,
            low in -1.0_f32..1.0,
        ) {
            let values: Vec<f32> = levels.iter().map(|&level| f32::from(level) * scale + low).collect();
            for (restored, value) in restored4(&values).iter().zip(&values) {
                prop_assert!((restored - value).abs() < 0.02 * scale, "{restored} {value} {scale}");
            }
        }

        #[test]
        fn other_blocks_are_wrong_by_less_than_two_steps(values in prop::collection::vec(-1.0_f32..1.0, 1..100)) {
            let restored = restored4(&values);
            for (block, restored) in values.chunks(BLOCK).zip(restored.chunks(BLOCK)) {
                let low = block.iter().copied().fold(0.0, f32::min);
                let high = block.iter().copied().fold(0.0, f32::max);
                for (value, restored) in block.iter().zip(restored) {
                    prop_assert!((value - restored).abs() <= 2.0 * (high - low) / 15.0 + 1e-6);
                }
            }
        }
    }
}
