//! What is sent for a model, before it is sent.

use refuel_dag::NodeId;
use refuel_engine::Cancel;
use refuel_runs::{CompiledNode, compiled};

use crate::common::Shop;

/// A model whose second call is about the answer to its first.
const NESTED: &str = "{{ config(materialized='table', gates=true) }}\n\
    SELECT id, refuel_label(refuel_complete(body, 'small'), 'topic') AS topic FROM {{ ref('cleaned') }}\n";

pub(crate) fn of(shop: &Shop, id: &str) -> CompiledNode {
    let nodes = [NodeId::from(id)];
    let mut all = compiled(&shop.open(), &nodes, &Cancel::new()).unwrap_or_else(|error| panic!("{error}"));
    all.pop().unwrap()
}

#[test]
fn stages_say_what_is_asked_of_whom_and_after_what() {
    let shop = Shop::with(&[("models/labelled.sql", NESTED)]);
    shop.build();
    let labelled = of(&shop, "model.shop.labelled");
    assert_eq!(labelled.relation.as_deref(), Some("\"labelled__gated\""));
    assert!(!labelled.as_written);
    let [query] = labelled.queries.try_into().unwrap();
    let stages: Vec<String> = query
        .stages
        .iter()
        .map(|stage| {
            format!(
                "{} {} {} {:?}",
                stage.function,
                stage.task,
                stage.model.as_deref().unwrap_or("?"),
                stage.after
            )
        })
        .collect();
    assert_eq!(
        stages,
        [
            "refuel_complete small small@digest []",
            "refuel_label topic smollm2-135m-instruct@digest [1]"
        ]
    );
    // It is what the build asked: the tables are there, and everything in them is known.
    for stage in &query.stages {
        assert_eq!(shop.rows(&stage.inputs), Vec::<Vec<String>>::new(), "{}", stage.inputs);
        assert!(query.sql.contains(&stage.table), "{}", query.sql);
        assert_ne!(shop.table(&format!("SELECT count(*) FROM {}", stage.table)), "0");
    }
    assert_eq!(shop.rows(&query.sql).len(), 6);
    assert!(query.sql.contains("refuel_gate"), "{}", query.sql);
}

#[test]
fn a_model_without_calls_has_its_sql_and_no_stages() {
    let shop = Shop::new();
    let report = of(&shop, "model.shop.report");
    let [query] = report.queries.try_into().unwrap();
    assert_eq!(query.stages, []);
    assert!(query.sql.contains("FROM \"labelled\" GROUP BY topic"), "{}", query.sql);
}

#[test]
fn an_incremental_model_has_the_query_that_adds_rows_too() {
    let shop = Shop::with(&[(
        "models/labelled.sql",
        "{{ config(materialized='incremental', unique_key='id') }}\n\
         SELECT id, body, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\
         {% if is_incremental() %} WHERE id > (SELECT max(id) FROM {{ this }}){% endif %}\n",
    )]);
    let labelled = of(&shop, "model.shop.labelled");
    let incremental: Vec<bool> = labelled.queries.iter().map(|query| query.incremental).collect();
    assert_eq!(incremental, [false, true]);
    assert!(labelled.queries[1].stages[0].inputs.contains("max(id)"));
}

/// A checkout on a machine without models can still be looked at.
#[test]
fn a_model_that_is_not_there_leaves_the_name_of_its_table_open() {
    let shop = Shop::new();
    shop.models.remove();
    let labelled = of(&shop, "model.shop.labelled");
    let stage = &labelled.queries[0].stages[0];
    assert_eq!(
        (stage.model.as_deref(), stage.table.as_str()),
        (None, "\"_refuel_topic_unknown\"")
    );
}
