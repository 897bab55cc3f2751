//! A mixture of experts (Mixtral: Jiang et al. 2024): each token goes through the few experts that a router chooses.
//!
//! ONNX Runtime's own operators for this want every expert's weights in one tensor and one precision. Here each expert
//! is an ordinary feed-forward part over the tokens that chose it, gathered and scattered, so that it works in every
//! weight format, computes nothing twice, and touches the weights of chosen experts only.

use super::Decoder;
use super::feed_forward::Names;
use crate::error::CompileError;
use crate::layers::{Bias, Input, Product};
use crate::onnx::graph::Value;
use crate::onnx::messages::AttributeProto;
use crate::weights::matrix::{Matrix, Part};

impl Decoder<'_, '_> {
    /// The experts' part over `[B, L, hidden]`.
    pub(super) fn experts(&mut self, prefix: &str, normed: &str, gamma: &[f32]) -> Result<Value, CompileError> {
        let config = self.config;
        let Some(experts) = config.experts else {
            return Err(CompileError::Configuration {
                what: "experts without a number of them".to_owned(),
            });
        };
        let prefix = format!("{prefix}.block_sparse_moe");
        let hidden = config.hidden as i64;
        let flat = self.compilation.graph.reshape(normed, &[-1, hidden])?;
        let mut input = self.plan.input(flat.clone()).with_outer(1);
        let shares = self.routed(&prefix, &mut input, gamma, experts.count, experts.per_token)?;
        let graph = &mut self.compilation.graph;
        let zero = graph.scalar(0.0)?;
        let mut sum = graph.op("Mul", &[&flat, &zero], vec![]);
        for expert in 0..experts.count {
            let graph = &mut self.compilation.graph;
            let index = graph.integers(&[expert as i64])?;
            let along_experts = vec![AttributeProto::int("axis", 1)];
            // [tokens, 1], zero where the expert wasn't chosen.
            let share = graph.op("Gather", &[&shares, &index], along_experts);
            let line = graph.reshape(&share, &[-1])?;
            let chosen = graph.op("NonZero", &[&line], vec![]);
            let rows = graph.reshape(&chosen, &[-1])?;
            let mut chosen_input = self.compilation.gather_input(&mut input, &rows, self.plan.product)?;
            let names = Names {
                gate: format!("{prefix}.experts.{expert}.w1.weight"),
                up: format!("{prefix}.experts.{expert}.w3.weight"),
                down: format!("{prefix}.experts.{expert}.w2.weight"),
            };
            let written = self.gated(&names, &mut chosen_input, gamma, 1)?;
            let graph = &mut self.compilation.graph;
            let along_tokens = vec![AttributeProto::int("axis", 0)];
            let share = graph.op("Gather", &[&share, &rows], along_tokens);
            let written = graph.op("Mul", &[&written, &share], vec![]);
            let places = graph.reshape(&rows, &[-1, 1])?;
            sum = graph.op(
                "ScatterND",
                &[&sum, &places, &written],
                vec![AttributeProto::text("reduction", "add")],
            );
        }
        let graph = &mut self.compilation.graph;
        let shape = graph.op("Shape", &[normed], vec![]);
        Ok(graph.op("Reshape", &[&sum, &shape], vec![]))
    }

    /// `[tokens, experts]`: each chosen expert's share, zero for the others. The shares of the best `per_token` are their
    /// softmax over all experts, brought to a sum of 1, which is the softmax over them alone.
    fn routed(
        &mut self,
        prefix: &str,
        input: &mut Input,
        gamma: &[f32],
        count: usize,
        per_token: usize,
    ) -> Result<Value, CompileError> {
        let name = format!("{prefix}.gate.weight");
        let matrix =
            Matrix::new(vec![Part::new(name.as_str(), count)], self.config.hidden).with(self.plan.reader(gamma));
        // A choice that flips changes everything: the router stays in single precision.
        let logits = self
            .compilation
            .linear(&name, input, &matrix, &Bias::NONE, Product::Float)?;
        let graph = &mut self.compilation.graph;
        let best = graph.integers(&[per_token as i64])?;
        let best = graph.op_many("TopK", &[&logits, &best], 2, vec![AttributeProto::int("axis", -1)]);
        let shares = graph.op("Softmax", &[&best[0]], vec![AttributeProto::int("axis", -1)]);
        let zero = graph.scalar(0.0)?;
        let none = graph.op("Mul", &[&logits, &zero], vec![]);
        Ok(graph.op(
            "ScatterElements",
            &[&none, &best[1], &shares],
            vec![AttributeProto::int("axis", 1)],
        ))
    }
}
