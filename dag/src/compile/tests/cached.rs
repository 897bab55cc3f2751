//! The cache, and the files of compiled SQL.

use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use crate::artifacts::{Invocation, MANIFEST_FILE, ManifestOptions, read_json, write_manifest};
use crate::compile::CompileOptions;
use crate::dag::{Dag, RenderMode};
use crate::testing::{Folder, TOPIC, node};

/// Everything of a compiled project that others see.
fn everything(dag: &Dag) -> String {
    let mut text = String::new();
    for node in dag.nodes.values() {
        text.push_str(&format!(
            "{} {} {:?} {:?} {:?}\n{:?}\n",
            node.id, node.path, node.depends_on, node.relation, node.tags, node.fingerprints
        ));
        for incremental in [false, true] {
            if let Ok(sql) = dag.rendered_sql(node, &RenderMode::new(incremental)) {
                text.push_str(&sql);
            }
        }
        if let Some(model) = node.model() {
            text.push_str(&format!("{:?} {:?} {}", model.full.facts, model.calls, model.volatile));
        }
    }
    text.push_str(&format!("{:?} {:?} {:?}", dag.warnings, dag.messages, dag.disabled));
    text
}

/// The manifest of a project, but for what tells when it was written.
fn manifest(dag: &Dag, folder: &Path) -> String {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, _| key != "created_at" && key != "metadata");
                map.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let options = ManifestOptions {
        invocation: Invocation {
            id: "a-run".to_owned(),
            started_at: Timestamp::now(),
        },
        now: Timestamp::now(),
        compiled: true,
    };
    write_manifest(dag, folder, &options).unwrap();
    let mut manifest: Value = read_json(&folder.join(MANIFEST_FILE)).unwrap();
    strip(&mut manifest);
    serde_json::to_string_pretty(&manifest).unwrap()
}

/// The models whose compiled files are not what they should be.
fn compiled(folder: &Folder, dag: &Dag) -> String {
    let models = dag.nodes.values().filter(|node| node.model().is_some());
    let wrong = models.filter(|node| {
        let path = folder.path().join("target/compiled/shop").join(&*node.path);
        let sql = dag.rendered_sql(node, &RenderMode::default()).unwrap();
        std::fs::read_to_string(path).unwrap() != format!("{sql}\n")
    });
    wrong.map(|node| node.id.as_str()).collect::<Vec<_>>().join(" ")
}

fn folder() -> Folder {
    Folder::new(&[
        ("refuel_project.yml", "name: shop\nvars: {day: 1}\n"),
        ("tasks/topic.yml", TOPIC),
        ("seeds/s.csv", "id,body\n1,a\n"),
        ("macros/m.sql", "{% macro used() %}1{% endmacro %}"),
        (
            "models/a.sql",
            "{{ config(materialized='table') }}select id, {{ used() }} as one, body from {{ ref('s') }}",
        ),
        (
            "models/b.sql",
            "{{ config(materialized='incremental') }}{{ exceptions.warn('slow') }}{{ log('b') }}\
             select id, refuel_label(body, 'topic@2') as topic from {{ ref('a') }}\
             {% if is_incremental() %} where id > {{ var('day') }}{% endif %}"
                .replace("@2", "")
                .as_str(),
        ),
        (
            "models/c.sql",
            "select * from {{ ref('b.review') }} where '{{ config.get('materialized') }}' <> ''",
        ),
        (
            "models/d.sql",
            "select '{{ env_var('PLACE', 'none') }}' as place, '{{ run_started_at }}' as at",
        ),
        ("tests/t.sql", "select * from {{ ref('c') }} where id is null"),
    ])
}

#[test]
fn what_did_not_change_is_taken_from_the_cache() {
    let mut folder = folder();
    let count = |folder: &Folder| folder.compile_in_target().rendered_files;
    assert_eq!(count(&folder), 5);
    assert_eq!(count(&folder), 0);
    folder.write("models/a.sql", "select id, 2 as one, body from {{ ref('s') }}");
    assert_eq!(count(&folder), 1);
    assert_eq!(count(&folder), 0);
    folder.write("refuel_project.yml", "name: shop\nvars: {day: 2}\n");
    assert_eq!(count(&folder), 1, "only b reads the variable");
    folder.env.insert("PLACE".to_owned(), "here".to_owned());
    assert_eq!(count(&folder), 1, "only d reads the environment");
    folder.write("models/p.yml", "models: [{name: c, config: {materialized: table}}]\n");
    assert_eq!(count(&folder), 1, "only c reads the setting");
    folder.write("macros/m.sql", "{% macro used() %}2{% endmacro %}");
    assert_eq!(count(&folder), 5, "a macro may be in every file");
    assert_eq!(count(&folder), 0);
}

#[test]
fn a_cache_that_is_damaged_counts_as_none() {
    let folder = folder();
    let clean = everything(&folder.compile());
    folder.compile_in_target();
    let cache = CompileOptions::in_target(&folder.load()).cache.unwrap();
    let good = std::fs::read(&cache).unwrap();
    for damage in [0, 20, 40, good.len() / 2, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[damage] ^= 0x55;
        std::fs::write(&cache, &bytes).unwrap();
        assert_eq!(everything(&folder.compile_in_target()), clean, "byte {damage}");
        std::fs::write(&cache, &good[..damage]).unwrap();
        assert_eq!(everything(&folder.compile_in_target()), clean, "cut at {damage}");
        assert_eq!(folder.compile_in_target().rendered_files, 0, "mended after {damage}");
    }
}

#[test]
fn compiled_files_follow_the_models() {
    let folder = folder();
    let read = |path: &str| std::fs::read_to_string(folder.path().join("target/compiled/shop").join(path));
    folder.compile_in_target();
    assert_eq!(read("models/a.sql").unwrap(), "select id, 1 as one, body from \"s\"\n");
    assert_eq!(read("tests/t.sql").unwrap(), "select * from \"c\" where id is null\n");
    let changed = |path: &str| {
        let file = folder.path().join("target/compiled/shop").join(path);
        std::fs::metadata(file).unwrap().modified().unwrap()
    };
    let before = (changed("models/a.sql"), changed("models/b.sql"));
    std::thread::sleep(std::time::Duration::from_millis(20));
    folder.write("models/a.sql", "select id, 3 as one, body from {{ ref('s') }}");
    folder.remove("tests/t.sql");
    folder.compile_in_target();
    assert_eq!(read("models/a.sql").unwrap(), "select id, 3 as one, body from \"s\"\n");
    assert!(changed("models/a.sql") > before.0);
    assert_eq!(changed("models/b.sql"), before.1, "what is the same is not written");
    assert!(read("tests/t.sql").is_err(), "what is gone is deleted");
    std::fs::remove_file(folder.path().join("target/compiled/shop/models/b.sql")).unwrap();
    folder.compile_in_target();
    assert!(read("models/b.sql").is_ok(), "what was deleted is written again");
}

#[test]
fn entries_of_the_manifest_are_copied_where_nothing_changed() {
    let folder = folder();
    let target = folder.path().join("target");
    folder.write(
        "models/p.yml",
        "models: [{name: c, columns: [{name: id, data_tests: [unique]}]}]\n",
    );
    let mut texts = Vec::new();
    for number in [1, 1, 2] {
        folder.write(
            "models/a.sql",
            &format!("select {number} as id, body from {{{{ ref('s') }}}}"),
        );
        manifest(&folder.compile_in_target(), &target);
        let text: Value = read_json(&target.join(MANIFEST_FILE)).unwrap();
        let created = |id: &str| (text["nodes"][id]["created_at"].as_f64().unwrap() * 1e6) as i64;
        texts.push(["model.shop.a", "model.shop.c", "test.shop.unique_c_id"].map(created));
    }
    assert_eq!(texts[0], texts[1], "nothing changed");
    assert!(
        texts[2].iter().zip(texts[1]).all(|(after, before)| *after > before),
        "all are made of a"
    );
    // Another file in its place has its entries elsewhere.
    std::fs::write(target.join(MANIFEST_FILE), "{}").unwrap();
    manifest(&folder.compile_in_target(), &target);
    let text: Value = read_json(&target.join(MANIFEST_FILE)).unwrap();
    assert_eq!(text["nodes"]["model.shop.c"]["name"], "c");
}

/// An edit of the project.
#[derive(Debug, Clone)]
enum Edit {
    Model(u8, u8),
    Variable(u8),
    Environment(u8),
    Macro(u8),
    Seed(u8),
    Threshold(u8),
    Materialized(bool),
    Ephemeral(u8),
    Described(u8),
    Moved(bool),
}

fn any_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (0_u8..3, any::<u8>()).prop_map(|(model, number)| Edit::Model(model, number)),
        (0_u8..4).prop_map(Edit::Variable),
        (0_u8..4).prop_map(Edit::Environment),
        (0_u8..4).prop_map(Edit::Macro),
        (0_u8..4).prop_map(Edit::Seed),
        (0_u8..4).prop_map(Edit::Threshold),
        any::<bool>().prop_map(Edit::Materialized),
        (0_u8..4).prop_map(Edit::Ephemeral),
        (0_u8..8).prop_map(Edit::Described),
        any::<bool>().prop_map(Edit::Moved),
    ]
}

fn apply(folder: &mut Folder, edit: &Edit) {
    match edit {
        Edit::Model(0, number) => folder.write(
            "models/a.sql",
            &format!("select id, {{{{ used() }}}} + {number} as one, body from {{{{ ref('s') }}}}"),
        ),
        Edit::Model(1, number) => folder.write(
            "models/d.sql",
            &format!(
                "select {number} as place{{% if var('day') == {} %}}, 1 as b{{% endif %}}",
                number % 4
            ),
        ),
        Edit::Model(_, number) => folder.write(
            "tests/t.sql",
            &format!("select * from {{{{ ref('c') }}}} where id = {number} or '{{{{ env_var('PLACE', '') }}}}' = 'x'"),
        ),
        Edit::Variable(number) => {
            folder.vars.insert("day".to_owned(), (*number).into());
        }
        Edit::Environment(number) => {
            folder.env.insert("PLACE".to_owned(), number.to_string());
        }
        Edit::Macro(number) => {
            folder.write("macros/m.sql", &format!("{{% macro used() %}}{number}{{% endmacro %}}"));
        }
        Edit::Seed(number) => folder.write("seeds/s.csv", &format!("id,body\n{number},a\n")),
        Edit::Threshold(number) => folder.write(
            "tasks/topic.yml",
            &TOPIC.replace("threshold: 0.5", &format!("threshold: 0.{}", number + 1)),
        ),
        Edit::Materialized(is) => folder.write(
            "models/p.yml",
            &format!(
                "models: [{{name: c, config: {{materialized: {}}}}}]\n",
                if *is { "table" } else { "view" }
            ),
        ),
        Edit::Ephemeral(number) => {
            let text = format!("{{{{ config(materialized='ephemeral') }}}}select 1 as id -- {number}");
            folder.write("models/e.sql", &text);
            folder.write(
                "models/f.sql",
                "select * from {{ ref('e') }} join {{ ref('a') }} using (id)",
            );
        }
        Edit::Described(number) => {
            let column = format!(
                "{{name: id, data_tests: [not_null, {{relationships: {{to: ref('b.review'), field: id}}}}]{}}}",
                if number % 2 == 0 {
                    ""
                } else {
                    ", description: What it is."
                }
            );
            let text = format!(
                "models: [{{name: a, description: 'No {number}', config: {{alias: a_{}}}, columns: [{column}]}}]\n\
                 sources: [{{name: raw, tables: [{{name: t, description: 'No {number}'}}]}}]\n",
                number / 2
            );
            folder.write("models/q.yml", &text);
        }
        Edit::Moved(is) => {
            let (to, from) = if *is {
                ("models/deep/g.sql", "models/g.sql")
            } else {
                ("models/g.sql", "models/deep/g.sql")
            };
            let _ = std::fs::remove_file(folder.path().join(from));
            folder.write(to, "select id from {{ ref('a') }}");
            folder.write(
                "models/g.yml",
                "models: [{name: g, columns: [{name: id, data_tests: [unique]}]}]",
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn with_and_without_the_cache_everything_is_the_same(edits in prop::collection::vec(any_edit(), 1..12)) {
        let mut folder = folder();
        folder.compile_in_target();
        let elsewhere = tempfile::tempdir().unwrap();
        for edit in &edits {
            apply(&mut folder, edit);
            let cached = folder.compile_in_target();
            let clean = folder.compile();
            prop_assert_eq!(everything(&cached), everything(&clean));
            prop_assert_eq!(manifest(&cached, &folder.path().join("target")), manifest(&clean, elsewhere.path()));
            prop_assert_eq!(compiled(&folder, &cached), "");
            prop_assert!(node(&cached, "model.b").model().unwrap().gated);
        }
    }
}

/// What a file system tells of a file is taken for its content only where it must have changed with it.
#[cfg(unix)]
#[test]
fn a_change_that_leaves_length_and_time_as_they_were_is_seen() {
    let folder = Folder::new(&[("models/a.sql", "select 1 as one"), ("models/b.sql", "select 2 as two")]);
    let path = folder.path().join("models/a.sql");
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    // Files that were just written are read again in any case.
    assert_eq!(folder.compile_in_target().rendered_files, 2);
    std::thread::sleep(std::time::Duration::from_millis(3_200));
    let stamped = folder.compile_in_target();
    assert_eq!(stamped.rendered_files, 0);
    let again = folder.compile_in_target();
    assert_eq!((again.rendered_files, everything(&again)), (0, everything(&stamped)));

    folder.write("models/a.sql", "select 3 as one");
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(before)
        .unwrap();
    let changed = folder.compile_in_target();
    assert_eq!(changed.rendered_files, 1);
    let a = changed.nodes.values().find(|node| &*node.name == "a").unwrap();
    assert_eq!(
        changed.rendered_sql(a, &RenderMode::default()).unwrap(),
        "select 3 as one"
    );
}
