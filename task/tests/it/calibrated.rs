//! Thresholds that are chosen, and what was learned of confidence.

use refuel_task::{CalibrationMap, Task, TaskError};
use serde_json::json;

use crate::{read, task};

const LABEL: &str = "kind: label\ninput: body\nlabels: [refund, delivery]\n";
const CALIBRATED: &str = "calibrated:\n  model: \"71b892bd0266\"\n  fingerprint: \"0a1b2c3d4e5f\"\n  rows: 400\n  \
                          map: {method: platt, slope: 0.41, intercept: -0.2}\n  \
                          threshold: {value: 0.83, target: 0.9, accepted: 310, precision: 0.97, at_least: 0.951}\n";

fn error(lines: &str) -> String {
    let error = read(&format!("{LABEL}{lines}\n")).expect_err("an error");
    format!("{} {error}\n{}", error.code(), error.hint().unwrap_or_default())
}

#[test]
fn a_threshold_is_the_one_that_was_chosen() {
    let task = task(&format!("{LABEL}threshold: auto\ntarget_precision: 0.9\n{CALIBRATED}"));
    assert_eq!((task.threshold, task.target_precision), (Some(0.83), Some(0.9)));
    let gate = task.gate();
    assert_eq!(gate.threshold, Some(0.83));
    let platt = CalibrationMap::Platt {
        slope: 0.41,
        intercept: -0.2,
    };
    assert_eq!(gate.calibrated.expect("a calibration").map, platt);
    let open = task.ungated();
    assert_eq!((open.gate().threshold, open.gate().calibrated), (None, None));
    assert_eq!(open.fingerprint(), task.fingerprint());
}

#[test]
fn a_threshold_that_was_not_chosen_names_the_command() {
    insta::assert_snapshot!(error("threshold: auto"), @r#"
    RF0406 tickets.yml:4:1: the threshold of "tickets" is to be chosen for a precision of 0.95, and none was chosen yet
    run `refuel calibrate tickets.yml ROWS --expected COLUMN --write` on rows whose right answer is known
    "#);
    insta::assert_snapshot!(error(&format!("threshold: auto\ntarget_precision: 0.99\n{CALIBRATED}")), @r#"
    RF0406 tickets.yml:4:1: the threshold of "tickets" is to be chosen for a precision of 0.99, and the one that is there was chosen for 0.9
    run `refuel calibrate tickets.yml ROWS --expected COLUMN --write` on rows whose right answer is known
    "#);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("topic.yml");
    fs_err::write(&path, format!("{LABEL}threshold: auto\n")).expect("written");
    assert!(Task::from_file(&path).is_err());
    let open = Task::to_calibrate(&path).expect("it is read to choose one");
    assert_eq!((open.threshold, open.target_precision), (None, Some(0.95)));
}

#[test]
fn what_makes_no_sense_is_said() {
    insta::assert_snapshot!(error("target_precision: 0.9"), @r#"
    RF0406 tickets.yml:4:1: "target_precision" has no use here: the threshold is not chosen for it
    write threshold: auto
    "#);
    insta::assert_snapshot!(error("threshold: auto\ntarget_precision: 1"), @r#"
    RF0406 tickets.yml:5:1: "target_precision" must be between 0 and 1, not 1
    no number of rows shows that every answer is right: ask for 0.95, say
    "#);
    insta::assert_snapshot!(error("calibrated: {map: {method: plat}}"), @r#"
    RF0406 tickets.yml:4:28: "method" can't be "plat"
    did you mean "platt"?
    "#);
    insta::assert_snapshot!(error("calibrated: {map: {method: platt, slope: -1, intercept: 0}}"), @r#"
    RF0406 tickets.yml:4:42: "slope" must be 0 or more, not -1
    confidence that falls while the model grows surer would say nothing
    "#);
    insta::assert_snapshot!(error("calibrated: {map: {method: isotonic, corners: [[0.5, 0.6], [0.7, 0.4]]}}"), @r#"
    RF0406 tickets.yml:4:60: corners must rise
    run `refuel calibrate`, which writes them
    "#);
    insta::assert_snapshot!(error("calibrated: {map: {method: none, slope: 1}}"), @r#"
    RF0406 tickets.yml:4:19: "slope" has no use here: the method is none
    take it out
    "#);
    insta::assert_snapshot!(error("calibrated: {map: {method: none}, model: 123456789012}"), @r#"
    RF0404 tickets.yml:4:42: "calibrated.model" must be text of hexadecimal digits, not a number
    put it in quotes: "123456789012"
    "#);
}

#[test]
fn a_calibration_of_another_model_is_left_out_and_said_so() {
    let made = task(&format!("{LABEL}threshold: 0.5\n{CALIBRATED}"));
    let (digest, fingerprint) = ("sha256:71b892bd0266ff", "0a1b2c3d4e5f00");
    let (same, note) = made.clone().settled(digest, fingerprint).expect("it fits");
    assert!(same.calibrated.is_some() && note.is_none());
    let (changed, note) = made.clone().settled(digest, "ffff").expect("it can be used");
    assert!(changed.calibrated.is_some());
    insta::assert_snapshot!(note.expect("a note"), @r#"the task was changed after its calibration was made: `refuel calibrate` makes it anew for "tickets""#);
    let (other, note) = made.settled("81b892bd0266ff", fingerprint).expect("it goes without");
    assert!(other.calibrated.is_none() && other.threshold == Some(0.5));
    insta::assert_snapshot!(note.expect("a note"), @r#"the calibration of the task was made with another model, and is left out: `refuel calibrate` makes it anew for "tickets""#);
    let auto = task(&format!("{LABEL}threshold: auto\ntarget_precision: 0.9\n{CALIBRATED}"));
    let error = auto
        .settled("81b892bd0266ff", fingerprint)
        .expect_err("nothing is known of what it would let through");
    assert!(matches!(error, TaskError::OtherModel { .. }), "{error}");
}

#[test]
fn a_catalog_keeps_a_calibration() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("topic.yml");
    let corners = "calibrated:\n  rows: 9\n  map:\n    method: isotonic\n    corners:\n      - [0.123457, 0.1]\n      - [0.9, 0.95]\n";
    for lines in [CALIBRATED, corners] {
        fs_err::write(&path, format!("{LABEL}{lines}")).expect("written");
        let exported = Task::export(&path).expect("it is exported");
        let kept = Task::from_catalog(&exported, "catalog").expect("it is read");
        let file = Task::from_file(&path).expect("it is read");
        assert!(kept.calibrated.is_some() && kept.calibrated == file.calibrated);
    }
}

#[test]
fn examples_stand_in_the_task_and_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    fs_err::write(
        folder.path().join("topic.reviewed.jsonl"),
        "{\"body\":\"where is it\",\"label\":\"delivery\"}\n",
    )
    .expect("written");
    let path = folder.path().join("topic.yml");
    let text = format!(
        "{LABEL}examples:\n  from: topic.reviewed.jsonl\n  items:\n  - {{input: money, label: refund}}\n  - {{input: back, label: refund}}\n"
    );
    fs_err::write(&path, text).expect("written");
    let task = Task::from_file(&path).expect("it is read");
    let texts = |task: &Task| -> Vec<String> {
        let examples = task.examples.as_ref().expect("examples");
        examples.items.iter().map(|item| item.input.text.clone()).collect()
    };
    assert_eq!(
        texts(&task),
        ["money", "back", "where is it"],
        "those of the task come first"
    );
    let exported = Task::export(&path).expect("it is exported");
    assert_eq!(
        exported["examples"],
        json!({"items": [
            {"input": "money", "label": "refund"},
            {"input": "back", "label": "refund"},
            {"input": "where is it", "label": "delivery"},
        ]})
    );
    let kept = Task::from_catalog(&exported, "catalog").expect("it is read");
    assert_eq!((texts(&kept), kept.fingerprint()), (texts(&task), task.fingerprint()));
}
