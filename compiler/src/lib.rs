//! Compiles checkpoints to ONNX graphs.

pub mod description;

pub use description::{GraphInterface, ModelDescription, Pooling, Role, WeightFormat};
