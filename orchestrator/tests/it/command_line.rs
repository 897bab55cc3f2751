//! What a user is told: help, reports, and every mistake with its exit status.

use crate::common::Desk;

const TASK: &str = "\
name: topic
kind: label
version: 3
guidelines: Say what the customer writes about.
input: body
labels:
  refund: wants money back
  delivery: asks where an order is
  other:
examples:
  - {input: Where is my parcel?, label: delivery}
threshold: 0.6
fallback: other
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("topic.yml", TASK);
    desk.write(
        "in.csv",
        "id,body,right\n1,I want my money back,refund\n2,Where is it?,delivery\n",
    );
    desk
}

#[test]
fn help_of_every_verb() {
    let desk = Desk::new();
    insta::assert_snapshot!("help", desk.run(&["--help"]));
    for verb in ["label", "eval", "task", "cache", "debug", "man"] {
        insta::assert_snapshot!(format!("help_{verb}"), desk.run(&[verb, "--help"]));
    }
    insta::assert_snapshot!("help_task_check", desk.run(&["task", "check", "--help"]));
    insta::assert_snapshot!("help_task_export", desk.run(&["task", "export", "--help"]));
    insta::assert_snapshot!("help_short_label", desk.run(&["label", "-h"]));
}

#[test]
fn a_wrong_command_line_is_status_2() {
    let desk = desk();
    for (name, arguments) in [
        ("no_verb", &[][..]),
        ("unknown_verb", &["lable"]),
        ("no_task", &["label", "in.csv"]),
        ("unknown_option", &["label", "in.csv", "--task", "topic.yml", "--fast"]),
        (
            "resume_and_force",
            &["label", "in.csv", "--task", "topic.yml", "--resume", "--force"],
        ),
        (
            "bad_delimiter",
            &["label", "in.csv", "--task", "topic.yml", "--delimiter", "ab"],
        ),
        (
            "bad_size",
            &["label", "in.csv", "--task", "topic.yml", "--memory", "lots"],
        ),
        ("no_expected", &["eval", "in.csv", "--task", "topic.yml"]),
        (
            "alter_is_sql",
            &["task", "export", "topic.yml", "--alter", "--format", "json"],
        ),
        (
            "empty_prefix",
            &["label", "in.csv", "--task", "topic.yml", "--prefix", ""],
        ),
    ] {
        let told = desk.run(arguments);
        assert!(told.starts_with("status: 2"), "{told}");
        insta::assert_snapshot!(format!("usage_{name}"), told);
    }
}

#[test]
fn mistakes_are_told_with_their_code_and_what_to_do() {
    let desk = desk();
    desk.write(
        "broken.yml",
        "name: topic\nkind: label\nguidlines: x\nlabels: [a]\ninput: body\n",
    );
    desk.write("notes.txt", "hello");
    desk.write("other.csv", "id,bodi\n1,x\n");
    desk.write("twice.csv", "body,body\n1,x\n");
    desk.write("clash.csv", "body,topic_status\n1,x\n");
    desk.write("empty.csv", "");
    desk.write("header.csv", "id,body,right\n");
    desk.write("labeled.csv", "body,topic,topic_status,topic_model\nx,refund,ok,m@1\n");
    desk.write(
        "labeled.jsonl",
        "{\"body\":\"x\",\"topic\":\"refund\",\"topic_status\":\"ok\",\"topic_model\":\"m@1\"}\n",
    );
    desk.write("done.csv", "precious\n");
    desk.write("begun.csv.partial", "precious\n");
    std::fs::create_dir(desk.path("folder.csv")).unwrap();
    let label = |input: &'static str, more: &[&'static str]| {
        let mut line = vec!["label", input, "--task", "topic.yml"];
        line.extend(more);
        line
    };
    for (name, status, arguments) in [
        ("no_input", 2, label("missing.csv", &[])),
        ("input_is_folder", 1, label("folder.csv", &[])),
        ("unknown_format", 2, label("notes.txt", &[])),
        ("unknown_output_format", 2, label("in.csv", &["-o", "out.xlsx"])),
        ("no_column", 2, label("other.csv", &[])),
        ("column_twice", 2, label("twice.csv", &[])),
        ("empty_table", 2, label("empty.csv", &[])),
        ("output_there", 2, label("in.csv", &["-o", "done.csv"])),
        ("unfinished", 2, label("in.csv", &["-o", "begun.csv"])),
        ("output_is_input", 2, label("in.csv", &["-o", "in.csv"])),
        ("output_is_folder", 2, label("in.csv", &["-o", "folder.csv"])),
        ("no_output_folder", 2, label("in.csv", &["-o", "none/out.csv"])),
        ("resume_finished", 2, label("in.csv", &["-o", "done.csv", "--resume"])),
        ("resume_standard_output", 2, label("in.csv", &["--resume"])),
        ("no_task_file", 2, vec!["label", "in.csv", "--task", "missing.yml"]),
        ("unknown_key", 2, vec!["label", "in.csv", "--task", "broken.yml"]),
        ("export_no_task_file", 2, vec!["task", "export", "missing.yml"]),
        (
            "export_unknown_key",
            2,
            vec!["task", "export", "broken.yml", "--format", "sql"],
        ),
        ("no_model", 2, label("in.csv", &["--model", "nothing-such"])),
        ("short_digest", 2, label("in.csv", &["--model", "nothing-such@ffff"])),
        (
            "no_expected_column",
            2,
            vec!["eval", "in.csv", "--task", "topic.yml", "--expected", "rigth"],
        ),
        (
            "no_slice_column",
            2,
            vec![
                "eval",
                "in.csv",
                "--task",
                "topic.yml",
                "--expected",
                "right",
                "--slice",
                "idd",
            ],
        ),
        (
            "bad_comparison",
            2,
            vec![
                "eval",
                "in.csv",
                "--task",
                "topic.yml",
                "--expected",
                "right",
                "--compare",
                "calibraton=on,off",
            ],
        ),
        (
            "nothing_expected",
            2,
            vec!["eval", "in.csv", "--task", "topic.yml", "--expected", "id"],
        ),
        (
            "nothing_to_evaluate",
            2,
            vec!["eval", "header.csv", "--task", "topic.yml", "--expected", "right"],
        ),
        (
            "own_answers",
            2,
            vec!["eval", "labeled.csv", "--task", "topic.yml", "--expected", "topic"],
        ),
        (
            "own_answers_jsonl",
            2,
            vec!["eval", "labeled.jsonl", "--task", "topic.yml", "--expected", "topic"],
        ),
        ("task_missing", 2, vec!["task", "check", "missing.yml"]),
        (
            "no_such_row",
            2,
            vec![
                "task",
                "check",
                "topic.yml",
                "--prompt",
                "--sample",
                "in.csv",
                "--row",
                "9",
            ],
        ),
        ("no_topic", 2, vec!["man", "exit-code"]),
    ] {
        let told = desk.run(&arguments);
        assert!(told.starts_with(&format!("status: {status}")), "{arguments:?}\n{told}");
        assert!(told.contains("error[RF"), "{told}");
        insta::assert_snapshot!(format!("mistake_{name}"), told);
    }
    assert_eq!(desk.read("done.csv"), "precious\n");
    assert_eq!(desk.read("begun.csv.partial"), "precious\n");
}

#[test]
fn a_task_is_shown_as_it_is_understood() {
    let desk = desk();
    insta::assert_snapshot!(desk.run(&["task", "check", "topic.yml"]));
    insta::assert_snapshot!(desk.run(&["task", "check", "topic.yml", "--format", "json"]));
    insta::assert_snapshot!(desk.run(&[
        "task",
        "check",
        "topic.yml",
        "--prompt",
        "--sample",
        "in.csv",
        "--row",
        "2"
    ]));
    insta::assert_snapshot!(desk.run(&["task", "check", "topic.yml", "--prompt"]));
}

#[test]
fn a_task_is_exported_for_a_catalog() {
    let desk = desk();
    insta::assert_snapshot!(desk.run(&["task", "export", "topic.yml"]));
    desk.write(
        "solved.csv",
        "text,right\nIt's gone,delivery\n\"a \"\"C:\\new\"\" one\",other\n",
    );
    desk.write(
        "topic.yml",
        format!("{TASK}examples: {{from: solved.csv, input: text, label: right}}\n").replace(
            "examples:\n  - {input: Where is my parcel?, label: delivery}\n",
            "description: It's a \\ test\n",
        ),
    );
    insta::assert_snapshot!(desk.run(&["task", "export", "topic.yml", "--format", "sql"]));
    insta::assert_snapshot!(desk.run(&["task", "export", "topic.yml", "--alter"]));
}

#[test]
fn what_can_be_read_about_is_listed() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.run(&["man"]));
    insta::assert_snapshot!(desk.run(&["man", "rf0614"]));
    insta::assert_snapshot!(desk.run(&["man", "exit-codes"]));
    let schema = desk.run(&["man", "--schema", "task"]);
    let json = schema
        .split("----- stdout -----\n")
        .nth(1)
        .unwrap()
        .split("----- stderr")
        .next()
        .unwrap();
    let schema: serde_json::Value = serde_json::from_str(json).unwrap();
    assert!(schema["$defs"]["label"].is_object());
}

#[test]
fn an_empty_machine_is_described_and_has_no_kept_answers() {
    let desk = Desk::new();
    let output = desk
        .command(&desk.path("home"), &["debug", "--format", "json"])
        .env_remove("ORT_DYLIB_PATH")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", desk.told(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    keys.sort();
    insta::assert_debug_snapshot!(keys);
    assert_eq!(report["models"], serde_json::json!([]));
    let text = desk.command(&desk.path("home"), &["debug"]).output().unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).contains("no models are on this machine"));
    insta::assert_snapshot!(desk.run(&["cache", "ls"]));
    insta::assert_snapshot!(desk.run(&["cache", "clear"]));
    assert!(!desk.path("home").join("models").exists(), "looking changes nothing");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    use std::io::Read as _;
    let desk = Desk::new();
    let mut command = desk.command(&desk.path("home"), &["man", "verbs"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""));
}
