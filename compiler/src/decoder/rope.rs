//! Tables of rotary position embeddings (Su et al. 2021).

use rayon::prelude::*;
use refuel_formats::config::{Rope, RopeScaling};

/// Frequencies of a head's `head_size / 2` pairs, in single precision, as the reference computes them.
pub(super) fn frequencies(rope: &Rope, head_size: usize, local: bool) -> Vec<f32> {
    let theta = if local {
        rope.local_theta.unwrap_or(rope.theta)
    } else {
        rope.theta
    };
    let plain = (0..head_size / 2).map(|pair| 1.0 / theta.powf((2 * pair) as f32 / head_size as f32));
    if local {
        return plain.collect();
    }
    match &rope.scaling {
        RopeScaling::None => plain.collect(),
        RopeScaling::Linear { factor } => plain.map(|frequency| frequency / factor).collect(),
        RopeScaling::Factors { factors } => plain
            .zip(factors)
            .map(|(frequency, factor)| frequency / factor)
            .collect(),
        RopeScaling::Llama3 {
            factor,
            low_frequency_factor: low,
            high_frequency_factor: high,
            original_context_length,
        } => {
            let original = *original_context_length as f32;
            plain
                .map(|frequency| {
                    let wavelength = 2.0 * std::f32::consts::PI / frequency;
                    if wavelength > original / low {
                        frequency / factor
                    } else if wavelength < original / high {
                        frequency
                    } else {
                        let smooth = (original / wavelength - low) / (high - low);
                        (1.0 - smooth) * frequency / factor + smooth * frequency
                    }
                })
                .collect()
        }
    }
}

/// Cosines and sines, `[positions, pairs]` each.
pub(super) fn tables(frequencies: &[f32], positions: usize) -> (Vec<f32>, Vec<f32>) {
    let pairs = frequencies.len();
    let mut cosines = vec![0.0; positions * pairs];
    let mut sines = vec![0.0; positions * pairs];
    cosines
        .par_chunks_exact_mut(pairs)
        .zip(sines.par_chunks_exact_mut(pairs))
        .enumerate()
        .for_each(|(position, (cosines, sines))| {
            for ((cosine, sine), frequency) in cosines.iter_mut().zip(sines).zip(frequencies) {
                // The angle is rounded to single precision, as in training; its cosine is not.
                let angle = f64::from(position as f32 * frequency);
                (*cosine, *sine) = (angle.cos() as f32, angle.sin() as f32);
            }
        });
    (cosines, sines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope(scaling: RopeScaling) -> Rope {
        Rope {
            theta: 10_000.0,
            local_theta: None,
            scaling,
        }
    }

    #[test]
    fn the_first_pair_turns_by_one_radian_a_position() {
        let frequencies = frequencies(&rope(RopeScaling::None), 8, false);
        assert!((frequencies[0] - 1.0).abs() < 1e-6);
        assert!((frequencies[2] - 0.01).abs() < 1e-6);
        let (cosines, sines) = tables(&frequencies, 3);
        assert!((cosines[4] - 1.0_f32.cos()).abs() < 1e-6);
        assert!((sines[8] - 2.0_f32.sin()).abs() < 1e-6);
    }

    #[test]
    fn llama3_divides_low_frequencies_and_keeps_high_ones() {
        let scaled = frequencies(
            &rope(RopeScaling::Llama3 {
                factor: 8.0,
                low_frequency_factor: 1.0,
                high_frequency_factor: 4.0,
                original_context_length: 64,
            }),
            16,
            false,
        );
        let plain = frequencies(&rope(RopeScaling::None), 16, false);
        assert!((scaled[0] - plain[0]).abs() < 1e-9, "a wave of 6 tokens is kept");
        assert!(
            (scaled[7] - plain[7] / 8.0).abs() < 1e-9,
            "a wave of 20,000 tokens is divided"
        );
        assert!(scaled.iter().zip(&plain).all(|(scaled, plain)| scaled <= plain));
    }
}
