use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::features::{Comparator, Prepared};
use crate::profile::Profile;
use crate::record::Record;
use crate::sources::Mode;

/// People of whom the first hundred come twice, with a typing error in one column or a missing value.
fn people() -> (Vec<Record>, BTreeSet<(u32, u32)>) {
    let mut random = fastrand::Rng::with_seed(5);
    let word = |random: &mut fastrand::Rng, length: usize| -> String {
        (0..length).map(|_| random.alphabetic().to_ascii_lowercase()).collect()
    };
    let firsts: Vec<String> = (0..30).map(|_| word(&mut random, 6)).collect();
    let cities: Vec<String> = (0..40).map(|_| word(&mut random, 8)).collect();
    let mut rows: Vec<[String; 4]> = (0..300)
        .map(|_| {
            [
                firsts[random.usize(..30)].clone(),
                word(&mut random, 7),
                cities[random.usize(..40)].clone(),
                format!("{:07}", random.u32(1_000_000..9_999_999)),
            ]
        })
        .collect();
    for i in 0..100 {
        let mut copy = rows[i].clone();
        let column = i % 4;
        copy[column] = match i % 3 {
            0 => String::new(),
            1 => format!("{}{}", &copy[column][1..2], &copy[column][1..]),
            _ => format!("{}0", &copy[column][..copy[column].len() - 1]),
        };
        rows.push(copy);
    }
    let records = rows.into_iter().map(|[first, last, city, number]| {
        Record::new([("first", first), ("last", last), ("city", city), ("number", number)])
    });
    (records.collect(), (0..100).map(|i| (i, 300 + i)).collect())
}

fn fitted() -> (Comparator, Vec<Prepared>, BTreeSet<(u32, u32)>, FellegiSunter) {
    let (records, truth) = people();
    let comparator = Comparator::new(Profile::fit(&records, &BTreeMap::new()).unwrap(), false);
    let prepared: Vec<Prepared> = records.iter().map(|record| comparator.prepare(record)).collect();
    let sources = Sources::one_table(records.len());
    let agreements = |pairs: &[(u32, u32)]| {
        let mut agreements = Agreements::new(comparator.features());
        for (a, b) in pairs {
            agreements.add(
                *a,
                *b,
                &comparator.compare(&prepared[*a as usize], &prepared[*b as usize], None),
            );
        }
        agreements
    };
    let all = random_pairs(&sources, usize::MAX);
    let model = FellegiSunter::fit(
        &agreements(&all),
        &agreements(&random_pairs(&sources, 20_000)),
        &sharing_pairs(&prepared, &sources, 1000)
            .iter()
            .map(|pairs| agreements(pairs))
            .collect::<Vec<_>>(),
        sources.mode(),
    );
    (comparator, prepared, truth, model.unwrap())
}

#[test]
fn matches_are_told_without_a_label() {
    let (comparator, prepared, truth, model) = fitted();
    let (mut right, mut wrong) = (0, 0);
    for (a, b) in random_pairs(&Sources::one_table(400), usize::MAX) {
        let row = comparator.compare(&prepared[a as usize], &prepared[b as usize], None);
        if model.probability(&row) >= 0.5 {
            if truth.contains(&(a, b)) {
                right += 1;
            } else {
                wrong += 1;
            }
        }
    }
    assert!(right >= 98, "{right} of 100 were found");
    assert!(wrong <= 2, "{wrong} were wrong");
    assert!(
        (model.matches() - 100.0).abs() < 10.0,
        "{} matches are estimated",
        model.matches()
    );
}

#[test]
fn a_rare_value_says_more_than_a_common_one_and_a_missing_one_nothing() {
    let (comparator, prepared, _, model) = fitted();
    let weight = |a: usize, b: usize, column: &str| {
        let said = model.explain(&comparator.compare(&prepared[a], &prepared[b], None));
        said.into_iter().find(|evidence| evidence.column == column).unwrap()
    };
    let (same_last, same_first) = (weight(2, 302, "last"), weight(1, 301, "first"));
    assert!(
        same_last.weight > same_first.weight.abs(),
        "{same_last:?} {same_first:?}"
    );
    assert!(weight(5, 6, "number").weight < -1.0);
    let missing = weight(0, 300, "first");
    assert_eq!((missing.agreement.as_str(), missing.weight), ("missing", 0.0));
}

#[test]
fn weights_rise_with_agreement() {
    let (.., model) = fitted();
    for weights in &model.weights {
        assert!(weights.windows(2).all(|pair| pair[0] <= pair[1]), "{weights:?}");
    }
    let saved = serde_json::to_string(&model).unwrap();
    let loaded: FellegiSunter = serde_json::from_str(&saved).unwrap();
    assert_eq!(loaded.comparisons, model.comparisons);
}

#[test]
fn pairs_are_drawn_once_each_and_only_such_as_can_be_compared() {
    let sources = Sources::tables(Mode::Link, vec![0, 1, 0, 1, 1]).unwrap();
    assert_eq!(random_pairs(&sources, 1000).len() as u64, sources.pairs());
    let drawn = random_pairs(&Sources::one_table(1000), 5000);
    assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 5000);
    let mean = drawn.iter().map(|(a, b)| f64::from(a + b)).sum::<f64>() / 5000.0;
    assert!((mean - 999.0).abs() < 30.0, "they are spread evenly: {mean}");
    assert!(random_pairs(&Sources::one_table(1), 10).is_empty());
}
