//! Tuning on tokens: what class each token of a text is of.

use ndarray::{Array2, s};
use rayon::prelude::*;

use super::optimizer::AdamW;
use super::steps::LayerSteps;
use super::{Encoder, Epoch, TEXTS};
use crate::checks;
use crate::error::LearnError;

/// Texts of a batch that one thread takes forth and back. Fixed, so that sums don't depend on how many threads there are.
const PART: usize = 8;

/// A text whose tokens have classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenText {
    /// Its tokens, with those at the borders.
    pub tokens: Vec<u32>,
    /// The class of each token. None where there is none to learn.
    pub classes: Vec<Option<usize>>,
}

/// How an encoder is tuned on tokens.
#[derive(Debug, Clone, Copy)]
pub struct TokenOptions {
    /// How often every text is seen.
    pub epochs: usize,
    /// Texts a step.
    pub batch: usize,
    /// Greatest rate of the encoder's steps: it rises over the first tenth of them and falls evenly to 0.
    pub rate: f32,
    /// The same for the weights from states to classes.
    pub class_rate: f32,
    /// Share of numbers that are put to 0 in each layer while training.
    pub dropout: f32,
    /// How much weights shrink for each unit of the rate.
    pub decay: f32,
    /// Where order and dropout come from.
    pub seed: u64,
}

impl Default for TokenOptions {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch: 16,
            rate: 1e-4,
            class_rate: 1e-3,
            dropout: 0.1,
            decay: 0.01,
            seed: 17,
        }
    }
}

impl Encoder {
    /// The states of the tokens of texts after the last layer, `[tokens, hidden]` each. Texts are cut at the encoder's
    /// context length.
    ///
    /// # Errors
    /// As [`Encoder::embed`].
    pub fn states(&self, texts: &[Vec<u32>]) -> Result<Vec<Array2<f32>>, LearnError> {
        self.check(texts)?;
        let parts: Vec<Vec<Array2<f32>>> = texts
            .par_chunks(TEXTS)
            .map(|part| {
                let part: Vec<&[u32]> = part.iter().map(Vec::as_slice).collect();
                let pass = self.pass(self.start(&part), 0, None);
                let own = pass
                    .texts
                    .iter()
                    .map(|text| pass.states.slice(s![text.clone(), ..]).to_owned());
                own.collect()
            })
            .collect();
        Ok(parts.into_iter().flatten().collect())
    }

    /// Tunes the encoder on texts whose tokens have one of `count` classes: the loss of a token is the cross-entropy of its
    /// class under a softmax of its state (Devlin et al. 2019, section 5.3). The weights from states to classes are let go
    /// afterwards. Embeddings of words and positions stay as they are.
    ///
    /// `report` is called after each epoch, and ends the tuning by giving false.
    ///
    /// # Errors
    /// [`LearnError::Shape`], [`LearnError::UnknownLabel`]; [`LearnError::TooFewExamples`] without a class;
    /// [`LearnError::Stopped`].
    pub fn tune_on_tokens(
        &self,
        texts: &[TokenText],
        count: usize,
        options: &TokenOptions,
        report: &mut dyn FnMut(Epoch) -> bool,
    ) -> Result<Self, LearnError> {
        for text in texts {
            checks::lengths("classes of tokens", text.tokens.len(), [text.classes.len()])?;
        }
        let known: Vec<usize> = texts
            .iter()
            .flat_map(|text| text.classes.iter().flatten().copied())
            .collect();
        checks::labels("an encoder", &known, count)?;
        self.check(&texts.iter().map(|text| text.tokens.clone()).collect::<Vec<_>>())?;
        let hidden = self.dimensions();
        let steps = options.epochs * texts.len().div_ceil(options.batch.max(1));
        let mut run = Run {
            layers: LayerSteps::new(self, 0, steps, options.rate, options.decay),
            class_optimizer: AdamW::new((hidden + 1) * count),
            weights: Array2::zeros((hidden + 1, count)),
            encoder: self.clone(),
            options: *options,
        };
        let mut random = fastrand::Rng::with_seed(options.seed);
        let mut order: Vec<usize> = (0..texts.len()).collect();
        for number in 1..=options.epochs {
            random.shuffle(&mut order);
            let mut sum = 0.0;
            for batch in order.chunks(options.batch.max(1)) {
                let batch: Vec<&TokenText> = batch.iter().map(|&text| &texts[text]).collect();
                sum += run.step(&batch, &mut random);
            }
            let loss = sum / known.len() as f64;
            if !report(Epoch { number, loss }) {
                return Err(LearnError::Stopped);
            }
        }
        Ok(run.encoder)
    }
}

/// An encoder while it is tuned.
struct Run {
    encoder: Encoder,
    /// From states to classes, `[hidden + 1, classes]`; the last row is that of biases.
    weights: Array2<f32>,
    layers: LayerSteps,
    class_optimizer: AdamW,
    options: TokenOptions,
}

impl Run {
    /// Goes one step; gives the sum of the tokens' losses before it.
    fn step(&mut self, batch: &[&TokenText], random: &mut fastrand::Rng) -> f64 {
        let known = batch.iter().flat_map(|text| text.classes.iter().flatten()).count();
        if known == 0 {
            return 0.0;
        }
        let parts: Vec<(&[&TokenText], fastrand::Rng)> = batch.chunks(PART).map(|part| (part, random.fork())).collect();
        let count = parts.len();
        let (encoder, weights, options) = (&self.encoder, &self.weights, &self.options);
        let gradients = self.layers.gradients(encoder, count);
        let done: Vec<(f64, Array2<f32>)> = parts
            .into_par_iter()
            .zip(gradients)
            .map(|((part, random), gradient)| {
                let views: Vec<&[u32]> = part.iter().map(|text| text.tokens.as_slice()).collect();
                let dropout = (options.dropout > 0.0).then_some((options.dropout, random));
                let pass = encoder.pass(encoder.start(&views), 0, dropout);
                let classes = part.iter().zip(&pass.texts);
                let classes: Vec<Option<usize>> = classes
                    .flat_map(|(text, range)| text.classes[..range.len()].iter().copied())
                    .collect();
                let (loss, of_states, of_weights) = slopes(&pass.states, weights, &classes, 1.0 / known as f32);
                encoder.backward_from(&pass, of_states, 0, gradient);
                (loss, of_weights)
            })
            .collect();
        let share = self.layers.apply(&mut self.encoder, count);
        let mut loss = 0.0;
        let mut of_weights = Array2::zeros(self.weights.dim());
        for (own, slopes) in done {
            loss += own;
            of_weights += &slopes;
        }
        if let (Some(weights), Some(gradient)) = (self.weights.as_slice_mut(), of_weights.as_slice()) {
            self.class_optimizer
                .step(weights, gradient, 1.0, share * self.options.class_rate, 0.0);
        }
        loss
    }
}

/// The sum of the losses of tokens, and what their sum times `scale` changes by with the states and with the weights.
fn slopes(
    states: &Array2<f32>,
    weights: &Array2<f32>,
    classes: &[Option<usize>],
    scale: f32,
) -> (f64, Array2<f32>, Array2<f32>) {
    let hidden = states.ncols();
    let of_hidden = weights.slice(s![..hidden, ..]);
    let mut shares = states.dot(&of_hidden) + weights.row(hidden);
    let mut loss = 0.0;
    for (mut row, class) in shares.rows_mut().into_iter().zip(classes) {
        let Some(class) = *class else {
            row.fill(0.0);
            continue;
        };
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = row.iter().map(|logit| (logit - highest).exp()).sum();
        let log_sum = highest + sum.ln();
        loss += f64::from(log_sum - row[class]);
        row.mapv_inplace(|logit| (logit - log_sum).exp());
        row[class] -= 1.0;
        row *= scale;
    }
    let mut of_weights = Array2::zeros(weights.dim());
    of_weights.slice_mut(s![..hidden, ..]).assign(&states.t().dot(&shares));
    of_weights.row_mut(hidden).assign(&shares.sum_axis(ndarray::Axis(0)));
    (loss, shares.dot(&of_hidden.t()), of_weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slopes_are_those_of_the_loss() {
        let mut random = fastrand::Rng::with_seed(9);
        let states = Array2::from_shape_simple_fn((4, 3), || random.f32() - 0.5);
        let weights = Array2::from_shape_simple_fn((4, 2), || random.f32() - 0.5);
        let classes = [Some(1), None, Some(0), Some(1)];
        let (_, of_states, of_weights) = slopes(&states, &weights, &classes, 1.0);
        let loss = |states: &Array2<f32>, weights: &Array2<f32>| slopes(states, weights, &classes, 1.0).0;
        for at in states.indexed_iter().map(|(at, _)| at) {
            let moved = |by: f32| {
                let mut states = states.clone();
                states[at] += by;
                loss(&states, &weights)
            };
            let expected = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((expected - f64::from(of_states[at])).abs() < 1e-3);
        }
        for at in weights.indexed_iter().map(|(at, _)| at) {
            let moved = |by: f32| {
                let mut weights = weights.clone();
                weights[at] += by;
                loss(&states, &weights)
            };
            let expected = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((expected - f64::from(of_weights[at])).abs() < 1e-3);
        }
    }
}
