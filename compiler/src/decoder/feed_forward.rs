//! The gated feed-forward part: `down(activation(gate(x)) · up(x))`.

use refuel_formats::config::Activation;

use super::Decoder;
use crate::error::CompileError;
use crate::layers::{Bias, Input};
use crate::onnx::graph::Value;
use crate::onnx::messages::AttributeProto;
use crate::weights::matrix::{Matrix, Part};
use crate::weights::rotation::hadamard_matrix;

/// Names of the three matrices.
pub(super) struct Names {
    pub(super) gate: String,
    pub(super) up: String,
    pub(super) down: String,
}

impl Decoder<'_, '_> {
    pub(super) fn feed_forward(&mut self, prefix: &str, normed: Value, gamma: &[f32]) -> Result<Value, CompileError> {
        let names = Names {
            gate: format!("{prefix}.gate_proj.weight"),
            up: format!("{prefix}.up_proj.weight"),
            down: format!("{prefix}.down_proj.weight"),
        };
        // The dimensions before the last are a batch and its tokens.
        self.gated(&names, &mut self.plan.input(normed), gamma, 2)
    }

    /// The gated part over `[.., hidden]` with `outer` dimensions before the last.
    pub(super) fn gated(
        &mut self,
        names: &Names,
        input: &mut Input,
        gamma: &[f32],
        outer: usize,
    ) -> Result<Value, CompileError> {
        let config = self.config;
        let product = self.plan.product;
        let mut read = |name: &str| -> Result<Value, CompileError> {
            let matrix =
                Matrix::new(vec![Part::new(name, config.intermediate)], config.hidden).with(self.plan.reader(gamma));
            let bias = if config.mlp_bias {
                self.compilation.bias_of(&matrix)?
            } else {
                Bias::NONE
            };
            self.compilation.linear(name, input, &matrix, &bias, product)
        };
        let (gate, up) = (read(&names.gate)?, read(&names.up)?);
        let gate = self.compilation.activation(&gate, config.activation);
        let graph = &mut self.compilation.graph;
        let mut inner = graph.op("Mul", &[&gate, &up], vec![]);
        if let Some(block) = self.plan.down_block {
            let hadamard = graph.floats(&[block, block], &hadamard_matrix(block))?;
            let kept = vec![0; outer];
            let blocks = [(config.intermediate / block) as i64, block as i64];
            let apart = graph.reshape(&inner, &[kept.as_slice(), &blocks].concat())?;
            let turned = graph.op("MatMul", &[&apart, &hadamard], vec![]);
            inner = graph.reshape(&turned, &[kept.as_slice(), &[config.intermediate as i64]].concat())?;
        }
        let part = Part::new(names.down.as_str(), config.hidden).with(self.plan.writer());
        let matrix = Matrix::new(vec![part], config.intermediate).with(self.plan.down_in());
        let bias = if config.mlp_bias {
            self.compilation.bias_of(&matrix)?
        } else {
            Bias::NONE
        };
        let mut inner = Input::from(inner).with_outer(outer);
        self.compilation
            .linear(&names.down, &mut inner, &matrix, &bias, product)
    }
}

impl crate::layers::Compilation<'_> {
    /// The non-linearity of a feed-forward part.
    pub(crate) fn activation(&mut self, value: &str, activation: Activation) -> Value {
        match activation {
            Activation::Silu => self
                .graph
                .fused("QuickGelu", &[value], vec![AttributeProto::float("alpha", 1.0)]),
            Activation::GeluTanh => self.graph.fused("FastGelu", &[value], vec![]),
            Activation::Gelu => self.graph.fused("Gelu", &[value], vec![]),
        }
    }
}
