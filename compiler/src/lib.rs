//! Compiles checkpoints to ONNX graphs that ONNX Runtime runs fast, and describes graphs that others made.

mod adopt;
mod compile;
mod decoder;
pub mod description;
mod encoder;
mod error;
mod layers;
mod onnx;
mod options;
pub mod small;
mod weights;

pub use adopt::adopt;
pub use compile::{compile, role_of};
pub use description::{
    DESCRIPTION_FILE, GraphInterface, ModelDescription, Pooling, Role, SCHEMA_VERSION, WeightFormat,
};
pub use error::CompileError;
pub use options::{CompileOptions, Progress};
