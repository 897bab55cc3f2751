//! Training from the command line: what a head is made of, what answers by it, and which way of answering is picked.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::Value;

use crate::common::{Desk, home_with};

const ENCODER: &str = "all-minilm-l6-v2";

/// A folder to work in with a home folder of its own that has the encoder; None, said on standard error, where there is
/// none.
fn desk() -> Option<(Desk, PathBuf)> {
    let there = home_with(ENCODER)?;
    let desk = Desk::new();
    let home = desk.path("home");
    std::fs::create_dir_all(home.join("models")).unwrap();
    symlink(there.join("lib"), home.join("lib")).unwrap();
    symlink(there.join("models").join(ENCODER), home.join("models").join(ENCODER)).unwrap();
    Some((desk, home))
}

/// Messages about money and about parcels, in the words of `style`.
fn messages(count: usize) -> Vec<(String, &'static str)> {
    let refund = [
        "give me my money back for",
        "I want a refund of",
        "you charged me twice for",
        "please repay",
    ];
    let delivery = [
        "where is the parcel with",
        "the courier never brought",
        "tracking shows nothing for",
        "when do I get",
    ];
    let things = [
        "the blue tent",
        "my kettle",
        "two lamps",
        "order 4417",
        "the garden chair",
        "a coffee machine",
        "the boots",
    ];
    (0..count)
        .map(|at| {
            let thing = things[at % things.len()];
            if at % 2 == 0 {
                (format!("{} {thing}", refund[at / 2 % 4]), "refund")
            } else {
                (format!("{} {thing}", delivery[at / 2 % 4]), "delivery")
            }
        })
        .collect()
}

fn table(rows: &[(String, &str)]) -> String {
    let lines: Vec<String> = rows.iter().map(|(text, label)| format!("{text},{label}")).collect();
    format!("body,label\n{}\n", lines.join("\n"))
}

fn prepared(desk: &Desk, strategy: &str) {
    let rows = messages(56);
    desk.write("examples.csv", table(&rows[..40]));
    desk.write("rows.csv", table(&rows[40..]));
    desk.write(
        "topic.yml",
        format!(
            "# What customers want.\nkind: label\ninput: body\nlabels: [refund, delivery]\n{strategy}examples: {{from: examples.csv}}\n"
        ),
    );
}

fn json(desk: &Desk, home: &std::path::Path, arguments: &[&str]) -> Value {
    let output = desk.command(home, arguments).output().unwrap();
    assert!(output.status.success(), "{}", desk.told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_head_is_trained_shown_and_answers() {
    let Some((desk, home)) = desk() else { return };
    prepared(&desk, "strategy: head\n");
    let untrained = desk
        .command(&home, &["label", "rows.csv", "--task", "topic.yml"])
        .output()
        .unwrap();
    let told = desk.told(&untrained);
    assert!(
        told.contains("status: 2") && told.contains("error[RF0515]") && told.contains("refuel train"),
        "{told}"
    );

    let arguments = ["train", "topic.yml", "--format", "json", "--quiet"];
    let first = json(&desk, &home, &arguments);
    assert_eq!(
        (&first["examples"], &first["rows"]["examples"]),
        (&40.into(), &40.into())
    );
    assert_eq!(first["held_out"]["null_model"], 0.5);
    assert!(first["held_out"]["accuracy"].as_f64().unwrap() > 0.8, "{first}");
    let again = json(&desk, &home, &arguments);
    assert_eq!(first["digest"], again["digest"], "the same rows make the same head");

    let shown = json(&desk, &home, &["model", "show", "topic", "--format", "json"]);
    assert_eq!(
        (&shown["role"], &shown["notes"]["examples"]),
        (&"head".into(), &"40".into())
    );
    assert_eq!(shown["digest"], first["digest"]);

    let arguments = ["label", "rows.csv", "--task", "topic.yml", "-o", "out.jsonl", "--quiet"];
    let output = desk.command(&home, &arguments).output().unwrap();
    assert!(output.status.success(), "{}", desk.told(&output));
    let rows: Vec<Value> = desk
        .read("out.jsonl")
        .lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert!(
        rows.iter()
            .all(|row| row["topic_source"] == "head" && row["topic_model"] == first["head"])
    );
    let right = rows.iter().filter(|row| row["topic"] == row["label"]).count();
    assert!(right >= 14, "{right} of 16");
}

#[test]
fn more_rows_come_from_a_table() {
    let Some((desk, home)) = desk() else { return };
    prepared(&desk, "");
    let arguments = [
        "train",
        "topic.yml",
        "--from",
        "rows.csv",
        "--expected",
        "label",
        "--format",
        "json",
        "--quiet",
    ];
    let report = json(&desk, &home, &arguments);
    assert_eq!(
        (&report["examples"], &report["rows"]["table"]),
        (&56.into(), &16.into())
    );
}

#[test]
fn the_ways_of_answering_are_compared_and_the_pick_is_written() {
    let Some((desk, home)) = desk() else { return };
    prepared(&desk, "rules: [{contains: refund, label: refund}]\n");
    let arguments = [
        "tune",
        "topic.yml",
        "--rows",
        "rows.csv",
        "--expected",
        "label",
        "--no-model",
        "--write",
        "--format",
        "json",
        "--quiet",
    ];
    let report = json(&desk, &home, &arguments);
    let ways: Vec<&str> = report["ways"]
        .as_array()
        .unwrap()
        .iter()
        .map(|way| way["way"].as_str().unwrap())
        .collect();
    assert_eq!(ways, ["rules", "similar", "head", "cascade"]);
    let accuracy = |at: usize| report["ways"][at]["accuracy"].as_f64().unwrap();
    assert!(accuracy(0) < 0.5 && accuracy(2) > 0.8, "{report}");
    let pick = report["pick"].as_str().unwrap();
    let written = desk.read("topic.yml");
    assert!(
        written.starts_with("# What customers want.\n") && written.ends_with(&format!("strategy: {pick}\n")),
        "{written}"
    );
}

#[test]
fn nothing_to_learn_from_is_said() {
    let desk = Desk::new();
    desk.write("topic.yml", "kind: label\ninput: body\nlabels: [refund, delivery]\n");
    let told = desk.run(&["train", "topic.yml"]);
    assert!(told.contains("status: 2") && told.contains("error[RF0518]"), "{told}");
}

/// Every pair stands there twice, once as the same and once as not.
fn contradictory(desk: &Desk, count: usize) {
    let rows: Vec<String> = (0..count)
        .flat_map(|at| ["true", "false"].map(|same| format!("item {at},thing {at},{same}\n")))
        .collect();
    desk.write("pairs.csv", format!("left,right,same\n{}", rows.concat()));
    desk.write("pair.yml", "kind: match\nstrategy: head\ninput: {a: left, b: right}\n");
}

const TRAIN_PAIRS: [&str; 6] = ["train", "pair.yml", "--from", "pairs.csv", "--expected", "same"];

#[test]
fn a_head_that_is_no_better_than_the_most_frequent_answer_is_warned_of() {
    let desk = Desk::new();
    contradictory(&desk, 12);
    let told = desk.run(&TRAIN_PAIRS);
    assert!(told.starts_with("status: 0"), "{told}");
    for warning in [
        "12 inputs have more than one answer in the labelled rows",
        "it is no better than knowing nothing",
    ] {
        assert!(told.contains(warning), "{told}");
    }
}

#[test]
fn older_heads_of_a_task_are_removed_and_then_all() {
    let desk = Desk::new();
    for count in [12, 13, 14] {
        contradictory(&desk, count);
        assert!(desk.run(&TRAIN_PAIRS).starts_with("status: 0"));
    }
    let told = desk.run(&["model", "rm", "pair"]);
    assert!(told.contains("error[RF0303]"), "{told}");
    let heads = || {
        let listed = desk.run(&["model", "ls"]);
        let names: Vec<String> = listed
            .split_whitespace()
            .filter(|word| word.starts_with("pair"))
            .map(str::to_owned)
            .collect();
        names
    };
    assert_eq!(heads().len(), 3);
    let newest = desk.run(&["model", "show", "pair"]);
    let told = desk.run(&["model", "rm", "pair", "--older"]);
    assert_eq!(told.matches("removed pair@").count(), 2, "{told}");
    assert_eq!(
        desk.run(&["model", "show", "pair"]),
        newest,
        "the newest is what the name stands for"
    );
    let told = desk.run(&["model", "rm", "pair", "--older"]);
    assert!(told.contains("there are no older ones"), "{told}");
    let told = desk.run(&["model", "rm", "pair", "--all"]);
    assert_eq!(told.matches("removed pair@").count(), 1, "{told}");
    assert_eq!(heads().len(), 0);
}

#[test]
fn a_check_says_what_answers_and_that_a_head_is_not_there() {
    let desk = Desk::new();
    contradictory(&desk, 12);
    let told = desk.run(&["task", "check", "pair.yml"]);
    assert!(
        told.contains("none: the head `pair` answers") && told.contains("the head `pair` is not on this machine"),
        "{told}"
    );
    desk.run(&TRAIN_PAIRS);
    let told = desk.run(&["task", "check", "pair.yml"]);
    assert!(!told.contains("is not on this machine"), "{told}");
}

#[test]
fn fields_are_found_by_a_head_whose_ways_of_answering_are_compared() {
    let Some((desk, home)) = desk() else { return };
    let names = [
        "Ann", "Bob", "Carla", "Dana", "Eve", "Farid", "Grace", "Hana", "Ivan", "June",
    ];
    let said = |names: &[&str]| -> String {
        let rows = names.iter().enumerate().map(|(at, name)| {
            let (people, hour) = (at + 2, 12 - at);
            format!(
                "A table for {people} at {hour} please,\"{{\"\"people\"\": {people}}}\"\n\
                 \"Hello, my name is {name}\",\"{{\"\"name\"\": \"\"{name}\"\"}}\"\n\
                 {people} people and the name is {name},\"{{\"\"people\"\": {people}, \"\"name\"\": \"\"{name}\"\"}}\"\n\
                 Can we come at {hour}?,{{}}\n"
            )
        });
        format!("body,fields\n{}", rows.collect::<String>())
    };
    desk.write("examples.csv", said(&names));
    desk.write("rows.csv", said(&["Omar", "Olga"]));
    desk.write(
        "booking.yml",
        "kind: extract\ninput: body\nfields:\n  people: {type: integer}\n  name: who it is for\nstrategy: head\nexamples: {from: examples.csv}\n",
    );
    let trained = json(&desk, &home, &["train", "booking.yml", "--format", "json", "--quiet"]);
    assert_eq!((&trained["kind"], &trained["labels"]), (&"extract".into(), &2.into()));
    assert!(trained["held_out"]["f1"].as_f64().unwrap() > 0.8, "{trained}");
    let told = desk
        .command(&home, &["train", "booking.yml", "--quiet"])
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let keys: Vec<String> = told
        .lines()
        .map(|line| line.split("  ").next().unwrap_or_default().trim().to_owned())
        .collect();
    assert_eq!(
        keys,
        [
            "head",
            "trained on",
            "fields",
            "embedding model",
            "held-out accuracy",
            "null model",
            "F1 of values",
            "AUROC of confidence",
            "calibration",
            "took"
        ]
    );
    let own = json(
        &desk,
        &home,
        &[
            "eval",
            "rows.csv",
            "--task",
            "booking.yml",
            "--expected",
            "fields",
            "--format",
            "json",
            "--quiet",
        ],
    );
    assert!(own["slots"]["f1"].as_f64().unwrap() > 0.8, "{own}");
    let tuned = json(
        &desk,
        &home,
        &[
            "tune",
            "booking.yml",
            "--rows",
            "rows.csv",
            "--expected",
            "fields",
            "--no-model",
            "--format",
            "json",
            "--quiet",
        ],
    );
    let ways: Vec<&str> = tuned["ways"]
        .as_array()
        .unwrap()
        .iter()
        .map(|way| way["way"].as_str().unwrap())
        .collect();
    assert_eq!(ways, ["head", "cascade"]);
}

#[test]
fn the_kind_of_a_task_that_no_head_answers_is_told_first() {
    let desk = Desk::new();
    desk.write("phone.yml", "kind: normalize\nformat: phone\ninput: phone\n");
    let told = desk.run(&["train", "phone.yml"]);
    assert!(
        told.contains("error[RF0518]") && told.contains("it is of kind `normalize`"),
        "{told}"
    );
}

#[test]
fn a_pick_that_is_no_better_than_the_most_frequent_answer_is_not_written() {
    let Some((desk, home)) = desk() else { return };
    prepared(&desk, "");
    let rows: Vec<String> = messages(56)[40..]
        .iter()
        .map(|(text, label)| {
            let other = if *label == "refund" { "delivery" } else { "refund" };
            format!("{text},{other}\n")
        })
        .collect();
    desk.write("rows.csv", format!("body,label\n{}", rows.concat()));
    let before = desk.read("topic.yml");
    let arguments = [
        "tune",
        "topic.yml",
        "--rows",
        "rows.csv",
        "--expected",
        "label",
        "--no-model",
        "--write",
    ];
    let told = desk.told(&desk.command(&home, &arguments).output().unwrap());
    assert!(
        told.starts_with("status: 1") && told.contains("nothing is written"),
        "{told}"
    );
    assert_eq!(desk.read("topic.yml"), before);
}
