use std::collections::BTreeMap;

use proptest::prelude::*;
use refuel_task::Task;

use super::{Change, Comparison, Diff, Snapshot, TaskEffect, TaskState, compare_tasks};
use crate::diff::shop::Shop;
use crate::select::{Previous, Request, Selector};

fn snapshot(shop: &Shop) -> Snapshot {
    Snapshot::of(&shop.compile(), BTreeMap::new())
}

/// What is different after `change`.
fn after(change: impl Fn(&Shop)) -> Diff {
    let shop = Shop::new();
    let before = snapshot(&shop);
    change(&shop);
    Diff::between(&before, &snapshot(&shop))
}

#[test]
fn nothing_changed_where_nothing_did() {
    let diff = after(|_| {});
    assert!(diff.is_empty(), "{diff}");
    assert_eq!(diff.to_string(), "nothing changed\n");
}

#[test]
fn comments_and_layout_of_sql_change_nothing() {
    let diff = after(|shop| {
        shop.replace(
            "models/report.sql",
            "select c.name",
            "-- Per country.\nselect\n   c.name",
        );
    });
    assert!(diff.is_empty(), "{diff}");
}

#[test]
fn a_change_of_sql_is_shown_by_lines_with_what_is_below() {
    let diff = after(|shop| shop.replace("models/staging/stg_tickets.sql", "trim(body)", "lower(trim(body))"));
    insta::assert_snapshot!(diff, @r"
    nodes
      ~ model.shop.stg_tickets  body
            @@ -1,5 +1,5 @@
             select
                 id,
            -    trim(body) as body,
            +    lower(trim(body)) as body,
                 country_code as country
             from source('raw', 'tickets')
      ~ model.shop.labelled  below stg_tickets
      ~ model.shop.report  below labelled
    1 modified, 2 below what changed
    ");
}

#[test]
fn a_change_of_guidelines_is_breaking() {
    let diff = after(|shop| shop.replace("tasks/ticket_topic.yml", "Choose one topic", "Choose the main topic"));
    insta::assert_snapshot!(diff, @r"
    tasks
      ~ ticket_topic  breaking: every input is asked again
          guidelines
            @@ -1,2 +1,2 @@
             Say what the message is about.
            -Choose one topic.
            +Choose the main topic.
    nodes
      ~ model.shop.labelled  calls ticket_topic
      ~ model.shop.report  below labelled
    1 modified, 1 below what changed
    ");
}

#[test]
fn a_change_of_a_threshold_only_regates() {
    let diff = after(|shop| shop.replace("tasks/ticket_topic.yml", "threshold: 0.5", "threshold: 0.7"));
    assert_eq!(diff.tasks[0].effect, TaskEffect::Regate);
    insta::assert_snapshot!(diff, @r"
    tasks
      ~ ticket_topic  re-gate: known answers pass another gate, none is asked
          threshold: 0.5 -> 0.7
    nodes
      ~ model.shop.labelled  gate
      ~ model.shop.report  below labelled
    1 re-gated, 1 below what changed
    ");
}

#[test]
fn a_change_of_an_owner_is_cosmetic() {
    let diff = after(|shop| shop.replace("tasks/ticket_topic.yml", "kind: label", "kind: label\nowner: ada"));
    assert_eq!(diff.tasks[0].effect, TaskEffect::Cosmetic);
    assert!(diff.nodes.is_empty(), "{diff}");
    insta::assert_snapshot!(diff, @r"
    tasks
      ~ ticket_topic  cosmetic: nothing follows
          + owner: ada
    ");
}

#[test]
fn labels_are_compared_one_by_one() {
    let diff = after(|shop| {
        shop.replace(
            "tasks/ticket_topic.yml",
            "  - refund\n  - delivery\n  - other\n",
            "  - name: refund\n    description: Money back.\n  - {name: other, aliases: [misc]}\n  - login\n",
        );
    });
    insta::assert_snapshot!(diff, @r#"
    tasks
      ~ ticket_topic  breaking: every input is asked again
          + labels.refund.description: "Money back."
          + labels.other.aliases: ["misc"]
          + labels.login
          - labels.delivery
    nodes
      ~ model.shop.labelled  calls ticket_topic
      ~ model.shop.report  below labelled
    1 modified, 1 below what changed
    "#);
}

#[test]
fn settings_and_descriptions_are_compared_key_by_key() {
    let diff = after(|shop| {
        shop.replace(
            "models/labelled.sql",
            "materialized='table'",
            "materialized='incremental', unique_key='id'",
        );
        shop.replace(
            "models/schema.yml",
            "Messages without blanks around them",
            "Messages, trimmed",
        );
        shop.replace("seeds/countries.csv", "fr,France", "fr,France\nit,Italy");
    });
    insta::assert_snapshot!(diff, @r#"
    nodes
      ~ model.shop.labelled  settings
          materialized: table -> incremental
          + unique_key: ["id"]
      ~ seed.shop.countries  content
      ~ model.shop.report  below labelled, countries
      ~ model.shop.stg_tickets  description
          description: "Messages without blanks around them." -> "Messages, trimmed."
    2 modified, 1 below what changed, 1 described otherwise
    "#);
}

#[test]
fn nodes_come_and_go() {
    let diff = after(|shop| {
        shop.remove("models/report.sql");
        shop.write(
            "models/summary.sql",
            "select topic, count(*) as messages from {{ ref('labelled') }} group by 1",
        );
        shop.write(
            "tasks/urgency.yml",
            "name: urgency\nkind: label\ninput: body\nlabels: [low, high]\n",
        );
    });
    insta::assert_snapshot!(diff, @r"
    tasks
      + urgency  new
    nodes
      + model.shop.summary  new
      - model.shop.report  gone
    1 new, 1 gone
    ");
}

#[test]
fn another_model_under_the_same_name_asks_again() {
    let shop = Shop::new();
    let dag = shop.compile();
    let models = |digest: &str| BTreeMap::from([("smollm2-135m-instruct".to_owned(), digest.to_owned())]);
    let before = Snapshot::of(&dag, models("sha256:aaaaaaaaaaaaaaaa"));
    let now = Snapshot::of(&dag, models("sha256:bbbbbbbbbbbbbbbb"));
    let diff = Diff::between(&before, &now);
    insta::assert_snapshot!(diff, @r"
    models of the registry
      ~ smollm2-135m-instruct: aaaaaaaaaaaa -> bbbbbbbbbbbb; its inputs are asked again
    nodes
      ~ model.shop.labelled  calls smollm2-135m-instruct
      ~ model.shop.report  below labelled
    1 modified, 1 below what changed
    ");
    let comparison = Comparison::new(&before, &dag, &now.models);
    assert!(comparison.changes("model.shop.labelled").unwrap().task);
    assert!(!comparison.changes("model.shop.report").unwrap().any());
    assert_eq!(comparison.changes("model.shop.other"), None);
}

#[test]
fn a_model_that_is_installed_later_is_no_change() {
    let shop = Shop::new();
    let dag = shop.compile();
    let before = Snapshot::of(&dag, BTreeMap::new());
    let now = Snapshot::of(
        &dag,
        BTreeMap::from([("smollm2-135m-instruct".to_owned(), "sha256:aa".to_owned())]),
    );
    assert!(Diff::between(&before, &now).is_empty());
}

#[test]
fn a_snapshot_is_read_as_it_was_written() {
    let shop = Shop::new();
    let snapshot = snapshot(&shop);
    snapshot.write(shop.path()).unwrap();
    assert_eq!(Snapshot::read(shop.path()).unwrap(), snapshot);
}

#[test]
fn selectors_see_what_a_diff_sees() {
    let shop = Shop::new();
    let before = snapshot(&shop);
    shop.replace("models/staging/stg_tickets.sql", "trim(body)", "lower(trim(body))");
    shop.replace("tasks/ticket_topic.yml", "threshold: 0.5", "threshold: 0.7");
    shop.replace("models/schema.yml", "The message.", "Number of the message.");
    let dag = shop.compile();
    let comparison = Comparison::new(&before, &dag, &BTreeMap::new());
    let select = |text: &str| {
        let selector = Selector::parse(text).unwrap();
        let request = Request {
            select: Some(&selector),
            previous: Some(&comparison),
            resource_types: &["model"],
            allow_empty: true,
            ..Request::default()
        };
        let (ids, _) = dag.select(&request).unwrap();
        ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(select("state:modified"), "model.shop.labelled model.shop.stg_tickets");
    assert_eq!(select("state:modified.body"), "model.shop.stg_tickets");
    assert_eq!(select("state:modified.regate"), "model.shop.labelled");
    assert_eq!(select("state:modified.task"), "");
    assert_eq!(select("state:unmodified"), "model.shop.report");
    let diff = Diff::between(&before, &Snapshot::of(&dag, BTreeMap::new()));
    let changed = |change: Change| diff.nodes.iter().filter(|node| node.change == change).count();
    assert_eq!(
        (
            changed(Change::Modified),
            changed(Change::Regated),
            changed(Change::Indirect)
        ),
        (1, 1, 1)
    );
}

fn task(text: &str) -> Task {
    Task::from_yaml(text, "topic.yml", std::path::Path::new(".")).unwrap()
}

const TASK: &str =
    "name: topic\nkind: label\ninput: body\nguidelines: Choose.\nlabels: [a, b]\nexamples:\n  - {input: x, label: a}\n";

#[test]
fn every_key_of_a_task_has_its_effect() {
    use TaskEffect::{Breaking, Cosmetic, Regate};
    let before = TaskState::of(&task(TASK));
    let effect = |from: &str, to: &str| {
        assert!(TASK.contains(from));
        let change = compare_tasks("topic", &before, &TaskState::of(&task(&TASK.replace(from, to))))?;
        Some((
            change.effect,
            change
                .keys
                .iter()
                .map(|key| key.key.clone())
                .collect::<Vec<_>>()
                .join(" "),
        ))
    };
    let expect = |from: &str, to: &str, effect_is: TaskEffect, keys: &str| {
        assert_eq!(effect(from, to), Some((effect_is, keys.to_owned())), "{to}");
    };
    assert_eq!(
        effect("labels: [a, b]", "labels: {a: , b: }"),
        None,
        "the same in another form"
    );
    expect("Choose", "Choose one", Breaking, "guidelines");
    expect("[a, b]", "[a, b, c]", Breaking, "labels.c");
    expect("[a, b]", "[b, a]", Breaking, "labels, their order");
    expect("[a, b]", "[a, {name: b, aliases: [bee]}]", Cosmetic, "labels.b.aliases");
    expect(
        "[a, b]",
        "[a, {name: b, description: Bee.}]",
        Breaking,
        "labels.b.description",
    );
    expect("input: x, label: a", "input: y, label: a", Breaking, "examples");
    expect("input: body", "input: subject", Breaking, "input");
    expect("kind: label", "kind: label\nmodel: other", Breaking, "model");
    expect(
        "kind: label",
        "kind: label\ncalibration: contextual",
        Breaking,
        "calibration",
    );
    expect("kind: label", "kind: label\ntruncate: tail", Breaking, "truncate");
    expect("kind: label", "kind: label\nthreshold: 0.4", Regate, "threshold");
    expect("kind: label", "kind: label\nconfidence: raw", Regate, "confidence");
    expect(
        "kind: label",
        "kind: label\ncalibrated: {map: {method: temperature, temperature: 2}}",
        Regate,
        "calibrated",
    );
    expect(
        "kind: label",
        "kind: label\nthreshold: 0.4\nfallback: b",
        Regate,
        "threshold fallback",
    );
    expect("kind: label", "kind: label\non_error: fail", Regate, "on_error");
    expect(
        "kind: label",
        "kind: label\nowner: ada\ntags: [x]\ndescription: y\nversion: 2",
        Cosmetic,
        "version description owner tags",
    );
}

proptest! {
    /// The class of a change and the fingerprint, which decides what is asked again, never disagree.
    #[test]
    fn a_change_is_breaking_exactly_where_inputs_are_asked_again(
        guidelines in "[a-b]{1}", labels in prop::sample::subsequence(vec!["a", "b", "c"], 2..=3),
        threshold in prop::option::of(0..3u32), owner in prop::option::of("[a-b]"),
        model in prop::sample::select(vec!["", "model: m\n"]),
    ) {
        let mut text = format!("name: topic\nkind: label\ninput: body\nguidelines: {guidelines}\nlabels: [{}]\n{model}", labels.join(", "));
        if let Some(tenths) = threshold {
            text.push_str(&format!("threshold: 0.{tenths}\n"));
        }
        if let Some(owner) = owner {
            text.push_str(&format!("owner: {owner}\n"));
        }
        let (before, after) = (task("name: topic\nkind: label\ninput: body\nguidelines: a\nlabels: [a, b]\n"), task(&text));
        let change = compare_tasks("topic", &TaskState::of(&before), &TaskState::of(&after));
        let asks = before.fingerprint() != after.fingerprint() || before.model_name() != after.model_name();
        prop_assert_eq!(change.as_ref().is_some_and(|change| change.effect == TaskEffect::Breaking), asks);
        if let Some(change) = change {
            prop_assert_eq!(change.keys.iter().filter_map(|key| key.effect).max(), Some(change.effect));
        } else {
            prop_assert_eq!(before.threshold, after.threshold);
        }
    }
}

#[test]
fn every_key_of_a_task_over_relations_changes_what_comes_of_it() {
    const RESOLVE: &str = "name: same\nkind: resolve\nkey: id\nignore: seen\n";
    let before = TaskState::of(&task(RESOLVE));
    let effect = |line: &str| {
        let after = TaskState::of(&task(&format!("{RESOLVE}{line}\n")));
        let change = compare_tasks("same", &before, &after)?;
        let keys: Vec<&str> = change.keys.iter().map(|key| &*key.key).collect();
        Some((change.effect, keys.join(" ")))
    };
    assert_eq!(effect(""), None);
    for (line, key) in [
        ("threshold: 0.9", "threshold"),
        ("columns: [name]", "columns"),
        ("max_pairs: 10", "max_pairs"),
    ] {
        assert_eq!(effect(line), Some((TaskEffect::Breaking, key.to_owned())), "{line}");
    }
    assert_eq!(
        effect("description: Vendors."),
        Some((TaskEffect::Cosmetic, "description".to_owned()))
    );
}
