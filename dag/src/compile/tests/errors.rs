//! Errors, with their places and what to do about them.

use std::sync::Arc;

use refuel_project::{LoadOptions, Project};

use crate::dag::Dag;
use crate::testing::{Folder, TOPIC, errors, told};

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    insta::assert_snapshot!(errors(&[
        ("tasks/topic.yml", TOPIC),
        ("models/orders.sql", "select 1 as id"),
        ("models/off.sql", "{{ config(enabled=false) }}select 1 as id"),
        ("models/a.sql", "select *\nfrom {{ ref('ordres') }}"),
        ("models/b.sql", "select *\nfrom {{ ref('off') }}"),
        ("models/c.sql", "select * from {{ source('raw', 'orders') }}"),
        ("models/d.sql", "select {{ unknwn }} from {{ ref('orders') }}"),
        ("models/e.sql", "select\n  {{ reff('orders') }}"),
        ("models/f.sql", "select '{{ var('day') }}'"),
        ("models/g.sql", "select\n{% if %}"),
        ("models/h.sql", "{{ config(materialised='table') }}\nselect 1"),
        (
            "models/i.sql",
            "select refuel_label(id, 'topik') from {{ ref('orders') }}"
        ),
        (
            "models/j.sql",
            "select refuel_labels(id, 'topic') from {{ ref('orders') }}"
        ),
        (
            "models/k.sql",
            "{{ exceptions.raise_compiler_error('no such region') }}"
        ),
        ("models/l.sql", "select '{{ env_var('NOT_SET_ANYWHERE') }}'"),
        (
            "models/m.sql",
            "select refuel_label(id, 'topic@3') from {{ ref('orders') }}"
        ),
        ("models/n.sql", "select * from {{ ref('orders.accepted') }}"),
        ("models/o.sql", "select * from {{ ref('other_project', 'orders') }}"),
    ]));
}

#[test]
fn wrong_sql_is_shown_where_it_was_written() {
    insta::assert_snapshot!(errors(&[
        ("macros/m.sql", "{% macro cols() %}a,\n  b,\n  c{% endmacro %}"),
        (
            "models/a.sql",
            "{% set columns = [\n  'x',\n  'y'] %}\nselect {{ cols() }}\nfrom t\nwhere a = = 1\n",
        ),
        ("models/b.sql", "delete from t"),
        ("models/c.sql", "select 1,\n  refuel_labell(a, 'topic')\nfrom t"),
    ]));
}

/// A wrong key in a task hides no wrong SQL.
#[test]
fn sql_is_read_where_tasks_and_properties_can_not_be() {
    let folder = Folder::new(&[
        ("tasks/topic.yml", "kind: label\nlables: [a, b]\n"),
        ("models/models.yml", "models:\n  - name: a\n    descripton: x\n"),
        (
            "models/a.sql",
            "select refuel_label(body, 'topic') as topic\nfrom t where a = = 1",
        ),
        ("models/b.sql", "{{ config(materialised='table') }}\nselect 1 as id"),
        (
            "models/c.sql",
            "select refuel_label(body, 'topic') as topic from {{ ref('b') }}",
        ),
    ]);
    let (project, errors) = Project::load_partly(folder.path(), &LoadOptions::default());
    assert_eq!(errors.len(), 2, "{errors:?}");
    let further = Dag::errors_of_files(&Arc::new(project.unwrap()));
    insta::assert_snapshot!(told(&further), @r#"
    RF1207 models/a.sql:2:18: the SQL can't be read as that of SQLite: expected: an expression, found: =
    RF1104 models/b.sql:1:4: unknown key "materialised" in the configuration of a model
           did you mean "materialized"?
    "#);
}

/// The last of the two would win without a word.
#[test]
fn a_setting_is_given_once_in_a_config() {
    insta::assert_snapshot!(errors(&[(
        "models/a.sql",
        "{{ config(materialized='incremental',\n          unique_key='nix', unique_key='id') }}\nselect 1 as id"
    )]), @r#"
    RF1216 models/a.sql:2:29: config() sets "unique_key" twice
           keep one of the two
    "#);
}

#[test]
fn a_task_is_no_model_that_writes_or_embeds() {
    insta::assert_snapshot!(errors(&[
        ("tasks/topic.yml", TOPIC),
        ("models/a.sql", "select refuel_complete('Hello', 'topic') as x"),
        ("models/b.sql", "select refuel_embed('Hello', 'topic') as x"),
    ]), @r#"
    RF1217 models/a.sql:1:33: refuel_complete takes the name of a model, and "topic" is a task
           refuel_label asks tasks of kind "label"; `refuel model ls` lists models
    RF1217 models/b.sql:1:30: refuel_embed takes the name of a model, and "topic" is a task
           refuel_label asks tasks of kind "label"; `refuel model ls` lists models
    "#);
}

#[test]
fn sql_of_another_database_is_told_as_such() {
    insta::assert_snapshot!(errors(&[
        ("models/a.sql", "select array[1,2] as pair"),
        ("models/b.sql", "{{ config(enabled=(target.type == 'postgres')) }}\nselect array[1,2] as pair"),
    ]), @r#"
    RF1207 models/a.sql:1:19: the SQL can't be read as that of SQLite: expected: end of statement, found: as
           it is sound SQL of Postgres: write it so that both read it (`refuel man templates`), or leave the model out elsewhere with {{ config(enabled=(target.type == 'postgres')) }}
    "#);
}

#[test]
fn an_error_in_a_macro_is_shown_in_the_file_of_the_macro() {
    insta::assert_snapshot!(errors(&[
        (
            "macros/m.sql",
            "{% macro money(x) %}\n  {{ x }} / {{ scal }}\n{% endmacro %}\n{% macro again(x) %}{{ again(x) }}{% endmacro %}"
        ),
        ("models/a.sql", "select {{ money('a') }}"),
        ("models/b.sql", "select {{ monney('a') }}"),
        ("models/c.sql", "select {{ again('a') }}"),
        (
            "models/d.sql",
            "select {% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}"
        ),
    ]));
}

#[test]
fn macros_need_names_of_their_own() {
    insta::assert_snapshot!(errors(&[
        (
            "macros/a.sql",
            "{% macro one() %}{% endmacro %}\n{% macro ref(x) %}{% endmacro %}"
        ),
        ("macros/b.sql", "\n{% macro one() %}{% endmacro %}"),
    ]));
}

#[test]
fn a_circle_is_shown_as_a_path() {
    let text = errors(&[
        ("models/a.sql", "select * from {{ ref('b') }}"),
        (
            "models/b.sql",
            "select * from {{ ref('c') }} join {{ ref('d') }} using (id)",
        ),
        ("models/c.sql", "select * from {{ ref('a') }}"),
        ("models/d.sql", "select 1 as id"),
    ]);
    assert!(
        text.contains("depend on each other in a circle: a -> b -> c -> a"),
        "{text}"
    );
    let text = errors(&[("models/a.sql", "select * from {{ ref('a') }}")]);
    assert!(text.contains("a -> a") && text.contains("{{ this }}"), "{text}");
}

#[test]
fn two_models_can_not_be_one_relation() {
    insta::assert_snapshot!(errors(&[
        ("models/a.sql", "select 1 as id"),
        ("models/b.sql", "{{ config(alias='a') }}select 1 as id"),
    ]), @r#"
    RF1210 models/b.sql:1:1: "a" and "b" would both be stored as a
           give one of them another "alias" or "schema", or a source another "identifier"
    "#);
}

/// One would show the rows of the other: both are loaded into one table.
#[test]
fn two_sources_with_files_are_not_loaded_into_one_table() {
    insta::assert_snapshot!(errors(&[
        ("data/a.csv", "id\n1\n"),
        ("data/b.csv", "id\n2\n"),
        (
            "models/sources.yml",
            "\
sources:
  - {name: raw, tables: [{name: a, path: data/a.csv}, {name: t, identifier: filled_elsewhere}]}
  - {name: other, tables: [{name: a, path: data/b.csv}, {name: t, identifier: filled_elsewhere}]}
",
        ),
    ]), @r#"
    RF1210 models/sources.yml:2:26: "other.a" and "raw.a" would both be stored as a
           give one of them another "alias" or "schema", or a source another "identifier"
    "#);
}

/// Without a key no row is found, and each build would add all rows again.
#[test]
fn a_strategy_that_finds_rows_by_a_key_needs_one() {
    insta::assert_snapshot!(errors(&[
        (
            "models/a.sql",
            "{{ config(materialized='incremental',\n  incremental_strategy='delete+insert') }}select 1 as id",
        ),
        ("models/b.sql", "{{ config(materialized='incremental') }}select 1 as id"),
        (
            "models/c.sql",
            "{{ config(materialized='incremental', incremental_strategy='append') }}select 1 as id",
        ),
        (
            "models/d.sql",
            "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }}select 1 as id",
        ),
        ("models/e.sql", "select 1 as id"),
        (
            "models/p.yml",
            "models: [{name: e, config: {materialized: incremental, incremental_strategy: merge}}]",
        ),
    ]), @r#"
    RF1216 models/a.sql:2:3: the model "a" has the incremental_strategy "delete+insert" and no unique_key that rows could be found by
           name the columns that tell rows apart: unique_key='id'; or take the strategy "append"
    RF1216 models/p.yml:1:10: the model "e" has the incremental_strategy "merge" and no unique_key that rows could be found by
           name the columns that tell rows apart: unique_key='id'; or take the strategy "append"
    "#);
}

#[test]
fn a_contract_says_what_type_each_column_has() {
    insta::assert_snapshot!(errors(&[
        ("models/a.sql", "{{ config(contract={'enforced': true}) }}select 1 as id, 2 as n"),
        ("models/b.sql", "{{ config(contract={'enforced': true}) }}select 1 as id"),
        (
            "models/p.yml",
            "models:\n  - name: a\n    columns:\n      - {name: id, data_type: integer}\n      - {name: n}\n",
        ),
    ]), @r#"
    RF1216 models/b.sql:1:11: the model "b" has a contract, and no columns are declared
           say for each column what it is: {name: id, data_type: integer}
    RF1216 models/p.yml:5:9: the model "a" has a contract, and its column "n" has no data_type
           say for each column what it is: {name: id, data_type: integer}
    "#);
}
