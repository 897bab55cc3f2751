//! The same project on a server with the extension, which answers calls itself.

use refuel_postgres_tests::{Cluster, LANGUAGE_MODEL};
use refuel_runs::NodeStatus;
use refuel_state::{Input, Review, Verdict};
use refuel_task::RenderedInput;

use crate::common::{Shop, TOPIC, lines, status};

/// None, said on standard error, where the extension isn't built.
fn cluster() -> Option<Cluster> {
    let built = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    if !built.join("librefuel.so").is_file() || !built.join("refuel").is_file() {
        eprintln!(
            "skipped: the extension and the program are not built in {}",
            built.display()
        );
        return None;
    }
    Cluster::ready()
}

fn shop(cluster: &Cluster) -> Shop {
    let task = format!("{TOPIC}model: {LANGUAGE_MODEL}\n").replace("0.6", "0.0");
    let shop = Shop::with(&[
        ("tasks/topic.yml", &task),
        (
            "models/labelled.sql",
            "{{ config(materialized='table', gates=true) }}\n\
             SELECT id, body, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n",
        ),
    ]);
    shop.write(
        "profiles.yml",
        &format!(
            "target: prod\ntargets:\n  prod:\n    type: postgres\n    host: {}\n    user: postgres\n    database: postgres\n    schema: shop\n    extension: required\n",
            cluster.folder().display()
        ),
    );
    shop
}

#[test]
fn the_extension_answers_calls_and_tasks_are_put_into_its_catalog() {
    let Some(cluster) = cluster() else { return };
    let shop = shop(&cluster);
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.models.asked(), [""; 0], "the extension asks its own host");
    assert_eq!(
        shop.table("SELECT count(*) FROM labelled WHERE topic IN ('delivery', 'refund', 'other')"),
        "5"
    );
    assert_eq!(shop.table("SELECT count(*) FROM labelled__accepted"), "6");
    let versions = "SELECT max(version) FROM refuel.tasks WHERE name = 'topic'";
    assert_eq!(shop.table(versions), "1");
    let again = shop.build();
    assert!(
        again.nodes.iter().all(|node| node.status == NodeStatus::Reused),
        "{}",
        lines(&again)
    );
    // Another threshold is another version there, and gates rows.
    let task = std::fs::read_to_string(shop.path().join("tasks/topic.yml")).unwrap();
    shop.write("tasks/topic.yml", &task.replace("threshold: 0.0", "threshold: 1.0"));
    let gated = shop.build();
    assert_eq!(
        status(&gated, "model.shop.labelled"),
        NodeStatus::Success,
        "{}",
        lines(&gated)
    );
    assert_eq!(shop.table(versions), "2");
    assert_eq!(shop.table("SELECT count(*) FROM labelled__review"), "5");
}

#[test]
fn a_task_with_verdicts_is_answered_as_where_there_is_no_extension() {
    let Some(cluster) = cluster() else { return };
    let shop = shop(&cluster);
    let review = Review {
        task: "topic".to_owned(),
        hash: RenderedInput::text("Hello").hash(),
        input: Input::One("Hello".to_owned()),
        verdict: Verdict::Value("delivery".into()),
        reviewer: "ada".to_owned(),
        at: jiff::Timestamp::now(),
        note: None,
        guess: None,
    };
    shop.open().state.put_reviews(&[review]).unwrap();
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.models.asked().len(), 3);
    assert_eq!(shop.table("SELECT topic FROM labelled WHERE id = 5"), "delivery");
}
