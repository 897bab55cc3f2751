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

/// The largest difference of a probability. A GPU rounds the factors of products to 10 bits, but in single precision; where weights
/// have 4 bits, a processor rounds what is multiplied with them to 8.
fn tolerance(weights: WeightFormat) -> f32 {
    match weights {
        WeightFormat::F32 => 5e-4,
        WeightFormat::Int4 => 0.05,
        _ => 5e-3,
    }
}

fn assert_near(what: &str, found: f32, expected: f32, weights: WeightFormat) {
    assert!(
        (found - expected).abs() <= tolerance(weights),
        "{what} as {weights:?}: {found}, not {expected}"
    );
}

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
                assert_near(family, found.exp(), expected.exp(), weights);
            }
        }
    }
}

/// Up to a token that is as likely as another one.
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
                session
                    .generate(
                        &[5, 6, 7],
                        &rows(),
                        Vec::new(),
                        &options,
                        &Cancel::default(),
                        &mut |_| {},
                    )
                    .unwrap_or_else(|error| panic!("{family}: {error}"))
            })
        });
        let expected = texts.next().expect("the processor's");
        for (expected, text) in texts.flat_map(|texts| expected.clone().into_iter().zip(texts)) {
            for token in 0..expected.tokens.len() {
                let [found, there] = [&text, &expected].map(|text| text.log_probabilities[token].exp());
                assert_near(family, found, there, WeightFormat::F32);
                if text.tokens[token] != expected.tokens[token] {
                    break;
                }
            }
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
            assert_near("bert", *found, *expected, weights);
        }
    }
}
