//! The real model on real rows beats the majority class.

use std::collections::HashMap;

use refuel_engine::Cancel;

use crate::home::{self, DECODER};

#[test]
fn a_small_model_with_examples_beats_the_majority_class() {
    let (Some(home), Some((inputs, expected))) = (home::with_model(DECODER), home::questions(200)) else {
        return;
    };
    let prepared = home::engine(&home, 0)
        .prepare(&home::bench_task("trec.yml"), Some(DECODER))
        .expect("it is prepared");
    let answers = prepared
        .answer(&inputs, &Cancel::default(), &mut |_| {})
        .expect("answers");
    let right = answers
        .iter()
        .zip(&expected)
        .filter(|(answer, expected)| answer.value == ***expected)
        .count();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    expected.iter().for_each(|label| *counts.entry(label).or_default() += 1);
    let majority = counts.values().max().copied().unwrap_or(0);
    eprintln!(
        "{right} of {} right; the majority class would have {majority}",
        inputs.len()
    );
    assert!(right > majority, "{right} right, the majority class has {majority}");
}
