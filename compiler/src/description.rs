//! What a compiled model folder says of itself: `model.json`, written by the compiler, read by the engine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Name of the file, inside a model's folder, that holds a [`ModelDescription`].
pub const DESCRIPTION_FILE: &str = "model.json";

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A causal language model: next-token logits.
    Decoder,
    /// A bidirectional encoder: one vector a text.
    Encoder,
    /// A sequence classifier: one logit a class.
    Classifier,
    /// What was trained on labelled rows: the probability of each label, out of an embedding or of features of a pair.
    Head,
}

impl Role {
    /// What a model is for, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decoder => "decoder",
            Self::Encoder => "encoder",
            Self::Classifier => "classifier",
            Self::Head => "head",
        }
    }
}

/// How the weights of the linear layers are stored and multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightFormat {
    /// 4-bit blocks (`MatMulNBits`).
    Int4,
    /// 8 bits, one scale an output channel; activations are quantized to 8 bits, one scale a token.
    Int8,
    /// Half precision storage.
    F16,
    /// Single precision.
    F32,
}

/// How token vectors become one text vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Mean over the tokens that the attention mask keeps.
    Mean,
    /// The first token's vector.
    Cls,
    /// The last token's vector.
    Last,
}

/// Names and meaning of a graph's inputs and outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum GraphInterface {
    /// A decoder compiled by us, with a shared prefix apart from each row's own past.
    ///
    /// Inputs: `input_ids` i64 `[B, L]`; `position_ids` i64 `[B, L]`; `attention_bias` f32 `[1, B, L, T]` over the
    /// `T` places of a row's own tokens; for each layer `prefix_key.N` and `prefix_value.N` f32 `[kv_heads, 1, P, head_size]`
    /// and `past_key.N`, `past_value.N` f32 `[kv_heads, B, T, head_size]`; `key_places` i64 `[kv_heads, B, L, 3]`, head, row
    /// and place where each new token's key and value go; `logit_positions` i64 `[G]`, indexes into the
    /// flattened `B * L` tokens. Families with a sliding window also take `sliding_bias` f32 `[1, B, L, P + T]`.
    /// Outputs: `logits` f32 `[G, vocabulary]`; for each layer `present_key.N`, `present_value.N`
    /// f32 `[kv_heads, B, T, head_size]`: the past with the new tokens in their places.
    PrefixDecoder,
    /// A decoder as exporters write it: `input_ids`, `attention_mask`, maybe `position_ids`,
    /// `past_key_values.N.key|value`, `logits`, `present.N.key|value`.
    ExportedDecoder {
        /// The graph takes `position_ids`.
        position_ids: bool,
        /// Element type of the past and present tensors: `f32` or `f16`.
        cache_type: String,
    },
    /// An encoder: `input_ids`, `attention_mask`, maybe `token_type_ids`, to `last_hidden_state` f32 `[B, L, hidden]`
    /// or, where `pooled`, to `embedding` f32 `[B, hidden]`.
    Encoder {
        /// The graph takes `token_type_ids`.
        token_type_ids: bool,
        /// Name of the output that is read.
        output: String,
        /// The output is already one vector a text.
        pooled: bool,
        /// How the caller pools where the graph does not.
        pooling: Pooling,
        /// The vectors are to be scaled to length 1.
        normalize: bool,
    },
    /// A sequence classifier: `input_ids`, `attention_mask`, maybe `token_type_ids`, to `logits` f32 `[B, classes]`.
    Classifier {
        /// The graph takes `token_type_ids`.
        token_type_ids: bool,
        /// Class names, in the order of the logits.
        labels: Vec<String>,
    },
    /// A trained head: `embedding` f32 `[B, hidden]`, maybe `terms` f32 `[B, terms]`, or `features` f32 `[B, columns]` of
    /// pairs, to `logits` and `probabilities` f32 `[B, labels]`. The graph's metadata says what its labels are.
    Head,
}

/// The [`ModelDescription::schema_version`] that this version of Refuel writes and runs.
///
/// 1: keys and values by row, then by head. 2: by head, then by row. 3: in places that the caller chooses.
pub const SCHEMA_VERSION: u32 = 3;

impl ModelDescription {
    /// Bytes of one token's keys and values, in single precision.
    pub fn cache_bytes_a_token(&self) -> usize {
        2 * self.layers * self.kv_heads * self.head_size * size_of::<f32>()
    }
}

/// What the engine must know of a model to run it. Serialized as `model.json` beside `model.onnx`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelDescription {
    /// Version of this structure and of [`GraphInterface`]'s meaning: [`SCHEMA_VERSION`] where this version of Refuel
    /// made it.
    pub schema_version: u32,
    /// What the model is for.
    pub role: Role,
    /// Architecture, such as `llama`, `qwen2`, `gemma3`, `bert`, or `onnx` where it is not known.
    pub family: String,
    /// Weight format of the linear layers.
    pub weights: WeightFormat,
    /// Longest sequence in tokens.
    pub context_length: usize,
    /// Vocabulary size: the last dimension of the logits.
    pub vocabulary: usize,
    /// Width of the hidden state.
    pub hidden: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of key and value heads, where the model keeps a cache.
    pub kv_heads: usize,
    /// Number of query heads, where the model has attention that we know of; it bounds the memory of a run.
    #[serde(default)]
    pub heads: usize,
    /// Width of one attention head.
    pub head_size: usize,
    /// Width of the sliding window in tokens, where some layers have one.
    pub sliding_window: Option<usize>,
    /// The token put before every text, where there is one.
    pub bos_token: Option<u32>,
    /// Tokens that end a reply.
    pub eos_tokens: Vec<u32>,
    /// Whether the tokenizer itself puts the `bos_token` there when it adds special tokens.
    pub add_bos: bool,
    /// Graph inputs and outputs.
    pub interface: GraphInterface,
    /// Number of parameters.
    pub parameters: u64,
    /// Anything else worth showing, such as the source's own name for its quantization.
    #[serde(default)]
    pub notes: BTreeMap<String, String>,
}
