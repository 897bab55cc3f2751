//! What holds for every text.

use proptest::prelude::*;
use refuel_normalize::vocabulary::Vocabulary;
use refuel_normalize::{Canonical, Format, Outcome, Settings};

/// Settings under which dates, decimals and currencies are told, so that values are found.
fn settings() -> Vec<Settings> {
    vec![
        Settings::default(),
        Settings {
            region: Some("DE".to_owned()),
            reference: "2024-02-29T15:30:00".parse().ok(),
            currency: Some("EUR".to_owned()),
            ..Settings::default()
        },
        Settings {
            region: Some("US".to_owned()),
            reference: "2019-12-31T23:59:59".parse().ok(),
            ..Settings::default()
        },
    ]
}

/// Pieces that raw values are made of, so that texts are not only noise.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("2024-03-05".to_owned()),
        Just("03/04/2025".to_owned()),
        Just("tomorrow".to_owned()),
        Just("at 5pm".to_owned()),
        Just("last week of may".to_owned()),
        Just("from 3 to 5".to_owned()),
        Just("3 months ago".to_owned()),
        Just("+49 (0)30 901820".to_owned()),
        Just("(415) 555-2671 x12".to_owned()),
        Just("€1.234,50".to_owned()),
        Just("$5".to_owned()),
        Just("2,5 kg".to_owned()),
        Just("5'11\"".to_owned()),
        Just("1e9".to_owned()),
        Just("a.b@Example.ORG".to_owned()),
        Just("www.example.com/x?y=1".to_owned()),
        Just("Dr. Jane Q. Doe".to_owned()),
        Just("ACME Inc.".to_owned()),
        Just("12 Main St, Springfield, IL 62704".to_owned()),
        Just("Deutschland".to_owned()),
        Just("yes".to_owned()),
        Just("every other day".to_owned()),
        Just("Q3 2019".to_owned()),
        Just("٣٫٥".to_owned()),
        "\\PC{0,12}",
        "[0-9 .,/:+()-]{0,14}",
        "[a-zA-Z]{1,8}",
    ];
    proptest::collection::vec(piece, 1..5).prop_flat_map(|pieces| {
        prop_oneof![Just(" "), Just(", "), Just(""), Just(" - "), Just("\n")].prop_map(move |joint| pieces.join(joint))
    })
}

/// Pieces of addresses, in any order and with any marks between them.
fn address() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "10 rue de la Paix",
        "Via Roma 12",
        "Unter den Linden 77",
        "Hauptstr. 5a",
        "123 main st",
        "123 N Main St.",
        "5th Avenue & 42nd Street",
        "Calle Mayor 5",
        "12 Broadway",
        "PO Box 123 Station A",
        "P.O. Box 9",
        "Apt 4",
        "apt 4b",
        "Suite E",
        "#12",
        "3rd Floor",
        "Flat 2",
        "75002",
        "75002 Paris",
        "20121 Milano",
        "10117 Berlin",
        "IL 62704",
        "il 62704",
        "Springfield",
        "springfield",
        "Springfield IL 62704",
        "London SW1A 2AA",
        "114 55 Stockholm",
        "New York",
        "New York, NY 10001",
        "New York 10001",
        "St Paul",
        "MN",
        "Illinois",
        "Westminster",
        "Acme Corp",
        "c/o Jane Doe",
        "Germany",
        "UK",
        "USA",
        "Georgia",
        "Building 7",
        "Dr",
        "Old",
        "N",
        "1945",
        "M5V 2T6",
    ]);
    let joint = prop::sample::select(vec![" ", ", ", ", ", "\n", "; "]);
    proptest::collection::vec((piece, joint), 1..6).prop_map(|pieces| {
        let parts: Vec<&str> = pieces.into_iter().flat_map(|(piece, joint)| [piece, joint]).collect();
        parts.concat()
    })
}

/// What words of addresses may be written as.
fn in_full(word: &str) -> &[&str] {
    match word {
        "st" => &["street"],
        "str" | "hauptstr" => &["straße", "hauptstraße", "strasse", "hauptstrasse", "street"],
        "apt" => &["apartment"],
        "dr" => &["drive"],
        "n" => &["north"],
        "p" | "o" => &["po"],
        "illinois" => &["il"],
        "new" | "york" => &["ny"],
        "georgia" => &["ga"],
        "uk" | "usa" => &["united"],
        _ => &[],
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn canonical(outcome: Outcome) -> Option<Canonical> {
    match outcome {
        Outcome::Canonical(canonical) => Some(canonical),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_found_lies_in_the_text_in_order_and_apart(text in text()) {
        for settings in settings() {
            for format in Format::ALL {
                let mut end = 0;
                for found in format.find(&text, &settings) {
                    prop_assert!(text.get(found.span.clone()).is_some(), "{format:?}: {:?} in {text:?}", found.span);
                    prop_assert!(found.span.start >= end, "{format:?}: overlap in {text:?}");
                    end = found.span.end;
                    for candidate in found.outcome.candidates() {
                        prop_assert!((0.0..=1.0).contains(&candidate.confidence));
                        prop_assert!(!candidate.value.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn a_canonical_value_stays_as_it_is(text in text()) {
        for settings in settings() {
            for format in Format::ALL {
                if let Some(first) = canonical(format.normalize(&text, &settings)) {
                    let again = format.normalize(&first.value, &settings);
                    prop_assert_eq!(again.value(), Some(first.value.as_str()), "{:?} of {:?}: {:?}", format, text, again);
                }
            }
        }
    }

    #[test]
    fn an_address_keeps_every_word(text in address()) {
        for region in [None, Some("DE"), Some("FR"), Some("US"), Some("GB")] {
            let settings = Settings { region: region.map(str::to_owned), ..Settings::default() };
            let Some(address) = canonical(Format::Address.normalize(&text, &settings)) else {
                continue;
            };
            let mut told = words(&address.value);
            for word in words(&text) {
                let known = told.iter().position(|other| *other == word);
                if let Some(at) = known {
                    told.remove(at);
                    continue;
                }
                let full = told.iter().any(|other| in_full(&word).contains(&other.as_str()));
                prop_assert!(full, "{word} of {text:?} in {region:?}: {}", address.value);
            }
        }
    }

    #[test]
    fn expressions_of_time_are_found_in_any_text(text in text()) {
        let reference = "2016-11-07T16:12:00".parse().unwrap();
        for day_first in [false, true] {
            for expression in refuel_normalize::moments(&text, reference, day_first) {
                prop_assert!(text.get(expression.span.clone()).is_some());
                prop_assert!(!expression.readings.is_empty());
            }
        }
    }

    #[test]
    fn a_name_of_a_vocabulary_finds_its_entry(names in proptest::collection::hash_set("[A-Za-z]{3,9} [A-Za-z]{3,9}( [a-z]{2,7})?", 1..40)) {
        let vocabulary = Vocabulary::build(names.iter().enumerate().map(|(nth, name)| (nth.to_string(), name, Vec::<&str>::new()))).unwrap();
        for (nth, name) in names.iter().enumerate() {
            let found = vocabulary.lookup(name, 3);
            prop_assert_eq!(&found[0].id, &nth.to_string());
            prop_assert!(found.is_sorted_by(|one, other| one.score >= other.score));
        }
    }

    #[test]
    fn any_bytes_are_no_vocabulary_or_one(bytes in proptest::collection::vec(any::<u8>(), 0..200), raw in "\\PC{0,20}") {
        if let Ok(vocabulary) = Vocabulary::from_bytes(&bytes) {
            vocabulary.lookup(&raw, 3);
        }
    }

    #[test]
    fn a_vocabulary_takes_any_names_and_any_raw_name(names in proptest::collection::vec("\\PC{0,20}", 1..10), raw in "\\PC{0,30}") {
        let entries = names.iter().enumerate().map(|(nth, name)| (nth.to_string(), name, vec![name.to_uppercase()]));
        if let Ok(vocabulary) = Vocabulary::build(entries) {
            vocabulary.lookup(&raw, 5);
        }
    }
}
