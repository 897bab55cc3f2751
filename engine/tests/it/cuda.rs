//! A model says the same on a GPU as on the processor. Skipped, on standard error, where there is no GPU.

use std::path::Path;

use refuel_compiler::{CompileOptions, ModelDescription, WeightFormat, compile};
use refuel_engine::Cancel;
use refuel_engine::batching::CandidateTrie;
use refuel_engine::session::onnx::{Device, RuntimeOptions, cuda_report, load};
use refuel_engine::session::{Budget, GenerateOptions, Session};

use crate::home;

/// Decoders of every shape: shared keys, biases, norms of queries, windows, experts.
const FAMILIES: [&str; 6] = ["llama", "llama_tied", "qwen2", "qwen3", "gemma3", "mixtral"];

/// The largest difference of a probability. Products on a GPU round their factors to 10 bits (TF32) or have half precision.
const TOLERANCE: f32 = 5e-3;

/// A session of a tiny model on the processor and one on the GPU.
fn sessions(family: &str, weights: WeightFormat) -> Option<[Box<dyn Session>; 2]> {
    let home = home::library()?;
    if let Err(reason) = cuda_report(&RuntimeOptions::new(&home)) {
        eprintln!("SKIPPED: {reason}");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/checkpoints")
        .join(family);
    let checkpoint = refuel_formats::Checkpoint::open(&checkpoint).expect("the fixture opens");
    let options = CompileOptions::new(weights);
    let description: ModelDescription =
        compile(&checkpoint, &options, folder.path(), &mut |_| {}).expect("it compiles");
    Some([Device::Cpu, Device::Cuda].map(|device| {
        let options = RuntimeOptions {
            device,
            ..RuntimeOptions::new(&home)
        };
        let session = load(family, folder.path(), &description, &options, Budget::default());
        session.unwrap_or_else(|error| panic!("{family} as {weights:?} on {device:?}: {error}"))
    }))
}

fn rows() -> Vec<Vec<u32>> {
    (1..6)
        .map(|row| (0..3 * row).map(|token| 3 + (token * 7 + row * 5) % 40).collect())
        .collect()
}

#[test]
fn labels_have_the_probabilities_that_the_processor_gives_them() {
    let prefix: Vec<u32> = (5..17).collect();
    let trie = CandidateTrie::new(&[vec![3, 4], vec![3, 9, 8], vec![11]], &[], None);
    for family in FAMILIES {
        for weights in [WeightFormat::F32, WeightFormat::F16, WeightFormat::Int4] {
            let Some(sessions) = sessions(family, weights) else {
                return;
            };
            let [expected, found] = sessions.map(|mut session| {
                let scores = session.score(&prefix, &rows(), &trie, &Cancel::default(), &mut |_| {});
                scores.unwrap_or_else(|error| panic!("{family} as {weights:?}: {error}"))
            });
            for (expected, found) in expected.iter().flatten().zip(found.iter().flatten()) {
                let difference = (expected.exp() - found.exp()).abs();
                assert!(
                    difference <= TOLERANCE,
                    "{family} as {weights:?}: {found}, not {expected}"
                );
            }
        }
    }
}

#[test]
fn a_text_is_written_as_on_the_processor_with_guesses_and_without() {
    for family in FAMILIES {
        let Some(sessions) = sessions(family, WeightFormat::F32) else {
            return;
        };
        let mut texts = sessions.into_iter().flat_map(|mut session| {
            [0, 4].map(|drafts| {
                let options = GenerateOptions {
                    max_tokens: 12,
                    stop_tokens: Vec::new(),
                    drafts,
                    opening: None,
                };
                let texts = session.generate(
                    &[5, 6, 7],
                    &rows(),
                    Vec::new(),
                    &options,
                    &Cancel::default(),
                    &mut |_| {},
                );
                let texts = texts.unwrap_or_else(|error| panic!("{family}: {error}"));
                texts.into_iter().map(|text| text.tokens).collect::<Vec<_>>()
            })
        });
        let expected = texts.next().expect("the processor's");
        for other in texts {
            assert_eq!(other, expected, "{family}");
        }
    }
}

#[test]
fn vectors_of_texts_are_those_of_the_processor() {
    for weights in [WeightFormat::F32, WeightFormat::F16] {
        let Some(sessions) = sessions("bert", weights) else {
            return;
        };
        let [expected, found] = sessions.map(|mut session| {
            session
                .embed(&rows(), &Cancel::default(), &mut |_| {})
                .expect("vectors")
        });
        for (expected, found) in expected.iter().flatten().zip(found.iter().flatten()) {
            assert!(
                (expected - found).abs() <= TOLERANCE,
                "{weights:?}: {found}, not {expected}"
            );
        }
    }
}
