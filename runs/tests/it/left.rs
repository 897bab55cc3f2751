//! What is left of earlier builds: relations under other names, answers of models that are gone.

use refuel_dag::NodeId;
use refuel_engine::Cancel;
use refuel_runs::{Command, NodeStatus, RunRequest, execute, retry_request};

use crate::common::{MESSAGES, Recorder, Shop, lines, node};

/// Whoever reads the target would find two of them, and take the old one for the new.
#[test]
fn a_relation_that_is_called_otherwise_now_is_dropped() {
    let shop = Shop::new();
    shop.build();
    let recorder = Recorder::default();
    let topics = "SELECT id, body, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n";
    shop.write(
        "models/labelled.sql",
        &format!("{{{{ config(materialized='table', alias='messages_by_topic') }}}}\n{topics}"),
    );
    let workspace = shop.open();
    let request = RunRequest::new(Command::Build, Shop::all(&workspace));
    execute(&workspace, &request, &recorder, &Cancel::new()).unwrap();
    let relations = "SELECT name FROM sqlite_schema WHERE name IN ('labelled', 'messages_by_topic')";
    assert_eq!(shop.table(relations), "messages_by_topic");
    let said = recorder.notes();
    assert!(said.contains("dropped \"labelled\", as it was called before"), "{said}");
}

#[test]
fn an_earlier_relation_that_a_view_of_somebody_else_reads_is_left_and_named() {
    let shop = Shop::new();
    shop.build();
    let workspace = shop.open();
    workspace
        .warehouses
        .connect()
        .unwrap()
        .execute("CREATE VIEW mine AS SELECT * FROM labelled")
        .unwrap();
    shop.write(
        "models/labelled.sql",
        "{{ config(materialized='ephemeral') }}\nSELECT id, body, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n",
    );
    let recorder = Recorder::default();
    let workspace = shop.open();
    let request = RunRequest::new(Command::Build, Shop::all(&workspace));
    execute(&workspace, &request, &recorder, &Cancel::new()).unwrap();
    assert_eq!(shop.table("SELECT count(*) FROM mine"), "6");
    let said = recorder.notes();
    assert!(said.contains("is left: the view mine reads it"), "{said}");
}

/// Somebody who only builds on answers that others paid for needs no model.
#[test]
fn a_build_whose_answers_are_known_needs_no_model() {
    let shop = Shop::new();
    shop.build();
    shop.models.asked();
    shop.models.remove();
    let report = shop
        .try_run(Command::Build, |request| request.full_refresh = true)
        .unwrap();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(node(&report, "model.shop.labelled").asked, 0);
    shop.write("seeds/messages.csv", &format!("{MESSAGES}7,Something new\n"));
    let report = shop.build();
    let labelled = node(&report, "model.shop.labelled");
    assert_eq!(labelled.status, NodeStatus::Error);
    assert_eq!(labelled.code.as_deref(), Some("RF0301"), "{labelled:?}");
}

/// What was refreshed before the failure is not made anew a second time.
#[test]
fn a_retry_refreshes_only_what_was_not_done() {
    let shop = Shop::new();
    shop.build();
    shop.write(
        "models/report.sql",
        "SELECT no_such_column FROM {{ ref('labelled') }}\n",
    );
    let report = shop
        .try_run(Command::Build, |request| request.full_refresh = true)
        .unwrap();
    assert_eq!(
        node(&report, "model.shop.labelled").status,
        NodeStatus::Success,
        "{}",
        lines(&report)
    );
    assert_eq!(node(&report, "model.shop.report").status, NodeStatus::Error);
    shop.write("models/report.sql", "SELECT topic FROM {{ ref('labelled') }}\n");
    let workspace = shop.open();
    let request = retry_request(&workspace, &RunRequest::new(Command::Build, Vec::new())).unwrap();
    assert!(request.full_refresh);
    assert_eq!(request.selection, [NodeId::from("model.shop.report")]);
}
