//! Readers of the files that models come in: GGUF, safetensors checkpoints and their tokenizers.
//!
//! Everything here reads files that nobody vouches for: every count and offset is checked before it is used.
