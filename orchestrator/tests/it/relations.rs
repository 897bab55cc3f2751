//! `refuel resolve` and `refuel repair` from the command line, on a machine that has no model and no ONNX Runtime.

use std::process::Output;

use serde_json::{Value, json};

use crate::common::Desk;

const VENDORS: &str = "\
id,name,city,phone,same
v1,Harbour Light Trading,Boston,617 555 0101,a
v2,Harbor Light Trading Co.,Boston,(617) 555-0101,a
v3,Golden Gate Supplies,San Francisco,415 555 0190,b
v4,Golden Gate Suplies,San Francisco,415 555 0190,b
v5,Old Mill Bakery,Concord,978 555 0133,c
v6,Sunset Motors,Los Angeles,213 555 0177,d
";

const VENDOR_TASK: &str = "kind: resolve\nkey: id\nignore: same\ncanonical: {name: longest}\n";

fn run(desk: &Desk, arguments: &[&str]) -> Output {
    desk.command(&desk.path("home"), arguments).output().unwrap()
}

/// What a run that went well leaves in a table of JSON Lines.
fn rows(desk: &Desk, arguments: &[&str], table: &str) -> Vec<Value> {
    let output = run(desk, arguments);
    assert!(output.status.success(), "{}", desk.told(&output));
    let rows = desk.read(table);
    rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

#[test]
fn rows_get_the_entity_that_they_belong_to() {
    let desk = Desk::new();
    desk.write("vendors.csv", VENDORS);
    desk.write("same_vendor.yml", VENDOR_TASK);
    let arguments = [
        "resolve",
        "same_vendor.yml",
        "vendors.csv",
        "-o",
        "out.jsonl",
        "--entities",
        "one.jsonl",
        "--quiet",
    ];
    let found = rows(&desk, &arguments, "out.jsonl");
    let entities: Vec<&Value> = found.iter().map(|row| &row["entity_id"]).collect();
    assert_eq!(
        entities,
        [&json!(1), &json!(1), &json!(2), &json!(2), &json!(3), &json!(4)]
    );
    assert_eq!(
        found[0]["name"], "Harbour Light Trading",
        "the row's own columns are there"
    );
    let one = desk.read("one.jsonl");
    assert_eq!(one.lines().count(), 4);
    let first: Value = serde_json::from_str(one.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["records"], &first["name"]),
        (&json!(2), &json!("Harbor Light Trading Co."))
    );
}

#[test]
fn a_result_is_compared_with_what_is_the_same() {
    let desk = Desk::new();
    desk.write("vendors.csv", VENDORS);
    desk.write("same_vendor.yml", VENDOR_TASK);
    let arguments = [
        "resolve",
        "same_vendor.yml",
        "vendors.csv",
        "-o",
        "out.csv",
        "--expected",
        "same",
        "--format",
        "json",
    ];
    let output = run(&desk, &arguments);
    assert!(output.status.success(), "{}", desk.told(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["expected"]["figures"]["pairwise"]["f1"], 1.0);
    assert_eq!(report["report"]["entities"], 4);
}

#[test]
fn cells_are_proposed_and_taken() {
    let desk = Desk::new();
    let places = ["Portland", "Boston", "Denver", "Austin", "Chicago"];
    let mut beers = String::from("id,brewery,city\n");
    let mut right = beers.clone();
    for number in 0..60 {
        let place = places[number % 5];
        beers.push_str(&format!(
            "{number},Brewery {},{}\n",
            number % 5,
            if number == 7 { "Dever" } else { place }
        ));
        right.push_str(&format!("{number},Brewery {},{place}\n", number % 5));
    }
    desk.write("beers.csv", &beers);
    desk.write("right.csv", &right);
    desk.write("mend.yml", "kind: repair\nkey: id\n");
    let arguments = [
        "repair",
        "mend.yml",
        "beers.csv",
        "-o",
        "out.jsonl",
        "--apply",
        "mended.csv",
        "--quiet",
    ];
    let found = rows(&desk, &arguments, "out.jsonl");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["record_key"], &found[0]["proposed"]),
        (&json!("7"), &json!("Denver"))
    );
    assert_eq!(desk.read("mended.csv"), right);
    let arguments = [
        "repair",
        "mend.yml",
        "beers.csv",
        "-o",
        "out.csv",
        "--expected",
        "right.csv",
        "--format",
        "json",
    ];
    let output = run(&desk, &arguments);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["expected"]["f1"], 1.0);
    let chosen = rows(
        &desk,
        &[
            "repair",
            "mend.yml",
            "beers.csv",
            "-o",
            "todo.jsonl",
            "--choose",
            "5",
            "--quiet",
        ],
        "todo.jsonl",
    );
    assert_eq!(chosen.len(), 5);
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let desk = Desk::new();
    desk.write("vendors.csv", VENDORS);
    desk.write("same_vendor.yml", VENDOR_TASK);
    desk.write("wrong.yml", "kind: resolve\ncolumns: [nmae]\n");
    let told = |arguments: &[&str]| {
        let output = run(&desk, arguments);
        assert_eq!(output.status.code(), Some(2), "{}", desk.told(&output));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(told(&["label", "vendors.csv", "--task", "same_vendor.yml"]).contains("RF0419"));
    assert!(told(&["resolve", "wrong.yml", "vendors.csv"]).contains("did you mean \"name\"?"));
    assert!(told(&["repair", "same_vendor.yml", "vendors.csv"]).contains("RF2401"));
    assert!(told(&["resolve", "same_vendor.yml", "vendors.csv", "-o", "vendors.csv"]).contains("RF0623"));
}

#[test]
fn two_tables_are_not_written_one_behind_the_other() {
    let desk = Desk::new();
    desk.write("vendors.csv", VENDORS);
    desk.write("same_vendor.yml", VENDOR_TASK);
    desk.write("mend.yml", "kind: repair\nkey: id\n");
    for arguments in [
        &["resolve", "same_vendor.yml", "vendors.csv", "--entities", "-"][..],
        &[
            "resolve",
            "same_vendor.yml",
            "vendors.csv",
            "-o",
            "a.csv",
            "--entities",
            "-",
            "--pairs",
            "-",
        ],
        &["repair", "mend.yml", "vendors.csv", "--apply", "-"],
    ] {
        let output = run(&desk, arguments);
        assert_eq!(output.status.code(), Some(2), "{}", desk.told(&output));
        assert!(desk.told(&output).contains("RF0648"), "{}", desk.told(&output));
        assert!(output.stdout.is_empty());
    }
    let output = run(
        &desk,
        &[
            "resolve",
            "same_vendor.yml",
            "vendors.csv",
            "-o",
            "a.csv",
            "--entities",
            "-",
        ],
    );
    assert!(output.status.success(), "{}", desk.told(&output));
}

#[test]
fn a_column_called_source_is_not_written_twice() {
    let desk = Desk::new();
    desk.write("vendors.csv", VENDORS.replace(",same\n", ",source\n"));
    desk.write("same.yml", "kind: resolve\nkey: id\nignore: source\n");
    fs_err::copy(desk.path("vendors.csv"), desk.path("others.csv")).unwrap();
    let output = run(
        &desk,
        &["resolve", "same.yml", "vendors.csv", "others.csv", "-o", "out.csv"],
    );
    assert_eq!(output.status.code(), Some(2), "{}", desk.told(&output));
    assert!(desk.told(&output).contains("RF0646"), "{}", desk.told(&output));
    let output = run(&desk, &["resolve", "same.yml", "vendors.csv", "-o", "out.csv"]);
    assert!(
        output.status.success(),
        "one table gets no such column: {}",
        desk.told(&output)
    );
}

#[test]
fn a_column_called_records_is_not_left_out_of_a_table_of_entities() {
    let desk = Desk::new();
    desk.write("vendors.csv", VENDORS.replace(",same\n", ",records\n"));
    desk.write("same.yml", "kind: resolve\nkey: id\n");
    let asked = ["resolve", "same.yml", "vendors.csv", "-o", "out.csv"];
    let with_entities = [&asked[..], &["--entities", "entities.csv", "--force"]].concat();
    let output = run(&desk, &with_entities);
    assert_eq!(output.status.code(), Some(2), "{}", desk.told(&output));
    assert!(desk.told(&output).contains("RF0646"), "{}", desk.told(&output));
    assert!(desk.told(&output).contains("`records`"), "{}", desk.told(&output));
    assert!(!desk.path("out.csv").exists(), "nothing is compared before");
    let output = run(&desk, &asked);
    assert!(
        output.status.success(),
        "rows have no such column: {}",
        desk.told(&output)
    );
    desk.write("same.yml", "kind: resolve\nkey: id\nignore: records\n");
    let output = run(&desk, &with_entities);
    assert!(
        output.status.success(),
        "nor have entities, which leave it out: {}",
        desk.told(&output)
    );
}

#[test]
fn merges_that_one_column_decides_are_told() {
    let desk = Desk::new();
    desk.write(
        "names.csv",
        "id,name\n1,Old Mill Bakery\n2,old mill bakery\n3,Sunset Motors\n4,Northern Freight\n",
    );
    desk.write("same.yml", "kind: resolve\nkey: id\n");
    let output = run(&desk, &["resolve", "same.yml", "names.csv", "-o", "out.csv"]);
    let told = desk.told(&output);
    assert!(
        told.contains("1 of 1 pairs that came into one entity agree in one column at most"),
        "{told}"
    );
}
