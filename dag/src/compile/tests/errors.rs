//! Errors, with their places and what to do about them.

use crate::testing::{TOPIC, errors};

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
           give one of them another "alias" or "schema"
    "#);
}
