//! Texts that come without columns, and tasks that come without files.

use proptest::prelude::*;
use refuel_task::{Record, Task, TaskError};
use serde_json::{Value, json};

use crate::task;

const LABELS: &str = "labels: [refund, delivery]\n";

/// One-sided tasks that read a single column, in every way in which that can be written.
fn single() -> Vec<Task> {
    ["body", "[body]", "{template: \"Say: {{ body | upper }}\"}"]
        .iter()
        .map(|input| task(&format!("kind: label\ninput: {input}\n{LABELS}")))
        .collect()
}

fn shown(error: &TaskError) -> String {
    format!("{} {error}\nhint: {}", error.code(), error.hint().unwrap_or_default())
}

proptest! {
    #[test]
    fn a_lone_text_reads_as_the_only_column_does(text in ".{0,40}") {
        for task in single() {
            let record = Record::from_iter([("body".to_owned(), Value::from(text.as_str()))]);
            let (alone, column) = (task.render_text(&text), task.render_input(&record));
            prop_assert_eq!(alone.map_err(|error| error.to_string()), column.map_err(|error| error.to_string()));
        }
    }

    #[test]
    fn a_pair_reads_as_the_only_columns_of_both_sides_do(left in ".{0,20}", right in ".{0,20}") {
        for input in ["{a: x, b: y}", "{a: [x], b: {template: \"<{{ y }}>\"}}"] {
            let task = task(&format!("kind: match\ninput: {input}\n"));
            let record = Record::from_iter([
                ("x".to_owned(), Value::from(left.as_str())),
                ("y".to_owned(), Value::from(right.as_str())),
            ]);
            let (alone, columns) = (task.render_pair(&left, &right), task.render_input(&record));
            prop_assert_eq!(alone.map_err(|error| error.to_string()), columns.map_err(|error| error.to_string()));
        }
    }
}

#[test]
fn both_sides_may_read_the_same_column() {
    let task = task("kind: match\ninput: {a: title, b: title}\n");
    let input = task.render_pair("tent", "lamp").expect("it is rendered");
    assert_eq!(input.sides, Some(["tent".to_owned(), "lamp".to_owned()]));
}

#[test]
fn texts_that_do_not_tell_enough_are_refused() {
    let several = task(&format!("kind: label\ninput: [subject, body]\n{LABELS}"));
    insta::assert_snapshot!(shown(&several.render_text("x").expect_err("an error")), @r#"
    RF0413 the task reads "subject" and "body", and one text can't stand for that
    hint: pass a row: a JSON object with "subject" and "body"
    "#);
    let compared = task("kind: match\ninput: {a: [name, street], b: other}\n");
    insta::assert_snapshot!(shown(&compared.render_pair("x", "y").expect_err("an error")), @r#"
    RF0413 the task reads "name", "street" and "other", and two texts can't stand for that
    hint: pass a row: a JSON object with "name", "street" and "other"
    "#);
    assert!(matches!(
        compared.render_text("x"),
        Err(TaskError::NeedsRow { given: "one text", .. })
    ));
    assert!(matches!(
        several.render_pair("x", "y"),
        Err(TaskError::NeedsRow { given: "two texts", .. })
    ));
    assert!(matches!(
        single()[0].render_text(" \n"),
        Err(TaskError::EmptyInput { .. })
    ));
}

#[test]
fn a_task_in_a_catalog_names_no_file() {
    let mut value = json!({
        "name": "topic",
        "kind": "label",
        "input": "body",
        "labels": ["refund", "delivery"],
        "examples": {"items": [{"input": "where is it", "label": "delivery"}], "select": "fixed", "count": 1},
    });
    let read = Task::from_catalog(&value, "topic@1").expect("its examples are in it");
    assert_eq!(read.examples.expect("examples").items.len(), 1);
    // A file that is there and could be read.
    value["examples"] = json!({"from": concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")});
    let error = shown(&Task::from_catalog(&value, "topic@1").expect_err("it names a file"));
    let error = error.replace(env!("CARGO_MANIFEST_DIR"), "");
    insta::assert_snapshot!(error, @r#"
    RF0406 topic@1: examples.from: the task names the file "/Cargo.toml", and a task in a catalog holds its examples itself
    hint: put the solved rows into the task: examples: {items: [...]}
    "#);
}
