//! Tests, unit tests and evaluations.

use crate::dag::Dag;
use crate::nodes::{Detail, ResourceType};
use crate::testing::{TOPIC, compile, errors, node, sql};

const FILES: [(&str, &str); 6] = [
    ("tasks/topic.yml", TOPIC),
    ("models/raw.sql", "select 1 as id, 'a' as body, 'new' as status"),
    (
        "models/hidden.sql",
        "{{ config(materialized='ephemeral') }}select * from {{ ref('raw') }}",
    ),
    (
        "models/m.sql",
        "select id, status, body, refuel_label(body, 'topic') as topic from {{ ref('raw') }}",
    ),
    (
        "tests/none_is_lost.sql",
        "{{ config(severity='warn') }}select * from {{ ref('m') }} where id is null;\n",
    ),
    (
        "models/p.yml",
        "\
models:
  - name: m
    config: {tags: [daily]}
    columns:
      - name: id
        data_tests:
          - unique
          - not_null: {config: {where: \"status <> 'old'\", limit: 10}}
          - relationships: {to: ref('raw'), field: id}
          - expression: {expression: \">= 0\"}
      - name: status
        data_tests:
          - accepted_values: {values: [new, \"it's\"]}
          - accepted_values: {values: [1, 2], quote: false, name: status_by_number}
      - name: order
        data_tests: [not_null]
    data_tests:
      - expression: {expression: id > 0 or topic is null, name: ids_count}
    evaluations:
      - name: topics
        task: topic
        on: {prediction: topic, truth: status}
        metrics: {accuracy: \">= 0.5\"}
      - name: alike
        task: topic
        drift: {psi: \"< 0.2\"}
  - name: hidden
    columns: [{name: id, data_tests: [unique]}]
unit_tests:
  - name: topics_are_labelled
    model: m
    given:
      - input: ref('raw')
        rows: [{id: 1, body: a, status: new}]
    expect:
      rows: [{id: 1, topic: refund}]
    answers: [{task: topic, input: a, value: refund}]
",
    ),
];

fn all_tests(dag: &Dag) -> String {
    let mut text = String::new();
    for node in dag.nodes.values().filter(|node| node.test().is_some()) {
        let sql = dag.rendered_sql(node, &crate::RenderMode::default()).unwrap();
        text.push_str(&format!("-- {}\n{sql}\n\n", node.id));
    }
    text
}

#[test]
fn declared_tests_become_queries_for_the_rows_that_fail() {
    insta::assert_snapshot!(all_tests(&compile(&FILES)));
}

#[test]
fn they_are_attached_to_what_they_test() {
    let dag = compile(&FILES);
    let unique = node(&dag, "test.unique_m_id");
    assert_eq!(unique.attached_to().unwrap().as_str(), "model.shop.m");
    assert_eq!(unique.tags, ["daily"]);
    assert_eq!(unique.place.to_string(), "models/p.yml:7:13");
    let related = node(&dag, "test.relationships_m_id__id__ref_raw_");
    let reads: Vec<&str> = related.depends_on.iter().map(crate::NodeId::as_str).collect();
    assert_eq!(reads, ["model.shop.m", "model.shop.raw"]);
    assert_eq!(node(&dag, "test.none_is_lost").attached_to(), None);
    let unit = node(&dag, "unit_test.m.topics_are_labelled");
    assert_eq!(unit.attached_to().unwrap().as_str(), "model.shop.m");
    let evaluation = node(&dag, "evaluation.m.topics");
    assert!(evaluation.depends_on.iter().any(|id| id.as_str() == "task.shop.topic"));
    let Detail::Evaluation(detail) = &evaluation.detail else {
        panic!("no evaluation")
    };
    let properties = dag.properties(dag.node(detail.model.as_str()).unwrap()).unwrap();
    assert_eq!(properties.evaluations[detail.index].name, "topics");
    let kinds = |kind| dag.nodes.values().filter(|node| node.resource_type() == kind).count();
    assert_eq!((kinds(ResourceType::Evaluation), kinds(ResourceType::UnitTest)), (2, 1));
}

#[test]
fn the_queries_are_sql_of_both_dialects() {
    let dag = compile(&FILES);
    for node in dag.nodes.values().filter(|node| node.test().is_some()) {
        let sql = dag.rendered_sql(node, &crate::RenderMode::default()).unwrap();
        for dialect in [refuel_staging::Dialect::Sqlite, refuel_staging::Dialect::Postgres] {
            let parsed = refuel_staging::Analyzed::facts(&sql, dialect);
            assert!(parsed.is_ok(), "{}: {parsed:?}\n{sql}", node.name);
        }
    }
    assert!(
        sql(&dag, "test.none_is_lost").ends_with("is null"),
        "no semicolon is left"
    );
}

#[test]
fn what_a_check_names_must_be_there() {
    insta::assert_snapshot!(errors(&[
        FILES[0],
        ("models/raw.sql", "select 1 as id"),
        ("models/m.sql", "select * from {{ ref('raw') }}"),
        ("models/other.sql", "select 1 as id"),
        ("tests/t.sql", "select * from {{ this }}"),
        (
            "models/p.yml",
            "\
models:
  - name: m
    columns:
      - name: id
        data_tests:
          - unique
          - unique
          - relationships: {to: ref('rawr'), field: id}
    evaluations:
      - name: topics
        task: topc
        on: {prediction: topic, truth: status}
        metrics: {accuracy: \">= 0.5\"}
unit_tests:
  - name: u
    model: m
    given:
      - input: ref('other')
        rows: [{id: 1}]
    expect:
      rows: [{id: 1}]
",
        ),
    ]));
}

/// A wrong name would be asked of the model itself, and a wrong value be an answer that no model gives.
#[test]
fn answers_of_a_unit_test_are_of_tasks_that_the_model_asks_and_of_their_labels() {
    let test = |answer: &str| {
        format!(
            "unit_tests:\n  - name: t\n    model: m\n    given: [{{input: ref('raw'), rows: [{{body: a}}]}}]\n    answers: [{answer}]\n    expect: {{rows: [{{topic: refund}}]}}\n"
        )
    };
    let told = |answer: &str| {
        errors(&[
            ("tasks/topic.yml", TOPIC),
            ("tasks/other.yml", TOPIC),
            ("models/raw.sql", "select 'a' as body"),
            (
                "models/hidden.sql",
                "{{ config(materialized='ephemeral') }}select refuel_label(body, 'topic') as topic from {{ ref('raw') }}",
            ),
            ("models/m.sql", "select topic from {{ ref('hidden') }}"),
            ("tests/t.yml", &test(answer)),
        ])
    };
    insta::assert_snapshot!(
        [
            "{task: topik, input: a, value: refund}",
            "{task: other, input: a, value: refund}",
            "{task: topic, input: a, value: refnd}",
            "{task: topic, input: a, value: null}",
            "{task: topic, input: a, error: too long}",
        ]
        .map(told)
        .join("--\n"),
        @r#"
        RF1211 tests/t.yml:5:15: unit test "t" gives an answer of "topik", which the model "m" does not ask
               did you mean "topic"?
        --
        RF1211 tests/t.yml:5:15: unit test "t" gives an answer of "other", which the model "m" does not ask
               it asks topic
        --
        RF1211 tests/t.yml:5:15: unit test "t" gives an answer that "topic" can't give: "refnd" is not in the list of labels
               did you mean "refund"?
        --
        --
        "#
    );
}

/// A model on tables that are empty by mistake gives what is expected of it often enough.
#[test]
fn a_unit_test_gives_rows_for_everything_that_its_model_reads() {
    let told = |given: &str, more: &str| {
        let test =
            format!("unit_tests:\n  - name: t\n    model: m\n    given: [{given}]\n    expect: {{rows: []}}\n{more}");
        errors(&[
            ("models/raw.sql", "select 1 as id"),
            (
                "models/hidden.sql",
                "{{ config(materialized='ephemeral') }}select id from {{ ref('raw') }}",
            ),
            ("models/sources.yml", "sources: [{name: shop, tables: [{name: t}]}]"),
            (
                "models/m.sql",
                "{{ config(materialized='incremental', unique_key='id') }}select id from {{ ref('hidden') }} join {{ source('shop', 't') }} using (id)\n{% if is_incremental() %}where id not in (select id from {{ this }}){% endif %}",
            ),
            ("tests/t.yml", &test),
        ])
    };
    let all = "{input: ref('raw'), rows: [{id: 1}]}, {input: \"source('shop', 't')\", rows: []}";
    assert_eq!(told(all, ""), "", "what an ephemeral model reads stands for it");
    assert_eq!(
        told(
            "{input: ref('hidden'), rows: [{id: 1}]}, {input: \"source('shop', 't')\", rows: []}",
            ""
        ),
        ""
    );
    insta::assert_snapshot!(told("", ""), @r#"
    RF1211 tests/t.yml:2:5: unit test "t" gives no rows for source('shop', 't'), which the model "m" reads
           give it rows; where it is to have none: {input: source('shop', 't'), rows: []}
    RF1211 tests/t.yml:2:5: unit test "t" gives no rows for ref('raw'), which the model "m" reads
           give it rows; where it is to have none: {input: ref('raw'), rows: []}
    "#);
    insta::assert_snapshot!(told(all, "    overrides: {macros: {is_incremental: true}}\n"), @r#"
    RF1211 tests/t.yml:2:5: unit test "t" gives no rows for this, which the model "m" reads
           give it rows; where it is to have none: {input: this, rows: []}
    "#);
}
