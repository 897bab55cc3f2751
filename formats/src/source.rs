//! Where weights come from.

use std::ops::Range;

use crate::error::FormatError;

/// Named tensors that are read row by row, in single precision.
///
/// Names are those of Hugging Face checkpoints (`model.layers.0.self_attn.q_proj.weight`), whatever the file calls them,
/// and so are shapes: row-major, a linear layer is `[out, in]`. Encoders' names are those of `BertModel`, without `bert.`
/// before them (`embeddings.word_embeddings.weight`); [`crate::ModelConfig::tensors`] lists what a model has. Rotary embeddings are always in the half-split form.
pub trait WeightSource: Send + Sync {
    /// Every tensor's name.
    fn names(&self) -> Vec<String>;

    /// A tensor's shape. None where there is no such tensor.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;

    /// Reads rows of a tensor, which is seen as a matrix of its first dimension by all the others together (a vector is
    /// one row of its whole length: shape `[n]` is read as `[1, n]`). `into` has `rows.len() * columns` numbers.
    ///
    /// # Errors
    /// A tensor that is not there, rows outside it, or a file that ended early.
    fn read_rows(&self, name: &str, rows: Range<usize>, into: &mut [f32]) -> Result<(), FormatError>;

    /// What the file calls its own precision, such as `Q4_1` or `BF16`.
    fn file_type(&self) -> String;

    /// Number of rows and columns as [`WeightSource::read_rows`] sees them.
    fn matrix(&self, name: &str) -> Option<(usize, usize)> {
        let shape = self.shape(name)?;
        Some(match shape.as_slice() {
            [] => (1, 1),
            [length] => (1, *length),
            [first, rest @ ..] => (*first, rest.iter().product()),
        })
    }

    /// Reads a whole tensor.
    ///
    /// # Errors
    /// As [`WeightSource::read_rows`].
    fn read(&self, name: &str) -> Result<Vec<f32>, FormatError> {
        let (rows, columns) = self
            .matrix(name)
            .ok_or_else(|| FormatError::MissingTensor { name: name.to_owned() })?;
        let mut values = vec![0.0; rows * columns];
        self.read_rows(name, 0..rows, &mut values)?;
        Ok(values)
    }
}
