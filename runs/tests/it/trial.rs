//! A query that the database refuses costs no answers.

use refuel_runs::NodeStatus;

use crate::common::{Shop, node};

/// What became of `labelled` with this text; nobody was asked.
fn refused(shop: &Shop, text: &str) -> String {
    shop.write("models/labelled.sql", text);
    let report = shop.build();
    let labelled = node(&report, "model.shop.labelled");
    assert_eq!(labelled.status, NodeStatus::Error, "{labelled:#?}");
    assert_eq!(shop.models.asked(), [""; 0]);
    assert_eq!(labelled.code.as_deref(), Some("RF1303"));
    labelled.message.clone().unwrap_or_default()
}

#[test]
fn a_wrong_column_is_told_before_anybody_is_asked() {
    let shop = Shop::new();
    let message = refused(
        &shop,
        "SELECT nocol, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n",
    );
    assert!(message.starts_with("models/labelled.sql"), "{message}");
    assert!(message.contains("no such column: nocol"), "{message}");
    assert_eq!(
        shop.table("SELECT count(*) FROM sqlite_temp_schema"),
        "0",
        "nothing is left of the trial"
    );
}

#[test]
fn what_is_wrong_behind_a_call_is_told_before_it_is_asked() {
    let shop = Shop::new();
    let message = refused(
        &shop,
        "SELECT refuel_label(refuel_complete(body, 'small') || nocol, 'topic') AS topic FROM {{ ref('cleaned') }}\n",
    );
    assert!(message.contains("nocol"), "{message}");
}

#[test]
fn a_wrong_column_is_told_before_a_relation_is_resolved() {
    let shop = crate::relations::shop();
    shop.write(
        "models/entities.sql",
        "SELECT r.entity, r.record_key FROM refuel_resolve({{ ref('vendors') }}, 'same_vendor') AS r\n",
    );
    let report = shop.build();
    let entities = node(&report, "model.shop.entities");
    assert!(
        entities
            .message
            .as_deref()
            .is_some_and(|message| message.contains("no such column: r.entity")),
        "{entities:#?}"
    );
    assert_eq!(
        shop.table("SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_refuel\\_same%' ESCAPE '\\'"),
        "0"
    );
}

#[test]
fn rows_that_can_not_have_gates_are_told_of_before_anybody_is_asked() {
    let shop = Shop::new();
    shop.write(
        "models/labelled.sql",
        "{{ config(materialized='table', gates=true) }}\n\
         WITH RECURSIVE r AS (SELECT refuel_label(body, 'topic') AS topic, 1 AS n FROM {{ ref('cleaned') }}\n\
         UNION SELECT topic, n + 1 FROM r WHERE n < 3) SELECT * FROM r\n",
    );
    let report = shop.build();
    let labelled = node(&report, "model.shop.labelled");
    let message = labelled.message.as_deref().unwrap_or_default();
    assert!(message.contains("can't have gates"), "{labelled:#?}");
    assert_eq!(shop.models.asked(), [""; 0]);
}
