//! What a believable configuration is. Sizes from files are held against these limits before anything is allocated or
//! multiplied, so that a hostile file can neither overflow a product nor ask for all memory.

use std::path::Path;

use super::{ModelConfig, RopeScaling};
use crate::error::FormatError;

/// Widest hidden state and feed-forward part. The largest published dense models have 16,384 and 53,248.
pub(crate) const MOST_WIDTH: usize = 1 << 20;
/// Most layers. The deepest published models have 126.
pub(crate) const MOST_LAYERS: usize = 2048;
/// Most heads.
pub(crate) const MOST_HEADS: usize = 4096;
/// Widest head.
pub(crate) const MOST_HEAD_SIZE: usize = 1 << 14;
/// Largest vocabulary. Gemma 3 has 262,208.
pub(crate) const MOST_VOCABULARY: usize = 1 << 22;
/// Longest context, in tokens. The longest published one is 10 million.
pub(crate) const MOST_CONTEXT: usize = 1 << 24;
/// Most experts.
pub(crate) const MOST_EXPERTS: usize = 1024;
/// Most classes of a sequence classifier.
pub(crate) const MOST_CLASSES: usize = 1 << 16;

impl ModelConfig {
    /// Checks that the numbers fit together and lie within what a model can have; `path` is the file that gave them.
    ///
    /// # Errors
    /// [`FormatError::Malformed`], naming the first number that is wrong.
    pub fn check(&self, path: &Path) -> Result<(), FormatError> {
        match self.first_fault() {
            None => Ok(()),
            Some(what) => Err(FormatError::Malformed {
                path: path.to_owned(),
                what,
            }),
        }
    }

    fn first_fault(&self) -> Option<String> {
        let counts = [
            ("hidden size", self.hidden, MOST_WIDTH),
            ("number of layers", self.layers, MOST_LAYERS),
            ("number of heads", self.heads, MOST_HEADS),
            ("number of key and value heads", self.kv_heads, MOST_HEADS),
            ("head size", self.head_size, MOST_HEAD_SIZE),
            ("feed-forward size", self.intermediate, MOST_WIDTH),
            ("vocabulary size", self.vocabulary, MOST_VOCABULARY),
            ("context length", self.context_length, MOST_CONTEXT),
        ];
        for (name, value, most) in counts {
            if value == 0 || value > most {
                return Some(format!("{name} is {value}; it should be 1 to {most}"));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Some(format!(
                "{} heads can't share {} key and value heads evenly",
                self.heads, self.kv_heads
            ));
        }
        let numbers = [
            ("norm epsilon", self.norm_epsilon),
            ("embedding scale", self.embedding_scale),
            ("attention scale", self.attention_scale),
        ];
        for (name, value) in numbers {
            if !(value.is_finite() && value > 0.0) {
                return Some(format!("{name} is {value}; it should be a finite number above 0"));
            }
        }
        if self
            .sliding_window
            .is_some_and(|window| window == 0 || window > MOST_CONTEXT)
        {
            return Some(format!("the sliding window should be 1 to {MOST_CONTEXT} tokens"));
        }
        if !self.sliding_layers.is_empty() && self.sliding_layers.len() != self.layers {
            return Some(format!(
                "{} layer types for {} layers",
                self.sliding_layers.len(),
                self.layers
            ));
        }
        if self.sliding_window.is_none() && self.sliding_layers.contains(&true) {
            return Some("layers have a sliding window, but its width is not given".to_owned());
        }
        if let Some(experts) = self.experts
            && (experts.count == 0
                || experts.count > MOST_EXPERTS
                || experts.per_token == 0
                || experts.per_token > experts.count)
        {
            return Some(format!(
                "{} of {} experts per token (there can be up to {MOST_EXPERTS})",
                experts.per_token, experts.count
            ));
        }
        if self.token_types > MOST_VOCABULARY || self.classes.len() > MOST_CLASSES {
            return Some("too many token types or classes".to_owned());
        }
        self.rope_fault()
    }

    fn rope_fault(&self) -> Option<String> {
        let rope = self.rope.as_ref()?;
        if !self.head_size.is_multiple_of(2) {
            return Some(format!(
                "rotary embeddings need an even head size, not {}",
                self.head_size
            ));
        }
        let positive = |name: &str, value: f32| {
            (!(value.is_finite() && value > 0.0))
                .then(|| format!("{name} is {value}; it should be a finite number above 0"))
        };
        let fault = positive("rotary base", rope.theta)
            .or_else(|| rope.local_theta.and_then(|theta| positive("local rotary base", theta)));
        if fault.is_some() {
            return fault;
        }
        match &rope.scaling {
            RopeScaling::None => None,
            RopeScaling::Linear { factor } => positive("rotary scaling factor", *factor),
            RopeScaling::Llama3 {
                factor,
                low_frequency_factor,
                high_frequency_factor,
                original_context_length,
            } => positive("rotary scaling factor", *factor)
                .or_else(|| positive("low frequency factor", *low_frequency_factor))
                .or_else(|| positive("high frequency factor", *high_frequency_factor))
                .or_else(|| {
                    (high_frequency_factor <= low_frequency_factor).then(|| {
                        format!(
                            "the high frequency factor {high_frequency_factor} should be above the low one, \
                                 {low_frequency_factor}"
                        )
                    })
                })
                .or_else(|| {
                    (*original_context_length == 0 || *original_context_length > MOST_CONTEXT)
                        .then(|| format!("the original context length should be 1 to {MOST_CONTEXT}"))
                }),
            RopeScaling::Factors { factors } => {
                if factors.len() != self.head_size / 2 {
                    return Some(format!(
                        "{} rotary factors for a head size of {}",
                        factors.len(),
                        self.head_size
                    ));
                }
                factors.iter().find_map(|factor| positive("rotary factor", *factor))
            }
        }
    }
}
