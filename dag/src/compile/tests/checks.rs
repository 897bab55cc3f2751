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
