//! From stored blocks to numbers.
//!
//! The arithmetic is that of GGML's reference functions (`ggml-quants.c`), in the same order, so that results are the
//! same to the last bit.

use half::{bf16, f16};

use super::k_quants;
use super::tensor_type::TensorType;

/// Half a block of 32: the low and the high four bits of 16 bytes.
const HALF: usize = 16;

/// Turns whole blocks into numbers: `bytes` has as many blocks as `into` has room for.
pub(super) fn dequantize(kind: TensorType, bytes: &[u8], into: &mut [f32]) {
    debug_assert_eq!(bytes.len() / kind.block_bytes() * kind.block_values(), into.len());
    match kind {
        TensorType::F32 => blocks::<4, 1>(bytes, into, |block, out| out[0] = f32::from_le_bytes(*block)),
        TensorType::F16 => blocks::<2, 1>(bytes, into, |block, out| out[0] = f16::from_le_bytes(*block).to_f32()),
        TensorType::BF16 => blocks::<2, 1>(bytes, into, |block, out| out[0] = bf16::from_le_bytes(*block).to_f32()),
        TensorType::Q8_0 => blocks(bytes, into, q8_0),
        TensorType::Q4_0 => blocks(bytes, into, q4_0),
        TensorType::Q4_1 => blocks(bytes, into, q4_1),
        TensorType::Q5_0 => blocks(bytes, into, q5_0),
        TensorType::Q5_1 => blocks(bytes, into, q5_1),
        TensorType::Q2K => blocks(bytes, into, k_quants::q2),
        TensorType::Q3K => blocks(bytes, into, k_quants::q3),
        TensorType::Q4K => blocks(bytes, into, k_quants::q4),
        TensorType::Q5K => blocks(bytes, into, k_quants::q5),
        TensorType::Q6K => blocks(bytes, into, k_quants::q6),
    }
}

fn blocks<const BYTES: usize, const VALUES: usize>(
    bytes: &[u8],
    into: &mut [f32],
    convert: fn(&[u8; BYTES], &mut [f32; VALUES]),
) {
    let (blocks, _) = bytes.as_chunks::<BYTES>();
    let (outs, _) = into.as_chunks_mut::<VALUES>();
    for (block, out) in blocks.iter().zip(outs) {
        convert(block, out);
    }
}

/// The half-precision number at a place of a block.
pub(super) fn half_at(block: &[u8], place: usize) -> f32 {
    f16::from_le_bytes([block[place], block[place + 1]]).to_f32()
}

fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for (value, byte) in out.iter_mut().zip(&block[2..]) {
        *value = f32::from(byte.cast_signed()) * scale;
    }
}

fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for (index, byte) in block[2..].iter().enumerate() {
        out[index] = scale * (f32::from(byte & 15) - 8.0);
        out[index + HALF] = scale * (f32::from(byte >> 4) - 8.0);
    }
}

fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let (scale, minimum) = (half_at(block, 0), half_at(block, 2));
    for (index, byte) in block[4..].iter().enumerate() {
        out[index] = scale * f32::from(byte & 15) + minimum;
        out[index + HALF] = scale * f32::from(byte >> 4) + minimum;
    }
}

fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    for (index, byte) in block[6..].iter().enumerate() {
        out[index] = scale * (f32::from(byte & 15 | fifth_bit(high, index)) - 16.0);
        out[index + HALF] = scale * (f32::from(byte >> 4 | fifth_bit(high, index + HALF)) - 16.0);
    }
}

fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let (scale, minimum) = (half_at(block, 0), half_at(block, 2));
    let high = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    for (index, byte) in block[8..].iter().enumerate() {
        out[index] = scale * f32::from(byte & 15 | fifth_bit(high, index)) + minimum;
        out[index + HALF] = scale * f32::from(byte >> 4 | fifth_bit(high, index + HALF)) + minimum;
    }
}

fn fifth_bit(high: u32, index: usize) -> u8 {
    ((high >> index & 1) as u8) << 4
}
