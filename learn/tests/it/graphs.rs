//! Saved heads give in ONNX Runtime what they give here.

use ndarray::Array2;
use refuel_learn::{
    Activation, BoostOptions, BoostedTrees, Calibration, CatchAll, Facts, Features, FitOptions, LearnError, LinearHead,
    PairLine, PairModel, Targets, TermRows, data_hash, head_from_onnx, head_to_onnx, pairs_from_onnx, pairs_to_onnx,
};

use crate::runtime::run;

fn facts(labels: usize) -> Facts {
    let labels = (0..labels).map(|label| format!("label {label}")).collect();
    let mut facts = Facts::new(labels, data_hash([("a text", "label 0")]), 1);
    facts.calibration = Calibration::Platt {
        slope: 0.5,
        intercept: 0.25,
    };
    facts.embedding_model = Some("sha256:00".to_owned());
    facts
}

fn assert_near(found: &[f32], expected: impl IntoIterator<Item = f32>) {
    let expected: Vec<f32> = expected.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

#[test]
fn a_head_gives_the_same_scores() {
    let mut random = fastrand::Rng::with_seed(1);
    let dense = Array2::from_shape_simple_fn((50, 6), || random.f32() - 0.5);
    let mut terms = TermRows::new(7);
    (0..50).for_each(|_| terms.push([(random.u32(0..4), random.f32()), (random.u32(4..7), random.f32())]));
    let rows: Vec<Vec<usize>> = (0..50).map(|row| vec![row % 4]).collect();
    for with_terms in [false, true] {
        for activation in [Activation::Softmax, Activation::Sigmoid] {
            let features = Features {
                dense: dense.clone(),
                terms: with_terms.then(|| terms.clone()),
            };
            let mut targets = Targets::multiple(&rows, 4).unwrap();
            targets.activation = activation;
            let options = FitOptions {
                penalty: 1e-3,
                prior: None,
            };
            let head = LinearHead::fit(&features, &targets, &[1.0; 50], &options).unwrap();
            let graph = head_to_onnx(&head, &facts(4));
            let (read, facts_read) = head_from_onnx(&graph).unwrap();
            assert_eq!(read, head);
            assert_eq!(facts_read, facts(4));
            let of_terms = terms.to_dense();
            let mut inputs = vec![("embedding", &dense)];
            if with_terms {
                inputs.push(("terms", &of_terms));
            }
            let Some(found) = run(&graph, &inputs, "probabilities") else {
                return;
            };
            assert_near(&found, head.probabilities(&features).unwrap());
            let logits = run(&graph, &inputs, "logits").expect("it ran before");
            assert_near(&logits, head.logits(&features).unwrap());
        }
    }
}

#[test]
fn a_head_with_a_catch_all_gives_the_same_probabilities() {
    let mut random = fastrand::Rng::with_seed(3);
    let dense = Array2::from_shape_simple_fn((40, 6), || 4.0 * (random.f32() - 0.5));
    let rows: Vec<usize> = (0..40).map(|row| row % 3).collect();
    let targets = Targets::single(&rows, 4).unwrap();
    let options = FitOptions {
        penalty: 1e-3,
        prior: None,
    };
    let features = Features::dense(dense.clone());
    let head = LinearHead::fit(&features, &targets, &[1.0; 40], &options).unwrap();
    let mut facts = facts(4);
    let catch_all = CatchAll {
        label: 3,
        share: 0.25,
        weights: [-0.7, -0.4, 1.25],
    };
    facts.catch_all = Some(catch_all);
    let graph = head_to_onnx(&head, &facts);
    assert_eq!(head_from_onnx(&graph).unwrap(), (head.clone(), facts.clone()));
    let expected = catch_all.probabilities(&head.logits(&features).unwrap());
    if let Some(found) = run(&graph, &[("embedding", &dense)], "probabilities") {
        assert_near(&found, expected);
    }
    // Where one label is all but sure, how sure it is still counts.
    let sure = &dense * 40.0;
    let slowly = CatchAll {
        weights: [0.0, -0.02, 1.0],
        ..catch_all
    };
    facts.catch_all = Some(slowly);
    let expected = slowly.probabilities(&head.logits(&Features::dense(sure.clone())).unwrap());
    if let Some(found) = run(&head_to_onnx(&head, &facts), &[("embedding", &sure)], "probabilities") {
        assert_near(&found, expected);
    }
    facts.catch_all = Some(CatchAll { label: 4, ..catch_all });
    let error = head_from_onnx(&head_to_onnx(&head, &facts)).unwrap_err();
    assert!(error.to_string().contains("none of its labels"), "{error}");
}

/// Pairs of which a product tells whether they are the same; some values are missing.
fn pairs() -> (Array2<f32>, Vec<bool>) {
    let mut random = fastrand::Rng::with_seed(2);
    let mut table = Array2::from_shape_simple_fn((300, 3), || random.f32() * 2.0 - 1.0);
    let same = table.rows().into_iter().map(|row| row[0] * row[1] > 0.0).collect();
    for row in (0..300).step_by(5) {
        table[[row, row % 3]] = f32::NAN;
    }
    (table, same)
}

fn line() -> PairLine {
    PairLine {
        means: vec![0.5, -2.0, 0.0],
        weights: vec![1.5, -0.25, 3.0],
        of_missing: vec![-1.0, 0.5, 0.75],
        bias: 0.3,
    }
}

#[test]
fn a_classifier_of_pairs_gives_the_same_scores() {
    let (table, same) = pairs();
    let same: Vec<f32> = same.into_iter().map(|same| f32::from(u8::from(same))).collect();
    let trees = BoostedTrees::fit(&table, &same, &[1.0; 300], &BoostOptions::default(), &mut |_| true).unwrap();
    let both = PairModel::Both(trees.clone(), line());
    for model in [PairModel::Trees(trees), PairModel::Line(line()), both] {
        let graph = pairs_to_onnx(&model, &facts(0));
        assert_eq!(pairs_from_onnx(&graph).unwrap(), (model.clone(), facts(0)));
        let Some(found) = run(&graph, &[("features", &table)], "probabilities") else {
            return;
        };
        assert_near(&found, model.probabilities(&table).unwrap());
    }
}

#[test]
fn other_files_are_no_heads() {
    let of_pairs = pairs_to_onnx(&PairModel::Line(line()), &facts(0));
    for bytes in [b"".as_slice(), b"{}", &of_pairs, &of_pairs[..40]] {
        let error = head_from_onnx(bytes).unwrap_err();
        assert!(matches!(error, LearnError::Head { .. }), "{error}");
    }
}

#[test]
fn the_hash_of_data_tells_where_texts_end() {
    let one = data_hash([("ab", "c")]);
    assert_eq!(one, data_hash([("ab", "c")]));
    assert_ne!(one, data_hash([("a", "bc")]));
    assert_ne!(one, data_hash([("ab", "c"), ("", "")]));
}
