//! The architecture, from a GGUF file's metadata.
//!
//! Keys and defaults are those of the format's specification and of llama.cpp (`llama-model.cpp`).

use super::file::Gguf;
use crate::config::limits::{MOST_CONTEXT, MOST_EXPERTS, MOST_HEAD_SIZE, MOST_HEADS, MOST_LAYERS, MOST_WIDTH};
use crate::config::{Activation, Experts, Family, ModelConfig, Rope, RopeScaling};
use crate::error::FormatError;

/// Gemma 3's base of the rotary embedding in layers with a sliding window.
const GEMMA_LOCAL_THETA: f32 = 10_000.0;
/// In Gemma 3 one layer in so many sees everything.
const GEMMA_PERIOD: usize = 6;
/// The only Gemma 3 whose scores are scaled by the width of a head's share of the hidden state (27B) has so many layers.
const GEMMA_27B_LAYERS: usize = 62;

/// Reads the architecture.
///
/// # Errors
/// [`FormatError::Malformed`] for keys that are missing or contradict each other, [`FormatError::Unsupported`] for
/// architectures and variants of them that are not known.
pub fn config(gguf: &Gguf) -> Result<ModelConfig, FormatError> {
    let architecture = gguf
        .text("general.architecture")?
        .ok_or_else(|| gguf.malformed("general.architecture is missing"))?;
    let keys = Keys { gguf, architecture };
    let experts = experts(&keys)?;
    let family = match architecture {
        "llama" if experts.is_some() => Family::Mixtral,
        "llama" => Family::Llama,
        "qwen2" => Family::Qwen2,
        "qwen3" => Family::Qwen3,
        "gemma3" => Family::Gemma3,
        "bert" => Family::Bert,
        other => {
            return Err(FormatError::Unsupported {
                what: format!("the GGUF architecture {other}"),
                hint: "llama (with Mistral and Mixtral), qwen2, qwen3, gemma3 and bert can be compiled".to_owned(),
            });
        }
    };
    if experts.is_some() && family != Family::Mixtral {
        return Err(keys.wrong("expert_count", "is above 0, but this architecture has no experts"));
    }
    let config = match family {
        Family::Bert => encoder(&keys)?,
        _ => decoder(&keys, family, experts)?,
    };
    config.check(gguf.path())?;
    Ok(config)
}

/// The metadata under the architecture's name.
struct Keys<'a> {
    gguf: &'a Gguf,
    architecture: &'a str,
}

impl Keys<'_> {
    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn wrong(&self, key: &str, what: &str) -> FormatError {
        self.gguf.malformed(format!("{} {what}", self.key(key)))
    }

    /// A count from 1 to `most`; an array that says the same for every layer is one, too.
    fn count(&self, key: &str, most: usize) -> Result<Option<usize>, FormatError> {
        let name = self.key(key);
        let value = if self.gguf.get(&name).and_then(super::Value::as_array).is_some() {
            let values = self.gguf.integers(&name)?.unwrap_or_default();
            match values.as_slice() {
                [first, rest @ ..] if rest.iter().all(|value| value == first) => {
                    Some(u64::try_from(*first).map_err(|_| self.wrong(key, "is negative"))?)
                }
                _ => {
                    return Err(FormatError::Unsupported {
                        what: format!("{name} that differs between layers"),
                        hint: "models whose layers have one shape can be compiled".to_owned(),
                    });
                }
            }
        } else {
            self.gguf.count(&name)?
        };
        let Some(value) = value else {
            return Ok(None);
        };
        match usize::try_from(value) {
            Ok(value) if value > 0 && value <= most => Ok(Some(value)),
            _ => Err(self.wrong(key, &format!("is {value}; it should be 1 to {most}"))),
        }
    }

    fn required_count(&self, key: &str, most: usize) -> Result<usize, FormatError> {
        self.count(key, most)?.ok_or_else(|| self.wrong(key, "is missing"))
    }

    fn number(&self, key: &str) -> Result<Option<f32>, FormatError> {
        self.gguf.number(&self.key(key))
    }

    fn unsupported(&self, key: &str, what: &str) -> FormatError {
        FormatError::Unsupported {
            what: format!("{} {what}", self.key(key)),
            hint: "take another conversion or another size of the model".to_owned(),
        }
    }

    /// Rows of a matrix of the file.
    fn rows(&self, tensor: &str) -> Result<usize, FormatError> {
        match self.gguf.tensor(tensor).map(|tensor| tensor.shape.as_slice()) {
            Some([rows, _]) => Ok(*rows),
            Some(_) => Err(self.gguf.malformed(format!("the tensor {tensor} should be a matrix"))),
            None => Err(self.gguf.malformed(format!("the tensor {tensor} is missing"))),
        }
    }

    fn has(&self, tensor: &str) -> bool {
        self.gguf.tensor(tensor).is_some()
    }
}

fn experts(keys: &Keys) -> Result<Option<Experts>, FormatError> {
    // Files of models without experts may say 0.
    if keys.gguf.count(&keys.key("expert_count"))?.unwrap_or(0) == 0 {
        return Ok(None);
    }
    Ok(Some(Experts {
        count: keys.required_count("expert_count", MOST_EXPERTS)?,
        per_token: keys.required_count("expert_used_count", MOST_EXPERTS)?,
    }))
}

fn decoder(keys: &Keys, family: Family, experts: Option<Experts>) -> Result<ModelConfig, FormatError> {
    let gemma = family == Family::Gemma3;
    let hidden = keys.required_count("embedding_length", MOST_WIDTH)?;
    let layers = keys.required_count("block_count", MOST_LAYERS)?;
    let heads = keys.required_count("attention.head_count", MOST_HEADS)?;
    let kv_heads = keys.count("attention.head_count_kv", MOST_HEADS)?.unwrap_or(heads);
    let head_size = match keys.count("attention.key_length", MOST_HEAD_SIZE)? {
        Some(head_size) => head_size,
        None if hidden.is_multiple_of(heads) => hidden / heads,
        None => {
            return Err(keys.wrong(
                "embedding_length",
                &format!("is {hidden}, which {heads} heads can't share evenly"),
            ));
        }
    };
    if keys
        .count("attention.value_length", MOST_HEAD_SIZE)?
        .is_some_and(|size| size != head_size)
    {
        return Err(keys.unsupported("attention.value_length", "that differs from the length of keys"));
    }
    if keys
        .count("rope.dimension_count", MOST_HEAD_SIZE)?
        .is_some_and(|size| size != head_size)
    {
        return Err(keys.unsupported("rope.dimension_count", "that differs from the size of a head"));
    }
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
        if keys.number(key)?.is_some_and(|cap| cap != 0.0) {
            return Err(keys.unsupported(key, "above 0"));
        }
    }

    let (sliding_window, sliding_layers) = sliding(keys, family, layers)?;
    let attention_scale = match keys.number("attention.scale")? {
        Some(scale) if scale != 0.0 => scale,
        _ if gemma && layers == GEMMA_27B_LAYERS => ((hidden / heads) as f32).sqrt().recip(),
        _ => (head_size as f32).sqrt().recip(),
    };
    Ok(ModelConfig {
        family,
        hidden,
        layers,
        heads,
        kv_heads,
        head_size,
        intermediate: keys.required_count("feed_forward_length", MOST_WIDTH)?,
        vocabulary: keys.rows("token_embd.weight")?,
        context_length: keys.required_count("context_length", MOST_CONTEXT)?,
        norm_epsilon: keys
            .number("attention.layer_norm_rms_epsilon")?
            .ok_or_else(|| keys.wrong("attention.layer_norm_rms_epsilon", "is missing"))?,
        rope: Some(rope(keys, family)?),
        qkv_bias: keys.has("blk.0.attn_q.bias"),
        output_bias: keys.has("blk.0.attn_output.bias"),
        mlp_bias: keys.has("blk.0.ffn_gate.bias"),
        tied_embeddings: !keys.has("output.weight"),
        sliding_window,
        sliding_layers,
        qk_norm: matches!(family, Family::Qwen3 | Family::Gemma3),
        activation: if gemma { Activation::GeluTanh } else { Activation::Silu },
        experts,
        embedding_scale: if gemma { (hidden as f32).sqrt() } else { 1.0 },
        attention_scale,
        norm_plus_one: gemma,
        token_types: 0,
        classes: Vec::new(),
        pooling: None,
        normalize: false,
    })
}

/// The window's width, and which layers have it. Files of architecture `llama` don't say that Mistral has one, and no
/// window is what llama.cpp computes.
fn sliding(keys: &Keys, family: Family, layers: usize) -> Result<(Option<usize>, Vec<bool>), FormatError> {
    if family != Family::Gemma3 {
        return Ok((None, Vec::new()));
    }
    let Some(window) = keys.count("attention.sliding_window", MOST_CONTEXT)? else {
        return Ok((None, Vec::new()));
    };
    let name = keys.key("attention.sliding_window_pattern");
    let pattern = if let Some(super::Value::Array(_)) = keys.gguf.get(&name) {
        let pattern = keys.gguf.integers(&name)?.unwrap_or_default();
        pattern.iter().map(|sliding| *sliding != 0).collect()
    } else {
        let period = keys
            .count("attention.sliding_window_pattern", MOST_LAYERS)?
            .unwrap_or(GEMMA_PERIOD);
        (1..=layers).map(|layer| !layer.is_multiple_of(period)).collect()
    };
    Ok((Some(window), pattern))
}

fn rope(keys: &Keys, family: Family) -> Result<Rope, FormatError> {
    let gemma = family == Family::Gemma3;
    let theta = keys.number("rope.freq_base")?;
    let local_theta = match keys.number("rope.freq_base_swa")? {
        Some(theta) => Some(theta),
        None => gemma.then_some(GEMMA_LOCAL_THETA),
    };
    Ok(Rope {
        theta: theta.unwrap_or(if gemma { 1e6 } else { 10_000.0 }),
        local_theta: local_theta.filter(|_| gemma),
        scaling: scaling(keys)?,
    })
}

fn scaling(keys: &Keys) -> Result<RopeScaling, FormatError> {
    let kind = keys.gguf.text(&keys.key("rope.scaling.type"))?;
    // Old files have the factor alone.
    let factor = match keys.number("rope.scaling.factor")? {
        Some(factor) => Some(factor),
        None => keys.number("rope.scale_linear")?,
    };
    let factor = factor.filter(|factor| *factor != 0.0 && (*factor - 1.0).abs() > f32::EPSILON);
    let scaling = match (kind, factor) {
        (None | Some("linear"), Some(factor)) => RopeScaling::Linear { factor },
        (None | Some("linear" | "none"), _) => RopeScaling::None,
        (Some(other), _) => return Err(keys.unsupported("rope.scaling.type", &format!("of type {other}"))),
    };
    if keys.has("rope_factors_long.weight") || keys.has("rope_factors_short.weight") {
        return Err(keys.unsupported("rope.scaling", "with factors for short and long texts"));
    }
    let Some(tensor) = keys.gguf.tensor("rope_freqs.weight") else {
        return Ok(scaling);
    };
    if scaling != RopeScaling::None {
        return Err(keys.unsupported("rope.scaling.factor", "beside a factor for each frequency"));
    }
    if tensor.values() > MOST_HEAD_SIZE {
        return Err(keys.gguf.malformed("the tensor rope_freqs.weight is too long"));
    }
    let mut factors = vec![0.0; tensor.values()];
    keys.gguf.read_values(tensor, 0, &mut factors)?;
    if factors.iter().all(|factor| (*factor - 1.0).abs() <= f32::EPSILON) {
        return Ok(RopeScaling::None);
    }
    Ok(RopeScaling::Factors { factors })
}

fn encoder(keys: &Keys) -> Result<ModelConfig, FormatError> {
    let hidden = keys.required_count("embedding_length", MOST_WIDTH)?;
    let heads = keys.required_count("attention.head_count", MOST_HEADS)?;
    if !hidden.is_multiple_of(heads) {
        return Err(keys.wrong(
            "embedding_length",
            &format!("is {hidden}, which {heads} heads can't share evenly"),
        ));
    }
    let head_size = hidden / heads;
    // The numbers of `LLAMA_POOLING_TYPE`.
    let pooling = match keys.gguf.count(&keys.key("pooling_type"))? {
        None | Some(1) => "mean",
        Some(2) => "cls",
        Some(3) => "last",
        Some(_) => return Err(keys.unsupported("pooling_type", "other than mean, cls and last")),
    };
    Ok(ModelConfig {
        family: Family::Bert,
        hidden,
        layers: keys.required_count("block_count", MOST_LAYERS)?,
        heads,
        kv_heads: heads,
        head_size,
        intermediate: keys.required_count("feed_forward_length", MOST_WIDTH)?,
        vocabulary: keys.rows("token_embd.weight")?,
        context_length: keys.rows("position_embd.weight")?,
        norm_epsilon: keys.number("attention.layer_norm_epsilon")?.unwrap_or(1e-12),
        rope: None,
        qkv_bias: true,
        output_bias: true,
        mlp_bias: true,
        tied_embeddings: false,
        sliding_window: None,
        sliding_layers: Vec::new(),
        qk_norm: false,
        activation: Activation::Gelu,
        experts: None,
        embedding_scale: 1.0,
        attention_scale: (head_size as f32).sqrt().recip(),
        norm_plus_one: false,
        token_types: if keys.has("token_types.weight") {
            keys.rows("token_types.weight")?
        } else {
            0
        },
        classes: Vec::new(),
        pooling: Some(pooling.to_owned()),
        // llama.cpp scales text vectors to length 1, as sentence-transformers' models in this format are meant to be.
        normalize: true,
    })
}
