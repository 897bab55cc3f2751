//! Norms, alone or together with the addition before them.

use super::Compilation;
use crate::error::CompileError;
use crate::onnx::graph::Value;
use crate::onnx::messages::AttributeProto;

impl Compilation<'_> {
    /// Root mean square norm over the last dimension (Zhang and Sennrich 2019).
    pub(crate) fn rms_norm(&mut self, input: &str, weights: &[f32], epsilon: f32) -> Result<Value, CompileError> {
        let weights = self.graph.floats(&[weights.len()], weights)?;
        let attributes = vec![
            AttributeProto::int("axis", -1),
            AttributeProto::float("epsilon", epsilon),
            AttributeProto::int("stash_type", 1),
        ];
        Ok(self
            .graph
            .op("SimplifiedLayerNormalization", &[input, &weights], attributes))
    }

    /// `input + residual`, and its root mean square norm: (norm, sum).
    pub(crate) fn add_rms_norm(
        &mut self,
        input: &str,
        residual: &str,
        weights: &[f32],
        epsilon: f32,
    ) -> Result<(Value, Value), CompileError> {
        let weights = self.graph.floats(&[weights.len()], weights)?;
        let attributes = vec![AttributeProto::float("epsilon", epsilon)];
        let mut outputs = self.graph.fused_many(
            "SkipSimplifiedLayerNormalization",
            &[input, residual, &weights],
            &[true, false, false, true],
            attributes,
        );
        let sum = outputs.swap_remove(3);
        Ok((outputs.swap_remove(0), sum))
    }

    /// Layer norm over the last dimension (Ba et al. 2016).
    pub(crate) fn layer_norm(
        &mut self,
        input: &str,
        weights: &[f32],
        bias: &[f32],
        epsilon: f32,
    ) -> Result<Value, CompileError> {
        let weights = self.graph.floats(&[weights.len()], weights)?;
        let bias = self.graph.floats(&[bias.len()], bias)?;
        let attributes = vec![
            AttributeProto::int("axis", -1),
            AttributeProto::float("epsilon", epsilon),
        ];
        Ok(self
            .graph
            .op("LayerNormalization", &[input, &weights, &bias], attributes))
    }

    /// Layer norm of `input + residual`.
    pub(crate) fn add_layer_norm(
        &mut self,
        input: &str,
        residual: &str,
        weights: &[f32],
        bias: &[f32],
        epsilon: f32,
    ) -> Result<Value, CompileError> {
        let weights = self.graph.floats(&[weights.len()], weights)?;
        let bias = self.graph.floats(&[bias.len()], bias)?;
        let attributes = vec![AttributeProto::float("epsilon", epsilon)];
        Ok(self.graph.fused(
            "SkipLayerNormalization",
            &[input, residual, &weights, &bias],
            attributes,
        ))
    }
}
