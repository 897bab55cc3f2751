//! `strategy`, `rules`, `keep` and `head`: what they mean, what is said of wrong ones, and which of them ask again.

use refuel_task::{Strategy, Task};

use crate::read;

const LABEL: &str = "kind: label\ninput: body\nlabels: [refund, delivery]\n";

fn task(lines: &str) -> Task {
    read(&format!("{LABEL}{lines}\n")).expect("a task")
}

fn error(lines: &str) -> String {
    let error = read(&format!("{LABEL}{lines}\n")).expect_err("an error");
    format!("{} {error}; {}", error.code(), error.hint().unwrap_or_default())
}

#[test]
fn a_task_that_says_nothing_is_left_to_the_model() {
    let plain = task("");
    assert_eq!(
        (plain.strategy, plain.head_name().as_str()),
        (Strategy::Model, "tickets")
    );
    assert_eq!(task("strategy: model").fingerprint(), plain.fingerprint());
    assert!(plain.asks_model() && !task("strategy: head").asks_model());
}

#[test]
fn what_changes_answers_is_in_the_fingerprint_and_what_is_in_the_head_is_not() {
    let plain = task("").fingerprint();
    let head = task("strategy: head").fingerprint();
    assert_ne!(head, plain);
    assert_eq!(
        task("strategy: head\nhead: topics@0123456").fingerprint(),
        head,
        "its digest is in the key"
    );
    assert_eq!(
        task("strategy: cascade\nkeep: 0.9").fingerprint(),
        task("strategy: cascade").fingerprint()
    );
    let ruled = task("rules: [{contains: money, label: refund}]").fingerprint();
    assert_ne!(ruled, plain);
    assert_ne!(task("rules: [{contains: cash, label: refund}]").fingerprint(), ruled);
    let similar = |more: &str| {
        let items = format!("[{{input: a, label: refund}}, {{input: b, label: delivery}}{more}]");
        task(&format!("strategy: similar\nexamples: {{items: {items}, count: 1}}")).fingerprint()
    };
    assert_ne!(
        similar(""),
        similar(", {input: c, label: refund}"),
        "each example votes, shown or not"
    );
}

#[test]
fn wrong_strategies_are_told_with_what_to_do() {
    insta::assert_snapshot!(error("strategy: heads"), @r#"RF0406 tickets.yml:4:11: "strategy" can't be "heads"; did you mean "head"?"#);
    insta::assert_snapshot!(error("strategy: rules"), @r#"RF0405 tickets.yml:4:1: missing key "rules" for the strategy "rules"; list them: rules: [{contains: money back, label: refund}]"#);
    insta::assert_snapshot!(error("strategy: similar"), @r#"RF0405 tickets.yml:4:1: missing key "examples" for the strategy "similar"; name a file of solved rows: examples: {from: examples.csv}"#);
    insta::assert_snapshot!(error("keep: 0.9"), @r#"RF0406 tickets.yml:4:1: "keep" has no use for the strategy "model"; take it out, or choose strategy: cascade"#);
    insta::assert_snapshot!(error("head: topics"), @r#"RF0406 tickets.yml:4:1: "head" has no use for the strategy "model"; take it out, or choose strategy: head, or cascade"#);
    insta::assert_snapshot!(error("rules: [{contains: x, label: refnd}]"), @r#"RF0407 tickets.yml:4:30: the rule's label can't be given: "refnd" is not in the list of labels; did you mean "refund"?"#);
    insta::assert_snapshot!(error("rules: [{contains: x, equals: y, label: refund}]"), @r#"RF0406 tickets.yml:4:9: a rule has one of "contains", "equals" and "matches"; write two rules for two conditions; `contains` and `equals` take a list, too"#);
    insta::assert_snapshot!(error("rules: [{matches: '(', label: refund}]"), @r#"RF0406 tickets.yml:4:19: "(" is not a pattern: unclosed group; patterns are those of the crate regex: no look-around, no back-references"#);
    insta::assert_snapshot!(error("rules: [{contains: ' ', label: refund}]"), @r#"RF0406 tickets.yml:4:20: a rule looks for nothing, which is in every text; write what to look for"#);
    let matching = read("kind: match\ninput: {a: x, b: y}\nstrategy: similar\n").expect_err("an error");
    insta::assert_snapshot!(matching, @r#"tickets.yml:3:11: "strategy" can't be "similar""#);
}
