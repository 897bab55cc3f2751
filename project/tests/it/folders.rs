//! Configuration by folder, in properties and in files.

use refuel_project::{Materialized, ModelConfig, OnSchemaChange, Place, Severity, TestConfig};
use refuel_task::OnError;
use serde_json::{Value, json};

use crate::loaded;

fn config(model: &str) -> ModelConfig {
    let project = loaded(&[
        (
            "refuel_project.yml",
            "\
name: shop
models:
  +tags: all
  +meta: {team: data, level: 0}
  +pre-hook: one
  shop:
    +materialized: table
  staging:
    +materialized: ephemeral
    +tags: [staging, all]
    +meta: {level: 1}
    +pre_hook: [two]
    web:
      +enabled: false
    stg_orders:
      +materialized: incremental
",
        ),
        ("models/orders.sql", "SELECT 1"),
        ("models/staging/stg_orders.sql", "SELECT 1"),
        ("models/staging/stg_items.sql", "SELECT 1"),
        ("models/staging/web/visits.sql", "SELECT 1"),
        (
            "models/a.yml",
            "models: [{name: stg_orders, config: {tags: own, meta: {level: 2}, pre_hook: three, enabled: true}}]",
        ),
    ]);
    (*project.models[model].config).clone()
}

#[test]
fn the_nearest_word_counts_and_tags_hooks_and_notes_add_up() {
    let outer = config("orders");
    assert_eq!((outer.materialized, outer.is_enabled()), (Materialized::Table, true));
    assert_eq!(
        (outer.tags, outer.pre_hook),
        (vec!["all".to_owned()], vec!["one".to_owned()])
    );

    let folder = config("stg_items");
    assert_eq!(folder.materialized, Materialized::Ephemeral);
    assert_eq!(folder.tags, ["all", "staging"]);
    assert_eq!(Value::Object(folder.meta), json!({"team": "data", "level": 1}));

    assert!(!config("visits").is_enabled());

    let own = config("stg_orders");
    assert_eq!(own.materialized, Materialized::Incremental);
    assert_eq!(own.tags, ["all", "staging", "own"]);
    assert_eq!(own.pre_hook, ["one", "two", "three"]);
    assert_eq!(Value::Object(own.meta), json!({"team": "data", "level": 2}));
}

#[test]
fn what_a_file_says_of_itself_comes_on_top() {
    let place = Place {
        position: Some((3, 4)),
        ..Place::of("models/orders.sql")
    };
    let above = config("stg_orders");
    let config = above
        .with(
            &json!({"materialized": "view", "on-schema-change": "fail", "unique_key": "id", "on_error": null, "tags": ["more"]}),
            &place,
        )
        .expect("right");
    assert_eq!(config.materialized, Materialized::View);
    assert_eq!(config.on_schema_change, OnSchemaChange::Fail);
    assert_eq!(
        (config.unique_key, config.on_error),
        (vec!["id".to_owned()], Some(OnError::Null))
    );
    assert_eq!(config.tags, ["all", "staging", "own", "more"]);

    let errors = above
        .with(&json!({"materialised": "view", "enabled": 3}), &place)
        .expect_err("wrong");
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "models/orders.sql:3:4: unknown key \"materialised\" in the configuration of a model",
            "models/orders.sql:3:4: \"enabled\" must be true or false, not a number",
        ]
    );
    let errors = TestConfig::default().with(&json!("warn"), &place).expect_err("wrong");
    assert_eq!(errors[0].code(), "RF1105");
}

#[test]
fn tests_are_configured_by_the_folder_of_their_file() {
    let project = loaded(&[
        (
            "refuel_project.yml",
            "name: shop\ntests: {+severity: warn, staging: {+severity: error, +limit: 7}, sane: {+tags: [x]}}\n",
        ),
        ("models/orders.sql", "SELECT 1"),
        ("models/staging/items.sql", "SELECT 1"),
        (
            "models/a.yml",
            "models: [{name: orders, columns: [{name: id, tests: [unique]}]}]",
        ),
        (
            "models/staging/b.yml",
            "models: [{name: items, columns: [{name: id, tests: [unique, {not_null: {config: {limit: 3}}}]}]}]",
        ),
        ("tests/sane.sql", "SELECT 1"),
    ]);
    let tests = |model: &str| {
        let properties = project.models[model].properties.as_deref().expect("properties");
        let configs = properties.columns[0].tests.iter().map(|test| test.config.clone());
        configs
            .map(|config| (config.severity, config.limit))
            .collect::<Vec<_>>()
    };
    assert_eq!(tests("orders"), [(Severity::Warn, None)]);
    assert_eq!(tests("items"), [(Severity::Error, Some(7)), (Severity::Error, Some(3))]);
    let singular = &project.tests["sane"].config;
    assert_eq!(
        (singular.severity, &singular.tags),
        (Severity::Warn, &vec!["x".to_owned()])
    );
}
