use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn record(title: &str, model: &str, price: &str) -> Record {
    Record::new([("title", title), ("model", model), ("price", price)])
}

fn comparator() -> Comparator {
    let mut records: Vec<Record> = (0..50)
        .map(|i| {
            record(
                &format!("brand{} digital camera {} megapixels", i % 5, 8 + i % 4),
                &format!("dsc-w{}", 300 + i),
                &format!("{}.99", 100 + 3 * i),
            )
        })
        .collect();
    records.push(record("sony cyber-shot camera black", "", ""));
    Comparator::new(Profile::fit(&records, &BTreeMap::new()).unwrap(), false)
}

fn value(comparator: &Comparator, name: &str, a: &Record, b: &Record) -> f32 {
    let index = comparator
        .features()
        .iter()
        .position(|feature| feature.name == name)
        .unwrap();
    comparator.compare(&comparator.prepare(a), &comparator.prepare(b), None)[index]
}

#[test]
fn features_are_named_after_column_and_measure() {
    let names: Vec<String> = comparator()
        .features()
        .iter()
        .map(|feature| feature.name.clone())
        .collect();
    insta::assert_snapshot!(names.join("\n"));
}

#[test]
fn a_missing_value_is_flagged_and_its_measures_are_not_a_number() {
    let comparator = comparator();
    let (full, empty) = (record("sony camera", "w300", "100"), record("sony camera", "", ""));
    assert_eq!(value(&comparator, "price.missing", &full, &empty), 0.5);
    assert_eq!(value(&comparator, "price.missing", &empty, &empty), 1.0);
    assert_eq!(value(&comparator, "price.missing", &full, &full), 0.0);
    assert!(value(&comparator, "price.ratio", &full, &empty).is_nan());
    assert_eq!(value(&comparator, "price.ratio", &full, &full), 1.0);
}

#[test]
fn a_model_number_in_the_wrong_column_agrees_all_the_same() {
    let comparator = comparator();
    let right = record("sony digital camera", "DSC-W305", "150");
    let moved = record("sony digital camera dscw305 150", "", "");
    let other = record("sony digital camera dscw306", "", "");
    assert!(value(&comparator, "*.code_agreement", &right, &moved) > 0.9);
    assert_eq!(value(&comparator, "*.code_agreement", &right, &other), 0.0);
    assert!(value(&comparator, "*.code_near_miss", &right, &other) > 0.8);
    assert_eq!(
        value(&comparator, "*.code_missing", &right, &record("sony camera", "", "")),
        0.5
    );
}

#[test]
fn quantities_agree_across_units_and_conflict_within_one() {
    let comparator = comparator();
    let disk = |size: &str| record(&format!("external disk {size} black"), "", "");
    assert_eq!(
        value(&comparator, "*.quantity_agreement", &disk("1 TB"), &disk("1000gb")),
        1.0
    );
    assert_eq!(
        value(&comparator, "*.quantity_conflict", &disk("1 TB"), &disk("500 gb")),
        1.0
    );
    assert!(value(&comparator, "*.quantity_agreement", &disk("1 TB"), &disk("")).is_nan());
}

#[test]
fn records_without_any_value_compare_to_nothing() {
    let comparator = comparator();
    let empty = record("", "", "");
    let row = comparator.compare(&comparator.prepare(&empty), &comparator.prepare(&empty), None);
    assert_eq!(row.len(), comparator.features().len());
    assert!(row.iter().all(|value| value.is_nan() || *value == 1.0));
}

#[test]
fn a_profile_without_the_rare_words_gives_the_same_features() {
    let comparator = comparator();
    let pruned = Comparator::new(comparator.profile().clone().pruned(), false);
    let (a, b) = (
        record("sony cyber-shot w300", "w300", "1"),
        record("sony camera w305", "w300", "2"),
    );
    let bits = |c: &Comparator| -> Vec<u32> {
        c.compare(&c.prepare(&a), &c.prepare(&b), None)
            .iter()
            .map(|value| value.to_bits())
            .collect()
    };
    assert_eq!(bits(&comparator), bits(&pruned));
}

proptest! {
    #[test]
    fn a_pair_is_the_same_both_ways_and_within_bounds(
        a in "[a-d0-9 .-]{0,30}", b in "[a-d0-9 .-]{0,30}", code in "[a-c0-9-]{0,8}", price in "[0-9.]{0,5}",
    ) {
        let comparator = comparator();
        let (a, b) = (comparator.prepare(&record(&a, &code, &price)), comparator.prepare(&record(&b, "a-12", "3")));
        let there = comparator.compare(&a, &b, None);
        let back = comparator.compare(&b, &a, None);
        prop_assert_eq!(there.len(), comparator.features().len());
        for ((feature, there), back) in comparator.features().iter().zip(&there).zip(&back) {
            prop_assert_eq!(there.to_bits(), back.to_bits(), "{}", feature.name);
            prop_assert!(there.is_nan() || (0.0..=3.0).contains(there), "{} is {}", feature.name, there);
        }
    }

    #[test]
    fn a_record_is_like_itself(title in "[a-z]{3,8}( [a-z]{3,8}){0,4}") {
        let comparator = comparator();
        let a = comparator.prepare(&record(&title, "w-1234", "10"));
        for (feature, value) in comparator.features().iter().zip(comparator.compare(&a, &a, None)) {
            // How rare what both have is does not depend on how like it is.
            let rarity = matches!(feature.measure, Measure::RareExact | Measure::RarestShared | Measure::CodeAgreement);
            match feature.direction {
                Direction::Same if !rarity => prop_assert!(value.is_nan() || value > 0.999, "{} is {}", feature.name, value),
                Direction::Different => prop_assert_eq!(value, 0.0),
                _ => {}
            }
        }
    }
}
