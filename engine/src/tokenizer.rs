//! Text to tokens and back.

use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use refuel_task::Segment;
use tokenizers::Tokenizer as Inner;

use crate::error::EngineError;

/// A model's tokenizer.
///
/// Text of the prompt's template may hold special tokens (`<|im_start|>`); data never does: what looks like a special
/// token in a row is tokenized as the text that it is, so that a row can't end its own turn.
pub(crate) struct Tokenizer {
    model: String,
    data: Inner,
    // Made when first needed: most tasks tokenize their template once, and the copy costs memory.
    template: OnceLock<Inner>,
}

impl Tokenizer {
    /// Reads `tokenizer.json` in a model's folder.
    pub(crate) fn open(model: &str, folder: &Path) -> Result<Self, EngineError> {
        let failed = |reason: String| EngineError::Tokenizer {
            model: model.to_owned(),
            reason,
        };
        let mut inner = Inner::from_file(folder.join("tokenizer.json"))
            .map_err(|error| failed(format!("tokenizer.json: {error}")))?;
        // Encoders' files often say how to pad and cut; both are done by the engine.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| failed(error.to_string()))?;
        inner.set_encode_special_tokens(true);
        Ok(Self {
            model: model.to_owned(),
            data: inner,
            template: OnceLock::new(),
        })
    }

    fn template(&self) -> &Inner {
        self.template.get_or_init(|| {
            let mut inner = self.data.clone();
            inner.set_encode_special_tokens(false);
            inner
        })
    }

    fn encode(&self, inner: &Inner, text: &str, add_special: bool) -> Result<Vec<u32>, EngineError> {
        if text.is_empty() && !add_special {
            return Ok(Vec::new());
        }
        let encoding = inner
            .encode_fast(text, add_special)
            .map_err(|error| EngineError::Tokenizer {
                model: self.model.clone(),
                reason: error.to_string(),
            })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Tokens of a prompt's parts, one after the other.
    pub(crate) fn segments(&self, segments: &[Segment]) -> Result<Vec<u32>, EngineError> {
        let mut tokens = Vec::new();
        for segment in segments {
            tokens.extend(match segment {
                Segment::Template(text) => self.encode(self.template(), text, false)?,
                Segment::Data(text) => self.encode(&self.data, text, false)?,
            });
        }
        Ok(tokens)
    }

    /// Tokens of a text that a model answers with; nothing is added.
    pub(crate) fn plain(&self, text: &str) -> Result<Vec<u32>, EngineError> {
        self.encode(&self.data, text, false)
    }

    /// Tokens of a text, nothing added, with the bytes that each stands for.
    pub(crate) fn with_places(&self, text: &str) -> Result<(Vec<u32>, Vec<Range<usize>>), EngineError> {
        let encoding = self.data.encode(text, false).map_err(|error| EngineError::Tokenizer {
            model: self.model.clone(),
            reason: error.to_string(),
        })?;
        let places = encoding.get_offsets().iter().map(|&(start, end)| start..end);
        Ok((encoding.get_ids().to_vec(), places.collect()))
    }

    /// The bytes that each token of a text stands for, from where to where.
    pub(crate) fn offsets(&self, text: &str) -> Result<Vec<(usize, usize)>, EngineError> {
        let (_, places) = self.with_places(text)?;
        Ok(places.into_iter().map(|place| (place.start, place.end)).collect())
    }

    /// Tokens of a whole input of an encoder, with the special tokens that its tokenizer adds around it.
    pub(crate) fn whole(&self, text: &str) -> Result<Vec<u32>, EngineError> {
        self.encode(&self.data, text, true)
    }

    /// The tokenizer that data is read with.
    pub(crate) fn data(&self) -> &Inner {
        &self.data
    }

    /// The text of tokens, special tokens left out.
    pub(crate) fn decode(&self, tokens: &[u32]) -> Result<String, EngineError> {
        self.text_of(tokens, true)
    }

    /// The text of tokens, special tokens shown.
    pub(crate) fn show(&self, tokens: &[u32]) -> Result<String, EngineError> {
        self.text_of(tokens, false)
    }

    fn text_of(&self, tokens: &[u32], skip_special: bool) -> Result<String, EngineError> {
        self.data
            .decode(tokens, skip_special)
            .map_err(|error| EngineError::Tokenizer {
                model: self.model.clone(),
                reason: error.to_string(),
            })
    }
}
