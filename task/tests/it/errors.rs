//! What is said of a task that is wrong: what, where, and what to do.

use std::fmt::Write;
use std::path::Path;

use refuel_task::{Task, TaskError};
use serde_json::json;

use crate::read;

/// An error as the command line shows it.
fn shown(error: &TaskError) -> String {
    let mut text = format!("{} {error}", error.code());
    if let Some(hint) = error.hint() {
        write!(text, "\nhint: {hint}").expect("written");
    }
    text
}

fn error(text: &str) -> String {
    shown(&read(text).expect_err("an error"))
}

const LABEL: &str = "kind: label\ninput: body\nlabels: [refund, delivery]\n";

/// Errors of a right task with more lines.
fn with(lines: &str) -> String {
    error(&format!("{LABEL}{lines}\n"))
}

#[test]
fn unknown_keys_name_the_nearest_right_one() {
    insta::assert_snapshot!(with("guidlines: x"), @r#"
    RF0403 tickets.yml:4:1: unknown key "guidlines"
    hint: did you mean "guidelines"?
    "#);
    insta::assert_snapshot!(with("onError: fail"), @r#"
    RF0403 tickets.yml:4:1: unknown key "onError"
    hint: did you mean "on_error"?
    "#);
    insta::assert_snapshot!(with("zzz: 1"), @r#"
    RF0403 tickets.yml:4:1: unknown key "zzz"
    hint: the keys here are name, version, kind, description, owner, tags, input, model, on_error, truncate, guidelines, labels, examples, threshold, target_precision, calibrated, confidence, fallback, calibration, strategy, rules, keep, head, label_threshold, fields, schema, max_tokens, no_answer_threshold, format, vocabulary, embeddings, dictionary, max_change, reference, key, columns, ignore, mode, blocking, max_pairs, canonical, unknown, stop, temperature
    "#);
    insta::assert_snapshot!(with("max_tokens: 9"), @r#"
    RF0403 tickets.yml:4:1: unknown key "max_tokens" for a task of kind "label"
    hint: the keys here are name, version, kind, description, owner, tags, input, model, on_error, truncate, guidelines, labels, examples, threshold, target_precision, calibrated, confidence, fallback, calibration, strategy, rules, keep, head
    "#);
    insta::assert_snapshot!(error("kind: label\ninput: body\nlabels:\n  - {name: a, descripton: x}\n  - b\n"), @r#"
    RF0403 tickets.yml:4:15: unknown key "descripton" in "labels[1]"
    hint: did you mean "description"?
    "#);
    insta::assert_snapshot!(with("examples:\n  - {inputs: x, label: refund}"), @r#"
    RF0403 tickets.yml:5:6: unknown key "inputs" in "examples[1]"
    hint: did you mean "input"?
    "#);
    insta::assert_snapshot!(with("examples: {file: x.csv}"), @r#"
    RF0403 tickets.yml:4:12: unknown key "file" in "examples"
    hint: the keys here are from, items, select, count, balance, input, model, label
    "#);
}

#[test]
fn missing_keys_say_what_to_write() {
    insta::assert_snapshot!(error(""), @r"
    RF0406 tickets.yml:1:1: the task is empty
    hint: a task has at least kind and input, and mostly labels
    ");
    insta::assert_snapshot!(error("input: body"), @r#"
    RF0405 tickets.yml:1:1: missing key "kind"
    hint: it can be label, multilabel, extract, answer, normalize, clean, enrich, match, resolve, repair, embed, complete
    "#);
    insta::assert_snapshot!(error("kind: label\nlabels: [a, b]"), @r#"
    RF0405 tickets.yml:1:1: missing key "input"
    hint: name the column that the model reads: input: body
    "#);
    insta::assert_snapshot!(error("kind: label\ninput: body"), @r#"
    RF0405 tickets.yml:1:1: missing key "labels"
    hint: list what can be answered: labels: [refund, delivery, other]
    "#);
    insta::assert_snapshot!(error("kind: match\ninput: {a: x}"), @r#"
    RF0405 tickets.yml:2:8: missing key "b" in "input"
    hint: name what is compared: input: {a: title, b: other_title}
    "#);
    insta::assert_snapshot!(with("examples:\n  - {input: x}"), @r#"
    RF0405 tickets.yml:5:5: missing key "label" in "examples[1]"
    hint: write the right answer
    "#);
    insta::assert_snapshot!(with("examples: {count: 3}"), @r#"
    RF0405 tickets.yml:4:11: missing key "from" or "items" in "examples"
    hint: name a file of examples: examples: {from: examples.csv}
    "#);
}

#[test]
fn wrong_values_say_what_they_must_be() {
    insta::assert_snapshot!(error("kind: labels\ninput: body"), @r#"
    RF0406 tickets.yml:1:7: "kind" can't be "labels"
    hint: did you mean "label"?
    "#);
    insta::assert_snapshot!(error("kind: 7\ninput: body"), @r#"
    RF0404 tickets.yml:1:7: "kind" must be text, not a number
    hint: put it in quotes: "7"
    "#);
    insta::assert_snapshot!(error("- kind: label"), @r#"RF0404 tickets.yml:1:1: "task" must be a map, not a list"#);
    insta::assert_snapshot!(error("kind: match\ninput: body"), @r#"RF0404 tickets.yml:2:8: "input" must be a map with "a" and "b", the two sides, not text"#);
    insta::assert_snapshot!(error("kind: embed\ninput: 3"), @r#"RF0404 tickets.yml:2:8: "input" must be a column, a list of columns, or a map with "template", not a number"#);
    insta::assert_snapshot!(error("kind: embed\ninput: \"{{ body }}\""), @r#"
    RF0406 tickets.yml:2:8: "{{ body }}" is not the name of a column
    hint: a template is written as input: {template: "..."}
    "#);
    insta::assert_snapshot!(error("kind: embed\ninput: [a, a]"), @r#"
    RF0406 tickets.yml:2:12: the column "a" is given twice
    hint: name each column once
    "#);
    insta::assert_snapshot!(with("threshold: 60"), @r#"
    RF0406 tickets.yml:4:12: "threshold" must be from 0 to 1, not 60
    hint: it is compared with a probability
    "#);
    insta::assert_snapshot!(with("threshold: high"), @r#"RF0404 tickets.yml:4:12: "threshold" must be a number from 0 to 1, not text"#);
    insta::assert_snapshot!(with("truncate: heads"), @r#"
    RF0406 tickets.yml:4:11: "truncate" can't be "heads"
    hint: did you mean "head"?
    "#);
    insta::assert_snapshot!(with("version: 0"), @r#"RF0406 tickets.yml:4:10: "version" must be a whole number from 1 to 4294967295, not 0"#);
    insta::assert_snapshot!(with("name: 2nd task"), @r#"
    RF0406 tickets.yml:4:7: "2nd task" can't be a task's name
    hint: a name is a letter, then letters, digits, _ and -, at most 63 in all
    "#);
    insta::assert_snapshot!(with("model: my model"), @r#"
    RF0406 tickets.yml:4:8: "my model" can't be a model's name
    hint: a model is written as name or name@digest, such as smollm2-135m-instruct@3f2a91
    "#);
    insta::assert_snapshot!(with("model: smollm2@xyz"), @r#"
    RF0406 tickets.yml:4:8: "xyz" is not a digest of 6 to 64 hexadecimal digits
    hint: a model is written as name or name@digest, such as smollm2-135m-instruct@3f2a91
    "#);
    insta::assert_snapshot!(with("calibration: on"), @r#"
    RF0406 tickets.yml:4:14: "calibration" can't be "on"
    hint: it can be none, contextual
    "#);
    insta::assert_snapshot!(with("tags: support"), @r#"RF0404 tickets.yml:4:7: "tags" must be a list of texts, not text"#);
    insta::assert_snapshot!(error("kind: complete\ninput: body\ntemperature: 0.7"), @r#"
    RF0406 tickets.yml:3:14: "temperature" can't be 0.7
    hint: it is always 0, because the same input must give the same answer
    "#);
    insta::assert_snapshot!(error("kind: complete\ninput: body\nstop: \"\""), @r#"RF0406 tickets.yml:3:7: "stop" must be at most 16 texts that are not empty"#);
    insta::assert_snapshot!(error("kind: multilabel\ninput: body\nlabels: [a, b]\nfallback: c"), @r#"
    RF0406 tickets.yml:4:11: the fallback can't be used: "c" is not in the list of labels
    hint: the labels are a, b
    "#);
}

#[test]
fn labels_must_be_told_apart() {
    let labels = |labels: &str| error(&format!("kind: label\ninput: body\nlabels: {labels}\n"));
    insta::assert_snapshot!(labels("[]"), @r"
    RF0407 tickets.yml:3:9: there are no labels
    hint: a task needs two labels or more
    ");
    insta::assert_snapshot!(labels("[a]"), @r"
    RF0407 tickets.yml:3:9: there is one label only
    hint: a task needs two labels or more
    ");
    insta::assert_snapshot!(labels("[a, b, a]"), @r#"
    RF0407 tickets.yml:3:16: the label "a" is given twice
    hint: each label and alias must be there once
    "#);
    insta::assert_snapshot!(labels("[Refund, refund]"), @r#"
    RF0407 tickets.yml:3:18: the labels "Refund" and "refund" differ in case only
    hint: each label and alias must be there once
    "#);
    insta::assert_snapshot!(labels("[1, 2]"), @r#"
    RF0404 tickets.yml:3:10: "labels[1]" must be text, or a map with "name", not a number
    hint: put it in quotes: "1"
    "#);
    insta::assert_snapshot!(labels("[true, false]"), @r#"
    RF0404 tickets.yml:3:10: "labels[1]" must be text, or a map with "name", not true or false
    hint: put it in quotes: "true"
    "#);
    insta::assert_snapshot!(labels("[\" a\", b]"), @r#"
    RF0407 tickets.yml:3:10: the label " a" has white space at its ends
    hint: take it off: the model could not tell it apart
    "#);
    insta::assert_snapshot!(labels("[\"a\\nb\", c]"), @r#"
    RF0407 tickets.yml:3:10: the label "a\nb" has the control character '\n' in it
    hint: labels are one line of text
    "#);
    insta::assert_snapshot!(labels("[{name: a, aliases: [b]}, b]"), @r#"
    RF0407 tickets.yml:3:35: the label "b" is given twice
    hint: each label and alias must be there once
    "#);
    insta::assert_snapshot!(labels("{a: x, a: y}"), @r#"
    RF0406 tickets.yml:3:16: the key "a" is given twice
    hint: keep one of the two
    "#);
}

#[test]
fn examples_are_checked() {
    insta::assert_snapshot!(with("examples:\n  - {input: Money, label: refnd}"), @r#"
    RF0407 tickets.yml:5:27: the example's "refnd" is not in the list of labels
    hint: did you mean "refund"?
    "#);
    insta::assert_snapshot!(with("examples:\n  - {input: \" \", label: refund}"), @r"
    RF0406 tickets.yml:5:13: the example's input is empty
    hint: take the example out
    ");
    insta::assert_snapshot!(with("examples:\n  - {input: {text: Money}, label: refund}"), @r#"
    RF0406 tickets.yml:5:13: the example has no column "body" in the input, which has "text"
    hint: name one of these columns in the task's "input"
    "#);
    insta::assert_snapshot!(with("examples: [Money]"), @r#"RF0404 tickets.yml:4:12: "examples[1]" must be a map with "input" and "label", not text"#);
    insta::assert_snapshot!(with("examples: {items: [], select: fixed, model: m}"), @r#"
    RF0406 tickets.yml:4:38: "model" has no use here: "fixed" needs no embedding model
    hint: take it out, or select: similar
    "#);
    insta::assert_snapshot!(with("examples: {items: [], select: similar, balance: true}"), @r#"
    RF0406 tickets.yml:4:40: "balance" has no use here: "similar" goes by the row alone
    hint: take it out
    "#);
    insta::assert_snapshot!(with("examples: {items: [], count: 0}"), @r#"RF0406 tickets.yml:4:30: "count" must be a whole number from 1 to 256, not 0"#);
}

#[test]
fn example_files_are_told_by_name_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let with_file = |name: &str, text: &str| {
        fs_err::write(folder.path().join(name), text).expect("written");
        let text = format!("{LABEL}examples: {{from: {name}}}\n");
        shown(&Task::from_yaml(&text, "t.yml", folder.path()).expect_err("an error"))
    };
    insta::assert_snapshot!(with_file("a.csv", "body,label\nMoney,refund\nWhere,deliveri\n"), @r#"
    RF0407 a.csv:3: the example's "deliveri" is not in the list of labels
    hint: did you mean "delivery"?
    "#);
    insta::assert_snapshot!(with_file("b.csv", "body,label\nMoney\n"), @"RF0402 b.csv:2: this row has 1 fields, the first line has 2");
    insta::assert_snapshot!(with_file("c.csv", "text,label\nMoney,refund\n"), @r#"
    RF0406 c.csv:2: the example has no column "body" in the input, which has "text" and "label"
    hint: name one of these columns in the task's "input"
    "#);
    insta::assert_snapshot!(with_file("d.csv", "body,Label\nMoney,refund\n"), @r#"
    RF0405 d.csv:2: missing key "label"
    hint: did you mean "Label"? "label" names the column
    "#);
    insta::assert_snapshot!(with_file("e.jsonl", "{\"body\": \"x\", \"label\": \"refund\"}\n{\"body\": }\n"), @"RF0402 e.jsonl:2:10: not valid JSON: expected value");
    insta::assert_snapshot!(with_file("f.jsonl", "[1]\n"), @"RF0402 f.jsonl:1: each line must be one JSON object");
    insta::assert_snapshot!(with_file("g.xlsx", "PK"), @r#"
    RF0406 t.yml:4:18: "g.xlsx" is no kind of file that rows can be read from
    hint: it must end in .csv, .tsv, .jsonl or .ndjson
    "#);
    let text = format!("{LABEL}examples: {{from: none.csv}}\n");
    let error = shown(&Task::from_yaml(&text, "t.yml", Path::new("")).expect_err("an error"));
    insta::assert_snapshot!(error, @r"
    RF0401 t.yml:4:18: can't read `none.csv`: no such file or directory
    hint: files are looked for from the folder of the task file
    ");
}

#[test]
fn text_that_is_not_yaml_says_where() {
    insta::assert_snapshot!(error("kind: label\n  input: body\n"), @"RF0402 tickets.yml:2:8: not valid YAML: mapping values are not allowed in this context");
    insta::assert_snapshot!(error("kind: [label\n"), @"RF0402 tickets.yml:1:7: not valid YAML: unclosed bracket '['");
    insta::assert_snapshot!(error("kind: label\nkind: match\n"), @r#"
    RF0406 tickets.yml:2:1: the key "kind" is given twice
    hint: keep one of the two
    "#);
    insta::assert_snapshot!(error("kind: *nobody\n"), @"RF0402 tickets.yml:1:7: not valid YAML: alias references unknown anchor");
    insta::assert_snapshot!(error("a: 1\n---\nb: 2\n"), @"RF0402 tickets.yml:2:1: there is more than one YAML document; a file is one");
    insta::assert_snapshot!(error("~: x\n"), @"RF0402 tickets.yml:1:1: not valid YAML: a key is null; put it in quotes");
    insta::assert_snapshot!(error("kind: \"label\n"), @"RF0402 tickets.yml:1:7: not valid YAML: unclosed quote");
}

#[test]
fn templates_say_what_is_wrong_with_them() {
    insta::assert_snapshot!(error("kind: embed\ninput: {template: \"{{ body\"}"), @r"
    RF0408 tickets.yml:2:19: the template is not valid in its line 1: unexpected end of input, expected end of variable block
    hint: columns are written as {{ name }}
    ");
    insta::assert_snapshot!(error("kind: embed\ninput: {template: \"no column\"}"), @r"
    RF0408 tickets.yml:2:19: the template reads no column
    hint: columns are written as {{ name }}
    ");
    insta::assert_snapshot!(error("kind: embed\ninput:\n  template: |\n    {{ subject }}\n    {% if body %}\n"), @r"
    RF0408 tickets.yml:4:5: the template is not valid in its line 2: unexpected end of input, expected end of block
    hint: columns are written as {{ name }}
    ");
}

#[test]
fn values_without_lines_are_told_by_path() {
    let value = json!({"name": "t", "kind": "label", "input": "body", "labels": ["a", {"name": "b", "colour": "red"}]});
    let error = Task::from_json(&value, "catalog", Path::new("")).expect_err("an error");
    insta::assert_snapshot!(shown(&error), @r#"
    RF0403 catalog: labels[2].colour: unknown key "colour" in "labels[2]"
    hint: the keys here are name, description, aliases, catch_all
    "#);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Task::from_file("nowhere/tickets.yml").expect_err("an error");
    insta::assert_snapshot!(shown(&error), @r"
    RF0401 nowhere/tickets.yml: can't read `nowhere/tickets.yml`: no such file or directory
    hint: check the path and that it can be read
    ");
    assert!(std::error::Error::source(&error).is_some());
}
