//! What a person sees of a build: a line a node, errors in full, and nothing twice.

use crate::common::Desk;

const FILES: [(&str, &str); 6] = [
    ("refuel_project.yml", "name: shop\n"),
    ("data/arrivals.csv", "id,topic\n1,refund\n"),
    (
        "models/tickets.sql",
        "select 1 as id, 'refund' as topic union all select 1, 'delivery' union all select 2, 'other'\n",
    ),
    (
        "models/hooked.sql",
        "{{ config(pre_hook='select 1', post_hook=['select 1', 'insert into  nowhere\\nvalues (1)']) }}\nselect 1 as id\n",
    ),
    (
        "models/outside.sql",
        "select * from {{ source('files', 'arrivals') }}\n",
    ),
    (
        "models/schema.yml",
        "sources:\n  - name: files\n    tables:\n      - name: arrivals\n        path: data/arrivals.csv\n\
         models:\n  - name: tickets\n    columns:\n      - name: id\n        data_tests: [unique]\n\
         unit_tests:\n  - name: topics\n    model: outside\n    given:\n      - input: source('files', 'arrivals')\n        \
         rows: [{id: 1, topic: refund}, {id: 2, topic: other}]\n    expect:\n      rows: [{id: 1, topic: delivery}, {id: 2, topic: other}]\n",
    ),
];

fn shop() -> Desk {
    let desk = Desk::new();
    for (path, text) in FILES {
        std::fs::create_dir_all(desk.path(path).parent().unwrap()).unwrap();
        desk.write(path, text);
    }
    desk
}

/// What failed, as it is told whatever else is: nodes end in an order of their own.
fn assert_failures_are_told(told: &str) {
    for line in [
        "/5 ERROR     hooked             [",
        "    error[RF1303]: models/hooked.sql:1:1: post-hook 2 (`insert into nowhere values (1)`): target `dev` refuses the \
         statement: no such table: nowhere\n",
        "/5 FAIL      unique_tickets_id  1 row that must not be: `refuel show unique_tickets_id` shows it  [",
        "/5 FAIL      topics             1 row not as expected  [",
        "\n\ntopics (models/schema.yml):\n  | id | topic\n~ | 1  | delivery → refund\n  (~ expected → found; 1 more as \
         expected)\n",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert!(told.starts_with("status: 1"), "{told}");
    assert_eq!(told.matches("→ refund").count(), 1, "{told}");
    assert!(!told.contains("\n\n\n"), "{told}");
}

#[test]
fn every_node_has_a_line_and_what_failed_is_told_once() {
    let told = shop().run(&["build", "--threads", "1"]);
    assert_failures_are_told(&told);
    assert!(
        told.contains("/5 SKIPPED   outside            unit_test topics failed\n"),
        "{told}"
    );
}

#[test]
fn errors_of_nodes_are_told_also_where_nothing_else_is() {
    let told = shop().run(&["build", "--threads", "1", "--quiet"]);
    assert_failures_are_told(&told);
    for word in ["SUCCESS", "SKIPPED", "retry", "target dev\n"] {
        assert!(!told.contains(word), "{told}");
    }
    // A cron job that sends what it reads by mail sends nothing where all is well.
    let well = shop().run(&[
        "build",
        "--quiet",
        "--select",
        "tickets",
        "--exclude",
        "unique_tickets_id",
    ]);
    assert_eq!(well, "status: 0\n----- stdout -----\n\n----- stderr -----\n");
}

#[test]
fn files_of_sources_have_lines_and_are_not_counted() {
    let told = shop().run(&["run", "--select", "outside"]);
    assert!(told.contains("    SUCCESS   files.arrivals  1 row"), "{told}");
    assert!(
        told.contains("1/1 SUCCESS   outside") && !told.contains("2/1"),
        "{told}"
    );
}

#[test]
fn a_build_of_nothing_says_so() {
    let told = shop().run(&["build", "--select", "nothing_at_all", "--allow-empty-selection"]);
    assert!(told.contains("\nnothing to do in "), "{told}");
}
