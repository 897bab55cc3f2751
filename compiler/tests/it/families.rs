//! Every family's logits, in every way the engine runs a decoder.

use refuel_compiler::WeightFormat;

use crate::decoder::Decoder;
use crate::fixtures::{Expected, compiled_as, distance, expected};
use crate::runtime;

/// Largest difference from `transformers`.
const TOLERANCE: f32 = 1e-3;

/// Runs the checkpoint's tokens whole, step by step, in pieces, and behind a prefix, each against `transformers`.
pub(crate) fn check_every_way(name: &str) {
    if !runtime::is_there() {
        return;
    }
    let expected: Expected = expected(name);
    let (folder, description) = compiled_as(name, WeightFormat::F32);
    let mut decoder = Decoder::open(folder.path(), description);
    let (ids, logits) = (expected.ids(), expected.logits());
    let prefill = expected.prefill.ids.len();
    let mut worst: f32 = 0.0;
    let mut check = |how: &str, found: &[Vec<f32>], expected: &[Vec<f32>]| {
        let distance = distance(found, expected);
        assert!(distance < TOLERANCE, "{name}, {how}: off by {distance}");
        worst = worst.max(distance);
    };

    let (found, mut cache) = decoder.run(None, None, &ids[..prefill]);
    check("prefill", &found, &expected.prefill.logits);
    for (place, step) in expected.steps.iter().enumerate() {
        let (found, after) = decoder.run(None, Some(&cache), &[step.id]);
        check(&format!("step {place}"), &found, &logits[prefill + place..][..1]);
        cache = after;
    }

    let mut cache = None;
    for piece in [0..3, 3..4, 4..11, 11..ids.len()] {
        let (found, after) = decoder.run(None, cache.as_ref(), &ids[piece.clone()]);
        check(&format!("tokens {piece:?}"), &found, &logits[piece]);
        cache = Some(after);
    }

    for shared in [1, 10] {
        let (_, prefix) = decoder.run(None, None, &ids[..shared]);
        let (found, mut cache) = decoder.run(Some(&prefix), None, &ids[shared..prefill]);
        check(
            &format!("behind {shared} shared tokens"),
            &found,
            &logits[shared..prefill],
        );
        for place in prefill..ids.len() {
            let (found, after) = decoder.run(Some(&prefix), Some(&cache), &ids[place..=place]);
            check(
                &format!("step to {place} behind {shared} shared tokens"),
                &found,
                &logits[place..=place],
            );
            cache = after;
        }
    }

    // Rows of different lengths behind one prefix, then one more token each: nobody sees padding or another row.
    let (_, prefix) = decoder.run(None, None, &ids[..5]);
    let rows = [&ids[5..15], &ids[5..9], &ids[5..6]];
    let (found, cache) = decoder.run_rows(Some(&prefix), None, &rows);
    let next = [&ids[15..16], &ids[9..10], &ids[6..7]];
    let (after, _) = decoder.run_rows(Some(&prefix), Some(&cache), &next);
    for (index, row) in rows.iter().enumerate() {
        let end = 5 + row.len();
        check(&format!("row {index}"), &found[index], &logits[5..end]);
        check(
            &format!("the token behind row {index}"),
            &after[index],
            &logits[end..=end],
        );
    }

    // Logits are those of the positions that are asked for, in the order they are asked for.
    let (found, _) = decoder.run_wanted(None, None, &[&ids], vec![7, 0, 19, 7]);
    let wanted = [7, 0, 19, 7].map(|place| logits[place].clone());
    check("wanted positions", &found, &wanted);
    eprintln!("{name}: off by {worst:.1e} at most");
}

#[test]
fn llama_with_llama_3_scaling() {
    check_every_way("llama");
}

#[test]
fn llama_tied_with_biases_and_linear_scaling() {
    check_every_way("llama_tied");
}

#[test]
fn mistral_with_a_sliding_window() {
    check_every_way("mistral");
}

#[test]
fn mixtral_with_experts() {
    check_every_way("mixtral");
}

#[test]
fn qwen2_with_biases() {
    check_every_way("qwen2");
}

#[test]
fn qwen3_with_norms_of_heads() {
    check_every_way("qwen3");
}

#[test]
fn gemma3_with_two_kinds_of_layers() {
    check_every_way("gemma3");
}
