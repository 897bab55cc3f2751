//! `config.json` of Hugging Face checkpoints.
//!
//! The fields and their defaults are those of the `transformers` library's configuration classes, versions 4 and 5.

use std::path::Path;

use serde_json::Value;

use super::fields::Fields;
use super::limits::{MOST_CLASSES, MOST_CONTEXT, MOST_EXPERTS, MOST_HEAD_SIZE, MOST_HEADS, MOST_LAYERS};
use super::limits::{MOST_VOCABULARY, MOST_WIDTH};
use super::rope::{RopeDefaults, read_rope};
use super::{Activation, Experts, Family, ModelConfig};
use crate::error::FormatError;

/// Architectures that are read, for messages.
const KNOWN: &str = "LlamaForCausalLM, MistralForCausalLM, MixtralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, \
                     Gemma3ForCausalLM, Gemma3ForConditionalGeneration, BertModel and BertForSequenceClassification can be \
                     compiled";

/// What an architecture's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Architecture {
    family: Family,
    /// Logits of classes instead of a hidden state.
    classifier: bool,
}

/// Reads the text of a `config.json`; `path` is for messages.
///
/// `pooling` and `normalize` are those of an encoder without sentence-transformers' modules: mean, not normalized.
///
/// # Errors
/// [`FormatError::Malformed`] for what is missing or out of bounds, [`FormatError::Unsupported`] for architectures and
/// variants of them that are not known.
pub fn from_json(text: &[u8], path: &Path) -> Result<ModelConfig, FormatError> {
    let value: Value = serde_json::from_slice(text).map_err(|error| FormatError::Malformed {
        path: path.to_owned(),
        what: error.to_string(),
    })?;
    let root = Fields::root(path, &value)?;
    let architecture = architecture(&root)?;
    let config = if architecture.family == Family::Bert {
        encoder(&root, architecture.classifier)?
    } else {
        // Multimodal checkpoints have the text model's numbers in an object of their own.
        match root.object("text_config")? {
            Some(text) => decoder(&text, &root, architecture.family)?,
            None => decoder(&root, &root, architecture.family)?,
        }
    };
    config.check(path)?;
    Ok(config)
}

/// An error about a variant of a known architecture.
pub(super) fn unsupported(what: impl Into<String>, hint: impl Into<String>) -> FormatError {
    FormatError::Unsupported {
        what: what.into(),
        hint: hint.into(),
    }
}

fn architecture(root: &Fields) -> Result<Architecture, FormatError> {
    let known = |family, classifier| Ok(Architecture { family, classifier });
    let names = root.texts("architectures")?.unwrap_or_default();
    let kind = root.text("model_type")?;
    match names.first().copied() {
        Some("LlamaForCausalLM") => known(Family::Llama, false),
        Some("MistralForCausalLM") => known(Family::Mistral, false),
        Some("MixtralForCausalLM") => known(Family::Mixtral, false),
        Some("Qwen2ForCausalLM") => known(Family::Qwen2, false),
        Some("Qwen3ForCausalLM") => known(Family::Qwen3, false),
        Some("Gemma3ForCausalLM" | "Gemma3ForConditionalGeneration") => known(Family::Gemma3, false),
        // The masked-word head is left out: its encoder is what is used.
        Some("BertModel" | "BertForMaskedLM" | "BertForPreTraining") => known(Family::Bert, false),
        Some("BertForSequenceClassification") => known(Family::Bert, true),
        Some(other) => Err(unsupported(format!("the architecture {other}"), KNOWN)),
        None => match kind {
            Some("llama") => known(Family::Llama, false),
            Some("mistral") => known(Family::Mistral, false),
            Some("mixtral") => known(Family::Mixtral, false),
            Some("qwen2") => known(Family::Qwen2, false),
            Some("qwen3") => known(Family::Qwen3, false),
            Some("gemma3" | "gemma3_text") => known(Family::Gemma3, false),
            Some("bert") => known(Family::Bert, false),
            Some(other) => Err(unsupported(format!("the model type {other}"), KNOWN)),
            None => Err(root.wrong("architectures", "is missing, and so is `model_type`")),
        },
    }
}

/// What `transformers` takes where a decoder's configuration doesn't say.
struct Defaults {
    kv_heads: Option<usize>,
    head_size: Option<usize>,
    context_length: usize,
    norm_epsilon: f32,
    rope: RopeDefaults,
    activation: &'static str,
    tied_embeddings: bool,
}

impl Defaults {
    fn of(family: Family) -> Self {
        let plain = Self {
            kv_heads: None,
            head_size: None,
            context_length: 2048,
            norm_epsilon: 1e-6,
            rope: RopeDefaults {
                theta: 10_000.0,
                local_theta: None,
            },
            activation: "silu",
            tied_embeddings: false,
        };
        match family {
            Family::Llama | Family::Bert => plain,
            Family::Mistral => Self {
                kv_heads: Some(8),
                context_length: 131_072,
                ..plain
            },
            Family::Mixtral => Self {
                kv_heads: Some(8),
                context_length: 131_072,
                norm_epsilon: 1e-5,
                rope: RopeDefaults {
                    theta: 1e6,
                    local_theta: None,
                },
                ..plain
            },
            Family::Qwen2 => Self {
                context_length: 32_768,
                ..plain
            },
            Family::Qwen3 => Self {
                head_size: Some(128),
                context_length: 32_768,
                ..plain
            },
            Family::Gemma3 => Self {
                kv_heads: Some(4),
                head_size: Some(256),
                context_length: 131_072,
                rope: RopeDefaults {
                    theta: 1e6,
                    local_theta: Some(10_000.0),
                },
                activation: "gelu_pytorch_tanh",
                tied_embeddings: true,
                ..plain
            },
        }
    }
}

/// `root` is the file's own object, `fields` the text model's, which is the same one for text-only checkpoints.
fn decoder(fields: &Fields, root: &Fields, family: Family) -> Result<ModelConfig, FormatError> {
    let defaults = Defaults::of(family);
    refuse_variants(fields)?;
    refuse_variants(root)?;

    let hidden = fields.required_count("hidden_size", MOST_WIDTH)?;
    let layers = fields.required_count("num_hidden_layers", MOST_LAYERS)?;
    // Published Gemma 3 files leave out what is at its default.
    let heads = match fields.count("num_attention_heads", MOST_HEADS)? {
        Some(heads) => heads,
        None if family == Family::Gemma3 => 8,
        None => return Err(fields.wrong("num_attention_heads", "is missing")),
    };
    let vocabulary = match fields.count("vocab_size", MOST_VOCABULARY)? {
        Some(vocabulary) => vocabulary,
        None if family == Family::Gemma3 => 262_208,
        None => return Err(fields.wrong("vocab_size", "is missing")),
    };
    let kv_heads = match fields.count("num_key_value_heads", MOST_HEADS)? {
        Some(kv_heads) => kv_heads,
        None if fields.has("num_key_value_heads") => heads,
        None => defaults.kv_heads.unwrap_or(heads),
    };
    let head_size = match fields.count("head_dim", MOST_HEAD_SIZE)? {
        Some(head_size) => head_size,
        None => match defaults.head_size {
            Some(head_size) if !fields.has("head_dim") => head_size,
            _ if hidden.is_multiple_of(heads) => hidden / heads,
            _ => {
                return Err(fields.wrong(
                    "hidden_size",
                    &format!("is {hidden}, which {heads} heads can't share evenly"),
                ));
            }
        },
    };

    let (sliding_window, sliding_layers) = sliding(fields, family, layers)?;
    let experts = if family == Family::Mixtral {
        Some(Experts {
            count: fields.count("num_local_experts", MOST_EXPERTS)?.unwrap_or(8),
            per_token: fields.count("num_experts_per_tok", MOST_EXPERTS)?.unwrap_or(2),
        })
    } else {
        None
    };
    let attention_bias = fields.flag("attention_bias")?;
    let gemma = family == Family::Gemma3;
    let scalar = if gemma {
        fields.positive("query_pre_attn_scalar")?.unwrap_or(256.0)
    } else {
        head_size as f32
    };
    let activation = fields
        .text("hidden_activation")?
        .or(fields.text("hidden_act")?)
        .unwrap_or(defaults.activation);

    Ok(ModelConfig {
        family,
        hidden,
        layers,
        heads,
        kv_heads,
        head_size,
        intermediate: fields.required_count("intermediate_size", MOST_WIDTH)?,
        vocabulary,
        context_length: fields
            .count("max_position_embeddings", MOST_CONTEXT)?
            .unwrap_or(defaults.context_length),
        norm_epsilon: fields.positive("rms_norm_eps")?.unwrap_or(defaults.norm_epsilon),
        rope: Some(read_rope(fields, defaults.rope)?),
        qkv_bias: family == Family::Qwen2 || attention_bias,
        output_bias: family != Family::Qwen2 && attention_bias,
        mlp_bias: family == Family::Llama && fields.flag("mlp_bias")?,
        tied_embeddings: fields
            .optional_flag("tie_word_embeddings")?
            .or(root.optional_flag("tie_word_embeddings")?)
            .unwrap_or(defaults.tied_embeddings),
        sliding_window,
        sliding_layers,
        qk_norm: matches!(family, Family::Qwen3 | Family::Gemma3),
        activation: read_activation(activation)?,
        experts,
        embedding_scale: if gemma { (hidden as f32).sqrt() } else { 1.0 },
        attention_scale: scalar.sqrt().recip(),
        norm_plus_one: gemma,
        token_types: 0,
        classes: Vec::new(),
        pooling: None,
        normalize: false,
    })
}

/// Refuses settings that change the computation in ways that are not known.
fn refuse_variants(fields: &Fields) -> Result<(), FormatError> {
    if let Some(quantization) = fields.object("quantization_config")? {
        let method = quantization.text("quant_method")?.unwrap_or("an unnamed method");
        return Err(unsupported(
            format!("a checkpoint quantized with {method}"),
            "take the checkpoint in bfloat16 or float16, or a GGUF file of the same model",
        ));
    }
    for field in ["final_logit_softcapping", "attn_logit_softcapping"] {
        if fields.get(field).is_some() {
            return Err(unsupported(
                format!("`{field}`"),
                "Gemma 3, which does without it, can be compiled",
            ));
        }
    }
    if fields.flag("use_bidirectional_attention")? {
        return Err(unsupported("attention in both directions in a decoder", KNOWN));
    }
    if fields
        .get("partial_rotary_factor")
        .is_some_and(|factor| factor.as_f64() != Some(1.0))
    {
        return Err(unsupported("a partial rotary embedding", KNOWN));
    }
    Ok(())
}

/// The window's width, and which layers have it.
fn sliding(fields: &Fields, family: Family, layers: usize) -> Result<(Option<usize>, Vec<bool>), FormatError> {
    let default = match family {
        Family::Mistral | Family::Gemma3 if !fields.has("sliding_window") => Some(4096),
        _ => None,
    };
    let optional = matches!(family, Family::Qwen2 | Family::Qwen3);
    let window = match fields.count("sliding_window", MOST_CONTEXT)?.or(default) {
        Some(window) if !optional || fields.flag("use_sliding_window")? => Some(window),
        _ => None,
    };
    let types = fields.texts("layer_types")?;
    let pattern = match family {
        Family::Llama | Family::Bert => return Ok((None, Vec::new())),
        Family::Mistral | Family::Mixtral => vec![window.is_some(); layers],
        Family::Qwen2 | Family::Qwen3 => {
            let full = fields.get("max_window_layers").and_then(Value::as_u64).unwrap_or(28);
            (0..layers as u64)
                .map(|layer| window.is_some() && layer >= full)
                .collect()
        }
        Family::Gemma3 => {
            // Every sixth layer sees everything.
            let name = if fields.has("sliding_window_pattern") {
                "sliding_window_pattern"
            } else {
                "_sliding_window_pattern"
            };
            let period = fields.count(name, MOST_LAYERS)?.unwrap_or(6);
            (1..=layers).map(|layer| !layer.is_multiple_of(period)).collect()
        }
    };
    let pattern = match types {
        None => pattern,
        Some(types) => types
            .iter()
            .map(|kind| match *kind {
                "sliding_attention" => Ok(true),
                "full_attention" => Ok(false),
                other => Err(unsupported(
                    format!("the layer type {other}"),
                    "layers of full_attention and sliding_attention can be compiled",
                )),
            })
            .collect::<Result<Vec<_>, _>>()?,
    };
    if pattern.contains(&true) {
        Ok((window, pattern))
    } else {
        Ok((None, Vec::new()))
    }
}

pub(super) fn read_activation(name: &str) -> Result<Activation, FormatError> {
    match name {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu_pytorch_tanh" | "gelu_new" | "gelu_fast" => Ok(Activation::GeluTanh),
        "gelu" => Ok(Activation::Gelu),
        other => Err(unsupported(
            format!("the activation {other}"),
            "silu, gelu and gelu_pytorch_tanh can be compiled",
        )),
    }
}

fn encoder(fields: &Fields, classifier: bool) -> Result<ModelConfig, FormatError> {
    refuse_variants(fields)?;
    if fields.flag("is_decoder")? {
        return Err(unsupported("BERT as a decoder", "BERT encoders can be compiled"));
    }
    if let Some(kind) = fields.text("position_embedding_type")?
        && kind != "absolute"
    {
        return Err(unsupported(
            format!("positions of type {kind}"),
            "absolute positions can be compiled",
        ));
    }
    let hidden = fields.required_count("hidden_size", MOST_WIDTH)?;
    let heads = fields.required_count("num_attention_heads", MOST_HEADS)?;
    if !hidden.is_multiple_of(heads) {
        return Err(fields.wrong(
            "hidden_size",
            &format!("is {hidden}, which {heads} heads can't share evenly"),
        ));
    }
    let head_size = hidden / heads;
    let classes = if classifier { class_names(fields)? } else { Vec::new() };
    Ok(ModelConfig {
        family: Family::Bert,
        hidden,
        layers: fields.required_count("num_hidden_layers", MOST_LAYERS)?,
        heads,
        kv_heads: heads,
        head_size,
        intermediate: fields.required_count("intermediate_size", MOST_WIDTH)?,
        vocabulary: fields.required_count("vocab_size", MOST_VOCABULARY)?,
        context_length: fields.count("max_position_embeddings", MOST_CONTEXT)?.unwrap_or(512),
        norm_epsilon: fields.positive("layer_norm_eps")?.unwrap_or(1e-12),
        rope: None,
        qkv_bias: true,
        output_bias: true,
        mlp_bias: true,
        tied_embeddings: false,
        sliding_window: None,
        sliding_layers: Vec::new(),
        qk_norm: false,
        activation: read_activation(fields.text("hidden_act")?.unwrap_or("gelu"))?,
        experts: None,
        embedding_scale: 1.0,
        attention_scale: (head_size as f32).sqrt().recip(),
        norm_plus_one: false,
        token_types: fields.count("type_vocab_size", MOST_VOCABULARY)?.unwrap_or(2),
        classes,
        pooling: (!classifier).then(|| "mean".to_owned()),
        normalize: false,
    })
}

/// Names of the classes: `id2label`, an object with the numbers from 0 as keys. Without it there are two, as in
/// `transformers`.
fn class_names(fields: &Fields) -> Result<Vec<String>, FormatError> {
    let Some(names) = fields.get("id2label") else {
        let count = fields.count("num_labels", MOST_CLASSES)?.unwrap_or(2);
        return Ok((0..count).map(|class| format!("LABEL_{class}")).collect());
    };
    let wrong = |what: &str| fields.wrong("id2label", what);
    let names = names.as_object().ok_or_else(|| wrong("should be an object"))?;
    if names.is_empty() || names.len() > MOST_CLASSES {
        return Err(wrong(&format!(
            "has {} classes; there should be 1 to {MOST_CLASSES}",
            names.len()
        )));
    }
    (0..names.len())
        .map(|class| {
            let name = names.get(&class.to_string()).and_then(Value::as_str);
            name.map(str::to_owned)
                .ok_or_else(|| wrong(&format!("has no name for class {class}")))
        })
        .collect()
}
