//! The tiny random checkpoints, and what `transformers` computes from them.

use std::fs;
use std::path::{Path, PathBuf};

use refuel_compiler::{CompileOptions, ModelDescription, WeightFormat, compile};
use refuel_formats::Checkpoint;
use serde::Deserialize;

/// What `transformers` computes from a decoder.
#[derive(Deserialize)]
pub(crate) struct Expected {
    pub(crate) prefill: Prefill,
    pub(crate) steps: Vec<Step>,
}

/// Logits after every one of some tokens.
#[derive(Deserialize)]
pub(crate) struct Prefill {
    pub(crate) ids: Vec<i64>,
    pub(crate) logits: Vec<Vec<f32>>,
}

/// One more token through the cache, and the logits after it.
#[derive(Deserialize)]
pub(crate) struct Step {
    pub(crate) id: i64,
    pub(crate) logits: Vec<f32>,
}

impl Expected {
    /// All tokens, those of the steps as well.
    pub(crate) fn ids(&self) -> Vec<i64> {
        let steps = self.steps.iter().map(|step| step.id);
        self.prefill.ids.iter().copied().chain(steps).collect()
    }

    /// Logits after each of them.
    pub(crate) fn logits(&self) -> Vec<Vec<f32>> {
        let steps = self.steps.iter().map(|step| step.logits.clone());
        self.prefill.logits.iter().cloned().chain(steps).collect()
    }
}

/// A fixture's path.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/checkpoints")
        .join(name)
}

/// What `transformers` computes, from `expected.json` of a folder or beside a GGUF file.
pub(crate) fn expected<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    let path = fixture(name);
    let path = if path.is_dir() {
        path.join("expected.json")
    } else {
        path.with_extension("expected.json")
    };
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Compiles a fixture into a new folder.
pub(crate) fn compiled(name: &str, options: CompileOptions) -> (tempfile::TempDir, ModelDescription) {
    let out = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::open(&fixture(name)).unwrap();
    let description = compile(&checkpoint, &options, out.path(), &mut |_| {}).unwrap();
    (out, description)
}

/// Compiles a fixture with weights in a format.
pub(crate) fn compiled_as(name: &str, weights: WeightFormat) -> (tempfile::TempDir, ModelDescription) {
    compiled(name, CompileOptions::new(weights))
}

/// The largest difference of two lists of logits.
pub(crate) fn distance(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected).flat_map(|(found, expected)| {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected)
    });
    pairs
        .map(|(found, expected)| {
            assert!(found.is_finite());
            (found - expected).abs()
        })
        .fold(0.0, f32::max)
}

/// The mean, over the rows, of the Kullback-Leibler divergence of what logits say from what the expected ones say, in
/// nats.
pub(crate) fn divergence(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let of_row = |(found, expected): (&Vec<f32>, &Vec<f32>)| -> f64 {
        let (found, expected) = (log_softmax(found), log_softmax(expected));
        let terms = found.iter().zip(&expected);
        terms.map(|(found, expected)| expected.exp() * (expected - found)).sum()
    };
    found.iter().zip(expected).map(of_row).sum::<f64>() / found.len() as f64
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    assert!(largest.is_finite());
    let exponential = |logit: &f32| f64::from(logit - largest).exp();
    let sum = logits.iter().map(exponential).sum::<f64>().ln();
    logits.iter().map(|logit| f64::from(logit - largest) - sum).collect()
}
