//! What changes which fingerprint.

use proptest::prelude::*;

use crate::fingerprint::Fingerprints;
use crate::testing::{Folder, TOPIC, node};

/// A project with a model that calls a task, and one that reads it.
fn folder() -> Folder {
    Folder::new(&[
        ("refuel_project.yml", "name: shop\nvars: {used: 1, unused: 1}\n"),
        ("tasks/topic.yml", TOPIC),
        ("seeds/s.csv", "id,body\n1,a\n"),
        (
            "macros/m.sql",
            "{% macro used() %}1{% endmacro %}{% macro unused() %}1{% endmacro %}",
        ),
        (
            "models/m.sql",
            "select id, refuel_label(body, 'topic') as topic, {{ used() }} as one from {{ ref('s') }} where id > {{ var('used') }}",
        ),
        ("models/n.sql", "select * from {{ ref('m') }}"),
    ])
}

fn of(folder: &Folder, id: &str) -> Fingerprints {
    node(&folder.compile(), id).fingerprints
}

/// Which parts of the fingerprints of `m` and `n` a change changes.
fn changed(change: impl FnOnce(&mut Folder)) -> String {
    let mut folder = folder();
    let before = (of(&folder, "model.m"), of(&folder, "model.n"));
    change(&mut folder);
    let after = (of(&folder, "model.m"), of(&folder, "model.n"));
    let parts = |name: &str, before: Fingerprints, after: Fingerprints| {
        [
            ("body", before.body != after.body),
            ("config", before.config != after.config),
            ("tasks", before.tasks != after.tasks),
            ("gate", before.gate != after.gate),
            ("metadata", before.metadata != after.metadata),
            ("upstream", before.upstream != after.upstream),
        ]
        .into_iter()
        .filter(|(_, is)| *is)
        .map(|(part, _)| format!("{name}.{part}"))
        .collect::<Vec<_>>()
    };
    let mut all = parts("m", before.0, after.0);
    all.extend(parts("n", before.1, after.1));
    all.join(" ")
}

#[test]
fn nothing_changes_where_nothing_changed() {
    assert_eq!(changed(|_| {}), "");
}

#[test]
fn a_change_of_the_text_is_one_of_the_body_and_of_what_is_below() {
    let text = "select id, refuel_label(body, 'topic') as topic, {{ used() }} as one from {{ ref('s') }} where id > 99";
    assert_eq!(
        changed(|folder| folder.write("models/m.sql", text)),
        "m.body n.upstream"
    );
}

#[test]
fn comments_and_layout_change_nothing() {
    let text = "-- why\nselect\n    id,\n    refuel_label(body, 'topic') as topic,\n    {{ used() }} /* one */ as one\n\
                from {{ ref('s') }}\nwhere id > {{ var('used') }}\n";
    assert_eq!(changed(|folder| folder.write("models/m.sql", text)), "");
}

#[test]
fn variables_and_macros_count_by_what_they_put_into_the_text() {
    let vars = |used: i32, unused: i32| format!("name: shop\nvars: {{used: {used}, unused: {unused}}}\n");
    assert_eq!(changed(|folder| folder.write("refuel_project.yml", &vars(1, 2))), "");
    assert_eq!(
        changed(|folder| folder.write("refuel_project.yml", &vars(2, 1))),
        "m.body n.upstream"
    );
    assert_eq!(
        changed(|folder| {
            folder.vars.insert("used".to_owned(), 3.into());
        }),
        "m.body n.upstream"
    );
    let macros = |used: &str, unused: &str| {
        format!("{{% macro used() %}}{used}{{% endmacro %}}{{% macro unused() %}}{unused}{{% endmacro %}}")
    };
    assert_eq!(changed(|folder| folder.write("macros/m.sql", &macros("1", "2"))), "");
    assert_eq!(
        changed(|folder| folder.write("macros/m.sql", &macros("{# one #}1", "1"))),
        ""
    );
    assert_eq!(
        changed(|folder| folder.write("macros/m.sql", &macros("2", "1"))),
        "m.body n.upstream"
    );
}

#[test]
fn a_task_counts_by_what_of_it_changes() {
    let with = |from: &str, to: &str| TOPIC.replace(from, to);
    let write = |text: String| changed(move |folder| folder.write("tasks/topic.yml", &text));
    assert_eq!(
        write(with("What it is about.", "Its topic.")),
        "",
        "a description is the task's own"
    );
    assert_eq!(write(with("threshold: 0.5", "threshold: 0.9")), "m.gate n.upstream");
    assert_eq!(write(with("Say what it is", "Decide what it is")), "m.tasks n.upstream");
}

#[test]
fn settings_and_descriptions_count_apart() {
    let yaml = |text: &'static str| changed(move |folder| folder.write("models/p.yml", text));
    assert_eq!(
        yaml("models: [{name: m, description: About it, columns: [{name: id, description: The id}]}]\n"),
        "m.metadata"
    );
    assert_eq!(
        yaml("models: [{name: m, config: {tags: [a], meta: {b: 1}}}]\n"),
        "m.metadata"
    );
    assert_eq!(
        yaml("models: [{name: m, config: {materialized: table}}]\n"),
        "m.config n.upstream"
    );
    assert_eq!(
        yaml("models: [{name: m, config: {alias: other}}]\n"),
        "m.config n.upstream"
    );
    assert_eq!(
        yaml("models: [{name: m, config: {gates: true}}]\n"),
        "m.gate n.upstream"
    );
    assert_eq!(
        yaml("models: [{name: m, config: {max_rows: 9, full_refresh: true}}]\n"),
        ""
    );
}

#[test]
fn a_seed_counts_by_its_content() {
    assert_eq!(
        changed(|folder| folder.write("seeds/s.csv", "id,body\n1,b\n")),
        "m.upstream n.upstream"
    );
}

#[test]
fn the_time_of_a_run_is_in_what_runs_and_not_in_what_is_hashed() {
    let text = "select '{{ run_started_at.strftime('%Y') }}' as year, '{{ invocation_id }}' as run";
    let folder = Folder::new(&[("models/m.sql", text)]);
    let compile = |started: &str| {
        let options = crate::CompileOptions {
            started: Some(started.parse().unwrap()),
            invocation: Some(started.to_owned()),
            ..crate::CompileOptions::default()
        };
        crate::Dag::compile(&folder.load(), &options).unwrap()
    };
    let first = compile("2024-01-01T00:00:00Z");
    let second = compile("2025-01-01T00:00:00Z");
    assert_eq!(
        node(&first, "model.m").fingerprints,
        node(&second, "model.m").fingerprints
    );
    assert_eq!(
        crate::testing::sql(&second, "model.m"),
        "select '2025' as year, '2025-01-01T00:00:00Z' as run"
    );
}

/// The tokens of a query, with a number in it.
const TOKENS: [&str; 18] = [
    "select", "id", ",", "case", "when", "a", "=", "'x y'", "then", "NUMBER", "end", "as", "b", "from", "t", "where",
    "a", "is null",
];

fn query(number: u32, gaps: &[u8]) -> String {
    let mut text = String::new();
    for (token, gap) in TOKENS.iter().zip(gaps) {
        text.push_str(match gap % 6 {
            0 => " ",
            1 => "\n",
            2 => "\t  ",
            3 => " -- it's one\n",
            4 => " /* two ' */ ",
            _ => "{# three #} ",
        });
        text.push_str(&token.replace("NUMBER", &number.to_string()));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn however_a_query_is_laid_out_it_is_the_same_and_with_another_literal_it_is_not(
        gaps in prop::collection::vec(any::<u8>(), TOKENS.len()),
        others in prop::collection::vec(any::<u8>(), TOKENS.len()),
        number in 0_u32..50,
    ) {
        let body = |text: String| of(&Folder::new(&[("models/m.sql", &text)]), "model.m").body;
        let first = body(query(number, &gaps));
        prop_assert_eq!(first, body(query(number, &others)));
        prop_assert_ne!(first, body(query(number + 1, &gaps)));
    }
}
