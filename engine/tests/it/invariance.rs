//! Batch, order and threads must not change an answer.

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use refuel_compiler::{CompileOptions, WeightFormat, compile};
use refuel_engine::batching::CandidateTrie;
use refuel_engine::session::onnx::{RuntimeOptions, load};
use refuel_engine::session::{Budget, Session};
use refuel_engine::{CachePolicy, Cancel, Engine};
use refuel_registry::Registry;
use refuel_task::{Answer, RenderedInput};

use crate::home::{self, DECODER, TOPICS};

/// The largest difference of a confidence between two ways to ask the same row. The products of 8-bit integers are
/// exact and attention sums each row's own keys in one order; on 300 real questions nothing differed at all.
const TOLERANCE: f32 = 1e-4;

fn ask(engine: &Engine, inputs: &[RenderedInput]) -> Vec<Answer> {
    let prepared = engine
        .prepare(&home::task(TOPICS), Some(DECODER))
        .expect("the task is prepared");
    prepared
        .answer(inputs, &Cancel::default(), &mut |_| {})
        .expect("the rows are answered")
}

fn assert_same(a: &[Answer], b: &[Answer]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.value, b.value, "{a:?} {b:?}");
        for (a, b) in a.scores.iter().zip(&b.scores) {
            assert!((a.confidence - b.confidence).abs() <= TOLERANCE, "{a:?} {b:?}");
            assert!((a.raw_confidence - b.raw_confidence).abs() <= TOLERANCE, "{a:?} {b:?}");
        }
    }
}

#[test]
fn a_row_gets_the_same_answer_alone_and_among_others() {
    let Some(home) = home::with_model(DECODER) else { return };
    let inputs = home::messages();
    let together = ask(&home::engine(&home, 0), &inputs);
    let engine = home::engine(&home, 0);
    let alone: Vec<Answer> = inputs
        .iter()
        .flat_map(|input| ask(&engine, std::slice::from_ref(input)))
        .collect();
    assert_same(&together, &alone);
}

#[test]
fn order_does_not_change_an_answer() {
    let Some(home) = home::with_model(DECODER) else { return };
    let inputs = home::messages();
    let forwards = ask(&home::engine(&home, 0), &inputs);
    let reversed: Vec<RenderedInput> = inputs.iter().rev().cloned().collect();
    let mut backwards = ask(&home::engine(&home, 0), &reversed);
    backwards.reverse();
    assert_same(&forwards, &backwards);
}

#[test]
fn the_size_of_packs_does_not_change_an_answer() {
    let Some(home) = home::with_model(DECODER) else { return };
    let inputs = home::messages();
    let usual = ask(&home::engine(&home, 0), &inputs);
    let small = Budget {
        padded_tokens: Some(40),
        ..Budget::default()
    };
    assert_same(
        &usual,
        &ask(&home::engine_with(&home, 0, small, CachePolicy::Memory), &inputs),
    );
}

#[test]
fn the_number_of_threads_does_not_change_an_answer() {
    let Some(home) = home::with_model(DECODER) else { return };
    let inputs = home::messages();
    assert_same(
        &ask(&home::engine(&home, 1), &inputs),
        &ask(&home::engine(&home, 2), &inputs),
    );
}

/// Compares the score of each of `candidates` in one trie with what it gets in a trie of its own, as probabilities.
fn assert_trie_is_exact(
    session: &mut dyn Session,
    prefix: &[u32],
    rows: &[Vec<u32>],
    candidates: &[Vec<u32>],
    tolerance: f32,
) {
    let cancel = Cancel::default();
    let trie = CandidateTrie::new(candidates, &[], None);
    let together = session
        .score(prefix, rows, &trie, &cancel, &mut |_| {})
        .expect("scores");
    for (index, candidate) in candidates.iter().enumerate() {
        let single = CandidateTrie::new(std::slice::from_ref(candidate), &[], None);
        let alone = session
            .score(prefix, rows, &single, &cancel, &mut |_| {})
            .expect("scores");
        for (together, alone) in together.iter().zip(&alone) {
            let (together, _) = trie.candidate_score(index, together);
            let (alone, _) = single.candidate_score(0, alone);
            let difference = (together.exp() - alone.exp()).abs();
            assert!(
                difference <= tolerance,
                "{candidate:?}: {together} together, {alone} alone"
            );
        }
    }
}

/// In 8 bits a number that lies between two steps can fall to either side when a sum before it differs in its last bit,
/// and the trie's layout decides about that bit. Single precision has no steps: see the test below.
#[test]
fn the_trie_gives_each_label_what_it_gets_alone() {
    let Some(home) = home::with_model(DECODER) else { return };
    let prepared = home::engine(&home, 0)
        .prepare(&home::task(TOPICS), Some(DECODER))
        .expect("it is prepared");
    let prompts = prepared
        .prompts(&home::messages()[..4], &Cancel::default())
        .expect("prompts");
    let trie = prompts.candidates.expect("candidates");
    let spelled = |path: &Vec<usize>| path.iter().map(|&node| trie.nodes()[node].token).collect();
    let candidates: Vec<Vec<u32>> = trie.paths().iter().map(spelled).collect();
    let entry = Registry::open(&home)
        .and_then(|registry| registry.get(DECODER))
        .expect("the model");
    let options = RuntimeOptions::new(&home);
    let mut session = load(
        DECODER,
        &entry.dir,
        &entry.manifest.description,
        &options,
        Budget::default(),
    )
    .expect("a session");
    assert_trie_is_exact(session.as_mut(), &prompts.prefix, &prompts.rows, &candidates, 2e-3);
}

#[test]
fn in_single_precision_the_trie_is_exact_for_any_candidates_and_packs() {
    let Some(home) = home::library() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/checkpoints/llama");
    let checkpoint = refuel_formats::Checkpoint::open(&checkpoint).expect("the fixture opens");
    let options = CompileOptions::new(WeightFormat::F32);
    let description = compile(&checkpoint, &options, folder.path(), &mut |_| {}).expect("it compiles");
    let vocabulary = description.vocabulary as u32;
    let token = move || (1..vocabulary).prop_map(|token| token);
    let sequences = |most: usize, count: std::ops::Range<usize>| {
        prop::collection::vec(prop::collection::vec(token(), 1..most), count)
    };
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 24,
        ..ProptestConfig::default()
    });
    let cases = (
        sequences(12, 1..6),
        sequences(5, 1..12),
        prop::collection::vec(token(), 0..10),
        16_usize..80,
    );
    runner
        .run(&cases, |(rows, candidates, prefix, padded_tokens)| {
            let budget = Budget {
                padded_tokens: Some(padded_tokens),
                ..Budget::default()
            };
            let mut session =
                load("tiny", folder.path(), &description, &RuntimeOptions::new(&home), budget).expect("a session");
            assert_trie_is_exact(session.as_mut(), &prefix, &rows, &candidates, 1e-4);
            Ok(())
        })
        .expect("every case holds");
}
