//! Batch, order and threads must not change an answer.

use refuel_engine::batching::CandidateTrie;
use refuel_engine::session::Budget;
use refuel_engine::session::onnx::{RuntimeOptions, load};
use refuel_engine::{CachePolicy, Cancel, Engine};
use refuel_registry::Registry;
use refuel_task::{Answer, RenderedInput};

use crate::home::{self, DECODER, TOPICS};

/// The largest difference of a confidence between two ways to ask the same row. The products of 8-bit integers are
/// exact and attention sums each row's own keys in one order, so that nothing but the last bits can differ.
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
        padded_tokens: 40,
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
    let cancel = Cancel::default();
    let together = session
        .score(&prompts.prefix, &prompts.rows, &trie, &cancel, &mut |_| {})
        .expect("scores");
    for (candidate, path) in trie.paths().iter().enumerate() {
        let tokens: Vec<u32> = path.iter().map(|&node| trie.nodes()[node].token).collect();
        let single = CandidateTrie::new(&[tokens], &[], None);
        let alone = session
            .score(&prompts.prefix, &prompts.rows, &single, &cancel, &mut |_| {})
            .expect("scores");
        for (together, alone) in together.iter().zip(&alone) {
            let (together, _) = trie.candidate_score(candidate, together);
            let (alone, _) = single.candidate_score(0, alone);
            assert!(
                (together - alone).abs() < 1e-3,
                "candidate {candidate}: {together} together, {alone} alone"
            );
        }
    }
}
