//! From token vectors to one vector a text, in the graph.

use super::Encoder;
use crate::description::{GraphInterface, Pooling};
use crate::error::CompileError;
use crate::onnx::graph::{Value, named, sized};
use crate::onnx::messages::{AttributeProto, ElementType};

impl Encoder<'_, '_> {
    /// Adds the output `embedding` where the checkpoint says how its vectors are pooled.
    pub(super) fn pooled(&mut self, state: &str, token_type_ids: bool) -> Result<GraphInterface, CompileError> {
        let normalize = self.config.normalize;
        let pooling = match self.config.pooling.as_deref() {
            Some("mean") => Pooling::Mean,
            Some("cls") => Pooling::Cls,
            Some("last") => Pooling::Last,
            Some(other) => {
                return Err(CompileError::Configuration {
                    what: format!("`{other}` is no way of pooling (mean, cls, last)"),
                });
            }
            None => {
                return Ok(GraphInterface::Encoder {
                    token_type_ids,
                    output: "last_hidden_state".to_owned(),
                    pooled: false,
                    pooling: Pooling::Mean,
                    normalize,
                });
            }
        };
        self.compilation.graph.scope("pooling");
        let embedding = match pooling {
            Pooling::Mean => self.mean(state)?,
            Pooling::Cls => self.first_token(state)?,
            Pooling::Last => self.last_token(state)?,
        };
        let shape = [named("batch"), sized(self.config.hidden)];
        self.compilation
            .graph
            .output("embedding", embedding, ElementType::Float, &shape);
        Ok(GraphInterface::Encoder {
            token_type_ids,
            output: "embedding".to_owned(),
            pooled: true,
            pooling,
            normalize,
        })
    }

    /// `[B, 1, L]`: 1 for tokens, 0 for padding.
    fn kept(&mut self) -> Result<Value, CompileError> {
        let graph = &mut self.compilation.graph;
        let mask = graph.cast("attention_mask", ElementType::Float);
        let middle = graph.integers(&[1])?;
        Ok(graph.op("Unsqueeze", &[&mask, &middle], vec![]))
    }

    fn mean(&mut self, state: &str) -> Result<Value, CompileError> {
        let kept = self.kept()?;
        let sum = self.weighted(&kept, state)?;
        let graph = &mut self.compilation.graph;
        let last = graph.integers(&[-1])?;
        let count = graph.op("ReduceSum", &[&kept, &last], vec![AttributeProto::int("keepdims", 0)]);
        // A text without tokens has the mean 0.
        let least = graph.scalar(1.0)?;
        let count = graph.op("Max", &[&count, &least], vec![]);
        Ok(graph.op("Div", &[&sum, &count], vec![]))
    }

    fn last_token(&mut self, state: &str) -> Result<Value, CompileError> {
        let kept = self.kept()?;
        let graph = &mut self.compilation.graph;
        let along = graph.integers(&[2])?;
        let so_far = graph.op("CumSum", &[&kept, &along], vec![]);
        let last = graph.integers(&[-1])?;
        let count = graph.op("ReduceSum", &[&kept, &last], vec![AttributeProto::int("keepdims", 1)]);
        let reached = graph.op("Equal", &[&so_far, &count], vec![]);
        let reached = graph.cast(&reached, ElementType::Float);
        // Padding behind the last token has reached the count, too, but isn't kept.
        let only = graph.op("Mul", &[&reached, &kept], vec![]);
        self.weighted(&only, state)
    }

    /// `[B, hidden]`: token vectors times `[B, 1, L]`.
    fn weighted(&mut self, weights: &str, state: &str) -> Result<Value, CompileError> {
        let graph = &mut self.compilation.graph;
        let sum = graph.op("MatMul", &[weights, state], vec![]);
        graph.reshape(&sum, &[-1, self.config.hidden as i64])
    }
}
