//! Checkpoints that `transformers` wrote are opened, whole or with parts missing.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use refuel_formats::config::{Activation, Family, RopeScaling};
use refuel_formats::{Checkpoint, FormatError};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/checkpoints")
        .join(name)
}

/// A copy of a fixture that a test may damage.
fn copied(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    if fixture(name).join("1_Pooling").exists() {
        fs::create_dir(folder.path().join("1_Pooling")).unwrap();
        fs::copy(
            fixture(name).join("1_Pooling/config.json"),
            folder.path().join("1_Pooling/config.json"),
        )
        .unwrap();
    }
    folder
}

fn refused(folder: &Path) -> FormatError {
    Checkpoint::open(folder).expect_err("the checkpoint is damaged")
}

#[test]
fn every_family_opens_with_all_its_tensors() {
    for (name, family, file_type) in [
        ("llama", Family::Llama, "BF16"),
        ("llama_tied", Family::Llama, "F32"),
        ("mistral", Family::Mistral, "BF16"),
        ("mixtral", Family::Mixtral, "BF16"),
        ("qwen2", Family::Qwen2, "F16"),
        ("qwen3", Family::Qwen3, "BF16"),
        ("gemma3", Family::Gemma3, "BF16"),
        ("bert", Family::Bert, "F16"),
        ("bert_classifier", Family::Bert, "F16"),
    ] {
        let checkpoint = Checkpoint::open(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(checkpoint.config.family, family, "{name}");
        assert_eq!(checkpoint.weights.file_type(), file_type, "{name}");
        for (tensor, shape) in checkpoint.config.tensors() {
            let values = checkpoint.weights.read(&tensor).unwrap();
            assert_eq!(values.len(), shape.iter().product::<usize>(), "{name}: {tensor}");
            assert!(values.iter().all(|value| value.is_finite()), "{name}: {tensor}");
        }
    }
}

#[test]
fn what_a_configuration_says_is_what_was_saved() {
    let open = |name: &str| Checkpoint::open(&fixture(name)).unwrap().config;
    let llama = open("llama").rope.unwrap();
    assert!(matches!(
        llama.scaling,
        RopeScaling::Llama3 {
            original_context_length: 32,
            ..
        }
    ));
    let tied = open("llama_tied");
    assert!(tied.tied_embeddings && tied.qkv_bias && tied.output_bias && tied.mlp_bias);
    assert_eq!(open("mistral").sliding_layers, [true, true]);
    assert_eq!(
        open("mixtral")
            .experts
            .map(|experts| (experts.count, experts.per_token)),
        Some((4, 2))
    );
    assert_eq!(open("qwen3").head_size, 16);
    let gemma = open("gemma3");
    assert_eq!(
        (gemma.sliding_layers.as_slice(), gemma.sliding_window),
        ([true, false, true].as_slice(), Some(6))
    );
    assert_eq!(gemma.activation, Activation::GeluTanh);
    let encoder = open("bert");
    assert_eq!((encoder.pooling.as_deref(), encoder.normalize), (Some("mean"), true));
    assert_eq!(open("bert_classifier").classes, ["billing", "delivery", "other"]);
}

#[test]
fn the_tokenizer_comes_with_its_special_tokens_and_template() {
    let llama = Checkpoint::open(&fixture("llama")).unwrap().tokenizer;
    assert_eq!(llama.bos_token, Some((1, "<s>".to_owned())));
    assert_eq!(llama.eos_tokens, [(2, "</s>".to_owned())]);
    assert!(llama.add_bos);
    assert!(llama.chat_template.unwrap().starts_with("{{ bos_token }}"));
    assert!(!Checkpoint::open(&fixture("qwen2")).unwrap().tokenizer.add_bos);
}

#[test]
fn templates_and_tokens_are_found_in_every_place_they_are_written() {
    let folder = copied("llama");
    let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
    write(
        "tokenizer_config.json",
        r#"{"bos_token": {"content": "<s>"}, "eos_token": "w05", "add_bos_token": false,
            "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]}"#,
    );
    write("generation_config.json", r#"{"eos_token_id": [7, 2, 5]}"#);
    let tokenizer = Checkpoint::open(folder.path()).unwrap().tokenizer;
    assert_eq!(tokenizer.chat_template.as_deref(), Some("D"));
    let ids: Vec<u32> = tokenizer.eos_tokens.iter().map(|token| token.0).collect();
    assert_eq!(ids, [5, 7, 2]);
    assert!(!tokenizer.add_bos);

    write("chat_template.jinja", "J");
    fs::remove_file(folder.path().join("tokenizer_config.json")).unwrap();
    let tokenizer = Checkpoint::open(folder.path()).unwrap().tokenizer;
    assert_eq!(tokenizer.chat_template.as_deref(), Some("J"));
    // The number in config.json, and what the tokenizer itself puts before a text.
    assert_eq!(
        (tokenizer.bos_token, tokenizer.add_bos),
        (Some((1, "<s>".to_owned())), true)
    );
}

#[test]
fn the_licence_of_the_model_card_comes_along() {
    let folder = copied("llama");
    assert_eq!(Checkpoint::open(folder.path()).unwrap().licence, None);
    fs::write(folder.path().join("README.md"), "---\nlicense: llama3\n---\n# Tiny\n").unwrap();
    assert_eq!(
        Checkpoint::open(folder.path()).unwrap().licence.as_deref(),
        Some("llama3")
    );
}

#[test]
fn a_missing_file_is_named() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let folder = copied("llama");
        fs::remove_file(folder.path().join(file)).unwrap();
        let error = refused(folder.path());
        assert_eq!(error.code(), "RF0106", "{error}");
        assert!(
            error.to_string().starts_with(&format!("{file} is missing in ")),
            "{error}"
        );
        assert!(error.hint().is_some());
    }
    let folder = copied("llama");
    fs::rename(
        folder.path().join("tokenizer.json"),
        folder.path().join("tokenizer.model"),
    )
    .unwrap();
    assert_eq!(refused(folder.path()).code(), "RF0103");
}

#[test]
fn weights_that_do_not_fit_the_configuration_are_refused() {
    let folder = copied("llama");
    let path = folder.path().join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace(r#""num_hidden_layers": 2"#, r#""num_hidden_layers": 3"#),
    )
    .unwrap();
    assert_eq!(
        refused(folder.path()).to_string(),
        "tensor model.layers.2.input_layernorm.weight is missing"
    );
    fs::write(&path, text.replace(r#""vocab_size": 64"#, r#""vocab_size": 65"#)).unwrap();
    assert_eq!(
        refused(folder.path()).to_string(),
        "tensor model.embed_tokens.weight: its shape is [64, 32], but the configuration asks for [65, 32]"
    );
}

#[test]
fn damaged_tokenizers_are_refused() {
    for (file, text) in [
        ("tokenizer.json", "{}"),
        (
            "tokenizer.json",
            r#"{"model": {"type": "BPE", "vocab": {}, "merges": [["a", "b"]]}}"#,
        ),
        ("tokenizer_config.json", "[]"),
        ("tokenizer_config.json", r#"{"eos_token": "<absent>"}"#),
        ("generation_config.json", r#"{"eos_token_id": 4000000000}"#),
        ("generation_config.json", r#"{"eos_token_id": "2"}"#),
        ("chat_template.json", "\u{0}"),
    ] {
        let folder = copied("llama");
        fs::write(folder.path().join(file), text).unwrap();
        let error = refused(folder.path());
        assert_eq!(error.code(), "RF0102", "{file} {text}: {error}");
    }
}

#[test]
fn modules_of_sentence_transformers_can_not_leave_the_folder() {
    let folder = copied("bert");
    fs::write(
        folder.path().join("modules.json"),
        r#"[{"path": "../1_Pooling", "type": "a.Pooling"}]"#,
    )
    .unwrap();
    let error = refused(folder.path());
    assert_eq!(error.code(), "RF0102");
    assert!(
        error
            .to_string()
            .ends_with("module path `../1_Pooling` leaves the folder"),
        "{error}"
    );
    fs::write(
        folder.path().join("modules.json"),
        r#"[{"path": "2_Dense", "type": "a.Dense"}]"#,
    )
    .unwrap();
    assert_eq!(refused(folder.path()).code(), "RF0103");
    fs::write(
        folder.path().join("modules.json"),
        r#"[{"path": "", "type": "a.Transformer"}]"#,
    )
    .unwrap();
    assert_eq!(
        Checkpoint::open(folder.path()).unwrap().config.pooling.as_deref(),
        Some("mean")
    );
}

#[test]
fn tokenizers_made_to_break_their_reader_give_errors() {
    let with_model = |model: &str| format!(r#"{{"version":"1.0","model":{model}}}"#);
    let with_normalizer = |normalizer: &str| {
        format!(
            r#"{{"version":"1.0","normalizer":{normalizer},"model":{{"type":"WordLevel","vocab":{{}},"unk_token":"u"}}}}"#
        )
    };
    // Finds of the fuzzer: templates that put in a token they don't have, or a second text.
    let with_template = |piece: &str| {
        format!(
            r#"{{"version":"1.0","post_processor":{{"type":"TemplateProcessing","single":[{piece}],"pair":[],"special_tokens":{{}}}},"model":{{"type":"WordLevel","vocab":{{"a":0}},"unk_token":"a"}}}}"#
        )
    };
    for text in [
        with_model(r#"{"type":"Unigram","unk_id":7,"vocab":[["a",0.0]]}"#),
        with_model(r#"{"type":"Unigram","unk_id":0,"vocab":[]}"#),
        with_model(r#"{"type":"BPE","vocab":{"a":0,"b":1,"ab":4294967295},"merges":["a b"]}"#),
        with_model(r#"{"type":"BPE","vocab":{"a":0},"merges":["a"]}"#),
        with_model(
            r#"{"type":"WordPiece","unk_token":"u","continuing_subword_prefix":"","max_input_chars_per_word":0,"vocab":{}}"#,
        ),
        with_normalizer(r#"{"type":"Precompiled","precompiled_charsmap":"AAAA"}"#),
        with_normalizer(r#"{"type":"Precompiled","precompiled_charsmap":"/////w=="}"#),
        with_normalizer(r#"{"type":"Precompiled","precompiled_charsmap":"////fwAAAAA="}"#),
        with_normalizer(r#"{"type":"Replace","pattern":{"Regex":"("},"content":""}"#),
        with_normalizer(&r#"{"type":"Sequence","normalizers":["#.repeat(5_000)),
        with_normalizer(r#"{"type":"Precompiled"}"#),
        with_template(r#"{"SpecialToken":{"id":"<s>","type_id":0}}"#),
        with_template(r#"{"Sequence":{"id":"B","type_id":0}}"#),
    ] {
        let folder = copied("llama");
        fs::write(folder.path().join("tokenizer.json"), &text).unwrap();
        let error = refused(folder.path());
        assert_eq!(error.code(), "RF0102", "{text:.100}: {error}");
    }
}

proptest! {
    /// A byte that is changed in one of a checkpoint's files gives another checkpoint or an error.
    #[test]
    fn a_changed_byte_in_any_file_never_panics(
        file in prop::sample::select(vec!["config.json", "tokenizer.json", "tokenizer_config.json", "modules.json"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let folder = copied("bert");
        let path = folder.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        fs::write(&path, bytes).unwrap();
        let _ = Checkpoint::open(folder.path());
    }
}
