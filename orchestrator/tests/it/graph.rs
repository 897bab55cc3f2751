//! Looking at the graph of a project: ls, lineage, diff.

use crate::common::{Desk, home_with};

const FILES: [(&str, &str); 7] = [
    ("refuel_project.yml", "name: shop\n"),
    (
        "seeds/raw_tickets.csv",
        "id,body\n1,My parcel is late\n2,I want my money back\n",
    ),
    (
        "models/staging/stg_tickets.sql",
        "select id, trim(body) as body from {{ ref('raw_tickets') }}\n",
    ),
    (
        "models/labelled.sql",
        "{{ config(materialized='table', tags=['nightly']) }}\nselect *, refuel_label(body, 'topic') as topic from {{ \
         ref('stg_tickets') }}\n",
    ),
    (
        "models/report.sql",
        "select topic, count(*) as messages from {{ ref('labelled') }} group by topic\n",
    ),
    (
        "models/schema.yml",
        "models:\n  - name: stg_tickets\n    columns:\n      - name: id\n        data_tests: [unique]\n",
    ),
    (
        "tasks/topic.yml",
        "kind: label\nguidelines: Say what the message is about.\ninput: body\nlabels: [delivery, refund]\nthreshold: 0.5\n",
    ),
];

fn shop() -> Desk {
    let desk = Desk::new();
    for (path, text) in FILES {
        let path = format!("shop/{path}");
        std::fs::create_dir_all(desk.path(&path).parent().unwrap()).unwrap();
        desk.write(&path, text);
    }
    desk
}

fn run(desk: &Desk, arguments: &[&str]) -> String {
    desk.run(&[arguments, &["--project-dir", "shop"]].concat())
}

#[test]
fn nodes_are_listed_a_line_each() {
    let desk = shop();
    insta::assert_snapshot!("ls", run(&desk, &["ls"]));
    insta::assert_snapshot!(
        "ls_task",
        run(&desk, &["ls", "--select", "task:topic+", "--output", "path"])
    );
    insta::assert_snapshot!(
        "ls_json",
        run(
            &desk,
            &[
                "ls",
                "--select",
                "tag:nightly",
                "--resource-type",
                "model",
                "--format",
                "json"
            ]
        )
    );
}

#[test]
fn a_selection_of_nothing_is_wrong() {
    let desk = shop();
    insta::assert_snapshot!("ls_nothing", run(&desk, &["ls", "--select", "labeled"]));
    insta::assert_snapshot!("ls_syntax", run(&desk, &["ls", "--select", "tagg:nightly"]));
    insta::assert_snapshot!("ls_no_state", run(&desk, &["ls", "--select", "state:modified"]));
    let allowed = run(&desk, &["ls", "--select", "zzz", "--allow-empty-selection"]);
    assert!(allowed.starts_with("status: 0\n"), "{allowed}");
}

#[test]
fn a_column_is_followed_through_a_task() {
    let desk = shop();
    insta::assert_snapshot!("lineage_column", run(&desk, &["lineage", "report.topic"]));
    insta::assert_snapshot!(
        "lineage_column_downstream",
        run(&desk, &["lineage", "raw_tickets.body", "--downstream"])
    );
    insta::assert_snapshot!(
        "lineage_mermaid",
        run(&desk, &["lineage", "labelled.topic", "--draw", "mermaid"])
    );
    insta::assert_snapshot!("lineage_unknown", run(&desk, &["lineage", "report.topics"]));
}

#[test]
fn a_node_has_a_lineage_in_both_directions() {
    let desk = shop();
    insta::assert_snapshot!("lineage_node", run(&desk, &["lineage", "labelled", "-u", "-d"]));
    insta::assert_snapshot!(
        "lineage_json",
        run(&desk, &["lineage", "report", "--depth", "1", "--format", "json"])
    );
}

#[test]
fn everything_is_new_where_nothing_was_built() {
    insta::assert_snapshot!("diff_new", run(&shop(), &["diff"]));
}

#[test]
fn what_changed_since_the_build_is_told() {
    let Some(home) = home_with("smollm2-135m-instruct") else {
        return;
    };
    let desk = shop();
    let run = |arguments: &[&str]| {
        let arguments = [arguments, &["--project-dir", "shop"]].concat();
        desk.told(&desk.command(&home, &arguments).output().unwrap())
    };
    let built = run(&["build"]);
    assert!(built.starts_with("status: 0\n"), "{built}");
    let same = run(&["diff"]);
    assert!(same.contains("nothing changed"), "{same}");
    desk.write(
        "shop/tasks/topic.yml",
        FILES[6].1.replace("threshold: 0.5", "threshold: 0.9"),
    );
    desk.write(
        "shop/models/report.sql",
        FILES[4].1.replace("count(*)", "count(distinct id)"),
    );
    insta::assert_snapshot!("diff_changed", run(&["diff"]));
    insta::assert_snapshot!("ls_modified", run(&["ls", "--select", "state:modified"]));
}

#[test]
fn what_is_sent_is_printed_with_its_stages() {
    let desk = shop();
    let told = run(&desk, &["compile", "--print", "--select", "labelled", "report"]);
    assert!(told.starts_with("status: 0"), "{told}");
    let mut rest = told.as_str();
    for part in [
        "-- labelled (models/labelled.sql), target dev\n",
        "-- stage 1 of 1: inputs of refuel_label 'topic' on a model that is not on this machine; answers go into \
         \"_refuel_topic_unknown\"\n",
        "NOT EXISTS",
        "-- the rows of \"labelled\"\n",
        "\"_refuel_topic_unknown\"",
        "-- report (models/report.sql), target dev\nselect topic, count(*) as messages from \"labelled\" group by topic;\n",
    ] {
        let at = rest.find(part);
        assert!(at.is_some(), "{part}\n{told}");
        rest = &rest[at.unwrap_or_default() + part.len()..];
    }
    let told = run(&desk, &["compile", "--print", "--select", "stg_tickets"]);
    assert!(
        !told.contains("unique_stg_tickets_id"),
        "tests come along only where they are named: {told}"
    );
    let told = run(&desk, &["compile", "--print", "--select", "unique_stg_tickets_id"]);
    assert!(
        told.contains("-- unique_stg_tickets_id (models/schema.yml), target dev\nSELECT"),
        "{told}"
    );
}

#[test]
fn help_lists_what_means_something() {
    let desk = shop();
    for (verb, without) in [
        ("explain", ["--fail-fast", "--threads", "--max-rows", "--batch-tokens"]),
        ("plan", ["--fail-fast", "--threads", "--limit", "--key"]),
    ] {
        let told = desk.run(&[verb, "--help"]);
        assert!(told.starts_with("status: 0"), "{told}");
        for option in without {
            assert!(
                !told.contains(&format!("{option} ")) && !told.contains(&format!("{option}\n")),
                "{verb} {option}"
            );
        }
    }
    assert!(desk.run(&["plan", "--help"]).contains("--max-rows"));
}

#[test]
fn a_budget_below_nothing_is_refused() {
    let told = run(&shop(), &["build", "--max-rows", "-1"]);
    assert!(told.starts_with("status: 2"), "{told}");
    let wanted = "invalid value '-1' for '--max-rows <N>': write a whole number from 0 on, such as 5000";
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn errors_of_tasks_properties_and_sql_are_told_together() {
    let desk = shop();
    desk.write(
        "shop/tasks/topic.yml",
        "kind: label\nguidlines: x\ninput: body\nlabels: [a, b]\n",
    );
    desk.write(
        "shop/models/schema.yml",
        "models:\n  - name: stg_tickets\n    colums: []\n",
    );
    desk.write(
        "shop/models/report.sql",
        "select topic from {{ ref('labelled') }} where topic = = 1\n",
    );
    let told = run(&desk, &["compile"]);
    for wrong in [
        "tasks/topic.yml:2:1: ",
        "models/schema.yml:3:5: ",
        "models/report.sql:1:55: ",
        "3 errors",
    ] {
        assert!(told.contains(wrong), "{wrong}\n{told}");
    }
}

/// Rules, records and whole tables all go by one name where no model is asked; one without steps made all look changed.
#[test]
fn what_rules_answer_is_the_same_after_a_build() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("shop/models")).unwrap();
    std::fs::create_dir_all(desk.path("shop/seeds")).unwrap();
    std::fs::create_dir_all(desk.path("shop/tasks")).unwrap();
    desk.write("shop/refuel_project.yml", "name: shop\n");
    desk.write(
        "shop/seeds/vendors.csv",
        "id,name,phone\nv1,Harbour Light,030 901820\nv2,Old Mill,030 901821\n",
    );
    desk.write(
        "shop/models/phones.sql",
        "select id, refuel_normalize(phone, 'phone') as phone from {{ ref('vendors') }}\n",
    );
    desk.write(
        "shop/models/entities.sql",
        "select record_key, entity_id from refuel_resolve({{ ref('vendors') }}, 'same_vendor')\n",
    );
    desk.write(
        "shop/tasks/phone.yml",
        "kind: normalize\ninput: phone\nformat: {phone: {region: DE}}\n",
    );
    desk.write("shop/tasks/same_vendor.yml", "kind: resolve\nkey: id\n");
    let built = run(&desk, &["build"]);
    assert!(built.starts_with("status: 0\n"), "{built}");
    let same = run(&desk, &["diff"]);
    assert!(same.contains("nothing changed"), "{same}");
    let modified = run(&desk, &["ls", "--select", "state:modified"]);
    assert!(modified.contains("RF1253"), "{modified}");
}
