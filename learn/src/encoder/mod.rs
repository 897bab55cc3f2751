//! Encoders of texts that can be tuned: BERT's layers with their gradients, on the processor.
//!
//! The encoder is read from a checkpoint, goes through some steps of training and is written as a checkpoint again, which
//! is then compiled like any other. Gradients are written out by hand for this one architecture: a library for automatic
//! differentiation takes over a minute of building, pads texts to one length, and sums in an order that is its own.

mod attention;
mod custom;
mod layer;
mod optimizer;
mod parts;
mod steps;
mod tokens;
mod tune;

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{Array2, ArrayView1, Axis, s};
use rayon::prelude::*;
use refuel_formats::config::{Activation, Family};
use refuel_formats::{ModelConfig, WeightSource};

use crate::error::LearnError;
use attention::Heads;
pub use custom::{Custom, CustomOptions, Texts, train_custom};
use layer::{Dropout, Layer, LayerCache, Shape};
pub use tokens::{TokenOptions, TokenText};
pub use tune::{Epoch, TuneOptions, Tuned};

/// Texts that one thread takes through the layers together. Fixed, so that sums don't depend on how many threads there
/// are.
const TEXTS: usize = 8;

/// An encoder of texts.
#[derive(Debug, Clone)]
pub struct Encoder {
    shape: Shape,
    context_length: usize,
    /// `[vocabulary, hidden]`.
    words: Array2<f32>,
    /// Positions and the first token type, `[positions, hidden]`.
    positions: Array2<f32>,
    norm: [Vec<f32>; 2],
    layers: Vec<Layer>,
    normalize: bool,
}

/// Reads a tensor of a checkpoint.
fn tensor(weights: &dyn WeightSource, name: &str, size: usize) -> Result<Vec<f32>, LearnError> {
    let values = weights.read(name).map_err(|error| LearnError::Encoder {
        message: error.to_string(),
    })?;
    if values.len() == size {
        Ok(values)
    } else {
        Err(LearnError::Shape {
            what: "numbers of a tensor",
            expected: size,
            found: values.len(),
        })
    }
}

/// A part of a batch on its way through the encoder.
struct Pass {
    texts: Vec<Range<usize>>,
    caches: Vec<LayerCache>,
    /// What comes out of the last layer, `[tokens, hidden]`.
    states: Array2<f32>,
    /// Means over each text's tokens, `[texts, hidden]`, and after them the embeddings.
    means: Array2<f32>,
    embeddings: Array2<f32>,
}

impl Encoder {
    /// Reads an encoder from a checkpoint.
    ///
    /// # Errors
    /// [`LearnError::Encoder`] for other architectures than BERT's with means over tokens, and for weights that can't be
    /// read.
    pub fn read(config: &ModelConfig, weights: &dyn WeightSource) -> Result<Self, LearnError> {
        let refuse = |message: &str| {
            Err(LearnError::Encoder {
                message: message.to_owned(),
            })
        };
        if config.family != Family::Bert || config.activation != Activation::Gelu {
            return refuse("only encoders of the form of BERT with exact GELU are known");
        }
        if config.pooling.as_deref() != Some("mean") {
            return refuse("only embeddings that are means over tokens are known");
        }
        let hidden = config.hidden;
        let matrix = |name: &str, rows: usize| {
            tensor(weights, name, rows * hidden)
                .map(|values| Array2::from_shape_vec((rows, hidden), values).expect("the size was checked"))
        };
        let shape = Shape {
            hidden,
            intermediate: config.intermediate,
            heads: Heads {
                count: config.heads,
                size: config.head_size,
                scale: config.attention_scale,
            },
            epsilon: config.norm_epsilon,
        };
        let mut positions = matrix("embeddings.position_embeddings.weight", config.context_length)?;
        if config.token_types > 0 {
            let types = matrix("embeddings.token_type_embeddings.weight", config.token_types)?;
            positions += &types.row(0);
        }
        Ok(Self {
            shape,
            context_length: config.context_length,
            words: matrix("embeddings.word_embeddings.weight", config.vocabulary)?,
            positions,
            norm: [
                tensor(weights, "embeddings.LayerNorm.weight", hidden)?,
                tensor(weights, "embeddings.LayerNorm.bias", hidden)?,
            ],
            layers: (0..config.layers)
                .map(|index| Layer::read(&shape, index, weights))
                .collect::<Result<_, _>>()?,
            normalize: config.normalize,
        })
    }

    /// Columns of an embedding.
    pub fn dimensions(&self) -> usize {
        self.shape.hidden
    }

    /// Embeddings of texts, given as numbers of tokens with those at the borders, `[texts, dimensions]`. Texts are cut at
    /// the encoder's context length.
    ///
    /// # Errors
    /// [`LearnError::Shape`] for a token that is not in the vocabulary, and for a text without tokens.
    pub fn embed(&self, texts: &[Vec<u32>]) -> Result<Array2<f32>, LearnError> {
        self.check(texts)?;
        // Texts of like length go together: attention takes what the square of their lengths takes.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&text| texts[text].len());
        let parts: Vec<Array2<f32>> = order
            .par_chunks(TEXTS)
            .map(|part| {
                let part: Vec<&[u32]> = part.iter().map(|&text| texts[text].as_slice()).collect();
                self.pass(self.start(&part), 0, None).embeddings
            })
            .collect();
        let mut embeddings = Array2::zeros((texts.len(), self.dimensions()));
        let rows = parts.iter().flat_map(|part| part.rows());
        for (&text, row) in order.iter().zip(rows) {
            embeddings.row_mut(text).assign(&row);
        }
        Ok(embeddings)
    }

    /// The numbers that tuning changed, by the names that a checkpoint has for them, with their shapes: a checkpoint with
    /// these in place of its own is the tuned encoder.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let mut tensors = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let mut rest = layer.numbers.as_slice();
            for (name, shape) in self.shape.tensors() {
                let (values, after) = rest.split_at(shape.iter().product());
                rest = after;
                tensors.push((format!("encoder.layer.{index}.{name}"), shape, values.to_vec()));
            }
        }
        tensors
    }

    /// The weights of the tuned encoder as a checkpoint has them, in the form of `model.safetensors`: those of `weights`,
    /// which the encoder was read from, but for the layers'. With the other files of that checkpoint beside it, it is
    /// compiled like any other.
    ///
    /// # Errors
    /// [`LearnError::Encoder`] where weights can't be read.
    pub fn to_safetensors(&self, weights: &dyn WeightSource) -> Result<Vec<u8>, LearnError> {
        let refuse = |message: String| LearnError::Encoder { message };
        let mut tensors = BTreeMap::new();
        for name in weights.names() {
            let shape = weights.shape(&name).unwrap_or_default();
            let values = weights.read(&name).map_err(|error| refuse(error.to_string()))?;
            tensors.insert(name, (shape, values));
        }
        for (name, shape, values) in self.tensors() {
            tensors.insert(name, (shape, values));
        }
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
            .into_iter()
            .map(|(name, (shape, values))| {
                (
                    name,
                    shape,
                    values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                )
            })
            .collect();
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| {
                safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes)
                    .map(|view| (name.as_str(), view))
                    .map_err(|error| refuse(format!("{name}: {error}")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        safetensors::serialize(views, None).map_err(|error| refuse(error.to_string()))
    }

    fn check(&self, texts: &[Vec<u32>]) -> Result<(), LearnError> {
        for text in texts {
            let highest = text.iter().max().map_or(usize::MAX, |token| *token as usize);
            if highest >= self.words.nrows() {
                return Err(LearnError::Shape {
                    what: "a token's number, or a text without tokens",
                    expected: self.words.nrows(),
                    found: highest,
                });
            }
        }
        Ok(())
    }

    /// What goes into the first layer: the states of all tokens, and where each text's are.
    fn start(&self, texts: &[&[u32]]) -> (Array2<f32>, Vec<Range<usize>>) {
        let mut ranges = Vec::with_capacity(texts.len());
        let mut tokens = 0;
        for text in texts {
            let length = text.len().min(self.context_length);
            ranges.push(tokens..tokens + length);
            tokens += length;
        }
        let mut states = Array2::zeros((tokens, self.dimensions()));
        for (text, range) in texts.iter().zip(&ranges) {
            for (at, token) in text.iter().take(range.len()).enumerate() {
                let mut row = states.row_mut(range.start + at);
                row += &self.words.row(*token as usize);
                row += &self.positions.row(at);
            }
        }
        parts::norm(&mut states, &self.norm[0], &self.norm[1], self.shape.epsilon);
        (states, ranges)
    }

    /// Takes states through the layers from `first` on.
    fn pass(
        &self,
        (mut states, texts): (Array2<f32>, Vec<Range<usize>>),
        first: usize,
        mut dropout: Option<(f32, fastrand::Rng)>,
    ) -> Pass {
        let mut caches = Vec::with_capacity(self.layers.len() - first);
        for layer in &self.layers[first..] {
            let dropout = dropout
                .as_mut()
                .map(|(share, random)| Dropout { share: *share, random });
            let (after, cache) = layer.forward(&self.shape, states, &texts, dropout);
            states = after;
            caches.push(cache);
        }
        let mut means = Array2::zeros((texts.len(), self.dimensions()));
        for (text, mut mean) in texts.iter().zip(means.rows_mut()) {
            mean += &(states.slice(s![text.clone(), ..]).sum_axis(Axis(0)) / text.len() as f32);
        }
        let mut embeddings = means.clone();
        if self.normalize {
            crate::features::normalize_rows(&mut embeddings);
        }
        Pass {
            texts,
            caches,
            states,
            means,
            embeddings,
        }
    }

    /// Adds what the loss changes by with the numbers of the layers from `first` on, given what it changes by with the
    /// embeddings.
    fn backward(&self, pass: &Pass, slopes: &Array2<f32>, first: usize, gradient: &mut [Vec<f32>]) {
        let tokens = pass.texts.last().map_or(0, |text| text.end);
        let mut of_states = Array2::zeros((tokens, self.dimensions()));
        for (at, text) in pass.texts.iter().enumerate() {
            let slope = self.through_length(&pass.means.row(at), &pass.embeddings.row(at), &slopes.row(at));
            let slope = slope / text.len() as f32;
            for token in text.clone() {
                of_states.row_mut(token).assign(&slope);
            }
        }
        self.backward_from(pass, of_states, first, gradient);
    }

    /// The same, given what the loss changes by with the states that come out of the last layer.
    fn backward_from(&self, pass: &Pass, mut of_states: Array2<f32>, first: usize, gradient: &mut [Vec<f32>]) {
        for (at, layer) in self.layers[first..].iter().enumerate().rev() {
            of_states = layer.backward(&self.shape, &pass.caches[at], of_states, &pass.texts, &mut gradient[at]);
        }
    }

    /// What the loss changes by with a mean, given what it changes by with the mean divided by its length.
    fn through_length(
        &self,
        mean: &ArrayView1<'_, f32>,
        embedding: &ArrayView1<'_, f32>,
        slope: &ArrayView1<'_, f32>,
    ) -> ndarray::Array1<f32> {
        if !self.normalize {
            return slope.to_owned();
        }
        let length = mean.dot(mean).sqrt().max(f32::MIN_POSITIVE);
        let along = slope.dot(embedding);
        (slope - &(embedding * along)) / length
    }
}

#[cfg(test)]
mod tests;
