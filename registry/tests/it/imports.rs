//! Importing what is on the machine.

use std::fs;
use std::path::Path;

use refuel_compiler::{GraphInterface, Pooling, Role, WeightFormat};
use refuel_registry::{ImportOptions, Problem, RegistryError};

use crate::fixtures::{self, Home, heard};

/// Copies a folder of fixtures, to break it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn checkpoints_of_every_family_are_imported() {
    let home = Home::new();
    for (fixture, role, family) in [
        ("llama", Role::Decoder, "llama"),
        ("llama_tied", Role::Decoder, "llama"),
        ("mistral", Role::Decoder, "mistral"),
        ("mixtral", Role::Decoder, "mixtral"),
        ("qwen2", Role::Decoder, "qwen2"),
        ("qwen3", Role::Decoder, "qwen3"),
        ("gemma3", Role::Decoder, "gemma3"),
        ("bert", Role::Encoder, "bert"),
        ("bert_classifier", Role::Classifier, "bert"),
    ] {
        let entry = home.import(&format!("checkpoints/{fixture}"), fixture).unwrap();
        let description = &entry.manifest.description;
        assert_eq!(
            (description.role, description.family.as_str()),
            (role, family),
            "{fixture}"
        );
        let expected = if role == Role::Decoder {
            WeightFormat::Int8
        } else {
            WeightFormat::F32
        };
        assert_eq!(description.weights, expected, "{fixture}");
        for file in [
            "model.onnx",
            "model.onnx.data",
            "model.json",
            "tokenizer.json",
            "tokenizer_config.json",
        ] {
            assert!(
                entry.manifest.files.iter().any(|there| there.path == file),
                "{fixture} has no {file}"
            );
        }
        assert_eq!(home.registry().get(fixture).unwrap(), entry);
        assert_eq!(home.registry().verify(&entry, &mut |_| {}).unwrap(), []);
    }
    assert_eq!(home.registry().list().unwrap().len(), 9);
}

#[test]
fn gguf_files_are_imported() {
    let home = Home::new();
    for file in [
        "llama.bf16",
        "llama.q8_0",
        "gemma3.q8_0",
        "mixtral.q8_0",
        "qwen2.q8_0",
        "qwen3.q8_0",
    ] {
        let entry = home.import(&format!("checkpoints/gguf/{file}.gguf"), file).unwrap();
        assert_eq!(entry.manifest.description.role, Role::Decoder, "{file}");
    }
}

#[test]
fn onnx_folders_are_taken_over_with_their_interface() {
    let home = Home::new();
    let decoder = home.import("onnx/decoder", "decoder").unwrap().manifest.description;
    let cache_type = "f32".to_owned();
    assert_eq!(
        decoder.interface,
        GraphInterface::ExportedDecoder {
            position_ids: true,
            cache_type
        }
    );
    assert_eq!(
        (decoder.family.as_str(), decoder.vocabulary, decoder.context_length),
        ("llama", 64, 128)
    );
    assert_eq!(
        (decoder.layers, decoder.heads, decoder.kv_heads, decoder.head_size),
        (2, 2, 1, 16)
    );
    assert_eq!(
        (decoder.weights, decoder.bos_token, decoder.eos_tokens.first()),
        (WeightFormat::F32, Some(1), Some(&2))
    );

    let encoder = home.import("onnx/encoder", "encoder").unwrap().manifest.description;
    let expected = GraphInterface::Encoder {
        token_type_ids: true,
        output: "last_hidden_state".to_owned(),
        pooled: false,
        pooling: Pooling::Mean,
        normalize: true,
    };
    assert_eq!((encoder.interface, encoder.hidden), (expected, 32));

    let classifier = home
        .import("onnx/classifier", "classifier")
        .unwrap()
        .manifest
        .description;
    let GraphInterface::Classifier {
        token_type_ids: true,
        labels,
    } = classifier.interface
    else {
        panic!("{:?}", classifier.interface)
    };
    let config: serde_json::Value =
        serde_json::from_slice(&fs::read(fixtures::path("onnx/classifier/config.json")).unwrap()).unwrap();
    assert_eq!(labels.len(), config["id2label"].as_object().unwrap().len());
    assert_eq!(labels[0], config["id2label"]["0"].as_str().unwrap());
}

#[test]
fn an_onnx_graph_can_lie_in_a_folder_below_its_files_and_keep_weights_beside_it() {
    let home = Home::new();
    let folder = home.beside("Exported");
    copy(&fixtures::path("onnx/encoder"), &folder);
    fs::create_dir(folder.join("onnx")).unwrap();
    fs::rename(folder.join("model.onnx"), folder.join("onnx/model_fp32.onnx")).unwrap();
    let registry = home.registry();
    let entry = registry
        .import(&folder, &ImportOptions::default(), &mut |_| {})
        .unwrap();
    assert_eq!(entry.manifest.name, "exported");
    assert!(entry.dir.join("model.onnx").is_file());
    // Two graphs: one must be named.
    fs::copy(
        folder.join("onnx/model_fp32.onnx"),
        folder.join("onnx/model_other.onnx"),
    )
    .unwrap();
    let error = registry
        .import(&folder, &ImportOptions::default(), &mut |_| {})
        .unwrap_err();
    assert!(
        error.to_string().contains("model_fp32.onnx, model_other.onnx"),
        "{error}"
    );
    let options = ImportOptions {
        name: Some("other".to_owned()),
        ..ImportOptions::default()
    };
    let other = registry
        .import(&folder.join("onnx/model_other.onnx"), &options, &mut |_| {})
        .unwrap();
    assert_eq!(
        other.manifest.digest, entry.manifest.digest,
        "the digest is of the files, not of their names at the source"
    );
}

#[test]
fn the_same_checkpoint_gives_the_same_digest_in_every_format() {
    let (home, other) = (Home::new(), Home::new());
    for weights in [
        WeightFormat::Int4,
        WeightFormat::Int8,
        WeightFormat::F16,
        WeightFormat::F32,
    ] {
        let options = ImportOptions {
            name: Some("model".to_owned()),
            weights: Some(weights),
        };
        let import = |home: &Home| {
            let path = fixtures::path("checkpoints/qwen2");
            home.registry().import(&path, &options, &mut |_| {}).unwrap().manifest
        };
        let (first, second) = (import(&home), import(&other));
        assert_eq!(first.digest, second.digest, "{weights:?}");
        assert_eq!(first.files, second.files);
        assert_eq!(first.description.weights, weights);
    }
    assert_eq!(home.registry().list().unwrap().len(), 4, "one for each format");
}

#[test]
fn of_several_models_of_a_name_the_latest_is_meant_and_a_digest_names_each() {
    let home = Home::new();
    let registry = home.registry();
    let import = |weights| {
        let options = ImportOptions {
            name: Some("llama".to_owned()),
            weights: Some(weights),
        };
        registry
            .import(&fixtures::path("checkpoints/llama"), &options, &mut |_| {})
            .unwrap()
    };
    let (int8, f32) = (import(WeightFormat::Int8), import(WeightFormat::F32));
    assert_eq!(registry.get("llama").unwrap(), f32);
    assert_eq!(registry.get(&int8.manifest.reference()).unwrap(), int8);
    let full = format!("LLAMA@{}", int8.manifest.digest);
    assert_eq!(registry.get(&full).unwrap(), int8);
    // Importing the first again makes it the latest.
    import(WeightFormat::Int8);
    assert_eq!(registry.get("llama").unwrap().manifest.digest, int8.manifest.digest);
    let error = registry.remove("llama").unwrap_err();
    assert!(
        matches!(&error, RegistryError::Ambiguous { candidates, .. } if candidates.len() == 2),
        "{error}"
    );
    registry.remove(&format!("llama@{}", f32.manifest.digest)).unwrap();
    registry.remove("llama").unwrap();
    assert_eq!(registry.list().unwrap(), []);
    assert!(matches!(registry.remove("llama"), Err(RegistryError::Unknown { .. })));
    assert_eq!(home.snapshot(), []);
}

#[test]
fn a_model_of_another_registry_comes_with_its_name_licence_and_origin() {
    let (home, other) = (Home::new(), Home::new());
    let entry = home.import("checkpoints/bert", "bert").unwrap();
    let copied = other
        .registry()
        .import(&entry.dir, &ImportOptions::default(), &mut |_| {})
        .unwrap();
    assert_eq!(
        (copied.manifest.name.as_str(), &copied.manifest.digest),
        ("bert", &entry.manifest.digest)
    );
    assert_eq!(copied.manifest.source, entry.manifest.source);
    fs::write(entry.dir.join("tokenizer.json"), "{}").unwrap();
    let error = Home::new()
        .registry()
        .import(&entry.dir, &ImportOptions::default(), &mut |_| {})
        .unwrap_err();
    assert!(matches!(error, RegistryError::Damaged { .. }), "{error}");
}

#[test]
fn verify_tells_which_files_differ_and_importing_again_mends_them() {
    let home = Home::new();
    let entry = home.import("checkpoints/bert", "bert").unwrap();
    let registry = home.registry();
    let path = entry.dir.join("model.onnx.data");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::remove_file(entry.dir.join("tokenizer.json")).unwrap();
    fs::write(entry.dir.join("model.onnx"), "short").unwrap();
    fs::write(entry.dir.join("stray"), "").unwrap();
    fs::write(entry.dir.join(".manifest-x1"), "what a killed process began").unwrap();
    let found = registry.verify(&entry, &mut |_| {}).unwrap();
    let found: Vec<(&str, Problem)> = found.iter().map(|there| (there.path.as_str(), there.problem)).collect();
    assert_eq!(
        found,
        [
            ("model.onnx", Problem::Size),
            ("model.onnx.data", Problem::Hash),
            ("stray", Problem::Unexpected),
            ("tokenizer.json", Problem::Missing)
        ]
    );
    home.import("checkpoints/bert", "bert").unwrap();
    assert_eq!(registry.verify(&entry, &mut |_| {}).unwrap(), []);
}

#[test]
fn a_damaged_model_is_told_of_and_hides_no_other() {
    let home = Home::new();
    let damaged = home.import("checkpoints/bert", "bert").unwrap();
    home.import("checkpoints/llama", "llama").unwrap();
    let registry = home.registry();
    let manifest = damaged.dir.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    for (broken, says) in [
        ("{".to_owned(), "EOF"),
        (
            text.replace("\"schema_version\": 1", "\"schema_version\": 9"),
            "schema_version 9",
        ),
        (
            text.replace("\"name\": \"bert\"", "\"name\": \"llama\""),
            "its manifest is that of llama",
        ),
        (text.replace("tokenizer.json", "tokenizer.jsox"), "the digest"),
    ] {
        fs::write(&manifest, broken).unwrap();
        let error = registry.get("bert").unwrap_err();
        assert!(
            matches!(error, RegistryError::Damaged { .. }) && error.to_string().contains(says),
            "{error}"
        );
        let (entries, errors) = registry.survey().unwrap();
        assert_eq!((entries.len(), errors.len()), (1, 1));
        assert_eq!(registry.list().unwrap().len(), 1);
    }
    registry.remove("bert").unwrap();
    assert!(registry.survey().unwrap().1.is_empty());
}

#[test]
fn what_is_unknown_comes_with_what_to_do() {
    let home = Home::new();
    home.import("checkpoints/llama", "my-llama").unwrap();
    let registry = home.registry();
    let hint = |name: &str| registry.get(name).unwrap_err().hint().unwrap();
    assert_eq!(hint("my-lama"), "did you mean `my-llama`?");
    assert_eq!(hint("SmolLM2"), "`refuel model pull smollm2-135m-instruct` fetches it");
    assert!(hint("smollm2-135m-instrukt").contains("`refuel model pull smollm2-135m-instruct`"));
    assert!(hint("my-llama@000000").starts_with("of this name there is my-llama@"));
    assert!(hint("completely different").contains("refuel model ls"));
    assert!(matches!(registry.get("a@b"), Err(RegistryError::Name { .. })));
    assert!(!Home::new().path().exists());
}

#[test]
fn nothing_is_made_by_looking() {
    let home = Home::new();
    assert_eq!(home.registry().list().unwrap(), []);
    assert!(home.registry().get("x").is_err());
    assert!(!home.path().exists());
}

#[test]
fn what_is_no_model_is_refused_and_changes_nothing() {
    let home = Home::new();
    home.import("checkpoints/llama", "llama").unwrap();
    let before = home.snapshot();
    let registry = home.registry();
    let refused = |name: &str, make: &dyn Fn(&Path)| {
        let path = home.beside(name);
        make(&path);
        let error = registry
            .import(&path, &ImportOptions::default(), &mut |_| {})
            .unwrap_err();
        assert_eq!(home.snapshot(), before, "{name}");
        error
    };
    let error = refused("empty", &|path| fs::create_dir(path).unwrap());
    assert!(matches!(error, RegistryError::NotAModel { .. }), "{error}");
    let error = refused("notes.txt", &|path| fs::write(path, "hello").unwrap());
    assert!(matches!(error, RegistryError::NotAModel { .. }), "{error}");
    let error = refused("zero.gguf", &|path| fs::write(path, "").unwrap());
    assert!(matches!(error, RegistryError::NotAModel { .. }), "{error}");
    // Counts that no file could hold.
    let error = refused("huge.gguf", &|path| {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(u64::MAX.to_le_bytes());
        bytes.extend(u64::MAX.to_le_bytes());
        fs::write(path, bytes).unwrap();
    });
    assert_eq!(error.code(), "RF0102", "{error}");
    let error = refused("short", &|path| {
        copy(&fixtures::path("checkpoints/llama"), path);
        let weights = fs::read(path.join("model.safetensors")).unwrap();
        fs::write(path.join("model.safetensors"), &weights[..weights.len() - 10]).unwrap();
    });
    assert_eq!(error.code(), "RF0102", "{error}");
    let error = refused("no_tokenizer", &|path| {
        copy(&fixtures::path("onnx/decoder"), path);
        fs::remove_file(path.join("tokenizer.json")).unwrap();
    });
    assert_eq!(error.code(), "RF0106", "{error}");
    let error = refused("cut_graph", &|path| {
        copy(&fixtures::path("onnx/decoder"), path);
        let graph = fs::read(path.join("model.onnx")).unwrap();
        fs::write(path.join("model.onnx"), &graph[..graph.len() / 2]).unwrap();
    });
    assert_eq!(error.code(), "RF0206", "{error}");
    let path = home.beside("not there");
    let error = registry
        .import(&path, &ImportOptions::default(), &mut |_| {})
        .unwrap_err();
    assert_eq!(error.code(), "RF0306", "{error}");
    let options = ImportOptions {
        name: Some("Bad/Name".to_owned()),
        weights: None,
    };
    let error = registry
        .import(&fixtures::path("checkpoints/llama"), &options, &mut |_| {})
        .unwrap_err();
    assert_eq!(error.code(), "RF0302", "{error}");
    assert_eq!(home.snapshot(), before);
}

#[test]
fn weights_of_a_graph_are_not_silently_others_than_asked_for() {
    let home = Home::new();
    let options = ImportOptions {
        name: None,
        weights: Some(WeightFormat::Int4),
    };
    let error = home
        .registry()
        .import(&fixtures::path("onnx/decoder"), &options, &mut |_| {})
        .unwrap_err();
    assert!(error.to_string().contains("stay as they are (f32)"), "{error}");
}

#[test]
fn progress_is_told_in_steps_that_end_where_they_said() {
    let home = Home::new();
    let mut events = Vec::new();
    let path = fixtures::path("checkpoints/llama");
    home.registry()
        .import(&path, &ImportOptions::default(), &mut heard(&mut events))
        .unwrap();
    assert!(
        events.iter().any(|event| event.contains("Compile(\"llama\")")),
        "{events:?}"
    );
    assert!(
        events.iter().any(|event| event.contains("Hash(\"llama\")")),
        "{events:?}"
    );
}
