use std::process::Command;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::earlier::Earlier;
use super::{ManifestOptions, write_manifest};
use crate::artifacts::{Invocation, MANIFEST_FILE, NodeResult, RUN_RESULTS_FILE, ResultStatus, RunResults, read_json};
use crate::diff::shop::Shop;

fn now() -> Timestamp {
    "2026-02-03T04:05:06.5Z".parse().unwrap()
}

fn invocation() -> Invocation {
    Invocation {
        id: "0197f3a2-0000-7000-8000-000000000000".to_owned(),
        started_at: now(),
    }
}

/// The shop with what it has not: a contract, an evaluation, a loaded file, hooks, stored failures.
fn shop() -> Shop {
    let shop = Shop::new();
    shop.write("models/contract.sql", "{{ config(materialized='table', contract={'enforced': true}, pre_hook='select 1') }}\nselect id, body from {{ ref('stg_tickets') }}\n");
    shop.write(
        "models/more.yml",
        "models:\n  - name: contract\n    columns:\n      - name: id\n        data_type: integer\n        constraints: [{type: \
         primary_key}]\n      - name: body\n        data_type: text\n        data_tests:\n          - relationships:\n              \
         to: ref('stg_tickets')\n              field: body\n              config: {store_failures: true, where: id > 1, \
         limit: 10, error_if: '> 5'}\nsources:\n  - name: files\n    tables:\n      - name: people\n        path: \
         data/people.csv\n",
    );
    shop.write("data/people.csv", "id,name\n1,Ada\n");
    shop.replace(
        "models/schema.yml",
        "  - name: labelled\n",
        "  - name: labelled\n    evaluations:\n      - name: topic_is_right\n        task: ticket_topic\n        on: \
         ref('countries')\n        truth: code\n        metrics: {accuracy: '>= 0.8'}\n",
    );
    shop
}

fn manifest(shop: &Shop) -> Map<String, Value> {
    let options = ManifestOptions {
        invocation: invocation(),
        now: now(),
        compiled: true,
    };
    write_manifest(&shop.compile(), shop.path(), &options).unwrap();
    read_json(&shop.path().join(MANIFEST_FILE)).unwrap()
}

#[test]
fn a_manifest_has_what_readers_look_for() {
    let manifest = manifest(&shop());
    let keys: Vec<&str> = manifest.keys().map(String::as_str).collect();
    insta::assert_snapshot!(keys.join(" "), @r"
    metadata nodes sources macros docs exposures metrics groups selectors disabled parent_map child_map group_map saved_queries semantic_models unit_tests functions
    ");
    let mut model = manifest["nodes"]["model.shop.labelled"].clone();
    model["config"]["refuel"]["fingerprints"] = "[hashes]".into();
    insta::assert_json_snapshot!("model", model);
    let mut test = manifest["nodes"]
        .as_object()
        .unwrap()
        .iter()
        .find(|(id, _)| id.starts_with("test.shop.accepted_values"))
        .unwrap()
        .1
        .clone();
    test["config"]["refuel"]["fingerprints"] = "[hashes]".into();
    insta::assert_json_snapshot!("declared_test", test);
    let mut source = manifest["sources"]["source.shop.raw.tickets"].clone();
    source["config"]["refuel"]["fingerprints"] = "[hashes]".into();
    insta::assert_json_snapshot!("source", source);
    insta::assert_json_snapshot!("unit_test", manifest["unit_tests"]["unit_test.shop.labelled.blank"]);
}

#[test]
fn edges_are_written_both_ways_and_lead_to_no_task() {
    let manifest = manifest(&shop());
    assert_eq!(
        manifest["parent_map"]["model.shop.labelled"],
        serde_json::json!(["model.shop.stg_tickets"])
    );
    let children = manifest["child_map"]["model.shop.stg_tickets"].as_array().unwrap();
    assert!(children.contains(&"model.shop.labelled".into()));
    assert!(children.contains(&"test.shop.no_empty_body".into()));
    assert!(
        !serde_json::to_string(&manifest["parent_map"])
            .unwrap()
            .contains("\"task.")
    );
    let tasks = &manifest["nodes"]["model.shop.labelled"]["config"]["refuel"]["tasks"];
    assert_eq!(*tasks, serde_json::json!(["task.shop.ticket_topic"]));
}

#[test]
fn sql_is_left_out_where_it_is_not_wanted() {
    let shop = shop();
    let options = ManifestOptions {
        invocation: invocation(),
        now: now(),
        compiled: false,
    };
    write_manifest(&shop.compile(), shop.path(), &options).unwrap();
    let manifest: Map<String, Value> = read_json(&shop.path().join(MANIFEST_FILE)).unwrap();
    assert_eq!(manifest["nodes"]["model.shop.report"]["compiled"], false);
    assert_eq!(manifest["nodes"]["model.shop.report"]["compiled_code"], Value::Null);
}

/// More nodes than are written at a time, so that the seams between them are looked at.
#[test]
fn many_nodes_are_one_object() {
    let shop = shop();
    for number in 0..500 {
        shop.write(&format!("models/many/m{number}.sql"), "select 1 as one");
    }
    let manifest = manifest(&shop);
    let nodes = manifest["nodes"].as_object().unwrap();
    assert_eq!(nodes.keys().filter(|id| id.starts_with("model.shop.m")).count(), 500);
}

/// Room is reserved for a large one: what is too much is given back, and entries are found again in the file that was made.
#[test]
fn a_large_manifest_becomes_smaller_and_its_entries_are_known() {
    let shop = shop();
    let path = |number: usize| format!("models/many/m{number}.sql");
    let long = format!("select '{}' as one", "x".repeat(4000));
    (0..500).for_each(|number| shop.write(&path(number), &long));
    manifest(&shop);
    let known = || Earlier::read(shop.path(), true).length();
    let before = known();
    assert!(before > 2 << 20, "{before} bytes");
    (0..400).for_each(|number| std::fs::remove_file(shop.path().join(path(number))).unwrap());
    let smaller = manifest(&shop);
    let models = smaller["nodes"].as_object().unwrap().keys();
    assert_eq!(models.filter(|id| id.starts_with("model.shop.m")).count(), 100);
    let file = std::fs::metadata(shop.path().join(MANIFEST_FILE)).unwrap();
    assert_eq!(known(), file.len());
    #[cfg(unix)]
    assert!(std::os::unix::fs::MetadataExt::blocks(&file) * 512 < before / 2);
}

/// `REFUEL_TEST_PYTHON` names a Python that has `dbt-artifacts-parser`, which follows dbt's JSON Schemas to the letter.
#[test]
fn readers_of_dbts_artifacts_take_ours() {
    let python = std::env::var("REFUEL_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python)
        .args(["-c", "import dbt_artifacts_parser"])
        .output();
    if !found.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} has no dbt_artifacts_parser; REFUEL_TEST_PYTHON names another");
        return;
    }
    let shop = shop();
    let manifest = manifest(&shop);
    let result = |id: &String, status: ResultStatus| NodeResult {
        status,
        timing: Vec::new(),
        thread_id: "Thread-1".to_owned(),
        execution_time: 0.0,
        adapter_response: Map::new(),
        message: None,
        failures: None,
        unique_id: id.clone(),
        compiled: None,
        compiled_code: None,
        relation_name: None,
        batch_results: None,
    };
    let statuses = [
        ResultStatus::Success,
        ResultStatus::Error,
        ResultStatus::Fail,
        ResultStatus::Warn,
        ResultStatus::Skipped,
        ResultStatus::Pass,
        ResultStatus::Reused,
        ResultStatus::NoOp,
    ];
    let ids = manifest["nodes"].as_object().unwrap().keys();
    let results: Vec<NodeResult> = ids.zip(statuses).map(|(id, status)| result(id, status)).collect();
    let count = results.len();
    RunResults::new(&invocation(), now(), results, 1.0, Map::new())
        .write(shop.path())
        .unwrap();
    let output = Command::new(&python)
        .arg("-c")
        .arg(include_str!("parse.py"))
        .arg(shop.path().join(MANIFEST_FILE))
        .arg(shop.path().join(RUN_RESULTS_FILE))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let nodes = manifest["nodes"].as_object().unwrap().len();
    assert_eq!(said.trim(), format!("{nodes} 2 1 {count}"));
}
