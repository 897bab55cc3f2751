//! Checkpoints that can't be compiled, and what is said of them.

use std::fs;
use std::ops::Range;

use refuel_compiler::{CompileError, CompileOptions, WeightFormat, compile};
use refuel_formats::{Checkpoint, FormatError, WeightSource};

use crate::fixtures::fixture;

/// Weights with something wrong in them.
struct Damaged {
    inner: Box<dyn WeightSource>,
    tensor: &'static str,
    damage: Damage,
}

#[derive(Clone, Copy)]
enum Damage {
    /// Another number in the last place.
    Value(f32),
    /// One row more.
    Shape,
    /// The file ends early.
    Short,
    Missing,
}

impl WeightSource for Damaged {
    fn names(&self) -> Vec<String> {
        self.inner.names()
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let mut shape = self.inner.shape(name)?;
        if name == self.tensor {
            match self.damage {
                Damage::Shape => shape[0] += 1,
                Damage::Missing => return None,
                Damage::Value(_) | Damage::Short => {}
            }
        }
        Some(shape)
    }

    fn read_rows(&self, name: &str, rows: Range<usize>, into: &mut [f32]) -> Result<(), FormatError> {
        self.inner.read_rows(name, rows.clone(), into)?;
        let last = self.matrix(name).is_some_and(|(count, _)| count == rows.end);
        if name != self.tensor || !last {
            return Ok(());
        }
        match self.damage {
            Damage::Value(value) => *into.last_mut().unwrap() = value,
            Damage::Short => {
                return Err(FormatError::Io {
                    path: "model.safetensors".into(),
                    source: std::io::ErrorKind::UnexpectedEof.into(),
                });
            }
            Damage::Shape | Damage::Missing => {}
        }
        Ok(())
    }

    fn file_type(&self) -> String {
        self.inner.file_type()
    }
}

fn damaged(name: &str, tensor: &'static str, damage: Damage) -> Checkpoint {
    let mut checkpoint = Checkpoint::open(&fixture(name)).unwrap();
    assert!(checkpoint.weights.shape(tensor).is_some());
    checkpoint.weights = Box::new(Damaged {
        inner: checkpoint.weights,
        tensor,
        damage,
    });
    checkpoint
}

fn refused(checkpoint: &Checkpoint, weights: WeightFormat) -> CompileError {
    let out = tempfile::tempdir().unwrap();
    compile(checkpoint, &CompileOptions::new(weights), out.path(), &mut |_| {}).unwrap_err()
}

/// A matrix, a tied table, a bias and a norm.
const TENSORS: [&str; 4] = [
    "model.layers.1.mlp.down_proj.weight",
    "model.embed_tokens.weight",
    "model.layers.0.self_attn.k_proj.bias",
    "model.norm.weight",
];

const FORMATS: [WeightFormat; 4] = [
    WeightFormat::F32,
    WeightFormat::F16,
    WeightFormat::Int8,
    WeightFormat::Int4,
];

#[test]
fn weights_that_are_no_numbers_are_refused_by_name() {
    for tensor in TENSORS {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for weights in FORMATS {
                let error = refused(&damaged("llama_tied", tensor, Damage::Value(value)), weights);
                assert_eq!(error.code(), "RF0204", "{error}");
                assert!(error.to_string().contains(tensor), "{error}");
                assert!(error.hint().unwrap().contains("fetch it again"));
            }
        }
    }
}

#[test]
fn weights_too_large_for_half_precision_are_refused_there_only() {
    let checkpoint = damaged("llama", "model.layers.0.mlp.up_proj.weight", Damage::Value(70_000.0));
    let error = refused(&checkpoint, WeightFormat::F16);
    assert_eq!(error.code(), "RF0204");
    assert!(error.hint().unwrap().contains("f32 or int8"), "{error}");
    let out = tempfile::tempdir().unwrap();
    compile(
        &checkpoint,
        &CompileOptions::new(WeightFormat::Int8),
        out.path(),
        &mut |_| {},
    )
    .unwrap();
}

#[test]
fn weights_of_another_shape_are_refused_by_name() {
    for tensor in TENSORS {
        let error = refused(&damaged("llama_tied", tensor, Damage::Shape), WeightFormat::Int8);
        assert_eq!(error.code(), "RF0203", "{error}");
        assert!(error.to_string().contains(tensor), "{error}");
    }
}

#[test]
fn weights_that_end_early_or_are_missing_are_errors() {
    for tensor in TENSORS {
        let error = refused(&damaged("llama_tied", tensor, Damage::Short), WeightFormat::Int4);
        assert_eq!(error.code(), "RF0101", "{error}");
        let error = refused(&damaged("llama_tied", tensor, Damage::Missing), WeightFormat::Int4);
        assert_eq!(error.code(), "RF0104", "{error}");
    }
}

#[test]
fn configurations_that_contradict_themselves_are_refused() {
    type Change = fn(&mut refuel_formats::ModelConfig);
    let changes: [(&str, Change); 8] = [
        ("llama", |config| config.hidden = 0),
        ("llama", |config| config.layers = 0),
        ("llama", |config| config.kv_heads = 3),
        ("llama", |config| config.head_size = 7),
        ("llama", |config| config.sliding_layers = vec![true]),
        ("mistral", |config| config.sliding_window = None),
        ("mixtral", |config| config.experts.as_mut().unwrap().per_token = 5),
        ("bert", |config| config.pooling = Some("max".to_owned())),
    ];
    for (name, change) in changes {
        let mut checkpoint = Checkpoint::open(&fixture(name)).unwrap();
        change(&mut checkpoint.config);
        let error = refused(&checkpoint, WeightFormat::F32);
        assert_eq!(error.code(), "RF0205", "{name}: {error}");
    }
}

#[test]
fn a_folder_that_can_not_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let checkpoint = Checkpoint::open(&fixture("llama")).unwrap();
    let options = CompileOptions::new(WeightFormat::F32);
    let error = compile(&checkpoint, &options, &file.join("model"), &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "RF0201");
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn progress_goes_up_to_all_parameters() {
    let checkpoint = Checkpoint::open(&fixture("mixtral")).unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut heard = Vec::new();
    let options = CompileOptions::new(WeightFormat::Int8);
    let description = compile(&checkpoint, &options, out.path(), &mut |progress| heard.push(progress)).unwrap();
    assert!(heard.len() > 10);
    assert!(heard.is_sorted_by_key(|progress| progress.done));
    assert!(heard.iter().all(|progress| progress.total == description.parameters));
    assert_eq!(heard.last().unwrap().done, description.parameters);
}
