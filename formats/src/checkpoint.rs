//! A model as it was published: configuration, weights and tokenizer, from whatever files hold them.

use crate::config::ModelConfig;
use crate::source::WeightSource;

/// What turns text into tokens and back, and messages into text.
#[derive(Debug, Clone)]
pub struct TokenizerFiles {
    /// `tokenizer.json` of the `tokenizers` library, read or rebuilt.
    pub tokenizer_json: Vec<u8>,
    /// The chat template, in Jinja.
    pub chat_template: Option<String>,
    /// The token put before every text, where there is one.
    pub bos_token: Option<(u32, String)>,
    /// Tokens that end a reply; the first is the one that chat templates call `eos_token`.
    pub eos_tokens: Vec<(u32, String)>,
    /// Whether the tokenizer itself puts the `bos_token` there when it adds special tokens.
    pub add_bos: bool,
}

/// A model as it was published.
pub struct Checkpoint {
    /// Architecture.
    pub config: ModelConfig,
    /// Weights.
    pub weights: Box<dyn WeightSource>,
    /// Tokenizer.
    pub tokenizer: TokenizerFiles,
    /// The name the files give themselves, where they do.
    pub name: Option<String>,
    /// The licence the files name, where they do.
    pub licence: Option<String>,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint")
            .field("config", &self.config)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
