//! Building, and building again.

use refuel_runs::{Command, NodeStatus};

use crate::common::{MESSAGES, Shop, TOPIC, lines, node, status};

const LABELLED: &str = "model.shop.labelled";

#[test]
fn a_build_labels_rows_and_asks_each_distinct_input_once() {
    let shop = Shop::new();
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(
        shop.models.asked(),
        [
            "Hello",
            "I want a refund!",
            "Where is my delivery?!",
            "delivery or refund"
        ],
        "neither the copy nor the row without a text"
    );
    insta::assert_snapshot!(shop.table("SELECT id, topic FROM labelled ORDER BY id"), @r"
    1 | delivery
    2 | refund
    3 | refund
    4 | NULL
    5 | NULL
    6 | NULL
    ");
    insta::assert_snapshot!(shop.table("SELECT topic, messages FROM report ORDER BY topic"), @r"
    NULL | 3
    delivery | 1
    refund | 2
    ");
    assert_eq!(node(&report, LABELLED).asked, 4);
    assert_eq!(node(&report, LABELLED).rows, Some(6));
}

#[test]
fn the_second_build_does_nothing() {
    let shop = Shop::new();
    shop.build();
    shop.models.asked();
    let report = shop.build();
    assert!(
        report.nodes.iter().all(|node| node.status == NodeStatus::Reused),
        "{}",
        lines(&report)
    );
    assert_eq!(shop.models.asked(), [""; 0]);
}

#[test]
fn a_new_row_of_a_seed_is_the_only_one_that_is_asked() {
    let shop = Shop::new();
    shop.build();
    shop.models.asked();
    shop.write("seeds/messages.csv", &format!("{MESSAGES}7,another refund!\n"));
    let report = shop.build();
    assert_eq!(shop.models.asked(), ["another refund!"]);
    assert_eq!(status(&report, LABELLED), NodeStatus::Success);
    assert_eq!(shop.table("SELECT topic FROM labelled WHERE id = 7"), "refund");
}

#[test]
fn another_guideline_asks_everything_again() {
    let shop = Shop::new();
    shop.build();
    shop.models.asked();
    shop.write("tasks/topic.yml", &TOPIC.replace("Say what", "Say in one word what"));
    let report = shop.build();
    assert_eq!(shop.models.asked().len(), 4);
    assert_eq!(status(&report, "model.shop.cleaned"), NodeStatus::Reused);
    assert_eq!(status(&report, LABELLED), NodeStatus::Success);
}

#[test]
fn another_description_builds_nothing() {
    let shop = Shop::new();
    shop.build();
    shop.models.asked();
    shop.write(
        "tasks/topic.yml",
        &TOPIC.replace("What a message is about.", "Topic of a message."),
    );
    let report = shop.build();
    assert!(
        report.nodes.iter().all(|node| node.status == NodeStatus::Reused),
        "{}",
        lines(&report)
    );
}

#[test]
fn a_comment_or_another_layout_builds_nothing() {
    let shop = Shop::new();
    shop.build();
    shop.write(
        "models/report.sql",
        "{{ config(materialized='table') }}\n-- How many of each.\nselect   topic,\n  count(*) AS messages\n\
         FROM {{ ref('labelled') }}\nGROUP BY topic\n",
    );
    let report = shop.build();
    assert_eq!(
        status(&report, "model.shop.report"),
        NodeStatus::Reused,
        "{}",
        lines(&report)
    );
}

#[test]
fn another_threshold_gates_again_and_asks_nothing() {
    let shop = Shop::new();
    shop.build();
    shop.models.asked();
    shop.write("tasks/topic.yml", &TOPIC.replace("0.6", "0.5"));
    let report = shop.build();
    assert_eq!(shop.models.asked(), [""; 0]);
    assert_eq!(status(&report, LABELLED), NodeStatus::Success);
    assert_eq!(
        shop.table("SELECT topic FROM labelled WHERE id IN (4, 5) ORDER BY id"),
        "delivery\nother"
    );
    // And back.
    shop.write("tasks/topic.yml", TOPIC);
    shop.build();
    assert_eq!(shop.models.asked(), [""; 0]);
    assert_eq!(
        shop.table("SELECT topic FROM labelled WHERE id IN (4, 5)"),
        "NULL\nNULL"
    );
}

#[test]
fn another_model_asks_everything_again_and_the_old_answers_are_dropped() {
    let shop = Shop::new();
    shop.build();
    shop.models.asked();
    shop.models.other_model("2");
    shop.build();
    assert_eq!(shop.models.asked().len(), 4);
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_refuel\\_topic\\_%' ESCAPE '\\'";
    assert_eq!(shop.table(tables), "1");
}

#[test]
fn answers_of_a_table_that_is_gone_come_back_from_the_state() {
    let shop = Shop::new();
    shop.build();
    shop.models.asked();
    std::fs::remove_file(shop.path().join("warehouse.sqlite3")).unwrap();
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.models.asked(), [""; 0]);
    assert_eq!(node(&report, LABELLED).cached, 4);
    assert_eq!(shop.table("SELECT count(*) FROM labelled WHERE topic IS NOT NULL"), "3");
}

#[test]
fn full_refresh_makes_everything_anew_and_asks_nothing() {
    let shop = Shop::new();
    shop.build();
    shop.models.asked();
    let report = shop
        .try_run(Command::Build, |request| request.full_refresh = true)
        .unwrap();
    assert!(
        report.nodes.iter().all(|node| node.status == NodeStatus::Success),
        "{}",
        lines(&report)
    );
    assert_eq!(shop.models.asked(), [""; 0]);
}

#[test]
fn a_view_with_calls_reads_answers_when_it_is_read() {
    let shop = Shop::with(&[(
        "models/labelled.sql",
        "SELECT id, body, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n",
    )]);
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(
        shop.table("SELECT type FROM sqlite_schema WHERE name = 'labelled'"),
        "view"
    );
    assert_eq!(shop.table("SELECT topic FROM labelled WHERE id = 2"), "refund");
}

#[test]
fn the_same_call_in_two_models_is_asked_once() {
    let shop = Shop::with(&[(
        "models/other.sql",
        "{{ config(materialized='table') }}\n\
         SELECT id, refuel_confidence(body, 'topic') AS sure FROM {{ ref('cleaned') }}\n",
    )]);
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.models.asked().len(), 4);
    assert_eq!(shop.table("SELECT round(sure, 3) FROM other WHERE id = 2"), "0.6");
}

#[test]
fn nested_calls_are_two_stages() {
    let shop = Shop::with(&[
        (
            "models/labelled.sql",
            "{{ config(materialized='table') }}\n\
             SELECT id, refuel_label(refuel_complete(body, 'loud'), 'topic') AS topic FROM {{ ref('cleaned') }}\n",
        ),
        ("models/report.sql", "SELECT 1 AS one"),
    ]);
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert!(shop.models.asked().contains(&"I WANT A REFUND!".to_owned()));
    assert_eq!(shop.table("SELECT topic FROM labelled WHERE id = 2"), "refund");
}

#[test]
fn run_results_are_written_for_other_tools() {
    let shop = Shop::new();
    let report = shop.build();
    let file = shop.path().join("target/run_results.json");
    let results: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(results["metadata"]["invocation_id"], report.run.as_str());
    let labelled = results["results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|result| result["unique_id"] == LABELLED)
        .unwrap();
    assert_eq!(labelled["status"], "success");
    assert_eq!(labelled["adapter_response"]["asked"], 4);
    assert_eq!(labelled["relation_name"], "\"labelled\"");
}

#[test]
fn a_relation_that_somebody_else_made_is_left_alone() {
    let shop = Shop::new();
    {
        let workspace = shop.open();
        let mut warehouse = workspace.warehouses.connect().unwrap();
        warehouse.execute("CREATE TABLE report (mine text)").unwrap();
    }
    let error = shop.try_run(Command::Build, |_| {}).unwrap_err();
    assert!(error.to_string().contains("report"), "{error}");
    assert_eq!(shop.models.asked(), [""; 0], "nothing has run");
    assert_eq!(shop.table("SELECT count(*) FROM report"), "0");
}

#[test]
fn inputs_that_can_not_be_answered_are_told_with_their_reason() {
    let shop = Shop::with(&[(
        "seeds/messages.csv",
        "id,body\n1,a broken one\n2,another broken one\n3,a refund!\n",
    )]);
    let report = shop.build();
    assert_eq!(
        node(&report, "model.shop.labelled").message.as_deref(),
        Some("2 inputs could not be answered: the model broke on it (2)")
    );
}
