//! GGUF files of the tiny checkpoints against the checkpoints themselves.

use std::path::Path;

use refuel_formats::config::{Family, RopeScaling};
use refuel_formats::{Checkpoint, ModelConfig};

fn open(name: &str) -> Checkpoint {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/checkpoints");
    Checkpoint::open(&fixtures.join(name)).unwrap()
}

/// The largest difference of a tensor's numbers, as a part of the largest number.
fn difference(file: &Checkpoint, checkpoint: &Checkpoint, name: &str) -> f32 {
    let (found, expected) = (file.weights.read(name).unwrap(), checkpoint.weights.read(name).unwrap());
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let pairs = found.iter().zip(&expected);
    pairs
        .map(|(found, expected)| (found - expected).abs())
        .fold(0.0, f32::max)
        / largest
}

#[test]
fn the_same_weights_are_the_same_numbers() {
    check_same_numbers("gguf/llama.bf16.gguf", "llama");
    check_same_numbers("gguf/bert.f16.gguf", "bert");
}

fn check_same_numbers(file: &str, checkpoint: &str) {
    let (file, checkpoint) = (open(file), open(checkpoint));
    assert_eq!(file.weights.names(), checkpoint.weights.names());
    for name in checkpoint.weights.names() {
        assert_eq!(file.weights.shape(&name), checkpoint.weights.shape(&name));
        assert_eq!(
            file.weights.read(&name).unwrap(),
            checkpoint.weights.read(&name).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn weights_in_8_bits_are_off_by_half_a_step_at_most() {
    for name in ["llama", "mixtral", "qwen2", "qwen3", "gemma3"] {
        let (file, checkpoint) = (open(&format!("gguf/{name}.q8_0.gguf")), open(name));
        let names = checkpoint.weights.names();
        for name in file.weights.names() {
            assert!(names.contains(&name));
            let difference = difference(&file, &checkpoint, &name);
            // A step is a 127th of a block's largest number; its scale is rounded to half precision, too.
            assert!(difference < 0.57 / 127.0, "{name} is off by {difference}");
        }
        for name in names {
            let known = file.weights.shape(&name) == checkpoint.weights.shape(&name);
            assert!(
                known || (name == "lm_head.weight" && file.config.tied_embeddings),
                "{name}"
            );
        }
    }
}

/// What a file can't say, or says in another way, is set to be the same before the rest is compared.
#[test]
fn configurations_are_the_same_but_for_what_files_can_not_say() {
    assert_eq!(open("gguf/bert.f16.gguf").config, open("bert").config);
    for name in ["llama", "mixtral", "qwen2", "qwen3", "gemma3"] {
        let (file, checkpoint) = (open(&format!("gguf/{name}.q8_0.gguf")), open(name));
        let mut expected: ModelConfig = checkpoint.config;
        if expected.family == Family::Gemma3 {
            // There is no key for another scale than the one that follows from a head's size.
            expected.attention_scale = (expected.head_size as f32).sqrt().recip();
        }
        let mut found = file.config;
        if name == "llama" {
            let RopeScaling::Factors { factors } = found.rope.as_ref().unwrap().scaling.clone() else {
                panic!("the file has a factor a frequency");
            };
            assert_eq!(factors.len(), expected.head_size / 2);
            assert!(
                (factors[0] - 1.0).abs() < 1e-6 && (factors[3] - 8.0).abs() < 1e-6,
                "{factors:?}"
            );
            found.rope = expected.rope.clone();
        }
        assert_eq!(found, expected, "{name}");
    }
}
