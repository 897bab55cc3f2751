//! Encoders that can be tuned are the encoders that they were read from.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use refuel_formats::Checkpoint;
use refuel_learn::encoder::{CustomOptions, Encoder, Texts, TuneOptions, train_custom};
use refuel_learn::{LearnError, best_of};
use serde::Deserialize;

/// What the library that made the fixture gave for a batch.
#[derive(Deserialize)]
struct Expected {
    ids: Vec<Vec<u32>>,
    attention_mask: Vec<Vec<u32>>,
    token_type_ids: Vec<Vec<u32>>,
    embedding: Vec<Vec<f32>>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/checkpoints")
        .join(name)
}

fn encoder(folder: &Path) -> Encoder {
    let checkpoint = Checkpoint::open(folder).expect("the checkpoint can be read");
    Encoder::read(&checkpoint.config, checkpoint.weights.as_ref()).expect("the encoder is known")
}

fn length_one(values: &[f32]) -> Vec<f32> {
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.iter().map(|value| value / length).collect()
}

#[test]
fn embeddings_are_those_of_transformers() {
    let json = std::fs::read(folder("bert").join("expected.json")).unwrap();
    let expected: Expected = serde_json::from_slice(&json).unwrap();
    let mut compared = 0;
    for row in 0..expected.ids.len() {
        // Only texts of the first token type: no others are embedded.
        if expected.token_type_ids[row].iter().any(|kind| *kind != 0) {
            continue;
        }
        let masked = expected.ids[row].iter().zip(&expected.attention_mask[row]);
        let text: Vec<u32> = masked.filter(|(_, mask)| **mask == 1).map(|(id, _)| *id).collect();
        let found = encoder(&folder("bert")).embed(&[text]).unwrap();
        let found = length_one(&found.row(0).to_vec());
        for (found, expected) in found.iter().zip(length_one(&expected.embedding[row])) {
            assert!((found - expected).abs() < 2e-4, "row {row}: {found} {expected}");
        }
        compared += 1;
    }
    assert!(compared > 0);
}

#[test]
fn a_model_of_ones_own_is_written_as_a_checkpoint() {
    let source = folder("bert");
    let checkpoint = Checkpoint::open(&source).unwrap();
    let encoder = Encoder::read(&checkpoint.config, checkpoint.weights.as_ref()).unwrap();
    let tokens: Vec<Vec<u32>> = (0..60u32).map(|at| vec![4, 8 + at % 5, 30 + at % 3, 5]).collect();
    let labels: Vec<usize> = (0..60).map(|at| at % 3).collect();
    let options = CustomOptions {
        tune: TuneOptions {
            epochs: 10,
            rate: 3e-3,
            ..TuneOptions::default()
        },
        ..CustomOptions::default()
    };
    let examples = Texts {
        tokens: &tokens,
        labels: &labels,
    };
    let of_labels = Texts {
        tokens: &[vec![4, 30, 5], vec![4, 31, 5], vec![4, 32, 5]],
        labels: &[0, 1, 2],
    };
    let custom = train_custom(&encoder, examples, of_labels, 3, None, &options, &mut |_| true).unwrap();
    assert_eq!(custom.held_out_rows.len(), 12);
    assert!(custom.held_out_accuracy > 0.9, "{}", custom.held_out_accuracy);
    let embeddings = custom.encoder.embed(&tokens).unwrap();
    assert_eq!(best_of(&custom.probabilities(embeddings.clone()).unwrap()), labels);

    let written = tempfile::tempdir().unwrap();
    for entry in [
        "config.json",
        "modules.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "1_Pooling/config.json",
    ] {
        let to = written.path().join(entry);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(source.join(entry), to).unwrap();
    }
    let bytes = custom.encoder.to_safetensors(checkpoint.weights.as_ref()).unwrap();
    std::fs::write(written.path().join("model.safetensors"), bytes).unwrap();
    let read: Array2<f32> = self::encoder(written.path()).embed(&tokens).unwrap();
    assert_eq!(read, embeddings);
}

#[test]
fn a_decoder_is_refused() {
    let checkpoint = Checkpoint::open(&folder("llama")).unwrap();
    let error = Encoder::read(&checkpoint.config, checkpoint.weights.as_ref()).unwrap_err();
    assert!(matches!(error, LearnError::Encoder { .. }), "{error}");
}
