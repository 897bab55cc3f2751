use super::*;
use crate::saved::{Facts, head_from_onnx, head_to_onnx};

/// Questions whose states tell by their third number whether there is an answer; what is shown tells nothing, but the
/// confidence, which is greater for right pieces.
fn questions(count: usize, seed: u64) -> (Questions, Vec<[bool; 2]>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut states = Array2::from_shape_simple_fn((count, 40), || random.f32() * 2.0 - 1.0);
    let mut known = Vec::new();
    let mut shown = Vec::new();
    for row in 0..count {
        let none = random.bool();
        states[[row, 2]] = if none { 8.0 } else { 6.0 } + random.f32();
        let right = !none && random.f32() < 0.7;
        known.push([none, right]);
        let confidence = if right { 0.5 } else { 0.3 } + 0.3 * random.f32();
        shown.push(Shown {
            none: random.f32(),
            confidence,
            raw_confidence: confidence,
            words: random.usize(1..6),
        });
    }
    (Questions { shown, states }, known)
}

fn each(count: usize) -> Vec<u64> {
    (0..count as u64).collect()
}

fn right(found: &Array2<f32>, known: &[[bool; 2]], output: usize) -> f64 {
    let hits = known
        .iter()
        .enumerate()
        .filter(|(row, known)| (found[[*row, output]] > 0.5) == known[output]);
    hits.count() as f64 / known.len() as f64
}

#[test]
fn states_tell_what_is_shown_does_not() {
    let (seen, known) = questions(120, 1);
    let trained = train_answerable(&seen, &known, &each(120), 1).unwrap();
    assert!(right(&trained.held_out, &known, 0) > 0.95, "held out");
    let (others, known) = questions(200, 2);
    let found = trained.head.probabilities(&others).unwrap();
    assert!(right(&found, &known, 0) > 0.95 && right(&found, &known, 1) > 0.75);
    assert_eq!(trained.head.states(), 40);
}

#[test]
fn without_states_the_measures_are_all_there_is() {
    let (seen, known) = questions(120, 3);
    let bare = Questions {
        states: Array2::zeros((120, 0)),
        ..seen
    };
    let trained = train_answerable(&bare, &known, &each(120), 1).unwrap();
    assert!(right(&trained.held_out, &known, 0) < 0.9);
    assert_eq!(trained.head.states(), 0);
}

#[test]
fn a_head_that_was_kept_says_the_same() {
    let (seen, known) = questions(80, 4);
    let trained = train_answerable(&seen, &known, &each(80), 1).unwrap();
    let facts = Facts::new(ANSWERABLE_OUTPUTS.map(str::to_owned).to_vec(), String::new(), 80);
    let (head, _) = head_from_onnx(&head_to_onnx(&trained.head.head, &facts)).unwrap();
    let read = AnswerableHead { head };
    assert_eq!(
        read.probabilities(&seen).unwrap(),
        trained.head.probabilities(&seen).unwrap()
    );
}

#[test]
fn questions_of_one_text_are_held_out_together() {
    // Every text has two questions of the same state and the same answer: seen apart they would give themselves away.
    let (once, known) = questions(60, 5);
    let mut random = fastrand::Rng::with_seed(6);
    let noise = Array2::from_shape_simple_fn((60, 40), || random.f32());
    let twice = Questions {
        shown: [once.shown.as_slice(), &once.shown].concat(),
        states: concatenate(Axis(0), &[noise.view(), noise.view()]).unwrap(),
    };
    let known = [known.as_slice(), &known].concat();
    let together = train_answerable(&twice, &known, &[each(60), each(60)].concat(), 1).unwrap();
    let apart = train_answerable(&twice, &known, &each(120), 1).unwrap();
    assert!(right(&apart.held_out, &known, 0) > 0.8, "by heart");
    assert!(right(&together.held_out, &known, 0) < 0.7, "nothing is told");
}

#[test]
fn too_few_of_a_side_and_other_states_are_said() {
    let (seen, known) = questions(40, 7);
    let trained = train_answerable(&seen, &known, &each(40), 1).unwrap();
    let narrow = Questions {
        states: Array2::zeros((40, 39)),
        shown: seen.shown.clone(),
    };
    assert!(matches!(
        trained.head.probabilities(&narrow),
        Err(LearnError::Shape { .. })
    ));
    for (of_all, missing) in [([false, true], "without an answer"), ([true, false], "with an answer")] {
        let error = train_answerable(&seen, &[of_all; 40], &each(40), 1).unwrap_err();
        assert!(
            matches!(error, LearnError::OneSided { side, have: 0, .. } if side == missing),
            "{error:?}"
        );
    }
}
