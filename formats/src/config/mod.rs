//! What a model's architecture is, whatever file says it.

mod fields;
pub mod huggingface;
pub(crate) mod limits;
mod rope;
pub mod sentence;
mod tensors;

use serde::{Deserialize, Serialize};

/// Architectures that can be compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Llama 1, 2, 3 and what has its shape, such as `SmolLM2`.
    Llama,
    /// Mistral 7B.
    Mistral,
    /// Mixtral: Mistral with a mixture of experts.
    Mixtral,
    /// Qwen 2 and 2.5: Llama with biases on queries, keys and values.
    Qwen2,
    /// Qwen 3: norms on queries and keys.
    Qwen3,
    /// Gemma 3 (text).
    Gemma3,
    /// BERT and what has its shape, such as `MiniLM`.
    Bert,
}

impl Family {
    /// The word in `model.json`: `llama`, `mistral`, `mixtral`, `qwen2`, `qwen3`, `gemma3`, `bert`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Mixtral => "mixtral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma3 => "gemma3",
            Self::Bert => "bert",
        }
    }
}

/// How rotary frequencies are changed for contexts longer than those of the first training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// Positions are divided by the factor.
    Linear {
        /// The factor.
        factor: f32,
    },
    /// Llama 3.1: low frequencies are divided, high ones kept, those between interpolated.
    Llama3 {
        /// What low frequencies are divided by.
        factor: f32,
        /// `low_freq_factor`.
        low_frequency_factor: f32,
        /// `high_freq_factor`.
        high_frequency_factor: f32,
        /// `original_max_position_embeddings`, in tokens.
        original_context_length: usize,
    },
    /// A factor for each of the `head_size / 2` frequencies, as GGUF files carry them (`rope_freqs.weight`): the
    /// frequency is divided by it.
    Factors {
        /// The factors.
        factors: Vec<f32>,
    },
}

/// Rotary position embeddings (Su et al. 2021).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rope {
    /// Base of the frequencies.
    pub theta: f32,
    /// The base in layers with a sliding window, where it is another one (Gemma 3); those layers are never scaled.
    pub local_theta: Option<f32>,
    /// Scaling for long contexts.
    pub scaling: RopeScaling,
}

/// The non-linearity of the feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x · sigmoid(x).
    Silu,
    /// The tanh approximation of GELU.
    GeluTanh,
    /// Exact GELU.
    Gelu,
}

/// A mixture of experts in place of the feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experts {
    /// How many there are.
    pub count: usize,
    /// How many of them a token goes through.
    pub per_token: usize,
}

/// What a model's architecture is.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts that files state one by one, not a state"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Architecture.
    pub family: Family,
    /// Width of the hidden state.
    pub hidden: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_size: usize,
    /// Width of the feed-forward part.
    pub intermediate: usize,
    /// Rows of the embedding table.
    pub vocabulary: usize,
    /// Longest sequence in tokens.
    pub context_length: usize,
    /// Epsilon of the norms.
    pub norm_epsilon: f32,
    /// Rotary embeddings. None for models with learned positions (BERT).
    pub rope: Option<Rope>,
    /// Queries, keys and values have biases (Qwen 2; Llama with `attention_bias`).
    pub qkv_bias: bool,
    /// The attention's output projection has a bias too (Llama with `attention_bias`).
    pub output_bias: bool,
    /// The feed-forward projections have biases (Llama with `mlp_bias`).
    pub mlp_bias: bool,
    /// The head is the embedding table.
    pub tied_embeddings: bool,
    /// Width of the sliding window in tokens.
    pub sliding_window: Option<usize>,
    /// For each layer, whether it has the sliding window. Empty where none has.
    pub sliding_layers: Vec<bool>,
    /// Queries and keys are normed per head (Qwen 3, Gemma 3).
    pub qk_norm: bool,
    /// Non-linearity of the feed-forward part.
    pub activation: Activation,
    /// Experts, where the feed-forward part is a mixture.
    pub experts: Option<Experts>,
    /// What token embeddings are multiplied by (Gemma: the square root of the hidden size); 1 elsewhere.
    pub embedding_scale: f32,
    /// What scores of attention are multiplied by: `1/√head_size`, or `1/√query_pre_attn_scalar` for Gemma 3.
    pub attention_scale: f32,
    /// Norms multiply by 1 + weight instead of weight (Gemma). Weights are given as the checkpoint has them; GGUF files,
    /// which have the 1 added, are brought back to that form.
    pub norm_plus_one: bool,
    /// Token types (BERT), else 0.
    pub token_types: usize,
    /// Class names of a sequence classifier (`BertForSequenceClassification`), in the order of the logits.
    pub classes: Vec<String>,
    /// How a text's vector is made of token vectors, for encoders: `mean`, `cls` or `last`.
    pub pooling: Option<String>,
    /// Text vectors are scaled to length 1 (sentence-transformers' `Normalize` module).
    pub normalize: bool,
}

#[cfg(test)]
mod tests;
