use std::collections::BTreeMap;

use super::*;
use crate::features::Comparator;
use crate::record::Record;

/// Two hundred people, each twice: the second time with a letter of the surname wrong.
fn people() -> Vec<Record> {
    let mut random = fastrand::Rng::with_seed(11);
    let mut word =
        |length: usize| -> String { (0..length).map(|_| random.alphabetic().to_ascii_lowercase()).collect() };
    let firsts: Vec<String> = (0..20).map(|_| word(6)).collect();
    (0..200)
        .flat_map(|i| {
            let (first, surname, city) = (&firsts[i % 20], word(8), word(7));
            let letter = if &surname[4..5] == "x" { "y" } else { "x" };
            let misspelled = format!("{}{letter}{}", &surname[..4], &surname[5..]);
            let year = (1900 + i % 100).to_string();
            [(surname, &year), (misspelled, &year)].map(|(surname, year)| {
                Record::new([
                    ("first", first.clone()),
                    ("surname", surname),
                    ("city", city.clone()),
                    ("year", year.clone()),
                ])
            })
        })
        .collect()
}

fn known() -> Vec<(u32, u32)> {
    (0..200).map(|i| (2 * i, 2 * i + 1)).collect()
}

fn find(blocking: &Blocking) -> (Vec<Candidate>, BlockingReport) {
    let records = people();
    let comparator = Comparator::new(Profile::fit(&records, &BTreeMap::new()).unwrap(), false);
    let prepared: Vec<Prepared> = records.iter().map(|record| comparator.prepare(record)).collect();
    candidates(
        &prepared,
        comparator.profile(),
        &Sources::one_table(400),
        None,
        blocking,
    )
    .unwrap()
}

fn only(rule: Rule) -> Blocking {
    Blocking {
        rules: vec![rule],
        ..Blocking::default()
    }
}

#[test]
fn the_usual_rules_find_what_is_misspelled_among_a_few_pairs() {
    let (candidates, report) = find(&Blocking::default());
    let recall = report.recall(&candidates, &known(), 400).unwrap();
    assert_eq!(recall.share(), Some(1.0), "missed {:?}", recall.missed);
    assert!(report.reduction() > 0.8, "{} pairs", report.pairs);
    assert!(
        candidates
            .windows(2)
            .all(|pair| (pair[0].left, pair[0].right) < (pair[1].left, pair[1].right))
    );
    assert!(
        candidates
            .iter()
            .all(|candidate| candidate.left < candidate.right && candidate.rules != 0)
    );
}

#[test]
fn a_key_finds_those_that_have_it_in_common() {
    let part = |column: &str, take| Part {
        column: column.to_owned(),
        take,
    };
    let (candidates, report) = find(&only(Rule::Key {
        parts: vec![part("surname", Take::First(4)), part("year", Take::All)],
    }));
    let recall = report.recall(&candidates, &known(), 400).unwrap();
    assert_eq!(recall.share(), Some(1.0));
    assert!(report.pairs < 250);
    let (candidates, report) = find(&only(Rule::Key {
        parts: vec![part("surname", Take::All)],
    }));
    assert_eq!(report.recall(&candidates, &known(), 400).unwrap().found, 0);
}

#[test]
fn records_that_are_copies_share_a_band() {
    let (candidates, report) = find(&only(Rule::MinHash { bands: 32, rows: 3 }));
    let recall = report.recall(&candidates, &known(), 400).unwrap();
    assert!(recall.share().unwrap() > 0.9, "found {}", recall.found);
    assert!(report.pairs < 4000, "{} pairs", report.pairs);
}

#[test]
fn more_pairs_than_are_allowed_are_cut_from_the_end_of_the_lists() {
    let (candidates, report) = find(&Blocking {
        max_pairs: 300,
        ..Blocking::default()
    });
    assert_eq!(candidates.len(), 300);
    assert!(report.dropped > 0);
    assert!(report.recall(&candidates, &known(), 400).unwrap().share().unwrap() > 0.5);
}

#[test]
fn the_recall_is_estimated_from_what_two_rules_find() {
    let (candidates, report) = find(&Blocking::default());
    let truth: Vec<f32> = candidates
        .iter()
        .map(|candidate| f32::from(candidate.left % 2 == 0 && candidate.right == candidate.left + 1))
        .collect();
    let estimate = report.estimated_recall(&candidates, &truth).unwrap().unwrap();
    assert!(estimate > 0.9, "{estimate}");
    assert_eq!(
        report.estimated_recall(&candidates, &truth[1..]).unwrap_err().code(),
        "RF1903"
    );
    let nothing = vec![0.0; candidates.len()];
    assert_eq!(report.estimated_recall(&candidates, &nothing).unwrap(), None);
}

#[test]
fn what_can_not_be_is_told() {
    let records = people();
    let comparator = Comparator::new(Profile::fit(&records, &BTreeMap::new()).unwrap(), false);
    let prepared: Vec<Prepared> = records.iter().map(|record| comparator.prepare(record)).collect();
    let told = |sources: &Sources, blocking: &Blocking| {
        candidates(&prepared, comparator.profile(), sources, None, blocking)
            .unwrap_err()
            .to_string()
    };
    let sources = Sources::one_table(400);
    insta::assert_snapshot!(
        [
            told(&Sources::one_table(3), &Blocking::default()),
            told(&sources, &only(Rule::Words { nearest: 0 })),
            told(
                &sources,
                &only(Rule::Sorted {
                    column: Some("surnam".to_owned()),
                    window: 2
                })
            ),
            told(
                &sources,
                &Blocking {
                    rules: vec![],
                    ..Blocking::default()
                }
            ),
        ]
        .join("\n")
    );
}

#[test]
fn rules_are_written_as_they_are_read() {
    let rules: Vec<Rule> = serde_json::from_str(
        r#"[{"words": {"nearest": 5}}, {"sorted": {"window": 2}},
            {"key": {"parts": [{"column": "surname", "take": {"first": 3}}, {"column": "year"}]}}]"#,
    )
    .unwrap();
    insta::assert_snapshot!(serde_json::to_string(&rules).unwrap());
    assert!(serde_json::from_str::<Rule>(r#"{"words": {"nearest": 5, "farthest": 1}}"#).is_err());
}
