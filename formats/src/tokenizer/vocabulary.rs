//! The list of tokens.

use std::collections::HashMap;

use crate::config::limits::MOST_VOCABULARY;
use crate::error::FormatError;
use crate::gguf::Gguf;

/// Longest token in bytes. The longest in published vocabularies are runs of a few hundred spaces.
const MOST_TOKEN_BYTES: usize = 4096;

/// What a token is (`tokenizer.ggml.token_type`, `SentencePiece`'s types).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenType {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

/// The list of tokens; a token's number is its place.
#[derive(Debug)]
pub(super) struct Vocabulary {
    pub(super) texts: Vec<String>,
    pub(super) types: Vec<TokenType>,
    /// Empty where the file has none.
    pub(super) scores: Vec<f32>,
    ids: HashMap<String, u32>,
}

impl Vocabulary {
    pub(super) fn read(gguf: &Gguf) -> Result<Self, FormatError> {
        let texts = gguf
            .texts("tokenizer.ggml.tokens")?
            .ok_or_else(|| gguf.malformed("tokenizer.ggml.tokens is missing"))?;
        if texts.is_empty() || texts.len() > MOST_VOCABULARY {
            return Err(gguf.malformed(format!(
                "the vocabulary has {} tokens; it should have 1 to {MOST_VOCABULARY}",
                texts.len()
            )));
        }
        let types = match gguf.integers("tokenizer.ggml.token_type")? {
            None => vec![TokenType::Normal; texts.len()],
            Some(numbers) => numbers
                .iter()
                .map(|number| {
                    Ok(match number {
                        1 => TokenType::Normal,
                        2 => TokenType::Unknown,
                        3 => TokenType::Control,
                        4 => TokenType::UserDefined,
                        5 => TokenType::Unused,
                        6 => TokenType::Byte,
                        other => return Err(gguf.malformed(format!("there is no token type {other}"))),
                    })
                })
                .collect::<Result<_, _>>()?,
        };
        let scores = gguf.floats("tokenizer.ggml.scores")?.unwrap_or_default();
        for (what, count) in [("types", types.len()), ("scores", scores.len())] {
            if count != texts.len() && count != 0 {
                return Err(gguf.malformed(format!("{} tokens have {count} {what}", texts.len())));
            }
        }
        let texts: Vec<_> = texts
            .iter()
            .enumerate()
            // A token without text can't be written; as in llama.cpp it gets one that texts don't have.
            .map(|(id, text)| {
                if text.is_empty() {
                    format!("[EMPTY_{id}]")
                } else {
                    text.clone()
                }
            })
            .collect();
        let mut ids = HashMap::with_capacity(texts.len());
        for (id, text) in texts.iter().enumerate() {
            if text.len() > MOST_TOKEN_BYTES {
                return Err(gguf.malformed(format!("token {id} has {} bytes", text.len())));
            }
            if let Some(other) = ids.insert(text.clone(), id as u32) {
                return Err(gguf.malformed(format!("tokens {other} and {id} have the same text, {text:?}")));
            }
        }
        Ok(Self {
            texts,
            types,
            scores,
            ids,
        })
    }

    pub(super) fn id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    pub(super) fn kind(&self, id: u32) -> TokenType {
        self.types[id as usize]
    }

    /// The control token with this text.
    pub(super) fn control(&self, text: &str) -> Option<u32> {
        self.id(text)
            .filter(|id| matches!(self.kind(*id), TokenType::Control | TokenType::UserDefined))
    }

    /// The token whose number a key gives. None where the key is not there, or is -1 as some files have it.
    pub(super) fn special(&self, gguf: &Gguf, key: &str) -> Result<Option<u32>, FormatError> {
        let Some(value) = gguf.get(key) else {
            return Ok(None);
        };
        if matches!(value, crate::gguf::Value::U32(u32::MAX) | crate::gguf::Value::I32(-1)) {
            return Ok(None);
        }
        match value.as_u64().and_then(|id| u32::try_from(id).ok()) {
            Some(id) if (id as usize) < self.texts.len() => Ok(Some(id)),
            _ => Err(gguf.malformed(format!(
                "{key} should be the number of one of {} tokens",
                self.texts.len()
            ))),
        }
    }
}
