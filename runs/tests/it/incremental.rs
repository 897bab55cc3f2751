//! Incremental models.

use refuel_runs::NodeStatus;

use crate::common::{Shop, TOPIC, lines, node, status};

const LABELLED: &str = "model.shop.labelled";

/// Rows with the day on which they were written.
fn seed(rows: &[(u32, &str, &str)]) -> String {
    let lines = rows.iter().map(|(id, day, body)| format!("{id},{day},{body}\n"));
    format!("id,updated,body\n{}", lines.collect::<String>())
}

fn shop(config: &str) -> Shop {
    let labelled = format!(
        "{{{{ config(materialized='incremental'{config}) }}}}\n\
         SELECT id, updated, refuel_label(body, 'topic') AS topic FROM {{{{ ref('cleaned') }}}}\n\
         {{% if is_incremental() %}}WHERE updated > (SELECT max(updated) FROM {{{{ this }}}}){{% endif %}}\n"
    );
    let shop = Shop::with(&[
        ("models/labelled.sql", &labelled),
        (
            "models/cleaned.sql",
            "SELECT id, updated, trim(body) AS body FROM {{ ref('messages') }}\n",
        ),
    ]);
    shop.write(
        "seeds/messages.csv",
        &seed(&[(1, "2026-01-01", "refund!"), (2, "2026-01-02", "delivery!")]),
    );
    shop
}

const TABLE: &str = "SELECT id, topic FROM labelled ORDER BY id";

#[test]
fn one_row_that_changed_is_one_row_that_is_asked() {
    let shop = shop(", unique_key='id'");
    let first = shop.build();
    assert!(first.is_success(), "{}", lines(&first));
    shop.models.asked();
    shop.write(
        "seeds/messages.csv",
        &seed(&[(1, "2026-01-03", "it is a delivery!"), (2, "2026-01-02", "delivery!")]),
    );
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.models.asked(), ["it is a delivery!"]);
    assert_eq!(node(&report, LABELLED).rows, Some(1));
    assert_eq!(shop.table(TABLE), "1 | delivery\n2 | delivery");
    assert_eq!(status(&shop.build(), LABELLED), NodeStatus::Reused);
}

#[test]
fn another_task_is_asked_of_rows_that_are_there_and_rows_that_are_gone_stay() {
    let shop = shop(", unique_key='id'");
    shop.build();
    shop.models.asked();
    // Row 1 is no longer in the source, and was labelled: it stays.
    shop.write("seeds/messages.csv", &seed(&[(2, "2026-01-02", "delivery!")]));
    shop.write("tasks/topic.yml", &TOPIC.replace("Say what", "Say in one word what"));
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(
        shop.models.asked(),
        ["delivery!"],
        "though it is no newer than what is there"
    );
    assert_eq!(shop.table(TABLE), "1 | refund\n2 | delivery");
}

#[test]
fn without_a_key_another_task_makes_the_table_anew() {
    let shop = shop("");
    shop.build();
    shop.models.asked();
    shop.write("tasks/topic.yml", &TOPIC.replace("0.6", "0.9"));
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.models.asked(), [""; 0]);
    assert_eq!(shop.table(TABLE), "1 | NULL\n2 | NULL", "no row is there twice");
}

#[test]
fn a_gated_incremental_model_keeps_its_parts() {
    let shop = shop(", unique_key='id', gates=true");
    let first = shop.build();
    assert!(first.is_success(), "{}", lines(&first));
    shop.write(
        "seeds/messages.csv",
        &seed(&[
            (1, "2026-01-01", "refund!"),
            (2, "2026-01-02", "delivery!"),
            (3, "2026-01-04", "refund"),
        ]),
    );
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(shop.table("SELECT id FROM labelled__accepted ORDER BY id"), "1\n2");
    assert_eq!(shop.table("SELECT id FROM labelled__review"), "3");
    assert_eq!(shop.table("SELECT count(*) FROM labelled"), "3");
}
