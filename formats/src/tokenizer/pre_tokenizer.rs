//! How byte-level vocabularies cut text before merging (`tokenizer.ggml.pre`).
//!
//! The patterns are those of the models' published `tokenizer.json` files; llama.cpp (`llama-vocab.cpp`) names them.

use serde_json::{Value, json};

use crate::error::FormatError;
use crate::gguf::Gguf;

/// GPT-2's: contractions, words, numbers and signs, each with a space before it, and runs of whitespace.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Llama 3's: numbers by three digits.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen 2's: digits one by one.
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Mistral Nemo's: words are cut where small letters are followed by capital ones.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A way of cutting text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Default,
    Gpt2,
    Digits,
    Llama3 { whole_words_first: bool },
    Qwen2,
    Tekken,
}

impl Cut {
    /// What the file says; without a word it is the default one, as in llama.cpp.
    pub(super) fn read(gguf: &Gguf) -> Result<Self, FormatError> {
        let name = gguf.text("tokenizer.ggml.pre")?.unwrap_or("default");
        Ok(match name {
            "default" => Self::Default,
            "gpt-2" | "phi-2" | "mpt" | "olmo" | "jais" | "trillion" | "granite-docling" => Self::Gpt2,
            "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone" | "minerva-7b" => Self::Digits,
            "llama3" | "llama-v3" | "llama-bpe" | "falcon3" | "falcon-h1" | "pixtral" => Self::Llama3 {
                whole_words_first: true,
            },
            "dbrx" | "smaug-bpe" => Self::Llama3 {
                whole_words_first: false,
            },
            "qwen2" | "deepseek-r1-qwen" | "stablelm2" | "hunyuan" | "megrez" => Self::Qwen2,
            "tekken" => Self::Tekken,
            other => {
                return Err(FormatError::Unsupported {
                    what: format!("the pre-tokenizer {other} of a GGUF file"),
                    hint: "default, gpt-2, smollm, starcoder, llama-bpe, qwen2 and tekken are known; take the model's \
                           safetensors, which have tokenizer.json"
                        .to_owned(),
                });
            }
        })
    }

    /// A word that is a token as a whole is that token, whatever its merges would give.
    pub(super) fn whole_words_first(self) -> bool {
        matches!(
            self,
            Self::Llama3 {
                whole_words_first: true
            } | Self::Tekken
        )
    }

    /// The object in `tokenizer.json`.
    pub(super) fn json(self) -> Value {
        let split = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
        let bytes = |with_pattern: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": with_pattern});
        let sequence = |steps: Vec<Value>| json!({"type": "Sequence", "pretokenizers": steps});
        match self {
            // The library's own pattern is GPT-2's.
            Self::Gpt2 => bytes(true),
            Self::Digits => sequence(vec![json!({"type": "Digits", "individual_digits": true}), bytes(true)]),
            Self::Llama3 { .. } => sequence(vec![split(LLAMA3), bytes(false)]),
            Self::Qwen2 => sequence(vec![split(QWEN2), bytes(false)]),
            Self::Tekken => sequence(vec![split(TEKKEN), bytes(false)]),
            Self::Default => sequence(vec![
                split(r"[\p{P}\$\+<=>\^~\|]+"),
                split(GPT2),
                split(r"\p{N}+"),
                split("[0-9][0-9][0-9]"),
                bytes(false),
            ]),
        }
    }
}

/// Whether byte-level tokenizers put the first token there where the file doesn't say: those of Llama 3 and Mistral Nemo do.
pub(super) fn begins_by_default(gguf: &Gguf) -> Result<bool, FormatError> {
    Ok(Cut::read(gguf)?.whole_words_first())
}
