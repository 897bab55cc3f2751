//! What is learned against other implementations: ONNX Runtime, and the library that made the fixtures.

#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod encoders;
mod graphs;
mod runtime;
