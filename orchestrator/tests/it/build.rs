//! What a person sees of a build: a line a node, errors in full, and nothing twice.

use crate::common::Desk;

const FILES: [(&str, &str); 6] = [
    ("refuel_project.yml", "name: shop\n"),
    ("data/outside.csv", "id,topic\n1,refund\n"),
    (
        "models/tickets.sql",
        "select 1 as id, 'refund' as topic union all select 1, 'delivery' union all select 2, 'other'\n",
    ),
    (
        "models/hooked.sql",
        "{{ config(pre_hook='select 1', post_hook=['select 1', 'insert into  nowhere\\nvalues (1)']) }}\nselect 1 as id\n",
    ),
    ("models/outside.sql", "select * from {{ source('files', 'outside') }}\n"),
    (
        "models/schema.yml",
        "sources:\n  - name: files\n    tables:\n      - name: outside\n        path: data/outside.csv\n\
         models:\n  - name: tickets\n    columns:\n      - name: id\n        data_tests: [unique]\n\
         unit_tests:\n  - name: topics\n    model: outside\n    given:\n      - input: source('files', 'outside')\n        \
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

/// Compares with a snapshot, with a word for durations.
fn assert_steady(name: &str, told: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b\d+\.\d+ s\b", "[SECONDS]");
    settings.bind(|| insta::assert_snapshot!(name, told));
}

#[test]
fn every_node_has_a_line_and_what_failed_is_told_once() {
    let told = shop().run(&["build", "--threads", "1"]);
    assert_steady("build", &told);
    assert_eq!(told.matches("→ refund").count(), 1, "{told}");
}

#[test]
fn errors_of_nodes_are_told_also_where_nothing_else_is() {
    let told = shop().run(&["build", "--threads", "1", "--quiet"]);
    assert_steady("build_quiet", &told);
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
    assert_steady("build_source", &told);
    assert!(told.contains("1/1") && !told.contains("2/1"), "{told}");
}

#[test]
fn a_build_of_nothing_says_so() {
    let told = shop().run(&["build", "--select", "nothing_at_all", "--allow-empty-selection"]);
    assert!(told.contains("\nnothing to do in "), "{told}");
}
