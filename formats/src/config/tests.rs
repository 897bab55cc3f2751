//! What published configurations mean, and which ones are refused.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::error::FormatError;

fn read(value: &Value) -> Result<ModelConfig, FormatError> {
    huggingface::from_json(value.to_string().as_bytes(), Path::new("config.json"))
}

/// `value` with the fields of `changes` put in; a null takes a field out.
fn with(mut value: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        panic!("changes are an object")
    };
    for (field, change) in changes {
        if change.is_null() {
            value.as_object_mut().unwrap().shift_remove(&field);
        } else {
            value[field] = change;
        }
    }
    value
}

/// Llama-3-Refueled: Llama 3 8B, trained further in bfloat16.
fn llama_3_refueled() -> Value {
    serde_json::from_str(include_str!(
        "../../../tests/fixtures/configurations/llama-3-refueled.json"
    ))
    .unwrap()
}

/// Mixtral 8x7B, on which RefuelLLM-2 is built.
fn mixtral_8x7b() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/configurations/mixtral-8x7b.json")).unwrap()
}

fn gemma_3_4b() -> Value {
    json!({
        "architectures": ["Gemma3ForConditionalGeneration"], "eos_token_id": [1, 106], "model_type": "gemma3",
        "text_config": {
            "hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024
        },
        "vision_config": {"hidden_size": 1152}
    })
}

fn qwen2() -> Value {
    json!({
        "architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 1536, "intermediate_size": 8960,
        "max_position_embeddings": 32768, "max_window_layers": 21, "model_type": "qwen2", "num_attention_heads": 12,
        "num_hidden_layers": 28, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1_000_000.0,
        "sliding_window": 32768, "tie_word_embeddings": true, "use_sliding_window": false, "vocab_size": 151_936
    })
}

fn bert() -> Value {
    json!({
        "architectures": ["BertModel"], "hidden_act": "gelu", "hidden_size": 384, "intermediate_size": 1536,
        "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "model_type": "bert", "num_attention_heads": 12,
        "num_hidden_layers": 6, "position_embedding_type": "absolute", "type_vocab_size": 2, "vocab_size": 30522
    })
}

fn bytes(config: &ModelConfig) -> u64 {
    config
        .tensors()
        .iter()
        .map(|(_, shape)| shape.iter().map(|size| *size as u64).product::<u64>())
        .sum()
}

#[test]
fn llama_3_refueled_is_read_exactly() {
    let config = read(&llama_3_refueled()).unwrap();
    let expected = ModelConfig {
        family: Family::Llama,
        hidden: 4096,
        layers: 32,
        heads: 32,
        kv_heads: 8,
        head_size: 128,
        intermediate: 14336,
        vocabulary: 128_256,
        context_length: 8192,
        norm_epsilon: 1e-5,
        rope: Some(Rope {
            theta: 500_000.0,
            local_theta: None,
            scaling: RopeScaling::None,
        }),
        qkv_bias: false,
        output_bias: false,
        mlp_bias: false,
        tied_embeddings: false,
        sliding_window: None,
        sliding_layers: Vec::new(),
        qk_norm: false,
        activation: Activation::Silu,
        experts: None,
        embedding_scale: 1.0,
        attention_scale: 1.0 / 128_f32.sqrt(),
        norm_plus_one: false,
        token_types: 0,
        classes: Vec::new(),
        pooling: None,
        normalize: false,
    };
    assert_eq!(config, expected);
    // The published count of parameters.
    assert_eq!(bytes(&config), 8_030_261_248);
    assert_eq!(config.tensors().len(), 291);
}

#[test]
fn mixtral_8x7b_is_read_exactly() {
    let config = read(&mixtral_8x7b()).unwrap();
    assert_eq!(config.family, Family::Mixtral);
    assert_eq!(config.experts, Some(Experts { count: 8, per_token: 2 }));
    assert_eq!(
        (config.hidden, config.layers, config.heads, config.kv_heads),
        (4096, 32, 32, 8)
    );
    assert_eq!(
        (config.head_size, config.intermediate, config.vocabulary),
        (128, 14336, 32000)
    );
    assert_eq!(config.context_length, 32768);
    assert_eq!(
        config.rope,
        Some(Rope {
            theta: 1e6,
            local_theta: None,
            scaling: RopeScaling::None
        })
    );
    assert_eq!((config.sliding_window, config.sliding_layers.len()), (None, 0));
    assert_eq!(bytes(&config), 46_702_792_704);
}

#[test]
fn every_spelling_of_llama_3_scaling_means_the_same() {
    let fields = json!({
        "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192
    });
    let scaling = RopeScaling::Llama3 {
        factor: 8.0,
        low_frequency_factor: 1.0,
        high_frequency_factor: 4.0,
        original_context_length: 8192,
    };
    let expected = Rope {
        theta: 500_000.0,
        local_theta: None,
        scaling,
    };
    let old = with(fields.clone(), json!({"type": "llama3"}));
    let new = with(fields.clone(), json!({"rope_type": "llama3"}));
    let newest = with(fields, json!({"rope_type": "llama3", "rope_theta": 500_000.0}));
    for changes in [
        json!({"rope_scaling": old}),
        json!({"rope_scaling": new}),
        json!({"rope_theta": null, "rope_parameters": newest}),
    ] {
        let config = read(&with(llama_3_refueled(), changes)).unwrap();
        assert_eq!(config.rope.as_ref(), Some(&expected));
    }
}

#[test]
fn linear_scaling_is_read_and_others_are_refused_by_name() {
    let scaled = |scaling: Value| read(&with(llama_3_refueled(), json!({"rope_scaling": scaling})));
    let linear = scaled(json!({"type": "linear", "factor": 4})).unwrap().rope.unwrap();
    assert_eq!(linear.scaling, RopeScaling::Linear { factor: 4.0 });
    assert_eq!(
        scaled(json!({"rope_type": "default"})).unwrap().rope.unwrap().scaling,
        RopeScaling::None
    );
    for kind in ["yarn", "longrope", "dynamic", "su"] {
        let error = scaled(json!({"type": kind, "factor": 4.0})).unwrap_err();
        assert_eq!(error.code(), "RF0103");
        assert_eq!(
            error.to_string(),
            format!("rotary scaling of type {kind} is not supported")
        );
        assert!(error.hint().unwrap().contains("llama3"));
    }
}

#[test]
fn gemma_3_takes_its_defaults_and_its_two_rotary_bases() {
    let config = read(&gemma_3_4b()).unwrap();
    assert_eq!(
        (config.heads, config.kv_heads, config.head_size, config.vocabulary),
        (8, 4, 256, 262_208)
    );
    let rope = config.rope.unwrap();
    assert_eq!((rope.theta, rope.local_theta), (1e6, Some(1e4)));
    assert_eq!(rope.scaling, RopeScaling::Linear { factor: 8.0 });
    assert_eq!(config.sliding_window, Some(1024));
    let full: Vec<usize> = (0..34).filter(|layer| !config.sliding_layers[*layer]).collect();
    assert_eq!(full, [5, 11, 17, 23, 29]);
    assert!(config.norm_plus_one && config.qk_norm && config.tied_embeddings);
    assert_eq!(config.activation, Activation::GeluTanh);
    assert!((config.embedding_scale - 2560_f32.sqrt()).abs() < 1e-4);
    assert!((config.attention_scale - 1.0 / 16.0).abs() < 1e-7);
}

#[test]
fn rotary_parameters_for_each_type_of_layer_are_read() {
    let text = json!({
        "architectures": ["Gemma3ForCausalLM"], "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8,
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5e5},
            "sliding_attention": {"rope_type": "default", "rope_theta": 2e4}
        }
    });
    let config = read(&text).unwrap();
    assert_eq!(config.sliding_layers, [true, false]);
    let expected = Rope {
        theta: 5e5,
        local_theta: Some(2e4),
        scaling: RopeScaling::Linear { factor: 8.0 },
    };
    assert_eq!(config.rope, Some(expected));
    let scaled = with(
        text,
        json!({"rope_parameters": {"sliding_attention": {"rope_type": "linear", "factor": 2.0}}}),
    );
    assert_eq!(read(&scaled).unwrap_err().code(), "RF0103");
}

#[test]
fn windows_slide_only_where_the_family_says_so() {
    assert_eq!(read(&qwen2()).unwrap().sliding_window, None);
    let sliding = read(&with(qwen2(), json!({"use_sliding_window": true}))).unwrap();
    assert_eq!(sliding.sliding_window, Some(32768));
    assert_eq!(sliding.sliding_layers.iter().position(|slides| *slides), Some(21));
    let mistral = with(
        mixtral_8x7b(),
        json!({"architectures": ["MistralForCausalLM"], "sliding_window": 4096}),
    );
    assert_eq!(read(&mistral).unwrap().sliding_layers, vec![true; 32]);
    assert_eq!(
        read(&with(llama_3_refueled(), json!({"sliding_window": 64})))
            .unwrap()
            .sliding_window,
        None
    );
}

#[test]
fn biases_norms_and_head_sizes_follow_the_family() {
    let two = read(&qwen2()).unwrap();
    assert!(two.qkv_bias && !two.output_bias && !two.qk_norm);
    let three = with(
        qwen2(),
        json!({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}),
    );
    let three = read(&three).unwrap();
    assert!(three.qk_norm && !three.qkv_bias);
    assert_eq!((two.head_size, three.head_size), (128, 128));
    let llama = read(&with(
        llama_3_refueled(),
        json!({"attention_bias": true, "mlp_bias": true}),
    ))
    .unwrap();
    assert!(llama.qkv_bias && llama.output_bias && llama.mlp_bias);
    let alone = read(&with(llama_3_refueled(), json!({"num_key_value_heads": null}))).unwrap();
    assert_eq!(alone.kv_heads, 32);
}

#[test]
fn encoders_and_their_classes_are_read() {
    let encoder = read(&bert()).unwrap();
    assert_eq!(
        (encoder.family, encoder.pooling.as_deref(), encoder.rope.is_none()),
        (Family::Bert, Some("mean"), true)
    );
    assert_eq!(
        (
            encoder.heads,
            encoder.head_size,
            encoder.context_length,
            encoder.token_types
        ),
        (12, 32, 512, 2)
    );
    assert!(encoder.classes.is_empty());
    let classifier = with(
        bert(),
        json!({"architectures": ["BertForSequenceClassification"], "id2label": {"1": "good", "0": "bad", "2": "so-so"}}),
    );
    let classifier = read(&classifier).unwrap();
    assert_eq!(classifier.classes, ["bad", "good", "so-so"]);
    assert_eq!(classifier.pooling, None);
    let gap = json!({"architectures": ["BertForSequenceClassification"], "id2label": {"0": "bad", "2": "so-so"}});
    assert!(
        read(&with(bert(), gap))
            .unwrap_err()
            .to_string()
            .contains("no name for class 1")
    );
}

#[test]
fn numbers_that_can_not_be_are_refused_with_their_field() {
    for (changes, message) in [
        (json!({"hidden_size": 0}), "`hidden_size` is 0"),
        (json!({"hidden_size": -1}), "`hidden_size` is -1"),
        (json!({"hidden_size": "wide"}), "`hidden_size` is \"wide\""),
        (
            json!({"hidden_size": u64::MAX}),
            "`hidden_size` is 18446744073709551615",
        ),
        (json!({"hidden_size": null}), "`hidden_size` is missing"),
        (json!({"hidden_size": 4097}), "which 32 heads can't share evenly"),
        (
            json!({"num_key_value_heads": 7}),
            "32 heads can't share 7 key and value heads evenly",
        ),
        (
            json!({"num_hidden_layers": 1_000_000_000}),
            "`num_hidden_layers` is 1000000000",
        ),
        (json!({"vocab_size": 1e300}), "`vocab_size` is 1e+300"),
        (json!({"head_dim": 127}), "even head size"),
        (json!({"rms_norm_eps": 0.0}), "`rms_norm_eps` is 0.0"),
        (json!({"rms_norm_eps": 1e300}), "`rms_norm_eps` is 1e+300"),
        (json!({"rope_theta": -1.0}), "`rope_theta` is -1.0"),
        (json!({"rope_scaling": 4}), "`rope_scaling` should be an object"),
        (
            json!({"rope_scaling": {"type": "linear"}}),
            "`rope_scaling.factor` is missing",
        ),
        (
            json!({"architectures": "LlamaForCausalLM"}),
            "`architectures` should be a list of strings",
        ),
        (
            json!({"tie_word_embeddings": "yes"}),
            "`tie_word_embeddings` should be true or false",
        ),
    ] {
        let error = read(&with(llama_3_refueled(), changes)).unwrap_err();
        assert_eq!(error.code(), "RF0102", "{error}");
        assert!(error.to_string().contains(message), "{error}\nshould have: {message}");
    }
    let none = json!({"num_experts_per_tok": 9});
    assert!(
        read(&with(mixtral_8x7b(), none))
            .unwrap_err()
            .to_string()
            .contains("9 of 8 experts per token")
    );
    let types = json!({"layer_types": ["full_attention", "sliding_attention"], "use_sliding_window": true});
    assert!(
        read(&with(qwen2(), types))
            .unwrap_err()
            .to_string()
            .contains("2 layer types for 28 layers")
    );
}

#[test]
fn variants_that_are_computed_differently_are_refused() {
    for (config, what) in [
        (
            with(llama_3_refueled(), json!({"architectures": ["FalconForCausalLM"]})),
            "the architecture FalconForCausalLM",
        ),
        (
            with(
                llama_3_refueled(),
                json!({"quantization_config": {"quant_method": "gptq"}}),
            ),
            "a checkpoint quantized with gptq",
        ),
        (
            with(gemma_3_4b(), json!({"final_logit_softcapping": 30.0})),
            "`final_logit_softcapping`",
        ),
        (
            with(bert(), json!({"position_embedding_type": "relative_key"})),
            "positions of type relative_key",
        ),
        (with(bert(), json!({"hidden_act": "relu"})), "the activation relu"),
        (
            with(llama_3_refueled(), json!({"partial_rotary_factor": 0.5})),
            "a partial rotary embedding",
        ),
    ] {
        let error = read(&config).unwrap_err();
        assert_eq!(
            (error.code(), error.to_string()),
            ("RF0103", format!("{what} is not supported"))
        );
        assert!(error.hint().is_some());
    }
}

#[test]
fn text_that_is_no_configuration_is_refused() {
    for text in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        "\u{0}",
        &"[".repeat(10_000),
        r#"{"architectures": []}"#,
    ] {
        let error = huggingface::from_json(text.as_bytes(), Path::new("config.json")).unwrap_err();
        assert_eq!(error.code(), "RF0102", "{text:.20}");
    }
}

/// Values that a hostile file could have anywhere.
fn hostile() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..70).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_]{0,12}".prop_map(Value::from),
        prop::collection::vec(0_u64..9, 0..4).prop_map(Value::from),
        Just(json!({"rope_type": "llama3", "factor": 0, "full_attention": {}, "0": 1})),
        Just(json!({"rope_type": "linear", "factor": 1e-310})),
    ]
}

proptest! {
    /// Whatever fields are changed to, a configuration that is accepted keeps what the compiler relies on.
    #[test]
    fn no_configuration_panics(
        family in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), hostile()), 1..5),
    ) {
        let mut config = [llama_3_refueled(), mixtral_8x7b(), gemma_3_4b(), qwen2(), bert()][family].clone();
        let extra = ["head_dim", "layer_types", "rope_parameters", "rope_scaling", "text_config", "id2label",
            "sliding_window_pattern", "query_pre_attn_scalar", "rope_local_base_freq", "mlp_bias"];
        let mut names: Vec<String> = config.as_object().unwrap().keys().cloned().collect();
        names.extend(extra.map(str::to_owned));
        for (place, value) in changes {
            config[place.get(&names)] = value;
        }
        if let Ok(config) = read(&config) {
            prop_assert!(config.heads.is_multiple_of(config.kv_heads));
            prop_assert!(config.sliding_layers.is_empty() || config.sliding_layers.len() == config.layers);
            prop_assert!(config.norm_epsilon.is_finite() && config.norm_epsilon > 0.0);
            prop_assert!(config.rope.is_some() == (config.family != Family::Bert));
        }
    }

    /// No text panics.
    #[test]
    fn no_text_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = huggingface::from_json(&text, Path::new("config.json"));
    }
}
