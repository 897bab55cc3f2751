//! The forms in which a task can be written.

use std::path::Path;

use refuel_task::{
    Calibration, Confidence, InputSpec, Kind, OnError, Part, Record, Selection, Task, TaskError, Truncate,
};
use serde_json::{Value, json};

use crate::{read, task};

fn record(value: Value) -> Record {
    match value {
        Value::Object(record) => record,
        other => panic!("{other} is no row"),
    }
}

#[test]
fn a_small_task_has_the_defaults_that_the_reference_states() {
    let task = task("kind: label\ninput: body\nlabels: [refund, delivery]\n");
    assert_eq!(task.name, "tickets", "called after its file");
    assert_eq!(task.kind, Kind::LABEL);
    assert!(matches!(&task.input, InputSpec::One(Part::Column(column)) if column == "body"));
    let names: Vec<&str> = task.labels.iter().map(|label| label.name.as_str()).collect();
    assert_eq!(names, ["refund", "delivery"]);
    assert_eq!((task.on_error, task.truncate), (OnError::Capture, Truncate::Head));
    assert_eq!(
        (task.calibration, task.confidence),
        (Calibration::None, Confidence::Normalized)
    );
    assert!(task.threshold.is_none() && task.fallback.is_none() && task.model.is_none() && task.examples.is_none());
}

#[test]
fn every_key_of_a_label_task_is_read() {
    let task = task(
        "
name: ticket_topic
version: 3
kind: label
description: Routes tickets.
owner: support@example.com
tags: [support, routing]
guidelines: |
  What does the customer want?
input: [subject, body]
labels:
  - name: refund
    description: wants money back
    aliases: [money back]
  - delivery
model: smollm2-135m-instruct@sha256:3F2A91
threshold: 0.6
confidence: raw
fallback: needs review
on_error: fail
truncate: middle
calibration: contextual
examples:
  - {input: Money please, label: money back}
  - {input: {subject: Where, body: is it}, label: delivery}
",
    );
    assert_eq!(
        (task.name.as_str(), task.version, task.owner.as_deref()),
        ("ticket_topic", Some(3), Some("support@example.com"))
    );
    assert_eq!(task.guidelines, "What does the customer want?");
    assert_eq!(
        task.model.as_ref().map(ToString::to_string).as_deref(),
        Some("smollm2-135m-instruct@3f2a91")
    );
    assert_eq!((task.threshold, task.confidence), (Some(0.6), Confidence::Raw));
    assert_eq!(task.fallback, Some("needs review".into()));
    assert_eq!((task.on_error, task.truncate), (OnError::Fail, Truncate::Middle));
    assert_eq!(task.calibration, Calibration::Contextual);
    assert_eq!(
        task.label("money back").map(|label| label.name.as_str()),
        Some("refund")
    );
    let examples = task.examples.as_ref().expect("examples");
    assert_eq!(examples.items[0].answer, "refund", "aliases become names");
    assert_eq!(examples.items[1].input.text, "subject: Where\nbody: is it");
    assert_eq!(task.columns(), ["subject", "body"]);
}

#[test]
fn labels_as_a_map_keep_their_order_and_words_that_other_formats_read_as_flags_are_text() {
    let task = task("kind: label\ninput: body\nlabels:\n  no: the answer is no\n  yes:\n  on: switched on\n  1: one\n");
    let labels: Vec<(&str, Option<&str>)> = task
        .labels
        .iter()
        .map(|label| (label.name.as_str(), label.description.as_deref()))
        .collect();
    assert_eq!(
        labels,
        [
            ("no", Some("the answer is no")),
            ("yes", None),
            ("on", Some("switched on")),
            ("1", Some("one"))
        ]
    );
}

#[test]
fn an_input_is_a_column_several_or_a_template() {
    let row = record(json!({"subject": " Late ", "body": null, "amount": 12.5, "tags": ["a", "b"], "note": ""}));
    let rendered = |input: &str| {
        task(&format!("kind: embed\ninput: {input}\n"))
            .render_input(&row)
            .map(|input| input.text)
    };
    assert_eq!(rendered("subject").expect("text"), "Late");
    assert_eq!(rendered("amount").expect("text"), "12.5");
    assert_eq!(rendered("tags").expect("text"), "[\"a\",\"b\"]");
    assert_eq!(
        rendered("[subject, body, note, amount]").expect("text"),
        "subject: Late\namount: 12.5"
    );
    let template = "{template: \"{{ subject.strip() | upper }}{% if body %}: {{ body }}{% endif %} {{ note }}\"}";
    assert_eq!(rendered(template).expect("text"), "LATE");
    assert!(matches!(rendered("body"), Err(TaskError::EmptyInput { .. })));
    assert!(matches!(rendered("[body, note]"), Err(TaskError::EmptyInput { .. })));
    let missing = rendered("subjct").expect_err("no such column");
    assert_eq!(
        missing.hint().as_deref(),
        Some("did you mean \"subject\"? the task's \"input\" names the columns")
    );
    let missing = rendered("{template: \"{{ subject }} {{ bdy }}\"}").expect_err("no such column");
    assert!(
        matches!(&missing, TaskError::MissingColumn { column, .. } if column == "bdy"),
        "{missing}"
    );
}

#[test]
fn a_template_says_which_columns_it_reads_and_cannot_run_for_ever() {
    let task =
        task("kind: embed\ninput: {template: \"{{ b }} {{ a.strip() }} {% for x in items %}{{ x }}{% endfor %}\"}\n");
    assert_eq!(task.columns(), ["b", "a", "items"]);
    let endless = self::task(
        "kind: embed\ninput: {template: \"{% for x in range(9999) %}{% for y in range(9999) %}{{ a }}{% endfor %}{% endfor %}\"}\n",
    );
    let error = endless
        .render_input(&record(json!({"a": "x"})))
        .expect_err("too much work");
    assert_eq!(
        error.hint().as_deref(),
        Some("the template does too much work for one row")
    );
}

#[test]
fn the_two_sides_of_a_match_are_rendered_apart() {
    let task = task("kind: match\ninput: {a: [name, city], b: {template: \"{{ other }}\"}}\n");
    let row = record(json!({"name": "Acme", "city": "Oslo", "other": "ACME, Oslo"}));
    let input = task.render_input(&row).expect("an input");
    assert_eq!(
        input.sides,
        Some(["name: Acme\ncity: Oslo".to_owned(), "ACME, Oslo".to_owned()])
    );
    let blank = record(json!({"name": "Acme", "city": "Oslo", "other": " "}));
    assert_eq!(
        task.render_input(&blank).expect_err("blank").to_string(),
        "input is empty on side \"b\""
    );
}

#[test]
fn equal_inputs_have_equal_hashes_and_sides_are_not_run_together() {
    let task = task("kind: match\ninput: {a: a, b: b}\n");
    let hash = |a: &str, b: &str| {
        task.render_input(&record(json!({"a": a, "b": b})))
            .expect("an input")
            .hash()
    };
    assert_eq!(hash("x ", "y"), hash("x", " y"));
    assert_ne!(hash("xy", "z"), hash("x", "yz"));
    assert_ne!(hash("x", "y"), hash("y", "x"));
    assert_eq!(hash("x", "y").to_string().len(), 32);
}

#[test]
fn examples_come_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    fs_err::write(
        folder.path().join("solved.csv"),
        "\u{feff}body,topic\n\"Money, please\",money back\nWhere is it?,delivery\nMoney,refund\n",
    )
    .expect("written");
    fs_err::write(
        folder.path().join("solved.jsonl"),
        "{\"body\": \"Money\", \"label\": \"refund\"}\n\n{\"body\": \"Where?\", \"label\": \"delivery\"}\n",
    )
    .expect("written");
    let read = |examples: &str| {
        let text = format!(
            "kind: label\ninput: body\nlabels: [{{name: refund, aliases: [money back]}}, delivery]\nexamples: {examples}\n"
        );
        Task::from_yaml(&text, "t.yml", folder.path())
            .expect("a task")
            .examples
            .expect("examples")
    };
    let fixed = read("{from: solved.csv, label: topic, count: 2}");
    assert_eq!(
        (fixed.items.len(), fixed.select, fixed.balance),
        (3, Selection::Fixed, true)
    );
    let shown: Vec<&str> = fixed
        .shared(&[])
        .iter()
        .map(|example| example.input.text.as_str())
        .collect();
    assert_eq!(shown, ["Money, please", "Where is it?"], "answers take turns");
    let similar = read("{from: solved.jsonl, select: similar}");
    assert_eq!((similar.items.len(), similar.count, similar.by_row()), (2, 8, true));
    assert_eq!(
        similar.model.map(|model| model.name).as_deref(),
        Some("all-minilm-l6-v2")
    );
    let diverse = read("{from: solved.jsonl, select: diverse, count: 1, model: other-encoder, balance: false}");
    assert_eq!((diverse.select, diverse.balance), (Selection::Diverse, false));
}

#[test]
fn a_task_is_read_from_json_as_from_yaml() {
    let value = json!({"name": "t", "kind": "multilabel", "input": "body", "labels": ["a", "b"], "label_threshold": 0.4,
        "examples": [{"input": "x", "labels": ["b", "a"]}]});
    let from_json = Task::from_json(&value, "catalog", Path::new(".")).expect("a task");
    // JSON is YAML.
    let from_yaml = Task::from_yaml(&value.to_string(), "t.yml", Path::new(".")).expect("a task");
    assert_eq!(from_json.fingerprint(), from_yaml.fingerprint());
    assert_eq!(
        from_json.examples.expect("examples").items[0].answer,
        json!(["a", "b"]),
        "in the order of the labels"
    );
}

#[test]
fn null_is_a_way_to_treat_errors_with_and_without_quotes() {
    let on_error = |word: &str| task(&format!("kind: embed\ninput: body\non_error: {word}\n")).on_error;
    assert_eq!((on_error("null"), on_error("\"null\"")), (OnError::Null, OnError::Null));
}

#[test]
fn fields_can_be_changed_afterwards() {
    let mut task = read("kind: label\ninput: body\nlabels: [a, b]\n").expect("a task");
    let before = task.fingerprint();
    task.calibration = Calibration::Contextual;
    assert_ne!(task.fingerprint(), before);
}
