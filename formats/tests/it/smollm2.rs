//! The real `SmolLM2` in a GGUF file, where `REFUEL_TEST_SMOLLM2_GGUF` says where it is.

use std::path::PathBuf;

use refuel_formats::Checkpoint;
use refuel_formats::config::{Family, RopeScaling};

use crate::support;

const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// The file: where `REFUEL_TEST_SMOLLM2_GGUF` says, or in the cache folder of fixtures.
fn open() -> Option<Checkpoint> {
    let variable = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    };
    let cache = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let path = variable("REFUEL_TEST_SMOLLM2_GGUF").or_else(|| {
        let path = cache()?.join("refuel-fixtures").join(FILE);
        path.is_file().then_some(path)
    });
    if path.is_none() {
        eprintln!("skipped: {FILE} is neither in REFUEL_TEST_SMOLLM2_GGUF nor in ~/.cache/refuel-fixtures");
    }
    Some(refuel_formats::gguf::open(&path?).expect("the file opens"))
}

#[test]
fn its_configuration_is_the_published_one() {
    let Some(checkpoint) = open() else { return };
    let config = &checkpoint.config;
    assert_eq!(config.family, Family::Llama);
    assert_eq!(
        (config.hidden, config.layers, config.heads, config.kv_heads),
        (576, 30, 9, 3)
    );
    assert_eq!(
        (config.head_size, config.intermediate, config.vocabulary),
        (64, 1536, 49_152)
    );
    assert_eq!(config.context_length, 8192);
    assert!(config.tied_embeddings && !config.qkv_bias && !config.mlp_bias);
    let rope = config.rope.as_ref().expect("it has rotary embeddings");
    assert_eq!((rope.theta, &rope.scaling), (100_000.0, &RopeScaling::None));
    assert_eq!(checkpoint.weights.file_type(), "Q4_1");
    assert_eq!(checkpoint.licence.as_deref(), Some("apache-2.0"));
}

#[test]
fn its_weights_are_all_there_and_finite() {
    let Some(checkpoint) = open() else { return };
    assert_eq!(checkpoint.weights.names().len(), 272);
    for name in checkpoint.weights.names() {
        let values = checkpoint.weights.read(&name).expect("a tensor is read");
        assert!(
            values.iter().all(|value| value.is_finite() && value.abs() < 1e3),
            "{name}"
        );
    }
}

#[test]
fn rows_read_one_by_one_are_those_of_the_whole() {
    let Some(checkpoint) = open() else { return };
    for name in ["model.layers.3.self_attn.q_proj.weight", "model.embed_tokens.weight"] {
        let whole = checkpoint.weights.read(name).expect("a tensor is read");
        let mut row = vec![0.0; 576];
        for index in [0, 1, 33, 63, 64, 575] {
            checkpoint
                .weights
                .read_rows(name, index..index + 1, &mut row)
                .expect("a row is read");
            assert_eq!(row, whole[index * 576..][..576], "row {index} of {name}");
        }
    }
}

#[test]
fn its_tokens_are_those_of_llama_cpp() {
    let Some(checkpoint) = open() else { return };
    let checked = support::check_tokens(
        &checkpoint.tokenizer,
        include_str!("../fixtures/gguf/smollm2.tokens.json"),
    );
    assert!(checked >= 400, "{checked} texts");
}

#[test]
fn its_special_tokens_are_known() {
    let Some(checkpoint) = open() else { return };
    let tokenizer = &checkpoint.tokenizer;
    assert_eq!(tokenizer.bos_token, Some((1, "<|im_start|>".to_owned())));
    let ends: Vec<_> = tokenizer
        .eos_tokens
        .iter()
        .map(|(id, text)| (*id, text.as_str()))
        .collect();
    assert_eq!(ends, [(2, "<|im_end|>"), (0, "<|endoftext|>")]);
    assert!(!tokenizer.add_bos);
    assert!(
        tokenizer
            .chat_template
            .as_ref()
            .is_some_and(|template| template.contains("add_generation_prompt"))
    );
}
