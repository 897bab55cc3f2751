//! What is learned against other implementations: ONNX Runtime, and the library that made the fixtures.

mod encoders;
mod graphs;
mod runtime;
