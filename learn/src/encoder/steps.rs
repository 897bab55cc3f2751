//! Steps of an encoder's layers: gradients of the parts of a batch, their sum, and how far it moves the numbers.

use rayon::prelude::*;

use super::Encoder;
use super::optimizer::AdamW;

/// The layers of an encoder that are trained, from `first` on.
pub(super) struct LayerSteps {
    optimizers: Vec<AdamW>,
    /// What the loss changes by with the trained layers' numbers: by parts of a batch, by layers.
    gradients: Vec<Vec<Vec<f32>>>,
    first: usize,
    rate: f32,
    decay: f32,
    step: usize,
    steps: usize,
}

impl LayerSteps {
    /// For so many steps at a greatest rate.
    pub(super) fn new(encoder: &Encoder, first: usize, steps: usize, rate: f32, decay: f32) -> Self {
        let layers = encoder.layers[first..].iter();
        Self {
            optimizers: layers.map(|layer| AdamW::new(layer.numbers.len())).collect(),
            gradients: Vec::new(),
            first,
            rate,
            decay,
            step: 0,
            steps,
        }
    }

    /// Room for the gradients of so many parts, each all zeros.
    pub(super) fn gradients(&mut self, encoder: &Encoder, parts: usize) -> &mut [Vec<Vec<f32>>] {
        let layers = &encoder.layers[self.first..];
        self.gradients.resize_with(parts.max(self.gradients.len()), || {
            layers.iter().map(|layer| vec![0.0; layer.numbers.len()]).collect()
        });
        let gradients = &mut self.gradients[..parts];
        gradients.par_iter_mut().flatten().for_each(|layer| layer.fill(0.0));
        gradients
    }

    /// Moves the layers by the sum of the gradients of the first `parts` parts; gives the share of its rate that anything
    /// else moves by, too. It rises over the first tenth of the steps and falls evenly to 0.
    pub(super) fn apply(&mut self, encoder: &mut Encoder, parts: usize) -> f32 {
        let (sum, others) = self.gradients.split_at_mut(1);
        for other in &others[..parts - 1] {
            for (sum, other) in sum[0].iter_mut().zip(other) {
                sum.par_iter_mut()
                    .zip(other.par_iter())
                    .with_min_len(1 << 14)
                    .for_each(|(sum, slope)| *sum += slope);
            }
        }
        self.step += 1;
        let rising = (self.steps / 10).max(1);
        let share = if self.step <= rising {
            self.step as f32 / rising as f32
        } else {
            (self.steps + 1).saturating_sub(self.step) as f32 / (self.steps + 1 - rising) as f32
        };
        // A gradient is cut to length 1, as is usual for transformers: a batch of surprises must not undo the others.
        let squares: f64 = sum[0]
            .iter()
            .map(|layer| layer.iter().map(|slope| f64::from(slope * slope)).sum::<f64>())
            .sum();
        let scale = (1.0 / squares.sqrt().max(1.0)) as f32;
        for ((layer, optimizer), gradient) in encoder.layers[self.first..]
            .iter_mut()
            .zip(&mut self.optimizers)
            .zip(&sum[0])
        {
            optimizer.step(&mut layer.numbers, gradient, scale, share * self.rate, self.decay);
        }
        share
    }
}
