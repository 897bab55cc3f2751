//! Linear layers.

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{Compilation, Product, check_half};
use crate::error::CompileError;
use crate::onnx::graph::{Pending, Value};
use crate::onnx::messages::{AttributeProto, ElementType};
use crate::weights::matrix::{Matrix, transpose, vector};
use crate::weights::quantize;

/// What goes into one or several linear layers. Its 8-bit form is computed once.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    value: Value,
    /// Each token's numbers have a root mean square of 1, and none stands far out.
    even: bool,
    /// Dimensions before the last.
    outer: usize,
    quantized: Option<Quantized>,
    /// Sums over blocks of [`quantize::BLOCK`].
    sums: Option<Value>,
}

/// 8-bit numbers around 128.
#[derive(Debug, Clone)]
struct Quantized {
    values: Value,
    /// One scale a token; `None` where all have [`EVEN_SCALE`].
    scale: Option<Value>,
}

impl From<Value> for Input {
    fn from(value: Value) -> Self {
        Self {
            value,
            even: false,
            outer: 2,
            quantized: None,
            sums: None,
        }
    }
}

impl Input {
    /// An input behind a norm without weights, in a turned basis: each token's numbers have a root mean square of 1 and
    /// are spread like a normal distribution, so that one scale that is known beforehand serves all of them.
    pub(crate) fn even(value: Value) -> Self {
        Self {
            even: true,
            ..Self::from(value)
        }
    }

    /// The same with `outer` dimensions before the last, instead of a batch and its tokens.
    pub(crate) fn with_outer(self, outer: usize) -> Self {
        Self { outer, ..self }
    }
}

/// Scale of 8-bit numbers whose root mean square is 1: what is further out than this many times the root mean square is
/// cut off.
const EVEN_SCALE: f32 = EVEN_RANGE / 127.0;
const EVEN_RANGE: f32 = 4.0;

/// A bias, as a graph needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bias(Option<Vec<f32>>);

impl Bias {
    /// None.
    pub(crate) const NONE: Self = Self(None);

    /// One number an output.
    pub(crate) fn values(values: Vec<f32>) -> Self {
        Self(Some(values))
    }
}

impl Compilation<'_> {
    /// Biases of the matrix' parts, changed on the side of the outputs as the parts are: `.weight` in their names becomes
    /// `.bias`.
    pub(crate) fn bias_of(&self, matrix: &Matrix<'_>) -> Result<Bias, CompileError> {
        let mut values = Vec::with_capacity(matrix.rows());
        for part in &matrix.parts {
            let name = format!("{}.bias", part.name.trim_end_matches(".weight"));
            let mut bias = vector(self.source, &name, part.rows)?;
            part.outputs.apply(&mut bias);
            values.extend(bias);
        }
        Ok(Bias::values(values))
    }

    /// A linear layer: `input · matrixᵀ + bias`.
    pub(crate) fn linear(
        &mut self,
        name: &str,
        input: &mut Input,
        matrix: &Matrix<'_>,
        bias: &Bias,
        product: Product,
    ) -> Result<Value, CompileError> {
        let output = match product {
            Product::Float => {
                let weights = self.float_weights(name, matrix)?;
                self.times_transposed(&input.value, &weights)
            }
            Product::Half => {
                let weights = self.half_weights(name, matrix)?;
                self.times_half(&input.value, &weights)
            }
            Product::Blocks4 => self.blocks4(name, input, matrix)?,
            Product::Blocks8 => self.blocks8(name, &input.value, matrix)?,
            Product::Integer => self.integer(name, input, matrix)?,
        };
        self.advance(matrix.count());
        match &bias.0 {
            None => Ok(output),
            Some(values) => {
                let bias = self.graph.floats(&[values.len()], values)?;
                Ok(self.graph.op("Add", &[&output, &bias], vec![]))
            }
        }
    }

    /// `input · weightsᵀ` in single precision.
    pub(crate) fn times_transposed(&mut self, input: &str, weights: &str) -> Value {
        let transposed = vec![
            AttributeProto::float("alpha", 1.0),
            AttributeProto::int("transA", 0),
            AttributeProto::int("transB", 1),
        ];
        self.graph.fused("FusedMatMul", &[input, weights], transposed)
    }

    /// `input · weightsᵀ` with weights in half precision.
    pub(crate) fn times_half(&mut self, input: &str, weights: &str) -> Value {
        let weights = self.graph.cast(weights, ElementType::Float);
        self.times_transposed(input, &weights)
    }

    /// A matrix in single precision, `[rows, columns]`.
    pub(crate) fn float_weights(&mut self, name: &str, matrix: &Matrix<'_>) -> Result<Value, CompileError> {
        let pending = self
            .graph
            .reserve(name, ElementType::Float, &[matrix.rows(), matrix.columns]);
        let graph = &mut self.graph;
        matrix.blocks(self.source, |first, block| {
            graph.write(&pending, first * matrix.columns * 4, bytemuck::cast_slice(block))
        })?;
        Ok(pending.value)
    }

    /// A matrix in half precision, `[rows, columns]`.
    pub(crate) fn half_weights(&mut self, name: &str, matrix: &Matrix<'_>) -> Result<Value, CompileError> {
        let pending = self
            .graph
            .reserve(name, ElementType::Float16, &[matrix.rows(), matrix.columns]);
        let graph = &mut self.graph;
        let mut halves: Vec<f16> = Vec::new();
        matrix.blocks(self.source, |first, block| {
            check_half(name, block)?;
            halves.resize(block.len(), f16::ZERO);
            halves.convert_from_f32_slice(block);
            graph.write(&pending, first * matrix.columns * 2, bytemuck::cast_slice(&halves))
        })?;
        Ok(pending.value)
    }

    fn blocks8(&mut self, name: &str, input: &str, matrix: &Matrix<'_>) -> Result<Value, CompileError> {
        let (rows, columns) = (matrix.rows(), matrix.columns);
        let row_bytes = quantize::blocks8_bytes(columns);
        let blocks = row_bytes / quantize::BLOCK;
        let pending = self
            .graph
            .reserve(name, ElementType::Uint8, &[rows, blocks, quantize::BLOCK]);
        let mut scales = vec![0.0; rows * blocks];
        let mut bytes = Vec::new();
        let graph = &mut self.graph;
        matrix.blocks(self.source, |first, block| {
            let count = block.len() / columns;
            bytes.resize(count * row_bytes, 0);
            quantize::blocks8(
                block,
                columns,
                &mut bytes,
                &mut scales[first * blocks..][..count * blocks],
            );
            graph.write(&pending, first * row_bytes, &bytes)
        })?;
        let scales = self.graph.floats(&[rows, blocks], &scales)?;
        Ok(self.graph.fused(
            "MatMulNBits",
            &[input, &pending.value, &scales],
            blockwise_attributes(rows, columns, 8),
        ))
    }

    fn blocks4(&mut self, name: &str, input: &mut Input, matrix: &Matrix<'_>) -> Result<Value, CompileError> {
        let (rows, columns) = (matrix.rows(), matrix.columns);
        let (row_bytes, row_zeros) = quantize::blocks4_bytes(columns);
        let blocks = columns.div_ceil(quantize::BLOCK);
        let pending = self
            .graph
            .reserve(name, ElementType::Uint8, &[rows, blocks, quantize::BLOCK / 2]);
        let zeros_pending = self
            .graph
            .reserve(&format!("{name}.zero"), ElementType::Uint8, &[rows, row_zeros]);
        let (mut scales, mut offsets) = (vec![0.0; rows * blocks], vec![0.0; rows * blocks]);
        let (mut bytes, mut zeros) = (Vec::new(), Vec::new());
        let graph = &mut self.graph;
        matrix.blocks(self.source, |first, block| {
            let count = block.len() / columns;
            bytes.resize(count * row_bytes, 0);
            zeros.resize(count * row_zeros, 0);
            let of_block = first * blocks..(first + count) * blocks;
            let (scales, offsets) = (&mut scales[of_block.clone()], &mut offsets[of_block]);
            quantize::blocks4(block, columns, &mut bytes, scales, &mut zeros, offsets);
            graph.write(&pending, first * row_bytes, &bytes)?;
            graph.write(&zeros_pending, first * row_zeros, &zeros)
        })?;
        // What is lost without the offsets is less than what 4 bits can tell apart.
        let whole = scales
            .iter()
            .zip(&offsets)
            .all(|(scale, offset)| offset.abs() < 1e-3 * scale);
        let scales = self.graph.floats(&[rows, blocks], &scales)?;
        let product = self.graph.fused(
            "MatMulNBits",
            &[&input.value, &pending.value, &scales, &zeros_pending.value],
            blockwise_attributes(rows, columns, 4),
        );
        if whole {
            return Ok(product);
        }
        // A block's offset is the same for all of its inputs: it is multiplied by their sum.
        let sums = self.block_sums(input, blocks)?;
        let offsets = self.graph.floats(&[rows, blocks], &offsets)?;
        let offset = self.times_transposed(&sums, &offsets);
        Ok(self.graph.op("Add", &[&product, &offset], vec![]))
    }

    /// Sums of an input over blocks of [`quantize::BLOCK`], of which its width is a multiple.
    fn block_sums(&mut self, input: &mut Input, blocks: usize) -> Result<Value, CompileError> {
        if let Some(sums) = &input.sums {
            return Ok(sums.clone());
        }
        let shape = [vec![0; input.outer], vec![blocks as i64, quantize::BLOCK as i64]].concat();
        let apart = self.graph.reshape(&input.value, &shape)?;
        let last = self.graph.integers(&[-1])?;
        let sums = self
            .graph
            .op("ReduceSum", &[&apart, &last], vec![AttributeProto::int("keepdims", 0)]);
        input.sums = Some(sums.clone());
        Ok(sums)
    }

    fn integer(&mut self, name: &str, input: &mut Input, matrix: &Matrix<'_>) -> Result<Value, CompileError> {
        let (rows, columns) = (matrix.rows(), matrix.columns);
        let pending = self.graph.reserve(name, ElementType::Int8, &[columns, rows]);
        let mut scales = vec![0.0; rows];
        let (mut quantized, mut turned) = (Vec::new(), Vec::new());
        let graph = &mut self.graph;
        matrix.blocks(self.source, |first, block| {
            let count = block.len() / columns;
            quantized.resize(block.len(), 0_i8);
            turned.resize(block.len(), 0_i8);
            quantize::int8_rows(block, columns, &mut quantized, &mut scales[first..first + count]);
            transpose(&quantized, count, columns, &mut turned);
            write_columns(graph, &pending, &turned, first, count, rows)
        })?;
        let Quantized { values, scale } = self.quantized(input)?;
        let scales = self.graph.floats(&[rows], &scales)?;
        let known = self.graph.scalar(if scale.is_some() { 1.0 } else { EVEN_SCALE })?;
        let zero = self.graph.byte(128)?;
        let product = self.graph.fused(
            "MatMulIntegerToFloat",
            &[&values, &pending.value, &known, &scales, &zero],
            vec![],
        );
        Ok(match scale {
            Some(scale) => self.graph.op("Mul", &[&product, &scale], vec![]),
            None => product,
        })
    }

    /// The given rows of an input `[tokens, width]`, whose 8-bit form is that of the whole input's rows.
    pub(crate) fn gather_input(
        &mut self,
        input: &mut Input,
        rows: &str,
        product: Product,
    ) -> Result<Input, CompileError> {
        let quantized = match product {
            Product::Integer => {
                let Quantized { values, scale } = self.quantized(input)?;
                Some(Quantized {
                    values: self.gather(&values, rows),
                    scale: scale.map(|scale| self.gather(&scale, rows)),
                })
            }
            _ => None,
        };
        let value = self.gather(&input.value, rows);
        Ok(Input {
            value,
            even: input.even,
            outer: input.outer,
            quantized,
            sums: None,
        })
    }

    fn gather(&mut self, from: &str, rows: &str) -> Value {
        self.graph
            .op("Gather", &[from, rows], vec![AttributeProto::int("axis", 0)])
    }

    /// The input in 8 bits around 128. A token's numbers depend on that token alone, whatever else is in the batch.
    fn quantized(&mut self, input: &mut Input) -> Result<Quantized, CompileError> {
        if let Some(quantized) = &input.quantized {
            return Ok(quantized.clone());
        }
        let graph = &mut self.graph;
        let zero = graph.byte(128)?;
        let quantized = if input.even {
            let scale = graph.scalar(EVEN_SCALE)?;
            Quantized {
                values: graph.op("QuantizeLinear", &[&input.value, &scale, &zero], vec![]),
                scale: None,
            }
        } else {
            let last = graph.integers(&[-1])?;
            let (levels, least) = (graph.scalar(1.0 / 127.0)?, graph.scalar(1e-10)?);
            let one = graph.scalar(1.0)?;
            let sizes = graph.op("Abs", &[&input.value], vec![]);
            let largest = graph.op("ReduceMax", &[&sizes, &last], vec![AttributeProto::int("keepdims", 1)]);
            let scale = graph.op("Mul", &[&largest, &levels], vec![]);
            let scale = graph.op("Max", &[&scale, &least], vec![]);
            let scaled = graph.op("Div", &[&input.value, &scale], vec![]);
            Quantized {
                values: graph.op("QuantizeLinear", &[&scaled, &one, &zero], vec![]),
                scale: Some(scale),
            }
        };
        input.quantized = Some(quantized.clone());
        Ok(quantized)
    }
}

/// Writes `count` columns of a matrix that is `rows` wide in the file.
fn write_columns(
    graph: &mut crate::onnx::graph::GraphBuilder,
    pending: &Pending,
    turned: &[i8],
    first: usize,
    count: usize,
    rows: usize,
) -> Result<(), CompileError> {
    if count == rows {
        return graph.write(pending, 0, bytemuck::cast_slice(turned));
    }
    turned
        .chunks_exact(count)
        .enumerate()
        .try_for_each(|(line, values)| graph.write(pending, line * rows + first, bytemuck::cast_slice(values)))
}

fn blockwise_attributes(rows: usize, columns: usize, bits: i64) -> Vec<AttributeProto> {
    vec![
        AttributeProto::int("K", columns as i64),
        AttributeProto::int("N", rows as i64),
        AttributeProto::int("bits", bits),
        AttributeProto::int("block_size", quantize::BLOCK as i64),
        // 4 lets the kernel quantize activations to 8 bits a block, which is what makes it fast.
        AttributeProto::int("accuracy_level", 4),
    ]
}
