//! Weight matrices as a graph needs them: parts of a checkpoint stacked, scaled and turned, in blocks of rows.

use rayon::prelude::*;
use refuel_formats::{FormatError, WeightSource};

use super::rotation::{Rotation, hadamard_blocks};
use crate::error::CompileError;

/// Bytes of single-precision weights that are held at a time, where a matrix may be cut.
const BLOCK_BYTES: usize = 32 << 20;

/// What is done to a matrix on the side of its inputs: its columns.
#[derive(Debug, Clone)]
pub(crate) enum Columns<'a> {
    /// Column `k` is multiplied by the `k`th number.
    Scale(&'a [f32]),
    /// Each row is multiplied by the rotation.
    Rotate(&'a Rotation),
    /// Each run of so many columns is multiplied by the orthonormal Hadamard matrix.
    Hadamard(usize),
}

impl Columns<'_> {
    fn apply(&self, row: &mut [f32]) {
        match self {
            Self::Scale(scales) => row.iter_mut().zip(*scales).for_each(|(value, scale)| *value *= scale),
            Self::Rotate(rotation) => rotation.apply(row),
            Self::Hadamard(block) => hadamard_blocks(row, *block),
        }
    }
}

/// What is done to a matrix on the side of its outputs: its rows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Rows<'a> {
    /// Nothing.
    #[default]
    Keep,
    /// Every row is multiplied by the number.
    Scale(f32),
    /// Outputs are turned by the rotation.
    Rotate(&'a Rotation),
    /// Each run of so many outputs is multiplied by the orthonormal Hadamard matrix.
    Hadamard(usize),
}

impl Rows<'_> {
    /// The same, to a vector of outputs such as a bias.
    pub(crate) fn apply(&self, outputs: &mut [f32]) {
        match self {
            Self::Keep => {}
            Self::Scale(scale) => outputs.iter_mut().for_each(|value| *value *= scale),
            Self::Rotate(rotation) => rotation.apply(outputs),
            Self::Hadamard(block) => hadamard_blocks(outputs, *block),
        }
    }

    /// Rows that have to be there together.
    fn together(&self, rows: usize) -> usize {
        match self {
            Self::Keep | Self::Scale(_) => 1,
            Self::Rotate(_) => rows,
            Self::Hadamard(block) => *block,
        }
    }
}

/// One tensor of a stacked matrix.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a> {
    /// Name in a Hugging Face checkpoint.
    pub(crate) name: String,
    /// Rows it has.
    pub(crate) rows: usize,
    /// What is done to its rows.
    pub(crate) outputs: Rows<'a>,
}

impl<'a> Part<'a> {
    /// A tensor with `rows` rows.
    pub(crate) fn new(name: impl Into<String>, rows: usize) -> Self {
        Self {
            name: name.into(),
            rows,
            outputs: Rows::Keep,
        }
    }

    /// The same with something done to its rows.
    #[must_use]
    pub(crate) fn with(self, outputs: Rows<'a>) -> Self {
        Self { outputs, ..self }
    }
}

/// A matrix `[rows, columns]`: parts stacked, then changed on the side of the inputs.
#[derive(Debug, Clone)]
pub(crate) struct Matrix<'a> {
    /// Stacked parts.
    pub(crate) parts: Vec<Part<'a>>,
    /// Columns of every part.
    pub(crate) columns: usize,
    /// What is done to columns, in order.
    pub(crate) inputs: Vec<Columns<'a>>,
}

impl<'a> Matrix<'a> {
    /// Parts stacked.
    pub(crate) fn new(parts: Vec<Part<'a>>, columns: usize) -> Self {
        Self {
            parts,
            columns,
            inputs: Vec::new(),
        }
    }

    /// The same with things done to its columns.
    #[must_use]
    pub(crate) fn with(self, inputs: Vec<Columns<'a>>) -> Self {
        Self { inputs, ..self }
    }

    /// Rows of all parts.
    pub(crate) fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Numbers in it.
    pub(crate) fn count(&self) -> usize {
        self.rows() * self.columns
    }

    /// Gives `take` one block of rows after the other: the first row's number and `[rows, columns]`.
    pub(crate) fn blocks(
        &self,
        source: &dyn WeightSource,
        mut take: impl FnMut(usize, &[f32]) -> Result<(), CompileError>,
    ) -> Result<(), CompileError> {
        let mut first = 0;
        let mut buffer = Vec::new();
        for part in &self.parts {
            check_shape(source, &part.name, (part.rows, self.columns))?;
            let together = part.outputs.together(part.rows).max(1);
            let wanted = (BLOCK_BYTES / (4 * self.columns).max(1)).max(1);
            let block = wanted.next_multiple_of(together);
            let mut row = 0;
            while row < part.rows {
                let rows = block.min(part.rows - row);
                buffer.resize(rows * self.columns, 0.0);
                self.read_block(source, part, row, &mut buffer)?;
                take(first + row, &buffer)?;
                row += rows;
            }
            first += part.rows;
        }
        Ok(())
    }

    fn read_block(
        &self,
        source: &dyn WeightSource,
        part: &Part<'_>,
        first: usize,
        block: &mut [f32],
    ) -> Result<(), CompileError> {
        let columns = self.columns;
        let at_a_time = 65_536_usize.div_ceil(columns).max(1);
        block
            .par_chunks_mut(at_a_time * columns)
            .enumerate()
            .try_for_each(|(index, rows)| {
                let start = first + index * at_a_time;
                source.read_rows(&part.name, start..start + rows.len() / columns, rows)?;
                if let Some(value) = rows.iter().find(|value| !value.is_finite()) {
                    return Err(CompileError::Value {
                        name: part.name.clone(),
                        value: *value,
                        format: "any format",
                    });
                }
                for row in rows.chunks_exact_mut(columns) {
                    self.inputs.iter().for_each(|step| step.apply(row));
                    if let Rows::Scale(_) = part.outputs {
                        part.outputs.apply(row);
                    }
                }
                Ok(())
            })?;
        if let Rows::Rotate(_) | Rows::Hadamard(_) = part.outputs {
            let rows = block.len() / columns;
            // A column holds one input's share of every output: it is turned as a vector of outputs is.
            let mut turned = vec![0.0; block.len()];
            transpose(block, rows, columns, &mut turned);
            turned
                .par_chunks_exact_mut(rows)
                .for_each(|column| part.outputs.apply(column));
            transpose(&turned, columns, rows, block);
        }
        Ok(())
    }
}

/// Writes `[rows, columns]` as `[columns, rows]`.
pub(crate) fn transpose<T: Copy + Send + Sync>(from: &[T], rows: usize, columns: usize, into: &mut [T]) {
    const TILE: usize = 32;
    debug_assert_eq!(from.len(), rows * columns);
    debug_assert_eq!(into.len(), from.len());
    if from.is_empty() {
        return;
    }
    into.par_chunks_mut(TILE * rows).enumerate().for_each(|(index, into)| {
        let first = index * TILE;
        let width = into.len() / rows;
        for start in (0..rows).step_by(TILE) {
            for row in start..(start + TILE).min(rows) {
                let line = &from[row * columns + first..][..width];
                for (column, &value) in line.iter().enumerate() {
                    into[column * rows + row] = value;
                }
            }
        }
    });
}

fn check_shape(source: &dyn WeightSource, name: &str, expected: (usize, usize)) -> Result<(), CompileError> {
    let found = source
        .matrix(name)
        .ok_or_else(|| FormatError::MissingTensor { name: name.to_owned() })?;
    if found != expected {
        return Err(CompileError::Shape {
            name: name.to_owned(),
            found,
            expected,
        });
    }
    Ok(())
}

/// Reads a vector of `length` numbers.
pub(crate) fn vector(source: &dyn WeightSource, name: &str, length: usize) -> Result<Vec<f32>, CompileError> {
    check_shape(source, name, (1, length))?;
    let values = source.read(name)?;
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(CompileError::Value {
            name: name.to_owned(),
            value: *value,
            format: "any format",
        });
    }
    Ok(values)
}
