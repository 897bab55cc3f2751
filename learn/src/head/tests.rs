use super::*;
use crate::features::TermRows;

/// Rows of three labels. The embedding tells the first from the others; a term tells the others apart.
fn rows(count: usize, seed: u64) -> (Features, Targets) {
    let mut random = fastrand::Rng::with_seed(seed);
    let labels: Vec<usize> = (0..count).map(|row| row % 3).collect();
    let dense = Array2::from_shape_fn((count, 4), |(row, column)| {
        f32::from(u8::from((labels[row] == 0) == (column == 0))) + random.f32() - 0.5
    });
    let mut terms = TermRows::new(3);
    labels
        .iter()
        .for_each(|label| terms.push([(if *label == 1 { 1 } else { 2 }, 0.6), (0, 0.5)]));
    let features = Features {
        dense,
        terms: Some(terms),
    };
    (features, Targets::single(&labels, 3).unwrap())
}

fn train(features: &Features, targets: &Targets, texts: Option<&LabelTexts>) -> Result<TrainedHead, LearnError> {
    train_head(features, targets, texts, None, &HeadOptions::default(), &|| false)
}

#[test]
fn terms_are_read_where_they_help() {
    let (features, targets) = rows(60, 1);
    let trained = train(&features, &targets, None).unwrap();
    assert!(trained.choice.term_scale > 0.0);
    assert!(trained.accuracy > 0.9, "{}", trained.accuracy);
    // The head takes terms as they are given, not as they were scaled for it.
    let (others, right) = rows(90, 2);
    let logits = trained.head.logits(&others).unwrap();
    assert!(accuracy(&logits, &right) > 0.9);
    let without = train(&Features::dense(features.dense.clone()), &targets, None).unwrap();
    assert!(without.accuracy < trained.accuracy);
    assert_eq!(
        without.head.logits(&others).unwrap().nrows(),
        90,
        "a head without terms passes over them"
    );
}

#[test]
fn names_of_labels_help_where_examples_are_few() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut points = Array2::from_shape_simple_fn((30, 24), || random.f32() - 0.5);
    crate::features::normalize_rows(&mut points);
    let labels: Vec<usize> = (0..90).map(|row| row % 30).collect();
    let mut around = |labels: &[usize]| {
        let mut dense = Array2::from_shape_fn((labels.len(), 24), |(row, column)| {
            points[[labels[row], column]] + 0.6 * (random.f32() - 0.5)
        });
        crate::features::normalize_rows(&mut dense);
        Features::dense(dense)
    };
    let features = around(&labels);
    let others: Vec<usize> = (0..300).map(|row| row % 30).collect();
    let graded = around(&others);
    let texts = LabelTexts {
        features: Features::dense(points.clone()),
        labels: (0..30).collect(),
    };
    let targets = Targets::single(&labels, 30).unwrap();
    let right = Targets::single(&others, 30).unwrap();
    let score = |trained: &TrainedHead| accuracy(&trained.head.logits(&graded).unwrap(), &right);
    let with = train(&features, &targets, Some(&texts)).unwrap();
    let without = train(&features, &targets, None).unwrap();
    assert!(with.log_loss < without.log_loss);
    assert!(score(&with) > score(&without), "{} {}", score(&with), score(&without));
}

#[test]
fn training_twice_gives_the_same_head() {
    let (features, targets) = rows(30, 1);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&features, &targets, None)).unwrap().head
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn what_can_not_be_learned_is_said() {
    let (features, _) = rows(12, 1);
    let same = Targets::single(&[1; 12], 3).unwrap();
    assert!(matches!(
        train(&features, &same, None),
        Err(LearnError::OneLabel { .. })
    ));
    let (few, targets) = rows(3, 1);
    assert!(matches!(
        train(&few, &targets, None),
        Err(LearnError::TooFewExamples { need: 4, have: 3, .. })
    ));
    let (features, targets) = rows(12, 1);
    let stopped = train_head(&features, &targets, None, None, &HeadOptions::default(), &|| true);
    assert!(matches!(stopped, Err(LearnError::Stopped)));
}
