//! Entries of vocabularies that are found by what they mean, with a real encoder.

use std::path::Path;

use refuel_engine::session::Budget;
use refuel_engine::{CachePolicy, Cancel, Engine, PreparedTask};
use refuel_task::{Answer, RenderedInput, Source, Status, Task};
use serde_json::{Value, json};

use crate::home::{self, DECODER, ENCODER};

const PRODUCT: &str = "
kind: normalize
input: raw
vocabulary:
  - {value: Notebook computer, id: '8471.30'}
  - {value: Desktop computer, id: '8471.41'}
  - {value: Mobile phone, id: '8517.13'}
  - {value: Television, id: '8528.72'}
  - {value: Washing machine, id: '8450.11'}
  - {value: Refrigerator, id: '8418.21'}
  - {value: Vacuum cleaner, id: '8508.11'}
  - {value: Digital camera, id: '8525.89'}
  - {value: Headphones, id: '8518.30'}
  - {value: Printer, id: '8443.32'}
  - {value: Router, id: '8517.62'}
  - {value: Coffee maker, id: '8516.71'}
embeddings: all-minilm-l6-v2
";

fn answers(prepared: &PreparedTask, raws: &[&str]) -> Vec<Answer> {
    let inputs: Vec<RenderedInput> = raws.iter().map(|raw| RenderedInput::text(raw)).collect();
    prepared.answer(&inputs, &Cancel::new(), &mut |_| {}).expect("answers")
}

fn prepared(home: &Path, yaml: &str) -> PreparedTask {
    let task = home::task(yaml);
    home::engine(home, 1).prepare(&task, None).expect("it is prepared")
}

#[test]
fn what_letters_can_not_find_is_found_by_what_it_means() {
    let Some(home) = home::with_model(ENCODER) else {
        return;
    };
    let product = prepared(&home, PRODUCT);
    let made = answers(
        &product,
        &["laptop", "fridge", "earbuds", "hoover", "Televsion", "PRINTER"],
    );
    let found: Vec<(&Value, Source)> = made.iter().map(|answer| (&answer.value, answer.source)).collect();
    let of = |id: &str, source: Source| (json!(id), source);
    assert_eq!(
        found
            .iter()
            .map(|(value, source)| ((*value).clone(), *source))
            .collect::<Vec<_>>(),
        [
            of("8471.30", Source::Similar),
            of("8418.21", Source::Similar),
            of("8518.30", Source::Similar),
            of("8508.11", Source::Similar),
            of("8528.72", Source::Rule),
            of("8443.32", Source::Rule),
        ]
    );
    assert!(made[0].model.starts_with(ENCODER), "{}", made[0].model);
    assert_eq!(made[0].scores[0].value, "8471.30");
    assert!(product.model().starts_with(ENCODER));
    assert_eq!(product.models().len(), 1);

    let letters = prepared(&home, &PRODUCT.replace("embeddings: all-minilm-l6-v2\n", ""));
    assert_eq!(answers(&letters, &["laptop"])[0].status, Status::Abstained);
    assert_ne!(letters.digest(), product.digest(), "answers of the two are kept apart");
}

#[test]
fn what_means_no_entry_abstains_and_shows_what_is_nearest() {
    let Some(home) = home::with_model(ENCODER) else {
        return;
    };
    let product = prepared(&home, PRODUCT);
    for answer in answers(&product, &["unknown", "n/a", "banana", "please call back"]) {
        assert_eq!((&answer.value, answer.status), (&Value::Null, Status::Abstained));
        assert!(!answer.scores.is_empty());
        assert!(
            answer.confidence.is_some_and(|confidence| confidence < 0.8),
            "{answer:?}"
        );
    }
}

#[test]
fn answers_are_the_same_in_any_batch() {
    let Some(home) = home::with_model(ENCODER) else {
        return;
    };
    let product = prepared(&home, PRODUCT);
    let raws = ["laptop", "TV set", "iPad", "wifi access point", "banana"];
    let together = answers(&product, &raws);
    for (raw, together) in raws.iter().zip(&together) {
        let alone = &answers(&prepared(&home, PRODUCT), &[raw])[0];
        assert_eq!(
            (&alone.value, alone.confidence),
            (&together.value, together.confidence),
            "{raw}"
        );
    }
}

#[test]
fn a_model_chooses_among_entries_of_letters_and_of_meaning() {
    let (Some(home), Some(_)) = (home::with_model(ENCODER), home::with_model(DECODER)) else {
        return;
    };
    let product = prepared(&home, &format!("{PRODUCT}model: {DECODER}\n"));
    let made = answers(&product, &["laptop", "wifi access point", "unknown"]);
    assert_eq!(
        made[0].source,
        Source::Similar,
        "the model isn't asked about what is sure"
    );
    assert_eq!(made[1].source, Source::Model);
    let shown: Vec<&str> = made[1].scores.iter().map(|scored| scored.value.as_str()).collect();
    assert!(
        shown.contains(&"8517.62"),
        "the router is among what it chooses from: {shown:?}"
    );
}

#[test]
fn vectors_of_a_vocabulary_are_kept_beside_the_answers() {
    let Some(own) = home::own(&[ENCODER]) else {
        return;
    };
    let cache = own.path().join("cache");
    let engine = || -> Engine {
        let cache = CachePolicy::Disk {
            folder: cache.clone(),
            limit_bytes: 64 << 20,
        };
        home::engine_with(own.path(), 1, Budget::default(), cache)
    };
    let files = || -> Vec<_> {
        let files = std::fs::read_dir(cache.join("vectors")).expect("a folder");
        files.map(|file| file.expect("a file").path()).collect()
    };
    let task = home::task(PRODUCT);
    let first = answers(&engine().prepare(&task, None).expect("it is prepared"), &["laptop"]);
    assert_eq!(files().len(), 1);
    let written = std::fs::metadata(&files()[0])
        .expect("a file")
        .modified()
        .expect("a time");
    let again = answers(
        &engine().prepare(&task, None).expect("it is prepared"),
        &["notebook pc", "laptop"],
    );
    assert_eq!(again[1].value, first[0].value);
    assert_eq!(
        std::fs::metadata(&files()[0])
            .expect("a file")
            .modified()
            .expect("a time"),
        written
    );
    let other = home::task(&PRODUCT.replace("Router", "Modem"));
    answers(&engine().prepare(&other, None).expect("it is prepared"), &["laptop"]);
    assert_eq!(files().len(), 2, "another vocabulary has others");
}

#[test]
fn of_a_large_vocabulary_the_entries_that_are_written_alike_are_compared() {
    let Some(home) = home::with_model(ENCODER) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut lines = String::from("code,name\n");
    for number in 0..50_001 {
        lines.push_str(&format!("{number},depot {number} of street {}\n", number % 977));
    }
    lines.push_str("x1,heart doctor\nx2,heart shaped box\nx3,tooth doctor\n");
    std::fs::write(folder.path().join("entries.csv"), lines).expect("a file");
    let yaml = "kind: normalize\ninput: raw\nvocabulary: {from: entries.csv, value: name, id: code}\nembeddings: all-minilm-l6-v2\n";
    let task = Task::from_yaml(yaml, "test.yml", folder.path()).expect("a task");
    let large = home::engine(&home, 0).prepare(&task, None).expect("it is prepared");
    let made = answers(&large, &["heart physician", "cardiologist"]);
    assert_eq!(made[0].value, "x1", "{made:?}");
    assert_eq!(made[1].value, Value::Null, "no letters of its entry are there");
}

#[test]
fn embeddings_of_a_language_model_are_refused_with_the_name_of_an_encoder() {
    let Some(home) = home::with_model(home::DECODER) else {
        return;
    };
    let task = home::task(&format!(
        "name: goods\nkind: normalize\ninput: raw\nvocabulary: [laptop, kettle, lamp]\nembeddings: {}\n",
        home::DECODER
    ));
    let error = home::engine(&home, 1)
        .prepare(&task, None)
        .err()
        .expect("it is refused");
    assert_eq!(error.code(), "RF0519");
    assert!(
        error
            .to_string()
            .ends_with("is a language model; embeddings come from an encoder")
    );
    assert!(error.hint().is_some_and(|hint| hint.contains(ENCODER)));
}

#[test]
fn a_vocabulary_that_is_too_small_to_tell_what_is_near_says_so() {
    let Some(home) = home::with_model(ENCODER) else {
        return;
    };
    let notes = |entries: &str| {
        let yaml =
            format!("name: goods\nkind: normalize\ninput: raw\nvocabulary: [{entries}]\nembeddings: {ENCODER}\n");
        prepared(&home, &yaml).notes()
    };
    let told = notes("laptop, telephone");
    assert!(
        told.len() == 1 && told[0].contains("the vocabulary has 2 entries"),
        "{told:?}"
    );
    assert_eq!(notes("laptop, telephone, kettle"), [""; 0]);
}
