//! Compiled graphs against what `transformers` computes, in ONNX Runtime.
//!
//! Tests that need ONNX Runtime's library, or the real `SmolLM2`, say so on stderr and pass where it is not there.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that can't go on panics, and says what it skips"
)]

mod bad_input;
mod decoder;
mod encoders;
mod exact_configurations;
mod families;
mod fixtures;
mod gguf;
mod memory;
mod runtime;
mod smollm2;
mod weight_formats;
