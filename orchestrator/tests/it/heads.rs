//! What is told of heads: before they are asked, and of what they were taught.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::Value;

use crate::common::{Desk, home_with};

const ENCODER: &str = "all-minilm-l6-v2";
const TEACHER: &str = "smollm2-135m-instruct";

/// A folder to work in with a home folder of its own that has the models; None, said on standard error, where one of them
/// is missing.
fn desk(models: &[&str]) -> Option<(Desk, PathBuf)> {
    let mut there = None;
    for model in models {
        there = Some(home_with(model)?);
    }
    let there = there?;
    let desk = Desk::new();
    let home = desk.path("home");
    std::fs::create_dir_all(home.join("models")).unwrap();
    symlink(there.join("lib"), home.join("lib")).unwrap();
    for model in models {
        symlink(there.join("models").join(model), home.join("models").join(model)).unwrap();
    }
    Some((desk, home))
}

fn topics(desk: &Desk, share: &str) {
    let rows: Vec<String> = ["tent", "kettle", "lamp", "chair", "boots", "table"]
        .iter()
        .flat_map(|thing| {
            [
                format!("give me my money back for the {thing},refund\n"),
                format!("when does the {thing} arrive,delivery\n"),
                format!("the {thing} broke on the first day,defect\n"),
                format!("do you sell a {thing} for children,other\n"),
            ]
        })
        .collect();
    desk.write("examples.csv", format!("body,label\n{}", rows.concat()));
    desk.write(
        "topic.yml",
        format!(
            "kind: label\ninput: body\nstrategy: head\nlabels: [refund, delivery, defect, {{name: other, catch_all: {share}}}]\n\
             examples: {{from: examples.csv}}\n"
        ),
    );
}

#[test]
fn a_check_tells_of_the_catch_all() {
    let desk = Desk::new();
    topics(&desk, "0.25");
    let told = desk.run(&["task", "check", "topic.yml"]);
    assert!(
        told.contains("`other` is right where no other label is, which is expected of 25.0 % of the rows"),
        "{told}"
    );
}

#[test]
fn a_check_warns_of_a_head_that_does_not_fit_the_task_any_more() {
    let Some((desk, home)) = desk(&[ENCODER]) else { return };
    let check = || {
        let output = desk.command(&home, &["task", "check", "topic.yml"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stderr).unwrap()
    };
    topics(&desk, "0.25");
    assert_eq!(
        check(),
        "warning: the head `topic` is not on this machine: `refuel train topic.yml` makes it\n"
    );
    let output = desk
        .command(&home, &["train", "topic.yml", "--quiet"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", desk.told(&output));
    assert_eq!(check(), "");
    topics(&desk, "0.5");
    let told = check();
    assert!(
        told.contains("does not fit the task `topic`") && told.contains("`refuel train topic.yml`"),
        "{told}"
    );
}

#[test]
fn a_check_says_nothing_of_truncation_where_nothing_is_cut() {
    let desk = Desk::new();
    let truncates = |task: &str| {
        desk.write("task.yml", task);
        let told = desk.run(&["task", "check", "task.yml"]);
        assert!(told.starts_with("status: 0"), "{told}");
        told.contains("truncate")
    };
    let extract = "kind: extract\ninput: body\nfields: {name: who it is for}\n";
    assert!(truncates(extract));
    assert!(!truncates(&format!("{extract}strategy: head\n")));
    assert!(!truncates("kind: match\ninput: {a: left, b: right}\nstrategy: head\n"));
    assert!(!truncates("kind: normalize\ninput: raw\nformat: phone\n"));
}

#[test]
fn what_a_taught_head_agrees_with_is_told() {
    let Some((desk, home)) = desk(&[ENCODER, TEACHER]) else {
        return;
    };
    topics(&desk, "0.25");
    desk.write(
        "taught.yml",
        "kind: label\ninput: body\nlabels: [refund, delivery, defect]\nexamples: [{input: my money please, label: refund}, \
         {input: where is it, label: delivery}]\n",
    );
    let run = |arguments: &[&str]| {
        let output = desk.command(&home, arguments).output().unwrap();
        let told = desk.told(&output);
        assert!(told.starts_with("status: 0"), "{told}");
        String::from_utf8(output.stdout).unwrap()
    };
    let told = run(&["distill", "taught.yml", "--rows", "examples.csv", "--quiet"]);
    assert!(
        told.contains("held-out agreement ") && !told.contains("accuracy"),
        "what a teacher says is not known to be right: {told}"
    );
    assert!(
        told.contains(&format!("{TEACHER}@"))
            && told.contains("and 2 labels of people; how right it is, `refuel eval` tells"),
        "{told}"
    );
    let shown: Value = serde_json::from_str(&run(&["model", "show", "taught", "--format", "json"])).unwrap();
    let notes = &shown["notes"];
    assert!(notes["teacher"].as_str().unwrap().starts_with(TEACHER), "{notes}");
    assert!(notes["held-out agreement with the teacher"].is_string() && notes["held-out accuracy"].is_null());
}
