//! Readers of model files: GGUF, safetensors, Hugging Face configurations and tokenizers. Nothing here runs a model.
//!
//! Every reader takes files that nobody vouches for: sizes are checked before they are used, and a file that lies gives
//! a [`FormatError`], never a panic.

mod checkpoint;
pub mod config;
mod error;
mod files;
pub mod gguf;
mod safetensors;
mod source;
pub mod tokenizer;

pub use checkpoint::{Checkpoint, TokenizerFiles, read_licence, read_tokenizer};
pub use config::ModelConfig;
pub use error::FormatError;
pub use safetensors::SafetensorsWeights;
pub use source::WeightSource;
