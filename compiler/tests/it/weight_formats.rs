//! Weights in fewer bits: what they change, and what they must not.

use std::fs;

use refuel_compiler::{CompileOptions, WeightFormat};

use crate::decoder::Decoder;
use crate::fixtures::{Expected, compiled, compiled_as, divergence, expected};
use crate::runtime;

const FAMILIES: [&str; 7] = ["llama", "llama_tied", "mistral", "mixtral", "qwen2", "qwen3", "gemma3"];

/// Logits over a checkpoint's tokens, behind a prefix of four of them.
fn logits(name: &str, options: CompileOptions) -> Vec<Vec<f32>> {
    let ids = expected::<Expected>(name).ids();
    let (folder, description) = compiled(name, options);
    let mut decoder = Decoder::open(folder.path(), description);
    let (mut logits, prefix) = decoder.run(None, None, &ids[..4]);
    logits.extend(decoder.run(Some(&prefix), None, &ids[4..]).0);
    logits
}

fn check(weights: WeightFormat, rotate: bool, most: f64) {
    if !runtime::is_there() {
        return;
    }
    for name in FAMILIES {
        let expected = expected::<Expected>(name).logits();
        let found = logits(name, CompileOptions { weights, rotate });
        let divergence = divergence(&found, &expected);
        eprintln!("{name}, {weights:?}: {divergence:.1e} nats");
        assert!(divergence < most, "{name} in {weights:?} differs by {divergence} nats");
    }
}

// The bounds are for these checkpoints only: with 32 numbers a row and random weights, whose logits are far apart, every
// rounding counts. What a real model loses is measured in `smollm2`.

#[test]
fn half_precision_changes_next_to_nothing() {
    check(WeightFormat::F16, true, 1e-5);
}

#[test]
fn eight_bits_change_little() {
    check(WeightFormat::Int8, true, 0.02);
}

#[test]
fn eight_bits_without_rotation_change_little() {
    check(WeightFormat::Int8, false, 0.02);
}

#[test]
fn four_bits_change_more() {
    check(WeightFormat::Int4, true, 1.0);
}

#[test]
fn four_bits_without_rotation_change_more() {
    check(WeightFormat::Int4, false, 1.0);
}

/// A registry names models by their digest.
#[test]
fn the_same_checkpoint_gives_the_same_bytes() {
    for name in ["gemma3", "gguf/mixtral.q8_0.gguf", "bert"] {
        for weights in [
            WeightFormat::F32,
            WeightFormat::F16,
            WeightFormat::Int8,
            WeightFormat::Int4,
        ] {
            let [(one, _), (other, _)] = [compiled_as(name, weights), compiled_as(name, weights)];
            let mut files: Vec<_> = fs::read_dir(one.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            files.sort();
            assert_eq!(
                files,
                [
                    "model.json",
                    "model.onnx",
                    "model.onnx.data",
                    "tokenizer.json",
                    "tokenizer_config.json"
                ]
            );
            for file in files {
                let [one, other] = [&one, &other].map(|folder| fs::read(folder.path().join(&file)).unwrap());
                assert!(one == other, "{} of {name} in {weights:?} differs", file.display());
            }
        }
    }
}
