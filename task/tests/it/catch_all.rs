//! Labels that are right where no other is.

use refuel_task::{Task, TaskError};
use serde_json::json;

use crate::{read, task};

const INTENT: &str = "
kind: label
input: text
labels:
  - refund
  - {name: other, catch_all: 0.3}
  - delivery
";

fn error(labels: &str, kind: &str) -> (String, String) {
    let yaml = format!("kind: {kind}\ninput: text\nlabels:\n{labels}");
    let error = read(&yaml).expect_err("it is refused");
    assert!(matches!(error, TaskError::Label { .. }), "{error}");
    (error.to_string(), error.hint().expect("a hint"))
}

#[test]
fn a_label_is_a_catch_all_with_the_share_of_rows_that_is_expected() {
    let intent = task(INTENT);
    assert_eq!(intent.catch_all(), Some((1, 0.3)));
    assert_eq!(intent.labels[0].catch_all, None);
    let unless_told = task(&INTENT.replace("0.3", "true"));
    assert_eq!(unless_told.catch_all(), Some((1, 0.2)));
    assert_eq!(task(&INTENT.replace("0.3", "false")).catch_all(), None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("intent.yml");
    std::fs::write(&path, INTENT).unwrap();
    let kept = Task::export(&path).unwrap();
    assert_eq!(kept["labels"][1], json!({"name": "other", "catch_all": 0.3}));
    assert_eq!(Task::from_catalog(&kept, "intent").unwrap().catch_all(), Some((1, 0.3)));
}

#[test]
fn a_head_says_what_it_was_trained_for_so_that_the_fingerprint_need_not() {
    let intent = task(INTENT);
    let plain = task(&INTENT.replace("{name: other, catch_all: 0.3}", "other"));
    assert_eq!(intent.fingerprint(), plain.fingerprint());
}

#[test]
fn what_can_be_no_catch_all_is_refused_where_it_stands() {
    let (message, hint) = error("  - a\n  - {name: b, catch_all: 1.5}\n  - c\n", "label");
    assert!(message.starts_with("tickets.yml:5:26"), "{message}");
    assert!(message.contains("\"catch_all\" can't be 1.5"), "{message}");
    assert!(hint.contains("such as 0.2"), "{hint}");
    let (message, _) = error(
        "  - {name: a, catch_all: true}\n  - {name: b, catch_all: 0.1}\n  - c\n",
        "label",
    );
    assert!(
        message.contains("the labels \"a\" and \"b\" are both a catch-all"),
        "{message}"
    );
    let (message, _) = error("  - {name: a, catch_all: true}\n  - b\n", "label");
    assert!(message.contains("there is one other label only"), "{message}");
    let (message, _) = error("  - {name: a, catch_all: true}\n  - b\n  - c\n", "multilabel");
    assert!(message.contains("a task of kind \"multilabel\""), "{message}");
}
