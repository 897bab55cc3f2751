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

/// Quantizes to 4-bit blocks as `MatMulNBits` reads them: `value ≈ (nibble - zero) · scale`, the lower nibble first.
/// `bytes` is `[rows, blocks, 16]`, `scales` `[rows, blocks]`, `zeros` `[rows, blocks / 2]` rounded up.
pub(crate) fn blocks4(values: &[f32], columns: usize, bytes: &mut [u8], scales: &mut [f32], zeros: &mut [u8]) {
    let blocks = columns.div_ceil(BLOCK);
    let (row_bytes, row_zeros) = blocks4_bytes(columns);
    values
        .par_chunks_exact(columns)
        .zip(bytes.par_chunks_exact_mut(row_bytes))
        .zip(scales.par_chunks_exact_mut(blocks))
        .zip(zeros.par_chunks_exact_mut(row_zeros))
        .for_each(|(((row, bytes), scales), zeros)| {
            zeros.fill(0x88);
            for (index, (values, bytes)) in row.chunks(BLOCK).zip(bytes.chunks_exact_mut(BLOCK / 2)).enumerate() {
                let mut padded = [0.0; BLOCK];
                padded[..values.len()].copy_from_slice(values);
                let fit = Fit4::search(&padded);
                scales[index] = fit.scale;
                let shift = 4 * (index % 2);
                zeros[index / 2] = zeros[index / 2] & !(0xf << shift) | ((fit.zero as u8) << shift);
                for (pair, byte) in padded.chunks_exact(2).zip(bytes) {
                    *byte = fit.level(pair[0]) as u8 | ((fit.level(pair[1]) as u8) << 4);
                }
            }
        });
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
