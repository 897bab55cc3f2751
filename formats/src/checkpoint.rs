//! A model as it was published: configuration, weights and tokenizer, from whatever files hold them.

mod card;
mod tokens;

use std::path::Path;

use crate::config::{ModelConfig, huggingface, sentence};
use crate::error::FormatError;
use crate::files::read_small;
use crate::gguf;
use crate::safetensors::SafetensorsWeights;
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

impl Checkpoint {
    /// Opens a Hugging Face checkpoint's folder (`config.json`, `tokenizer.json` and safetensors) or a GGUF file.
    ///
    /// Headers, configuration and tokenizer are read and checked, and so is that every tensor the configuration asks for
    /// is there in its shape; the weights themselves are read when they are asked for.
    ///
    /// # Errors
    /// [`FormatError`] for whatever is missing, damaged or not known.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        if path.is_file() {
            return gguf::open(path);
        }
        let checkpoint = Self::open_folder(path)?;
        checkpoint.config.check_weights(checkpoint.weights.as_ref())?;
        Ok(checkpoint)
    }

    fn open_folder(folder: &Path) -> Result<Self, FormatError> {
        let path = folder.join("config.json");
        let text = read_small(&path)?.ok_or_else(|| FormatError::MissingFile {
            folder: folder.to_owned(),
            file: "config.json".to_owned(),
        })?;
        let mut config = huggingface::from_json(&text, &path)?;
        if config.pooling.is_some() {
            sentence::read_modules(folder, &mut config)?;
        }
        let weights = SafetensorsWeights::open(folder, config.family)?;
        let tokenizer = tokens::read_tokenizer(folder, &text)?;
        Ok(Self {
            config,
            weights: Box::new(weights),
            tokenizer,
            name: None,
            licence: card::licence(folder)?,
        })
    }
}

/// Reads the tokenizer of a folder: `tokenizer.json`, and what `tokenizer_config.json`, `special_tokens_map.json`,
/// `generation_config.json`, `config.json` and `chat_template.jinja` say beside it.
///
/// # Errors
/// [`FormatError`] where `config.json` or `tokenizer.json` is missing, damaged, or contradicts another.
pub fn read_tokenizer(folder: &Path) -> Result<TokenizerFiles, FormatError> {
    let config = read_small(&folder.join("config.json"))?.ok_or_else(|| FormatError::MissingFile {
        folder: folder.to_owned(),
        file: "config.json".to_owned(),
    })?;
    tokens::read_tokenizer(folder, &config)
}

/// The licence that a folder's model card (`README.md`) names.
///
/// # Errors
/// [`FormatError`] where the card can't be read.
pub fn read_licence(folder: &Path) -> Result<Option<String>, FormatError> {
    card::licence(folder)
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint")
            .field("config", &self.config)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
