//! Evaluations whose figures were computed by other means.

use proptest::prelude::*;

use super::*;

fn row(expected: u32, said: u32, confidence: f64) -> Judged {
    Judged {
        expected: vec![expected],
        given: Some(vec![said]),
        said: Some(vec![said]),
        confidence: Some(confidence),
        ..Judged::default()
    }
}

fn failed(expected: u32) -> Judged {
    Judged {
        expected: vec![expected],
        failed: true,
        ..Judged::default()
    }
}

fn abcd() -> Classes {
    ["a", "b", "c", "d"].iter().collect()
}

const EXPECTED: &str = "bcbaacacbaaaaabbdbbdaabaabacbbaaaabaaaca";
const SAID: &str = "babdacacbdaaaabbdbadaadaabacbbbaaabbdaca";
const CONFIDENCE: [f64; 40] = [
    0.34, 0.54, 0.57, 0.63, 1.0, 0.58, 0.63, 0.79, 0.85, 0.56, 0.71, 0.89, 0.85, 0.54, 0.73, 0.76, 0.54, 0.8, 0.43,
    0.94, 0.79, 0.77, 0.48, 0.73, 0.35, 0.52, 0.82, 0.32, 0.92, 0.4, 0.75, 0.58, 0.91, 0.78, 0.44, 0.85, 0.89, 0.74,
    0.7, 0.72,
];

fn known() -> Vec<Judged> {
    let number = |letter: u8| u32::from(letter - b'a');
    let letters = EXPECTED.bytes().zip(SAID.bytes()).zip(CONFIDENCE);
    letters
        .map(|((expected, said), confidence)| row(number(expected), number(said), confidence))
        .collect()
}

fn near(number: Option<f64>, expected: f64) {
    assert!((number.unwrap() - expected).abs() < 1e-9, "{number:?} {expected}");
}

/// `accuracy_score`, `f1_score`, `precision_recall_fscore_support` and `roc_auc_score` of scikit-learn 1.9.
#[test]
fn one_label_a_row_is_measured_as_by_scikit_learn() {
    let evaluation = Evaluation::of(&known(), &abcd(), true).unwrap();
    near(Some(evaluation.accuracy), 0.8);
    near(evaluation.f1_macro, 0.760_683_760_683_760_6);
    near(evaluation.f1_micro, 0.8);
    near(evaluation.auroc, 0.582_031_25);
    let a = &evaluation.labels[0];
    assert_eq!((a.label.as_str(), a.expected, a.given, a.right), ("a", 21, 18, 16));
    near(Some(a.precision), 8.0 / 9.0);
    near(Some(a.recall), 0.761_904_761_904_761_9);
    near(Some(a.f1), 0.820_512_820_512_820_5);
    near(Some(evaluation.majority_rate), 21.0 / 40.0);
    assert_eq!(
        (evaluation.majority_value.as_str(), evaluation.beats_majority),
        ("a", Verdict::Better)
    );
    assert_eq!(evaluation.confusion.iter().map(|cell| cell.rows).sum::<u64>(), 40);
    let mixup = Mixup {
        expected: "a".to_owned(),
        given: Some("d".to_owned()),
        rows: 3,
    };
    assert!(evaluation.confusion.contains(&mixup), "{:?}", evaluation.confusion);
    assert!(evaluation.f1_macro_ci95.unwrap().contains(0.76));
}

/// The same functions with `labels` without a fifth class, which stands for no value.
#[test]
fn rows_that_failed_are_wrong_and_never_left_out() {
    let mut rows = known();
    for at in [3, 11, 29] {
        rows[at] = failed(rows[at].expected[0]);
    }
    let evaluation = Evaluation::of(&rows, &abcd(), true).unwrap();
    near(Some(evaluation.accuracy), 0.75);
    near(evaluation.f1_macro, 0.758_099_960_045_040_2);
    near(evaluation.f1_micro, 0.779_220_779_220_779_2);
    near(Some(evaluation.completion_rate), 37.0 / 40.0);
    near(evaluation.accuracy_of_completed, 30.0 / 37.0);
    assert_eq!((evaluation.failed, evaluation.completed), (3, 37));
    assert!(evaluation.accuracy_ci95.contains(0.75));
    assert_eq!(
        evaluation
            .confusion
            .iter()
            .filter(|cell| cell.given.is_none())
            .map(|cell| cell.rows)
            .sum::<u64>(),
        3
    );
}

/// `accuracy_score` (of whole sets) and `f1_score` of scikit-learn on indicator matrices; bit `n` is class `n`.
#[test]
fn several_labels_a_row_are_measured_as_by_scikit_learn() {
    let expected = [
        0, 5, 4, 0, 15, 9, 0, 1, 6, 8, 0, 14, 7, 5, 3, 8, 2, 2, 1, 4, 2, 2, 0, 12, 2, 3, 7, 2, 3, 1,
    ];
    let said = [
        2, 1, 6, 2, 3, 9, 1, 3, 15, 15, 12, 14, 5, 13, 10, 1, 11, 2, 4, 5, 2, 12, 0, 12, 3, 3, 15, 3, 8, 9,
    ];
    let set = |bits: u32| (0..4).filter(|class| bits >> class & 1 == 1).collect::<Vec<u32>>();
    let rows: Vec<Judged> = expected
        .into_iter()
        .zip(said)
        .map(|(expected, said)| Judged {
            expected: set(expected),
            given: Some(set(said)),
            said: Some(set(said)),
            ..Judged::default()
        })
        .collect();
    let evaluation = Evaluation::of(&rows, &abcd(), true).unwrap();
    near(Some(evaluation.accuracy), 7.0 / 30.0);
    near(evaluation.f1_macro, 0.625_587_086_839_355_5);
    near(evaluation.f1_micro, 0.64);
    assert_eq!(evaluation.confusion, []);
    assert_eq!(
        (evaluation.auroc, evaluation.ece),
        (None, None),
        "there is no confidence"
    );
    assert_eq!(evaluation.majority_value, "b", "the set that is right most often");
}

#[test]
fn the_gate_takes_values_and_leaves_what_was_said() {
    let mut rows: Vec<Judged> = (0..20)
        .map(|at| row(0, u32::from(at % 2 == 0), f64::from(at) / 20.0))
        .collect();
    for row in &mut rows[..10] {
        row.given = None;
        row.abstained = true;
    }
    let evaluation = Evaluation::of(&rows, &abcd(), true).unwrap();
    assert_eq!((evaluation.abstained, evaluation.completed), (10, 10));
    near(Some(evaluation.accuracy), 0.25);
    near(evaluation.accuracy_of_completed, 0.5);
    assert_eq!(
        evaluation.thresholds[0].accepted, 20,
        "thresholds are tried on what was said"
    );
    near(evaluation.auroc, 0.55);
    assert_eq!(evaluation.beats_majority, Verdict::NotBetter);
}

#[test]
fn texts_have_no_f1_and_no_rows_no_evaluation() {
    let evaluation = Evaluation::of(&known(), &abcd(), false).unwrap();
    assert_eq!((evaluation.f1_macro, evaluation.f1_micro), (None, None));
    assert!(evaluation.labels.is_empty() && evaluation.confusion.is_empty());
    near(Some(evaluation.accuracy), 0.8);
    assert_eq!(Evaluation::of(&[], &abcd(), true), None);
}

#[test]
fn answers_that_are_hardly_better_are_not_said_to_be() {
    let verdict = |right: usize| {
        // Half of the rows are `a`.
        let rows: Vec<Judged> = (0..100)
            .map(|at| {
                row(
                    u32::from(at % 2 == 0),
                    if at < right { u32::from(at % 2 == 0) } else { 2 },
                    0.5,
                )
            })
            .collect();
        Evaluation::of(&rows, &abcd(), true).unwrap().beats_majority
    };
    assert_eq!(
        [verdict(50), verdict(55), verdict(70)],
        [Verdict::NotBetter, Verdict::Unclear, Verdict::Better]
    );
}

#[test]
fn the_worst_slices_are_those_that_are_surely_bad() {
    // `few` is 1 of 5 right, `many` 10 of 40, `good` all of 60, and `rare` has too few rows to speak of.
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for (value, count, right) in [("few", 5, 1), ("many", 40, 10), ("good", 60, 60), ("rare", 4, 0)] {
        for at in 0..count {
            rows.push(row(0, u32::from(at >= right), f64::from(at) / 100.0));
            values.push(value.to_owned());
        }
    }
    rows[44] = failed(0);
    let slices = worst_slices(&rows, &[("place".to_owned(), values)], 10);
    let named: Vec<(&str, u64, f64)> = slices
        .iter()
        .map(|slice| (slice.value.as_str(), slice.rows, slice.accuracy))
        .collect();
    assert_eq!(named, [("many", 40, 0.25), ("few", 5, 0.2)]);
    assert_eq!(
        slices[0].examples,
        [43, 42, 41],
        "those first of which the model was surest, and a failed row last"
    );
}

proptest! {
    /// Against counting by the definition of each.
    #[test]
    fn counts_are_those_of_the_definitions(rows in proptest::collection::vec((0u32..4, proptest::option::of(0u32..4)), 1..60)) {
        let judged: Vec<Judged> = rows
            .iter()
            .map(|(expected, said)| said.map_or_else(|| failed(*expected), |said| row(*expected, said, 0.5)))
            .collect();
        let evaluation = Evaluation::of(&judged, &abcd(), true).unwrap();
        let count = |of: &dyn Fn(u32, Option<u32>) -> bool| rows.iter().filter(|(expected, said)| of(*expected, *said)).count() as f64;
        let mut f1 = Vec::new();
        let (mut all_right, mut all_wrong, mut all_missed) = (0.0, 0.0, 0.0);
        for class in 0..4 {
            let right = count(&|expected, said| expected == class && said == Some(class));
            let wrong = count(&|expected, said| expected != class && said == Some(class));
            let missed = count(&|expected, said| expected == class && said != Some(class));
            if right + wrong + missed > 0.0 {
                f1.push(2.0 * right / (2.0 * right + wrong + missed));
            }
            all_right += right;
            all_wrong += wrong;
            all_missed += missed;
        }
        prop_assert!((evaluation.f1_macro.unwrap() - f1.iter().sum::<f64>() / f1.len() as f64).abs() < 1e-9);
        prop_assert!((evaluation.f1_micro.unwrap() - 2.0 * all_right / (2.0 * all_right + all_wrong + all_missed)).abs() < 1e-9);
        prop_assert!((evaluation.accuracy - all_right / rows.len() as f64).abs() < 1e-9);
        if rows.iter().all(|(_, said)| said.is_some()) {
            prop_assert!((evaluation.f1_micro.unwrap() - evaluation.accuracy).abs() < 1e-9);
        }
    }
}
