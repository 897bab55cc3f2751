//! What the readers promise, over files as others write them and as nobody should.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that can't go on panics, and says what it skips"
)]

mod checkpoints;
mod gguf_blocks;
mod gguf_builder;
mod gguf_checkpoints;
mod gguf_hostile;
mod gguf_tokenizers;
mod smollm2;
mod support;
