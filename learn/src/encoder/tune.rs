//! Tuning: texts of one label are drawn together and away from others.

use ndarray::{Array2, Axis, s};
use rayon::prelude::*;

use super::optimizer::AdamW;
use super::steps::LayerSteps;
use super::{Encoder, Pass};
use crate::checks;
use crate::error::LearnError;
use crate::features::normalize_rows;

/// Texts of a batch that one thread takes forth and back. Fixed, so that sums don't depend on how many threads there are.
const PART: usize = 16;
/// Most bytes of states that are kept of the layers which are not trained.
const MOST_KEPT: usize = 1 << 29;

/// How an encoder is tuned.
#[derive(Debug, Clone, Copy)]
pub struct TuneOptions {
    /// How often every text is seen.
    pub epochs: usize,
    /// Texts a step.
    pub batch: usize,
    /// Greatest rate of the encoder's steps: it rises over the first tenth of them and falls evenly to 0.
    pub rate: f32,
    /// The same for the labels' points.
    pub point_rate: f32,
    /// What cosines are divided by: the smaller, the more the hardest labels count.
    pub temperature: f32,
    /// Layers that are trained, counted from the last.
    pub layers: usize,
    /// Share of numbers that are put to 0 in each layer while training.
    pub dropout: f32,
    /// How much weights shrink for each unit of the rate.
    pub decay: f32,
    /// Where order and dropout come from.
    pub seed: u64,
}

impl Default for TuneOptions {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch: 32,
            rate: 1e-4,
            point_rate: 1e-3,
            temperature: 0.07,
            layers: usize::MAX,
            dropout: 0.1,
            decay: 0.01,
            seed: 17,
        }
    }
}

/// How far tuning is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Which time all texts were seen, from 1.
    pub number: usize,
    /// Mean loss in it.
    pub loss: f64,
}

/// A tuned encoder.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// The encoder.
    pub encoder: Encoder,
    /// The labels' points, `[labels, dimensions]`, of length 1: cosines to them over the temperature are logits.
    pub points: Array2<f32>,
    /// Mean loss of each epoch.
    pub losses: Vec<f64>,
}

impl Encoder {
    /// Tunes the encoder on texts, given as numbers of tokens, with their labels and how much each counts.
    ///
    /// Every label has a point, first the mean of its texts' embeddings. The loss of a text is the cross-entropy of its
    /// label under the softmax of its cosines to all points, divided by the temperature (Zhai and Wu 2019,
    /// "Classification is a strong baseline for deep metric learning"; Movshovitz-Attias et al. 2017, "No fuss distance
    /// metric learning using proxies"). Against pairs of texts, as in Tunstall et al. 2022, "Efficient few-shot learning
    /// without prompts", each step pulls at every label, and no text goes through the encoder twice. Embeddings of words
    /// and positions stay as they are: few texts hold few of them.
    ///
    /// `report` is called after each epoch, and ends the tuning by giving false.
    ///
    /// # Errors
    /// [`LearnError::Shape`], [`LearnError::UnknownLabel`]; [`LearnError::TooFewExamples`] without texts;
    /// [`LearnError::Stopped`].
    pub fn tune(
        &self,
        texts: &[Vec<u32>],
        labels: &[usize],
        weights: &[f32],
        count: usize,
        options: &TuneOptions,
        report: &mut dyn FnMut(Epoch) -> bool,
    ) -> Result<Tuned, LearnError> {
        let beside = [labels.len(), weights.len()];
        checks::lengths("labels and weights of texts", texts.len(), beside)?;
        checks::labels("an encoder", labels, count)?;
        let first = self.layers.len().saturating_sub(options.layers);
        let points = points_of(&self.embed(texts)?, labels, count);
        let steps = options.epochs * texts.len().div_ceil(options.batch.max(1));
        let mut run = Run {
            layers: LayerSteps::new(self, first, steps, options.rate, options.decay),
            point_optimizer: AdamW::new(points.len()),
            below: self.states_below(texts, first),
            encoder: self.clone(),
            points,
            first,
            options: *options,
        };
        let mut random = fastrand::Rng::with_seed(options.seed);
        let mut order: Vec<usize> = (0..texts.len()).collect();
        let mut losses = Vec::new();
        for number in 1..=options.epochs {
            random.shuffle(&mut order);
            let mut sum = 0.0;
            for batch in order.chunks(options.batch.max(1)) {
                sum += run.step(texts, labels, weights, batch, &mut random);
            }
            let loss = sum / texts.len() as f64;
            losses.push(loss);
            if !report(Epoch { number, loss }) {
                return Err(LearnError::Stopped);
            }
        }
        Ok(Tuned {
            encoder: run.encoder,
            points: run.points,
            losses,
        })
    }

    /// States that go into layer `first`, for each text; None where they would take too much room.
    fn states_below(&self, texts: &[Vec<u32>], first: usize) -> Option<Vec<Array2<f32>>> {
        let tokens: usize = texts.iter().map(|text| text.len().min(self.context_length)).sum();
        if first == 0 || tokens * self.dimensions() * size_of::<f32>() > MOST_KEPT {
            return None;
        }
        Some(texts.par_iter().map(|text| self.below(&[text], first).0).collect())
    }

    fn below(&self, texts: &[&[u32]], first: usize) -> (Array2<f32>, Vec<std::ops::Range<usize>>) {
        let (mut states, ranges) = self.start(texts);
        for layer in &self.layers[..first] {
            states = layer.forward(&self.shape, states, &ranges, None).0;
        }
        (states, ranges)
    }
}

/// The mean of each label's embeddings, of length 1; of a label without texts, the mean of all of them.
fn points_of(embeddings: &Array2<f32>, labels: &[usize], count: usize) -> Array2<f32> {
    let mut points = Array2::zeros((count, embeddings.ncols()));
    for (row, &label) in labels.iter().enumerate() {
        let mut point = points.row_mut(label);
        point += &embeddings.row(row);
    }
    let whole = embeddings.sum_axis(Axis(0));
    for mut point in points.rows_mut() {
        if point.iter().all(|value| *value == 0.0) {
            point.assign(&whole);
        }
    }
    normalize_rows(&mut points);
    points
}

/// An encoder while it is tuned.
struct Run {
    encoder: Encoder,
    points: Array2<f32>,
    layers: LayerSteps,
    point_optimizer: AdamW,
    below: Option<Vec<Array2<f32>>>,
    first: usize,
    options: TuneOptions,
}

impl Run {
    /// Goes one step; gives the sum of the texts' losses before it.
    fn step(
        &mut self,
        texts: &[Vec<u32>],
        labels: &[usize],
        weights: &[f32],
        batch: &[usize],
        random: &mut fastrand::Rng,
    ) -> f64 {
        let parts: Vec<(&[usize], fastrand::Rng)> = batch.chunks(PART).map(|part| (part, random.fork())).collect();
        let passes: Vec<Pass> = parts
            .into_par_iter()
            .map(|(part, random)| {
                let dropout = (self.options.dropout > 0.0).then_some((self.options.dropout, random));
                self.encoder.pass(self.below(texts, part), self.first, dropout)
            })
            .collect();
        let size: usize = passes.iter().map(|pass| pass.embeddings.nrows()).sum();
        let mut embeddings = Array2::zeros((size, self.points.ncols()));
        let mut at = 0;
        for pass in &passes {
            let rows = pass.embeddings.nrows();
            embeddings.slice_mut(s![at..at + rows, ..]).assign(&pass.embeddings);
            at += rows;
        }
        let (loss, of_embeddings, of_points) = self.loss(&embeddings, labels, weights, batch);
        let (encoder, first) = (&self.encoder, self.first);
        passes
            .par_iter()
            .zip(self.layers.gradients(encoder, passes.len()))
            .enumerate()
            .for_each(|(at, (pass, gradient))| {
                let start = at * PART;
                let slopes = of_embeddings
                    .slice(s![start..start + pass.embeddings.nrows(), ..])
                    .to_owned();
                encoder.backward(pass, &slopes, first, gradient);
            });
        self.apply(passes.len(), &of_points);
        loss
    }

    fn below(&self, texts: &[Vec<u32>], part: &[usize]) -> (Array2<f32>, Vec<std::ops::Range<usize>>) {
        let Some(kept) = &self.below else {
            let texts: Vec<&[u32]> = part.iter().map(|&text| texts[text].as_slice()).collect();
            return self.encoder.below(&texts, self.first);
        };
        let mut ranges = Vec::with_capacity(part.len());
        let mut tokens = 0;
        for &text in part {
            ranges.push(tokens..tokens + kept[text].nrows());
            tokens += kept[text].nrows();
        }
        let mut states = Array2::zeros((tokens, self.encoder.dimensions()));
        for (&text, range) in part.iter().zip(&ranges) {
            states.slice_mut(s![range.clone(), ..]).assign(&kept[text]);
        }
        (states, ranges)
    }

    /// The sum of the losses of a batch, and what their mean changes by with the embeddings and with the points.
    fn loss(
        &self,
        embeddings: &Array2<f32>,
        labels: &[usize],
        weights: &[f32],
        batch: &[usize],
    ) -> (f64, Array2<f32>, Array2<f32>) {
        let mut shares = embeddings.dot(&self.points.t()) / self.options.temperature;
        let mut loss = 0.0;
        for (mut row, &text) in shares.rows_mut().into_iter().zip(batch) {
            let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = row.iter().map(|logit| (logit - highest).exp()).sum();
            let log_sum = highest + sum.ln();
            loss += f64::from(weights[text]) * f64::from(log_sum - row[labels[text]]);
            row.mapv_inplace(|logit| (logit - log_sum).exp());
            row[labels[text]] -= 1.0;
            row *= weights[text] / (batch.len() as f32 * self.options.temperature);
        }
        let of_points = shares.t().dot(embeddings);
        (loss, shares.dot(&self.points), of_points)
    }

    /// Moves the encoder and the points by the sum of the gradients of the first `parts` parts.
    fn apply(&mut self, parts: usize, of_points: &Array2<f32>) {
        let share = self.layers.apply(&mut self.encoder, parts);
        if let (Some(points), Some(gradient)) = (self.points.as_slice_mut(), of_points.as_standard_layout().as_slice())
        {
            self.point_optimizer
                .step(points, gradient, 1.0, share * self.options.point_rate, 0.0);
        }
        normalize_rows(&mut self.points);
    }
}
