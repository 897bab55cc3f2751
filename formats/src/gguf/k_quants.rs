//! K-quants: blocks of 256 numbers in groups of 16 or 32, whose scales are quantized themselves.

use super::dequantize::half_at;

/// 256 numbers of 2 bits: 16 groups of 16 with a scale and a minimum of 4 bits each.
pub(super) fn q2(block: &[u8; 84], out: &mut [f32; 256]) {
    let (scales, packed) = (&block[..16], &block[16..80]);
    let (scale, minimum) = (half_at(block, 80), half_at(block, 82));
    for (group, out) in out.chunks_exact_mut(16).enumerate() {
        let step = scale * f32::from(scales[group] & 15);
        let offset = minimum * f32::from(scales[group] >> 4);
        let bytes = &packed[place_of_group(group)..][..16];
        let shift = shift_of_group(group);
        for (value, byte) in out.iter_mut().zip(bytes) {
            *value = step * f32::from(byte >> shift & 3) - offset;
        }
    }
}

/// 256 numbers of 3 bits: 16 groups of 16 with a scale of 6 bits. The third bit of each number lies apart.
pub(super) fn q3(block: &[u8; 110], out: &mut [f32; 256]) {
    let (high, packed, scales) = (&block[..32], &block[32..96], &block[96..108]);
    let scale = half_at(block, 108);
    for (group, out) in out.chunks_exact_mut(16).enumerate() {
        let low = scales[group % 8] >> (group / 8 * 4) & 15;
        let upper = scales[8 + group % 4] >> (group / 4 * 2) & 3;
        let step = scale * f32::from((low | upper << 4).cast_signed() - 32);
        let bytes = &packed[place_of_group(group)..][..16];
        let marks = &high[group % 2 * 16..][..16];
        let shift = shift_of_group(group);
        for ((value, byte), mark) in out.iter_mut().zip(bytes).zip(marks) {
            // The number is lower by four where the mark is not set.
            let third = if mark >> (group / 2) & 1 == 1 { 0 } else { 4 };
            *value = step * f32::from((byte >> shift & 3).cast_signed() - third);
        }
    }
}

/// 256 numbers of 4 bits: 8 groups of 32 with a scale and a minimum of 6 bits each.
pub(super) fn q4(block: &[u8; 144], out: &mut [f32; 256]) {
    let (scale, minimum) = (half_at(block, 0), half_at(block, 2));
    let (scales, packed) = (&block[4..16], &block[16..]);
    for (group, out) in out.chunks_exact_mut(32).enumerate() {
        let (step, offset) = scale_and_minimum(scales, group);
        let (step, offset) = (scale * f32::from(step), minimum * f32::from(offset));
        let bytes = &packed[group / 2 * 32..][..32];
        let shift = group % 2 * 4;
        for (value, byte) in out.iter_mut().zip(bytes) {
            *value = step * f32::from(byte >> shift & 15) - offset;
        }
    }
}

/// 256 numbers of 5 bits: as [`q4`], with the fifth bit of each number apart.
pub(super) fn q5(block: &[u8; 176], out: &mut [f32; 256]) {
    let (scale, minimum) = (half_at(block, 0), half_at(block, 2));
    let (scales, high, packed) = (&block[4..16], &block[16..48], &block[48..]);
    for (group, out) in out.chunks_exact_mut(32).enumerate() {
        let (step, offset) = scale_and_minimum(scales, group);
        let (step, offset) = (scale * f32::from(step), minimum * f32::from(offset));
        let bytes = &packed[group / 2 * 32..][..32];
        let shift = group % 2 * 4;
        for ((value, byte), mark) in out.iter_mut().zip(bytes).zip(high) {
            let number = byte >> shift & 15 | (mark >> group & 1) << 4;
            *value = step * f32::from(number) - offset;
        }
    }
}

/// 256 numbers of 6 bits: 16 groups of 16 with a scale of 8 bits. The upper two bits of each number lie apart.
pub(super) fn q6(block: &[u8; 210], out: &mut [f32; 256]) {
    let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let scale = half_at(block, 208);
    for (group, out) in out.chunks_exact_mut(16).enumerate() {
        let step = scale * f32::from(scales[group].cast_signed());
        // Halves of 128 numbers; in each, four runs of 32 share 64 bytes of low bits and 32 bytes of high bits.
        let (half, run, part) = (group / 8, group % 8 / 2, group % 2);
        let lows = &low[half * 64 + run % 2 * 32 + part * 16..][..16];
        let highs = &high[half * 32 + part * 16..][..16];
        for ((value, low), high) in out.iter_mut().zip(lows).zip(highs) {
            let number = low >> (run / 2 * 4) & 15 | (high >> (run * 2) & 3) << 4;
            *value = step * f32::from(number.cast_signed() - 32);
        }
    }
}

/// Where the two bits of a group of 16 lie in the 64 bytes of [`q2`] and [`q3`]: eight groups share 32 bytes.
fn place_of_group(group: usize) -> usize {
    group / 8 * 32 + group % 2 * 16
}

fn shift_of_group(group: usize) -> usize {
    group % 8 / 2 * 2
}

/// A group's scale and minimum from the 12 bytes that [`q4`] and [`q5`] pack eight of each into: the first four in six bits
/// of a byte each, the last four in four bits of a byte and the two bits the first ones left over.
fn scale_and_minimum(scales: &[u8], group: usize) -> (u8, u8) {
    if group < 4 {
        (scales[group] & 63, scales[group + 4] & 63)
    } else {
        let byte = scales[group + 4];
        (
            byte & 15 | scales[group - 4] >> 6 << 4,
            byte >> 4 | scales[group] >> 6 << 4,
        )
    }
}
