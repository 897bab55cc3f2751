//! What is told of tasks over whole relations before and after they are applied: plans, what is sent, and explanations.

use refuel_engine::Cancel;
use refuel_runs::{Command, Explanation, PlanRelation, RunRequest, explain, plan};

use crate::common::Shop;
use crate::compiled;
use crate::relations::{VENDORS, shop};

fn planned(shop: &Shop, name: &str) -> Vec<PlanRelation> {
    let workspace = shop.open();
    let request = RunRequest::new(Command::Build, Shop::all(&workspace));
    let report = plan(&workspace, &request, &Cancel::new()).unwrap_or_else(|error| panic!("{error}"));
    let node = report.nodes.into_iter().find(|node| node.name == name).unwrap();
    assert_eq!(node.unknown, None);
    node.relations
}

fn explained(shop: &Shop, key: &str) -> Explanation {
    let workspace = shop.open();
    let told = explain(
        &workspace,
        "model.shop.entities",
        Some("record_key"),
        key,
        &Cancel::new(),
    );
    told.unwrap_or_else(|error| panic!("{error}"))
}

/// Why a result is kept or computed, without the times.
fn why(shop: &Shop) -> String {
    let explanation = explained(shop, "v2");
    let words = explanation.relations[0].why.join("\n");
    let is_time = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    let shown = words.split(' ').map(|word| if is_time(word) { "#" } else { word });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_plan_says_which_relations_are_computed() {
    let shop = shop();
    shop.write(
        "models/again.sql",
        "{{ config(materialized='table') }}\n\
         SELECT r.record_key FROM refuel_resolve({{ ref('vendors') }}, 'same_vendor') AS r\n",
    );
    let of = |name: &str| {
        let [one] = planned(&shop, name).try_into().unwrap();
        (one.task, one.reads, one.rows, one.is_kept, one.is_shared)
    };
    let task = || "same_vendor".to_owned();
    let (first, second) = (of("again"), of("entities"));
    assert_eq!(first, (task(), "vendors".to_owned(), 8, false, false));
    assert_eq!(second, (task(), "vendors".to_owned(), 8, false, true), "computed once");
    shop.build();
    shop.write(
        "models/again.sql",
        "SELECT r.record_key AS id FROM refuel_resolve({{ ref('vendors') }}, 'same_vendor') AS r",
    );
    assert_eq!(of("again"), (task(), "vendors".to_owned(), 8, true, false));
    assert_eq!(planned(&shop, "entities"), [], "it is reused");
}

#[test]
fn what_is_sent_for_a_relation_is_its_rows_and_the_table_of_the_result() {
    let shop = shop();
    let before = compiled::of(&shop, "model.shop.entities");
    let relation = &before.queries[0].relations[0];
    assert_eq!(
        relation.table, "\"_refuel_same_vendor_unknown\"",
        "there are no rows yet"
    );
    shop.build();
    let after = compiled::of(&shop, "model.shop.entities");
    let [query] = after.queries.try_into().unwrap();
    let [relation] = query.relations.try_into().unwrap();
    assert_eq!(
        (relation.function, relation.model, relation.is_kept),
        ("refuel_resolve", None, true)
    );
    assert_eq!(shop.rows(&relation.rows).len(), 8);
    assert!(query.sql.contains(&relation.table), "{}", query.sql);
    assert!(!query.sql.contains("refuel_resolve"), "{}", query.sql);
    assert_eq!(shop.rows(&query.sql).len(), 8);
}

#[test]
fn what_is_sent_for_gated_rows_of_a_relation_has_their_gate() {
    let shop = shop();
    shop.write(
        "models/entities.sql",
        "{{ config(materialized='table', gates=true) }}\n\
         SELECT r.record_key, r.entity_id FROM refuel_resolve({{ ref('vendors') }}, 'same_vendor') AS r\n",
    );
    shop.build();
    let compiled = compiled::of(&shop, "model.shop.entities");
    let sql = &compiled.queries[0].sql;
    assert!(sql.contains("refuel_gate"), "{sql}");
    assert_eq!(shop.table("SELECT count(*) FROM entities__accepted"), "8");
}

#[test]
fn an_explanation_shows_the_entity_of_a_record() {
    let shop = shop();
    shop.build();
    let explanation = explained(&shop, "v2");
    assert_eq!(explanation.calls.len(), 0);
    let [relation] = explanation.relations.try_into().unwrap();
    let found: Vec<String> = relation
        .found
        .iter()
        .map(|row| format!("{} {}", row["record_key"], row["entity_id"]))
        .collect();
    assert_eq!(found, ["\"v2\" 1", "\"v1\" 1"], "the record, and what is the same");
    let workspace = shop.open();
    let error = explain(&workspace, "model.shop.entities", Some("id"), "v99", &Cancel::new()).unwrap_err();
    assert_eq!(error.code(), "RF1508", "{error}");
}

#[test]
fn an_explanation_says_why_a_relation_is_computed() {
    let shop = shop();
    let told = explain(
        &shop.open(),
        "model.shop.entities",
        Some("record_key"),
        "v2",
        &Cancel::new(),
    );
    assert!(
        told.unwrap_err()
            .to_string()
            .contains("reads vendors, which has not been built")
    );
    shop.build();
    insta::assert_snapshot!(why(&shop), @"nothing is computed: the result for these rows, this task and its model is kept, which entities read on # # UTC");
    shop.write(
        "tasks/same_vendor.yml",
        "kind: resolve\nkey: id\nignore: seen\nthreshold: 0.9\n",
    );
    insta::assert_snapshot!(why(&shop), @"it is computed again: since # # UTC the task has changed (threshold)");
    shop.build();
    shop.write("seeds/vendors.csv", &VENDORS.replace("Suplies", "Supply"));
    shop.run(Command::Seed);
    insta::assert_snapshot!(why(&shop), @"it is computed again: since # # UTC the rows of vendors have changed, in columns that the task reads");
}

#[test]
fn calls_beside_a_relation_are_explained_over_the_whole_of_it() {
    let shop = shop();
    shop.write("tasks/topic.yml", "kind: label\ninput: name\nlabels: [golden, other]\n");
    shop.write(
        "models/entities.sql",
        "SELECT v.id, r.entity_id, refuel_label(v.name, 'topic') AS topic\n\
         FROM refuel_resolve({{ ref('vendors') }}, 'same_vendor') AS r\n\
         JOIN {{ ref('vendors') }} AS v ON v.id = r.record_key\n",
    );
    shop.build();
    let explanation = explain(&shop.open(), "model.shop.entities", Some("id"), "v3", &Cancel::new()).unwrap();
    assert!(explanation.relations[0].is_kept);
    assert_eq!(explanation.calls.len(), 1, "{explanation:#?}");
    assert_eq!(explanation.calls[0].value, "golden");
}
