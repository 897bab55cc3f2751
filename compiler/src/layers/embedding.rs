//! Tables of token vectors.

use super::{Compilation, Product};
use crate::description::WeightFormat;
use crate::error::CompileError;
use crate::onnx::graph::Value;
use crate::onnx::messages::{AttributeProto, ElementType};
use crate::weights::matrix::{Columns, Matrix, Part};
use crate::weights::quantize;

/// A table of vectors in the graph.
#[derive(Debug, Clone)]
pub(crate) enum Embedding {
    /// Single precision, `[rows, columns]`.
    Float(Value),
    /// Half precision, `[rows, columns]`.
    Half(Value),
    /// 8 bits, `[rows, columns]`, with a scale a row, `[rows, 1]`.
    Integer(Value, Value),
}

impl Compilation<'_> {
    /// The table called `name` in the checkpoint, in the form that goes with the weight format: never more than 8 bits
    /// where linear layers have 8 or fewer.
    pub(crate) fn table(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
        inputs: Vec<Columns<'_>>,
    ) -> Result<Embedding, CompileError> {
        let matrix = Matrix::new(vec![Part::new(name, rows)], columns).with(inputs);
        let table = match self.format {
            WeightFormat::F32 => Embedding::Float(self.float_weights(name, &matrix)?),
            WeightFormat::F16 => Embedding::Half(self.half_weights(name, &matrix)?),
            WeightFormat::Int8 | WeightFormat::Int4 => {
                let pending = self.graph.reserve(name, ElementType::Int8, &[rows, columns]);
                let mut scales = vec![0.0; rows];
                let mut quantized = Vec::new();
                let graph = &mut self.graph;
                matrix.blocks(self.source, |first, block| {
                    let count = block.len() / columns;
                    quantized.resize(block.len(), 0_i8);
                    quantize::int8_rows(block, columns, &mut quantized, &mut scales[first..first + count]);
                    graph.write(&pending, first * columns, bytemuck::cast_slice(&quantized))
                })?;
                let scales = self.graph.floats(&[rows, 1], &scales)?;
                Embedding::Integer(pending.value, scales)
            }
        };
        self.advance(matrix.count());
        Ok(table)
    }

    /// The vectors of `ids`, in single precision.
    pub(crate) fn look_up(&mut self, table: &Embedding, ids: &str) -> Value {
        let rows = || vec![AttributeProto::int("axis", 0)];
        match table {
            Embedding::Float(values) => self.graph.op("Gather", &[values, ids], rows()),
            Embedding::Half(values) => {
                let found = self.graph.op("Gather", &[values, ids], rows());
                self.graph.cast(&found, ElementType::Float)
            }
            Embedding::Integer(values, scales) => {
                let found = self.graph.op("Gather", &[values, ids], rows());
                let found = self.graph.cast(&found, ElementType::Float);
                let scales = self.graph.op("Gather", &[scales, ids], rows());
                self.graph.op("Mul", &[&found, &scales], vec![])
            }
        }
    }

    /// Logits over the table's own rows, where the table is kept in floats and so can be the head as well.
    pub(crate) fn tied_head(&mut self, table: &Embedding, input: &str) -> Option<Value> {
        match table {
            Embedding::Float(values) => Some(self.times_transposed(input, values)),
            Embedding::Half(values) => Some(self.times_half(input, values)),
            Embedding::Integer(..) => None,
        }
    }

    /// How the head is computed.
    pub(crate) fn head_product(&self) -> Product {
        Product::of_head(self.format)
    }
}
