use proptest::prelude::*;

use super::*;

/// Answers whose raw confidence is what `shown` makes of the true share of right answers.
fn answers(rows: usize, shown: impl Fn(f64) -> f64) -> Vec<(f32, bool)> {
    let mut random = fastrand::Rng::with_seed(9);
    (0..rows)
        .map(|_| {
            let truth = random.f64();
            (shown(truth) as f32, random.f64() < truth)
        })
        .collect()
}

fn gap(calibration: &Calibration, shown: impl Fn(f64) -> f64) -> f64 {
    (1..20)
        .map(|at| {
            let truth = f64::from(at) / 20.0;
            (f64::from(calibration.apply(shown(truth) as f32)) - truth).abs()
        })
        .fold(0.0, f64::max)
}

#[test]
fn a_temperature_is_found() {
    // Logits that are shown three times too large.
    let shown = |truth: f64| sigmoid(3.0 * (truth / (1.0 - truth)).ln());
    let scored = answers(4000, shown);
    let Calibration::Temperature { temperature } = temperature(&scored) else {
        unreachable!()
    };
    assert!((temperature - 3.0).abs() < 0.2, "{temperature}");
    let chosen = ChosenCalibration::of(&scored, 1);
    assert!(gap(&chosen.calibration, shown) < 0.05, "{chosen:?}");
    assert_eq!(chosen.tried.len(), 5);
    assert_eq!(chosen.held_out.len(), scored.len());
    let apart = chosen
        .held_out
        .iter()
        .zip(&scored)
        .map(|(held, (raw, _))| (held.0 - chosen.calibration.apply(*raw)).abs());
    assert!(
        apart.fold(0.0, f32::max) < 0.05,
        "what is held out is calibrated nearly alike"
    );
}

#[test]
fn what_has_no_form_is_met_by_steps() {
    let shown = |truth: f64| {
        if truth < 0.5 {
            0.9 + truth / 100.0
        } else {
            0.95 + truth / 100.0
        }
    };
    let scored = answers(20_000, shown);
    let chosen = ChosenCalibration::of(&scored, 1);
    assert!(matches!(chosen.calibration, Calibration::Isotonic { .. }), "{chosen:?}");
    assert!(gap(&chosen.calibration, shown) < 0.1);
}

#[test]
fn what_is_calibrated_stays_as_it_is() {
    let chosen = ChosenCalibration::of(&answers(2000, |truth| truth), 1);
    assert!(gap(&chosen.calibration, |truth| truth) < 0.06, "{chosen:?}");
}

#[test]
fn few_answers_leave_the_raw_confidence() {
    assert_eq!(
        ChosenCalibration::of(&answers(29, |truth| truth * truth), 1).calibration,
        Calibration::None
    );
    let all_right: Vec<(f32, bool)> = (0..500).map(|at| (0.5 + at as f32 / 1000.0, true)).collect();
    assert_eq!(ChosenCalibration::of(&all_right, 1).calibration, Calibration::None);
}

#[test]
fn confidence_that_falls_with_truth_tells_nothing() {
    let scored = answers(1000, |truth| 1.0 - truth);
    let Calibration::Platt { slope, .. } = platt(&scored) else {
        unreachable!()
    };
    assert!(slope.abs() < 1e-12);
}

#[test]
fn logits_that_are_too_large_get_a_high_temperature() {
    let mut random = fastrand::Rng::with_seed(4);
    let logits = Array2::from_shape_fn((3000, 3), |_| random.f32() * 3.0);
    let right: Vec<usize> = logits
        .rows()
        .into_iter()
        .map(|row| {
            let weights: Vec<f32> = row.iter().map(|logit| logit.exp()).collect();
            let mut left = random.f32() * weights.iter().sum::<f32>();
            weights
                .iter()
                .position(|weight| {
                    left -= weight;
                    left < 0.0
                })
                .unwrap_or(2)
        })
        .collect();
    let temperature = temperature_of_logits(&(&logits * 2.5), &right);
    assert!((temperature - 2.5).abs() < 0.25, "{temperature}");
    assert!((temperature_of_logits(&Array2::zeros((0, 3)), &[]) - 1.0).abs() < 1e-6);
}

#[test]
fn where_all_are_right_the_temperature_stays_within_reason() {
    let logits = Array2::from_shape_fn((40, 3), |(row, label)| if row % 3 == label { 2.0 } else { 0.0 });
    let right: Vec<usize> = (0..40).map(|row| row % 3).collect();
    let temperature = temperature_of_logits(&logits, &right);
    assert!((0.25..1.0).contains(&temperature), "{temperature}");
}

#[test]
fn a_calibration_is_read_back_as_it_was_written() {
    let scored = answers(300, |truth| truth * truth);
    for (_, _, fit) in METHODS {
        let calibration = fit(&scored);
        let json = serde_json::to_string(&calibration).unwrap();
        let read: Calibration = serde_json::from_str(&json).unwrap();
        assert_eq!(std::mem::discriminant(&read), std::mem::discriminant(&calibration));
        for at in 0..=10u8 {
            let raw = f32::from(at) / 10.0;
            assert!((read.apply(raw) - calibration.apply(raw)).abs() < 1e-6, "{json}");
        }
    }
}

proptest! {
    /// No calibration turns the order of confidences around, or leaves the unit interval.
    #[test]
    fn confidence_rises_with_raw_confidence(scored in proptest::collection::vec((0.0f32..=1.0, any::<bool>()), 0..120)) {
        for (name, _, fit) in METHODS {
            let calibration = fit(&scored);
            let mut before = 0.0;
            for at in 0..=100u8 {
                let confidence = calibration.apply(f32::from(at) / 100.0);
                prop_assert!((0.0..=1.0).contains(&confidence) && confidence >= before - 1e-6, "{} {}", name, confidence);
                before = confidence;
            }
        }
    }

    /// Pooling gives the function that never falls with the least squared distance: no shift of one pool is better.
    #[test]
    fn pools_are_means(scored in proptest::collection::vec((0u8..20, any::<bool>()), 1..60)) {
        let scored: Vec<(f32, bool)> = scored.into_iter().map(|(raw, right)| (f32::from(raw) / 20.0, right)).collect();
        let corners = isotonic::fit(&scored);
        prop_assert!(corners.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
    }
}
