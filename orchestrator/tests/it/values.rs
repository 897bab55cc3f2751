//! `normalize`, `clean` and `enrich` from the command line, on a machine that has no model and no ONNX Runtime.

use serde_json::{Value, json};

use crate::common::Desk;

/// Labels a table, and gives the rows as they come out.
fn label(desk: &Desk, table: &str, task: &str) -> Vec<Value> {
    let arguments = ["label", table, "--task", task, "-o", "out.jsonl", "--force", "--quiet"];
    let output = desk.command(&desk.path("home"), &arguments).output().unwrap();
    assert!(output.status.success(), "{}", desk.told(&output));
    let rows = desk.read("out.jsonl");
    rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

#[test]
fn rules_answer_without_a_model() {
    let desk = Desk::new();
    desk.write("contacts.csv", "id,contact\n1,Tel. (030) 901820\n2,call me\n");
    desk.write(
        "phone.yml",
        "kind: normalize\ninput: contact\nformat: {phone: {region: DE}}\n",
    );
    let rows = label(&desk, "contacts.csv", "phone.yml");
    assert_eq!(rows[0]["phone"], "+4930901820");
    assert_eq!(
        (&rows[0]["phone_source"], &rows[0]["phone_model"]),
        (&json!("rule"), &json!("rules@3"))
    );
    assert_eq!(
        (&rows[1]["phone"], &rows[1]["phone_status"]),
        (&Value::Null, &json!("abstained"))
    );
    assert_eq!(rows[1]["phone_reason"], "a telephone number was not found");
}

#[test]
fn a_changed_table_asks_anew() {
    let desk = Desk::new();
    desk.write("raw.csv", "raw\ndeutschland\n");
    desk.write(
        "country.yml",
        "kind: normalize\ninput: raw\nvocabulary: {from: countries.csv, value: name, id: code, aliases: others}\n",
    );
    desk.write("countries.csv", "code,name,others\nDE,Germany,Deutschland;BRD\n");
    assert_eq!(label(&desk, "raw.csv", "country.yml")[0]["country"], "DE");
    desk.write("countries.csv", "code,name,others\nDEU,Germany,Deutschland;BRD\n");
    assert_eq!(label(&desk, "raw.csv", "country.yml")[0]["country"], "DEU");
}

#[test]
fn records_come_out_as_objects_and_keep_what_they_have() {
    let desk = Desk::new();
    desk.write("firms.csv", "name,country,employees\nAcme,,12\nBrick,FR,\n");
    desk.write("companies.csv", "name,country,employees\nAcme,DE,99\nBrick,NL,5\n");
    desk.write(
        "facts.yml",
        "kind: enrich\ninput: [name, country, employees]\nfields: {country: null, employees: {type: integer}}\nreference: {from: companies.csv, key: name}\n",
    );
    let rows = label(&desk, "firms.csv", "facts.yml");
    assert_eq!(rows[0]["facts"], json!({"country": "DE", "employees": 12}));
    assert_eq!(rows[1]["facts"], json!({"country": "FR", "employees": 5}));
}

#[test]
fn what_rules_answer_is_measured_in_its_canonical_form() {
    let desk = Desk::new();
    desk.write(
        "days.csv",
        "raw,right\n5 March 2024,2024-03-05\n06.03.2024,6 March 2024\nsoon,2024-03-07\n",
    );
    desk.write("day.yml", "kind: normalize\ninput: raw\nformat: {date: {region: DE}}\n");
    let arguments = [
        "eval",
        "days.csv",
        "--task",
        "day.yml",
        "--expected",
        "right",
        "--format",
        "json",
    ];
    let output = desk.command(&desk.path("home"), &arguments).output().unwrap();
    assert!(output.status.success(), "{}", desk.told(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = report.to_string();
    assert!(text.contains("\"accuracy\":0.66"), "{text}");
}

#[test]
fn a_task_says_that_rules_answer_and_has_no_prompt() {
    let desk = Desk::new();
    desk.write("note.yml", "kind: clean\ninput: note\nrules: [html, whitespace]\n");
    let told = desk.run(&["task", "check", "note.yml"]);
    assert!(
        told.contains("none: rules alone answer") && told.contains("html, whitespace"),
        "{told}"
    );
    let told = desk.run(&["task", "check", "note.yml", "--prompt"]);
    assert!(told.contains("status: 2") && told.contains("RF0514"), "{told}");
}

/// What is kept of a row for which no rule holds has no fallback in it: another one counts at once.
#[test]
fn a_changed_fallback_counts_for_rows_that_were_answered_before() {
    let desk = Desk::new();
    desk.write("mails.csv", "body\nmoney back\nhello\n");
    let task = |fallback: &str| {
        format!(
            "kind: label\ninput: body\nlabels: [refund, other, unknown]\nfallback: {fallback}\nstrategy: rules\n\
             rules: [{{contains: money, label: refund}}]\n"
        )
    };
    desk.write("topic.yml", task("other"));
    let values = |rows: Vec<Value>| rows.iter().map(|row| row["topic"].clone()).collect::<Vec<_>>();
    assert_eq!(values(label(&desk, "mails.csv", "topic.yml")), ["refund", "other"]);
    desk.write("topic.yml", task("unknown"));
    assert_eq!(values(label(&desk, "mails.csv", "topic.yml")), ["refund", "unknown"]);
}

/// A blank cell is a row like any other: nobody is asked about it, nothing has failed, and a blank text stays one.
#[test]
fn an_empty_cell_is_no_failure() {
    let desk = Desk::new();
    desk.write("rows.csv", "id,a\n1,\n2,\"  \"\n3,fine\n");
    desk.write("mended.yml", "kind: clean\ninput: a\non_error: fail\n");
    let rows = label(&desk, "rows.csv", "mended.yml");
    let told = |rows: &[Value], name: &str| -> Vec<Value> {
        let part = |row: &Value, part: &str| row[format!("{name}{part}")].clone();
        rows.iter()
            .map(|row| json!([part(row, ""), part(row, "_status"), part(row, "_source")]))
            .collect()
    };
    assert_eq!(
        told(&rows, "mended"),
        [
            json!(["", "ok", "rule"]),
            json!(["", "ok", "rule"]),
            json!(["fine", "ok", "rule"])
        ]
    );
    desk.write(
        "phone.yml",
        "kind: normalize\ninput: a\nformat: phone\non_error: fail\n",
    );
    let rows = label(&desk, "rows.csv", "phone.yml");
    assert_eq!(
        told(&rows, "phone")[..2],
        [json!([null, "abstained", "rule"]), json!([null, "abstained", "rule"])]
    );
    assert_eq!(rows[0]["phone_reason"], "input is empty");
}

/// That a cell has no value can be the right answer: the rules say so by finding none.
#[test]
fn no_value_is_right_where_none_is_expected() {
    let desk = Desk::new();
    desk.write(
        "rows.csv",
        "a,right\n030 901820,+4930901820\ncall me,\n,\n030 901820 or 089 23300,\n",
    );
    desk.write(
        "phone.yml",
        "kind: normalize\ninput: a\nformat: {phone: {region: DE}}\n",
    );
    let arguments = [
        "eval",
        "rows.csv",
        "--task",
        "phone.yml",
        "--expected",
        "right",
        "--format",
        "json",
    ];
    let output = desk.command(&desk.path("home"), &arguments).output().unwrap();
    assert!(output.status.success(), "{}", desk.told(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let accuracy = report
        .pointer("/variants/0/accuracy")
        .or_else(|| report.pointer("/accuracy"));
    assert_eq!(
        accuracy,
        Some(&json!(0.75)),
        "the last has two values, which is not none: {report}"
    );
}

#[test]
fn case_and_marks_keep_no_value_from_its_entry() {
    let desk = Desk::new();
    desk.write("raw.csv", "raw\nLAPTOP!!!\n\"Laptop, \"\n");
    desk.write(
        "goods.yml",
        "kind: normalize\ninput: raw\nvocabulary: [laptop, telephone]\n",
    );
    let rows = label(&desk, "raw.csv", "goods.yml");
    assert!(rows.iter().all(|row| row["goods"] == "laptop"), "{rows:?}");
}

#[test]
fn a_vocabulary_that_is_too_small_for_embeddings_is_warned_of() {
    let desk = Desk::new();
    let check = |entries: &str| {
        desk.write(
            "goods.yml",
            format!("kind: normalize\ninput: raw\nvocabulary: [{entries}]\nembeddings: all-minilm-l6-v2\n"),
        );
        desk.run(&["task", "check", "goods.yml"])
    };
    let told = check("laptop, telephone");
    assert!(
        told.contains("warning: `embeddings` finds nothing: the vocabulary has 2 entries"),
        "{told}"
    );
    assert!(!check("laptop, telephone, kettle").contains("warning"));
}
