//! GGUF files (version 2 and 3, little-endian): one file with metadata, a vocabulary and quantized tensors.
//!
//! The format is the one of the GGML project's specification, `docs/gguf.md`: a header of counted, typed key-value pairs,
//! a list of tensors, and their data, aligned. Nobody vouches for such a file, so every count is held against the bytes
//! that are left before anything is allocated, and every tensor must lie inside the file.

mod config;
mod data;
mod dequantize;
mod file;
mod header;
mod k_quants;
mod names;
mod reader;
mod tensor_type;
mod value;
mod weights;

use std::path::Path;
use std::sync::Arc;

pub use config::config;
pub use file::Gguf;
pub use header::Tensor;
pub use tensor_type::TensorType;
pub use value::{Array, Value};
pub use weights::GgufWeights;

use crate::checkpoint::Checkpoint;
use crate::error::FormatError;
use crate::tokenizer;

/// The first four bytes of every GGUF file.
pub const MAGIC: [u8; 4] = *b"GGUF";

/// Opens a model in a GGUF file: its configuration, its weights under Hugging Face names, and its tokenizer, rebuilt.
///
/// Weights are not read yet: they are when they are asked for.
///
/// # Errors
/// A file that is no GGUF file or breaks the format's rules, an architecture, tensor type or tokenizer that is not known,
/// and tensors that are missing or have another shape than the metadata says.
pub fn open(path: &Path) -> Result<Checkpoint, FormatError> {
    checkpoint(Gguf::open(path)?)
}

/// Makes a model of a GGUF file that is open.
///
/// # Errors
/// As [`open`].
pub fn checkpoint(gguf: Gguf) -> Result<Checkpoint, FormatError> {
    let gguf = Arc::new(gguf);
    let config = config(&gguf)?;
    let tokenizer = tokenizer::from_gguf(&gguf)?;
    let weights = GgufWeights::new(Arc::clone(&gguf), &config)?;
    config.check_weights(&weights)?;
    Ok(Checkpoint {
        config,
        weights: Box::new(weights),
        tokenizer,
        name: gguf.text("general.name")?.map(str::to_owned),
        licence: gguf.text("general.license")?.map(str::to_owned),
    })
}
