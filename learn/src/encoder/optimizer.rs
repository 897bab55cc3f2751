//! `AdamW` (Loshchilov and Hutter 2019, "Decoupled weight decay regularization").

use rayon::prelude::*;

const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Numbers that one thread works on.
const CHUNK: usize = 1 << 14;

/// What it remembers of some numbers.
pub(super) struct AdamW {
    mean: Vec<f32>,
    square: Vec<f32>,
    steps: i32,
}

impl AdamW {
    pub(super) fn new(size: usize) -> Self {
        Self {
            mean: vec![0.0; size],
            square: vec![0.0; size],
            steps: 0,
        }
    }

    /// One step at a rate, with a gradient that is multiplied by `scale` first; weights shrink by `decay` times the rate.
    pub(super) fn step(&mut self, numbers: &mut [f32], gradient: &[f32], scale: f32, rate: f32, decay: f32) {
        self.steps += 1;
        let first = 1.0 - FIRST.powi(self.steps);
        let second = 1.0 - SECOND.powi(self.steps);
        numbers
            .par_chunks_mut(CHUNK)
            .zip(gradient.par_chunks(CHUNK))
            .zip(self.mean.par_chunks_mut(CHUNK).zip(self.square.par_chunks_mut(CHUNK)))
            .for_each(|((numbers, gradient), (mean, square))| {
                for at in 0..numbers.len() {
                    let slope = gradient[at] * scale;
                    mean[at] = FIRST * mean[at] + (1.0 - FIRST) * slope;
                    square[at] = SECOND * square[at] + (1.0 - SECOND) * slope * slope;
                    let step = (mean[at] / first) / ((square[at] / second).sqrt() + EPSILON);
                    numbers[at] -= rate * (step + decay * numbers[at]);
                }
            });
    }
}
