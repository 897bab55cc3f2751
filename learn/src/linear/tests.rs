use super::*;

/// Points around the corners of a triangle.
fn clouds(rows: usize, seed: u64) -> (Features, Vec<usize>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let labels: Vec<usize> = (0..rows).map(|row| row % 3).collect();
    let dense = Array2::from_shape_fn((rows, 3), |(row, column)| {
        f32::from(u8::from(labels[row] == column)) + 0.8 * (random.f32() - 0.5)
    });
    (Features::dense(dense), labels)
}

fn fit(features: &Features, labels: &[usize], penalty: f32, prior: Option<&Array2<f32>>) -> LinearHead {
    let targets = Targets::single(labels, 3).unwrap();
    LinearHead::fit(
        features,
        &targets,
        &targets.balanced_weights(),
        &FitOptions { penalty, prior },
    )
    .unwrap()
}

/// `LogisticRegression(C=1/(6 * 0.1))` of scikit-learn on six points: the minimum is one point, so that a solver can be
/// compared with another by the gradient alone. Here: at the minimum the penalty balances the residuals.
#[test]
fn a_fit_ends_where_residuals_and_penalty_balance() {
    let (features, labels) = clouds(60, 1);
    let penalty = 0.05;
    let head = fit(&features, &labels, penalty, None);
    let mut residuals = head.probabilities(&features).unwrap();
    labels
        .iter()
        .enumerate()
        .for_each(|(row, label)| residuals[[row, *label]] -= 1.0);
    let slopes = features.dense.t().dot(&residuals) / 60.0 + &head.weights * penalty;
    assert!(slopes.iter().all(|slope| slope.abs() < 1e-3), "{slopes}");
    let of_bias = residuals.sum_axis(Axis(0)) / 60.0;
    assert!(of_bias.iter().all(|slope| slope.abs() < 1e-3), "{of_bias}");
}

#[test]
fn what_was_learned_holds_for_other_rows() {
    let (features, labels) = clouds(90, 1);
    let head = fit(&features, &labels, 1e-3, None);
    let (others, right) = clouds(300, 2);
    let found = best_of(&head.logits(&others).unwrap());
    let hits = found.iter().zip(&right).filter(|(found, right)| found == right).count();
    assert!(hits > 290, "{hits} of 300");
}

#[test]
fn a_strong_penalty_leaves_the_prior() {
    let (features, labels) = clouds(30, 1);
    let prior = Array2::from_shape_fn((3, 3), |(row, column)| if row == column { 5.0 } else { 0.0 });
    let head = fit(&features, &labels, 1e4, Some(&prior));
    let gap = (&head.weights - &prior)
        .iter()
        .fold(0.0f32, |most, gap| most.max(gap.abs()));
    assert!(gap < 1e-2, "{gap}");
}

#[test]
fn labels_count_the_same_however_many_examples_they_have() {
    let targets = Targets::single(&[0, 0, 0, 1], 2).unwrap();
    let weights = targets.balanced_weights();
    assert!((weights[3] - 2.0).abs() < 1e-6 && (weights[0] - 2.0 / 3.0).abs() < 1e-6);
    assert!((weights.iter().sum::<f32>() - 4.0).abs() < 1e-5);
}

#[test]
fn several_labels_are_told_one_by_one() {
    let (features, _) = clouds(60, 3);
    let rows: Vec<Vec<usize>> = (0..60)
        .map(|row| if row % 3 == 0 { vec![0, 1] } else { vec![row % 3] })
        .collect();
    let targets = Targets::multiple(&rows, 3).unwrap();
    let head = LinearHead::fit(
        &features,
        &targets,
        &targets.balanced_weights(),
        &FitOptions {
            penalty: 1e-4,
            prior: None,
        },
    )
    .unwrap();
    let probabilities = head.probabilities(&features).unwrap();
    assert!(probabilities[[0, 0]] > 0.5 && probabilities[[0, 1]] > 0.5 && probabilities[[0, 2]] < 0.5);
}

#[test]
fn soft_targets_are_met_on_the_mean() {
    let features = Features::dense(Array2::ones((10, 1)));
    let shares = Array2::from_shape_fn((10, 2), |(_, label)| if label == 0 { 0.7 } else { 0.3 });
    let head = LinearHead::fit(
        &features,
        &Targets::soft(shares).unwrap(),
        &[1.0; 10],
        &FitOptions {
            penalty: 1e-6,
            prior: None,
        },
    )
    .unwrap();
    let probabilities = head.probabilities(&features).unwrap();
    assert!((probabilities[[4, 0]] - 0.7).abs() < 1e-3, "{probabilities}");
}

/// The same bytes come out whatever the number of threads.
#[test]
fn a_fit_does_not_depend_on_threads() {
    let (features, labels) = clouds(900, 4);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit(&features, &labels, 1e-3, None))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (features, labels) = clouds(9, 1);
    assert!(matches!(
        Targets::single(&labels, 2),
        Err(LearnError::UnknownLabel { label: 2, .. })
    ));
    let targets = Targets::single(&labels[..6], 3).unwrap();
    let options = FitOptions {
        penalty: 1e-3,
        prior: None,
    };
    assert!(matches!(
        LinearHead::fit(&features, &targets, &[1.0; 6], &options),
        Err(LearnError::Shape { .. })
    ));
    let mut broken = features.clone();
    broken.dense[[4, 1]] = f32::NAN;
    let targets = Targets::single(&labels, 3).unwrap();
    assert!(matches!(
        LinearHead::fit(&broken, &targets, &[1.0; 9], &options),
        Err(LearnError::NotFinite { row: 4, .. })
    ));
}
