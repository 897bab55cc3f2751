//! The cache, and the files of compiled SQL.

use proptest::prelude::*;

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
    let cache = std::fs::read_dir(folder.path().join("target/cache"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
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
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn with_and_without_the_cache_everything_is_the_same(edits in prop::collection::vec(any_edit(), 1..12)) {
        let mut folder = folder();
        folder.compile_in_target();
        for edit in &edits {
            apply(&mut folder, edit);
            let cached = folder.compile_in_target();
            let clean = folder.compile();
            prop_assert_eq!(everything(&cached), everything(&clean));
            prop_assert!(node(&cached, "model.b").model().unwrap().gated);
        }
    }
}
