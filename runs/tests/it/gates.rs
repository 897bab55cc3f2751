//! Models with gates.

use crate::common::{Shop, TOPIC, lines};

fn gated(materialized: &str) -> Shop {
    let labelled = format!(
        "{{{{ config(materialized='{materialized}', gates=true) }}}}\n\
         SELECT id, body, refuel_label(body, 'topic') AS topic FROM {{{{ ref('cleaned') }}}}\n"
    );
    Shop::with(&[
        ("models/labelled.sql", &labelled),
        (
            "models/report.sql",
            "SELECT id, topic FROM {{ ref('labelled.accepted') }}\n",
        ),
        (
            "models/queue.sql",
            "SELECT id, body FROM {{ ref('labelled.review') }}\n",
        ),
        (
            "models/failed.sql",
            "SELECT id, body FROM {{ ref('labelled.rejected') }}\n",
        ),
        (
            "seeds/messages.csv",
            "id,body\n1,delivery!\n2,refund\n3,this is broken\n4,\n5,refund!\n",
        ),
    ])
}

#[test]
fn each_row_is_in_one_part() {
    for materialized in ["table", "view"] {
        let shop = gated(materialized);
        let report = shop.build();
        assert!(report.is_success(), "{}", lines(&report));
        let ids = |relation: &str| shop.table(&format!("SELECT id FROM {relation} ORDER BY id"));
        assert_eq!(
            ids("report"),
            "1\n4\n5",
            "what is null was not asked, and holds nothing up"
        );
        assert_eq!(ids("queue"), "2");
        assert_eq!(ids("failed"), "3");
        assert_eq!(ids("labelled"), "1\n2\n3\n4\n5", "all rows, without the gate");
        let workspace = shop.open();
        let mut warehouse = workspace.warehouses.connect().unwrap();
        let columns = warehouse
            .columns(&refuel_warehouse::RelationName::new(None, "labelled"))
            .unwrap();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["id", "body", "topic"]);
    }
}

#[test]
fn another_threshold_moves_rows_between_parts_and_asks_nothing() {
    let shop = gated("table");
    shop.build();
    shop.models.asked();
    shop.write("tasks/topic.yml", &TOPIC.replace("0.6", "0.5"));
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    let asked = shop.models.asked();
    assert!(asked.iter().all(|input| input.contains("broken")), "{asked:?}");
    assert_eq!(shop.table("SELECT count(*) FROM queue"), "0");
    assert_eq!(shop.table("SELECT id FROM report ORDER BY id"), "1\n2\n4\n5");
}

#[test]
fn what_is_left_of_gates_is_dropped_with_them() {
    let shop = gated("table");
    shop.build();
    shop.write(
        "models/labelled.sql",
        "{{ config(materialized='table') }}\n\
         SELECT id, body, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n",
    );
    for (model, text) in [
        ("report", "SELECT 1 AS one"),
        ("queue", "SELECT 2 AS two"),
        ("failed", "SELECT 3 AS three"),
    ] {
        shop.write(&format!("models/{model}.sql"), text);
    }
    let report = shop.build();
    assert!(report.is_success(), "{}", lines(&report));
    assert_eq!(
        shop.table("SELECT name, type FROM sqlite_schema WHERE name LIKE 'labelled%' ORDER BY name"),
        "labelled | table"
    );
}
