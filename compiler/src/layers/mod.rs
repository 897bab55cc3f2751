//! Pieces that all architectures are made of, each in every weight format.

mod embedding;
mod linear;
mod norm;

use refuel_formats::WeightSource;

pub(crate) use linear::{Bias, Input};

use crate::description::WeightFormat;
use crate::error::CompileError;
use crate::onnx::graph::GraphBuilder;
use crate::options::Progress;

/// A graph under construction, and where its weights come from.
pub(crate) struct Compilation<'a> {
    /// The graph.
    pub(crate) graph: GraphBuilder,
    /// The checkpoint's weights.
    pub(crate) source: &'a dyn WeightSource,
    /// How weights are stored and multiplied.
    pub(crate) format: WeightFormat,
    /// Who hears how far it is.
    pub(crate) progress: &'a mut dyn FnMut(Progress),
    /// Parameters there are.
    pub(crate) total: u64,
    /// Parameters written.
    pub(crate) done: u64,
}

impl Compilation<'_> {
    fn advance(&mut self, parameters: usize) {
        self.done = (self.done + parameters as u64).min(self.total);
        (self.progress)(Progress {
            done: self.done,
            total: self.total,
        });
    }
}

/// How one product of activations and weights is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// Single precision.
    Float,
    /// Weights kept in half precision.
    Half,
    /// Weights in 4-bit blocks.
    Blocks4,
    /// Weights in 8-bit blocks.
    Blocks8,
    /// Weights and activations in 8 bits.
    Integer,
}

impl Product {
    /// The product of linear layers for a weight format.
    pub(crate) fn of(format: WeightFormat) -> Self {
        match format {
            WeightFormat::F32 => Self::Float,
            WeightFormat::F16 => Self::Half,
            WeightFormat::Int4 => Self::Blocks4,
            WeightFormat::Int8 => Self::Integer,
        }
    }

    /// The product of the head, whose errors go straight into the logits: never under 8 bits.
    pub(crate) fn of_head(format: WeightFormat) -> Self {
        match Self::of(format) {
            Self::Blocks4 => Self::Blocks8,
            product => product,
        }
    }
}

/// Refuses numbers that half precision can't hold.
fn check_half(name: &str, values: &[f32]) -> Result<(), CompileError> {
    match values.iter().find(|value| value.abs() > half::f16::MAX.to_f32()) {
        None => Ok(()),
        Some(&value) => Err(CompileError::Value {
            name: name.to_owned(),
            value,
            format: "f16",
        }),
    }
}
