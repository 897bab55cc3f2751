//! What is turned, and by what, before a decoder's weights become integers.

use refuel_formats::ModelConfig;
use refuel_formats::config::Family;

use crate::description::WeightFormat;
use crate::layers::{Input, Product};
use crate::onnx::graph::Value;
use crate::options::CompileOptions;
use crate::weights::matrix::{Columns, Rows};
use crate::weights::rotation::{Rotation, power_of_two_in};

/// Largest Hadamard block before the down projection: it is computed at run time, so a small one.
const DOWN_BLOCK: usize = 64;

/// What is turned in one decoder.
#[derive(Debug)]
pub(super) struct Plan {
    /// How linear layers are computed.
    pub(super) product: Product,
    /// Blocks have norms of what they write, too (Gemma 3).
    pub(super) post_norms: bool,
    /// Turns the residual stream.
    stream: Option<Rotation>,
    /// Turns each head's values: what the output projection reads.
    value_block: Option<usize>,
    /// Turns what the down projection reads.
    pub(super) down_block: Option<usize>,
}

impl Plan {
    pub(super) fn new(config: &ModelConfig, options: &CompileOptions) -> Self {
        let post_norms = config.family == Family::Gemma3;
        let turned = options.rotate && options.weights == WeightFormat::Int8;
        let down = power_of_two_in(config.intermediate).min(DOWN_BLOCK);
        Self {
            product: Product::of(options.weights),
            post_norms,
            // A norm with weights between a block and the stream doesn't commute with the rotation.
            stream: (turned && !post_norms && power_of_two_in(config.hidden) > 1).then(|| Rotation::new(config.hidden)),
            value_block: (turned && config.head_size.is_power_of_two()).then_some(config.head_size),
            down_block: (turned && down > 1).then_some(down),
        }
    }

    /// For the table of token vectors.
    pub(super) fn embedding(&self) -> Vec<Columns<'_>> {
        self.stream.iter().map(Columns::Rotate).collect()
    }

    /// For layers that read the stream behind a norm with the weights `gamma`, which they take over where the stream is
    /// turned.
    pub(super) fn reader<'p>(&'p self, gamma: &'p [f32]) -> Vec<Columns<'p>> {
        match &self.stream {
            Some(rotation) => vec![Columns::Scale(gamma), Columns::Rotate(rotation)],
            None => vec![],
        }
    }

    /// What such layers read.
    pub(super) fn input(&self, normed: Value) -> Input {
        if self.stream.is_some() {
            Input::even(normed)
        } else {
            Input::from(normed)
        }
    }

    /// What is left of a norm's weights.
    pub(super) fn norm_weights(&self, gamma: &[f32]) -> Vec<f32> {
        if self.stream.is_some() {
            vec![1.0; gamma.len()]
        } else {
            gamma.to_vec()
        }
    }

    /// For layers that write to the stream.
    pub(super) fn writer(&self) -> Rows<'_> {
        self.stream.as_ref().map_or(Rows::Keep, Rows::Rotate)
    }

    /// For the value projection.
    pub(super) fn values_out(&self) -> Rows<'_> {
        self.value_block.map_or(Rows::Keep, Rows::Hadamard)
    }

    /// For the output projection, which reads values.
    pub(super) fn values_in(&self) -> Vec<Columns<'_>> {
        self.value_block.into_iter().map(Columns::Hadamard).collect()
    }

    /// For the down projection.
    pub(super) fn down_in(&self) -> Vec<Columns<'_>> {
        self.down_block.into_iter().map(Columns::Hadamard).collect()
    }
}
