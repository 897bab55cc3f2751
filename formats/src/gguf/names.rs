//! What tensors of a GGUF file are called in Hugging Face checkpoints.
//!
//! The names are those of the converter that belongs to the format (`gguf-py`, `tensor_mapping.py`).

use crate::config::{Family, ModelConfig};

/// How numbers in the file differ from the checkpoint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Not at all.
    None,
    /// The rows of each of so many heads go in pairs of the rotary embedding, instead of half by half.
    PairedHeads(usize),
    /// The number 1 was added.
    OneAdded,
}

/// What a tensor of the file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// One tensor of the checkpoint.
    One(String, Change),
    /// One weight of every expert of a layer, stacked: what comes before and after the expert's number.
    Experts(String, &'static str),
    /// Something the configuration or the computation has already.
    Known,
    /// Something that is not part of the architecture as it is known here.
    Unknown,
}

/// What the tensor `name` is for this architecture.
pub(super) fn meaning(name: &str, config: &ModelConfig) -> Meaning {
    if config.family == Family::Bert {
        return encoder(name).map_or(Meaning::Unknown, |name| Meaning::One(name, Change::None));
    }
    decoder(name, config)
}

fn decoder(name: &str, config: &ModelConfig) -> Meaning {
    let plain = |name: &str| Meaning::One(name.to_owned(), Change::None);
    match name {
        "token_embd.weight" => return plain("model.embed_tokens.weight"),
        "output.weight" => return plain("lm_head.weight"),
        "output_norm.weight" => return Meaning::One("model.norm.weight".to_owned(), norm_change(config)),
        "rope_freqs.weight" => return Meaning::Known,
        _ => {}
    }
    let Some((layer, part)) = layer_and_part(name, config.layers) else {
        return Meaning::Unknown;
    };
    let in_layer = |part: &str| format!("model.layers.{layer}.{part}");
    if let Some(norm) = norm_name(part, config) {
        return Meaning::One(in_layer(norm), norm_change(config));
    }
    let Some((part, what)) = part
        .rsplit_once('.')
        .filter(|(_, what)| matches!(*what, "weight" | "bias"))
    else {
        return Meaning::Unknown;
    };
    // Rotary frequencies, which old files carry for every layer.
    if matches!(part, "attn_rot_embd" | "rope_freqs") {
        return Meaning::Known;
    }
    let paired = matches!(config.family, Family::Llama | Family::Mistral | Family::Mixtral);
    let heads = |count| {
        if paired {
            Change::PairedHeads(count)
        } else {
            Change::None
        }
    };
    let linear = match part {
        "attn_q" => Some(("self_attn.q_proj", heads(config.heads))),
        "attn_k" => Some(("self_attn.k_proj", heads(config.kv_heads))),
        "attn_v" => Some(("self_attn.v_proj", Change::None)),
        "attn_output" => Some(("self_attn.o_proj", Change::None)),
        _ => None,
    };
    if let Some((linear, change)) = linear {
        return Meaning::One(in_layer(&format!("{linear}.{what}")), change);
    }
    if config.experts.is_some() {
        return mixture(part, what, &in_layer("block_sparse_moe"));
    }
    match part {
        "ffn_gate" => plain(&in_layer(&format!("mlp.gate_proj.{what}"))),
        "ffn_up" => plain(&in_layer(&format!("mlp.up_proj.{what}"))),
        "ffn_down" => plain(&in_layer(&format!("mlp.down_proj.{what}"))),
        _ => Meaning::Unknown,
    }
}

/// Experts: all of a layer in one tensor (`ffn_gate_exps`), or one by one (`ffn_gate.0`) in older files.
fn mixture(part: &str, what: &str, layer: &str) -> Meaning {
    if what != "weight" {
        return Meaning::Unknown;
    }
    let weight = |part: &str| match part {
        "ffn_gate" => Some("w1.weight"),
        "ffn_down" => Some("w2.weight"),
        "ffn_up" => Some("w3.weight"),
        _ => None,
    };
    if part == "ffn_gate_inp" {
        return Meaning::One(format!("{layer}.gate.weight"), Change::None);
    }
    if let Some(weight) = part.strip_suffix("_exps").and_then(weight) {
        return Meaning::Experts(format!("{layer}.experts."), weight);
    }
    let expert = part
        .split_once('.')
        .and_then(|(part, expert)| Some((weight(part)?, plain_number(expert)?)));
    match expert {
        Some((weight, expert)) => Meaning::One(format!("{layer}.experts.{expert}.{weight}"), Change::None),
        None => Meaning::Unknown,
    }
}

fn norm_change(config: &ModelConfig) -> Change {
    if config.norm_plus_one {
        Change::OneAdded
    } else {
        Change::None
    }
}

fn norm_name(part: &str, config: &ModelConfig) -> Option<&'static str> {
    let gemma = config.family == Family::Gemma3;
    Some(match part {
        "attn_norm.weight" => "input_layernorm.weight",
        "ffn_norm.weight" if gemma => "pre_feedforward_layernorm.weight",
        "ffn_norm.weight" => "post_attention_layernorm.weight",
        "post_attention_norm.weight" if gemma => "post_attention_layernorm.weight",
        "post_ffw_norm.weight" if gemma => "post_feedforward_layernorm.weight",
        "attn_q_norm.weight" if config.qk_norm => "self_attn.q_norm.weight",
        "attn_k_norm.weight" if config.qk_norm => "self_attn.k_norm.weight",
        _ => return None,
    })
}

/// BERT: the same names as in checkpoints without a head.
fn encoder(name: &str) -> Option<String> {
    let fixed = match name {
        "token_embd.weight" => Some("embeddings.word_embeddings.weight"),
        "position_embd.weight" => Some("embeddings.position_embeddings.weight"),
        "token_types.weight" => Some("embeddings.token_type_embeddings.weight"),
        "token_embd_norm.weight" => Some("embeddings.LayerNorm.weight"),
        "token_embd_norm.bias" => Some("embeddings.LayerNorm.bias"),
        _ => None,
    };
    if let Some(fixed) = fixed {
        return Some(fixed.to_owned());
    }
    let (layer, part) = layer_and_part(name, usize::MAX)?;
    let (part, what) = part
        .rsplit_once('.')
        .filter(|(_, what)| matches!(*what, "weight" | "bias"))?;
    let part = match part {
        "attn_q" => "attention.self.query",
        "attn_k" => "attention.self.key",
        "attn_v" => "attention.self.value",
        "attn_output" => "attention.output.dense",
        "attn_output_norm" => "attention.output.LayerNorm",
        "ffn_up" => "intermediate.dense",
        "ffn_down" => "output.dense",
        "layer_output_norm" => "output.LayerNorm",
        _ => return None,
    };
    Some(format!("encoder.layer.{layer}.{part}.{what}"))
}

/// `blk.3.attn_q.weight` is 3 and `attn_q.weight`.
fn layer_and_part(name: &str, layers: usize) -> Option<(usize, &str)> {
    let (layer, part) = name.strip_prefix("blk.")?.split_once('.')?;
    Some((plain_number(layer).filter(|layer| *layer < layers)?, part))
}

/// A number as it is usually written, so that no two texts are the same number.
fn plain_number(text: &str) -> Option<usize> {
    let number = text.parse::<usize>().ok()?;
    (number.to_string() == text).then_some(number)
}
