//! Sessions: a loaded model that scores, generates or embeds. The trait knows no ONNX type, so that a model which runs
//! elsewhere (an inference server) can stand behind it.

pub mod onnx;

use refuel_compiler::ModelDescription;
use serde::Serialize;

use crate::batching::CandidateTrie;
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::guide::Guide;

/// Where a session runs, and why there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// `cpu` or `cuda`.
    pub provider: String,
    /// Why this one, in words.
    pub reason: String,
    /// Threads that one operator may use.
    pub threads: usize,
    /// The arenas that keep freed memory, as ONNX Runtime names them; none where memory is given back at once.
    #[serde(skip)]
    pub arenas: Option<String>,
}

impl Placement {
    /// Whether the model runs on a device with a memory of its own.
    pub fn is_device(&self) -> bool {
        self.provider != "cpu"
    }
}

/// Bounds on what a session may hold while it runs, its weights apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Padded tokens of one run. `None` takes what is fast where the model runs: [`PROCESSOR_TOKENS`] or [`DEVICE_TOKENS`].
    pub padded_tokens: Option<usize>,
    /// Bytes of keys and values of rows (the shared prefix has its own). `None` takes what one row of the model's whole
    /// context needs, up to a quarter of the machine's memory, and [`LEAST_CACHE_BYTES`] at least.
    pub cache_bytes: Option<usize>,
    /// Bytes of attention scores and logits of one run.
    pub activation_bytes: usize,
}

/// Keys and values that a budget has room for where nobody says how many: enough for a full batch of any model.
pub const LEAST_CACHE_BYTES: usize = 256 << 20;

/// Padded tokens of one run on a processor. Larger packs fall out of its second-level cache, smaller ones pay the fixed cost of a
/// run more often.
pub const PROCESSOR_TOKENS: usize = 384;

/// The same on a GPU, which only many tokens keep busy.
pub const DEVICE_TOKENS: usize = 8192;

impl Budget {
    /// The same with a number of tokens for where a model runs.
    #[must_use]
    pub fn placed(self, placement: &Placement) -> Self {
        let tokens = if placement.is_device() {
            DEVICE_TOKENS
        } else {
            PROCESSOR_TOKENS
        };
        Self {
            padded_tokens: self.padded_tokens.or(Some(tokens)),
            ..self
        }
    }

    /// The same with a number of bytes for keys and values, of which a token of the model takes `bytes_a_token`. While a
    /// run is under way both what was there and what it makes are alive.
    #[must_use]
    pub fn settled(self, context_length: usize, bytes_a_token: usize) -> Self {
        let whole_context = context_length.saturating_mul(2 * bytes_a_token);
        let quarter = crate::machine::memory()
            .0
            .map_or(usize::MAX, |bytes| (bytes / 4) as usize);
        Self {
            cache_bytes: Some(
                self.cache_bytes
                    .unwrap_or(whole_context.min(quarter).max(LEAST_CACHE_BYTES)),
            ),
            ..self
        }
    }

    /// Padded tokens of one run.
    pub fn padded_tokens(&self) -> usize {
        self.padded_tokens.unwrap_or(PROCESSOR_TOKENS)
    }

    /// Bytes of keys and values.
    pub fn cache_bytes(&self) -> usize {
        self.cache_bytes.unwrap_or(LEAST_CACHE_BYTES)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            padded_tokens: None,
            cache_bytes: None,
            activation_bytes: 96 << 20,
        }
    }
}

/// How text is generated. Decoding is greedy: the most likely token at each step.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateOptions {
    /// The most tokens to generate for a row.
    pub max_tokens: usize,
    /// Tokens that end a row's text, besides the model's own.
    pub stop_tokens: Vec<u32>,
    /// The most tokens that are guessed ahead for a row and verified in one run; 0 guesses none. They are copied from the
    /// row, where what was written last stands there too (prompt lookup: Saxena 2023, "Prompt Lookup Decoding"). The text
    /// is the same, and on a processor its probabilities are too, to the last bit.
    pub drafts: usize,
    /// What decides, at the first token of a text with a guide, whether it says that there is nothing to say.
    pub opening: Option<Opening>,
}

/// The first token of what stands for nothing, such as `unanswerable`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opening {
    /// The token.
    pub token: u32,
    /// It is taken where its probability among the tokens that are allowed is this or more, and not taken else.
    pub threshold: f32,
    /// What is told of what the model holds in mind before the first token.
    pub states: Option<States>,
}

/// Which of a row's states are told: the values that attention reads of one of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct States {
    /// The first layer.
    pub first: usize,
    /// The layer behind the last.
    pub end: usize,
    /// How many tokens of the row follow the token.
    pub behind: usize,
}

/// Generated tokens and the log probability of each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Generated {
    /// The tokens, the one that ended the text left out.
    pub tokens: Vec<u32>,
    /// Natural logarithm of the probability of each token, that of the ending token included where there is one. 0 for one
    /// that a guide left no choice about.
    pub log_probabilities: Vec<f32>,
    /// The same, normalized over what the guide allowed. Without a guide it is the same number.
    pub allowed_log_probabilities: Vec<f32>,
    /// Whether the text is whole, rather than cut at the limit.
    pub finished: bool,
    /// Probability of [`GenerateOptions::opening`] among the tokens that were allowed at the first one.
    pub opening: Option<f32>,
    /// What [`Opening::states`] asks for, layer by layer, `kv_heads * head_size` numbers each. Empty where a session does not
    /// tell them.
    pub states: Vec<f32>,
    /// Tokens that end a text with a guide that was cut, where it can be ended.
    pub ending: Option<Vec<u32>>,
    /// Why the text can't be written: what went wrong with its guide.
    pub problem: Option<String>,
    /// Tokens of the text that had been guessed.
    pub drafted: u32,
}

/// Called with the number of rows that a run finished.
pub type OnRows<'a> = &'a mut dyn FnMut(usize);

/// A loaded model.
///
/// Rows are sequences of tokens that stand behind a shared `prefix`, which is run once and kept. What a row gives does
/// not depend on the rows beside it or on their order.
pub trait Session: Send {
    /// What the model is.
    fn description(&self) -> &ModelDescription;

    /// Where it runs.
    fn placement(&self) -> &Placement;

    /// The most tokens that a row may have behind a prefix of `prefix` tokens with `extra` more tokens after it, under
    /// the context length and the budget.
    fn row_limit(&self, prefix: usize, extra: usize) -> usize;

    /// For each row, the natural logarithm of the probability of each trie node given what comes before it.
    ///
    /// Returns one vector a row with one value a node; nodes that are not scored have 0. Rows must not be empty.
    fn score(
        &mut self,
        prefix: &[u32],
        rows: &[Vec<u32>],
        trie: &CandidateTrie,
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError>;

    /// Continues each row greedily, under its guide where there are guides: one a row, or none.
    fn generate(
        &mut self,
        prefix: &[u32],
        rows: &[Vec<u32>],
        guides: Vec<Box<dyn Guide>>,
        options: &GenerateOptions,
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Generated>, EngineError>;

    /// One vector of `hidden` numbers a row.
    fn embed(&mut self, rows: &[Vec<u32>], cancel: &Cancel, on_rows: OnRows<'_>) -> Result<Vec<Vec<f32>>, EngineError>;

    /// The states that an encoder has for a row's tokens after its last layer: `[tokens, hidden]`, row by row.
    fn states(&mut self, rows: &[Vec<u32>], cancel: &Cancel, on_rows: OnRows<'_>)
    -> Result<Vec<Vec<f32>>, EngineError>;

    /// One logit a class and row.
    fn classify(
        &mut self,
        rows: &[Vec<u32>],
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Vec<f32>>, EngineError>;
}
