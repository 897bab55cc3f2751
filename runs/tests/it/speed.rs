//! How long it takes to find that nothing, or one row of a million, has changed.

use std::time::{Duration, Instant};

use crate::common::{Shop, lines};

const ROWS: u32 = 1_000_000;

fn shop() -> Shop {
    let shop = Shop::with(&[
        (
            "models/sources.yml",
            "sources:\n  - name: raw\n    tables:\n      - name: messages\n",
        ),
        (
            "models/cleaned.sql",
            "SELECT id, updated, trim(body) AS body FROM {{ source('raw', 'messages') }}\n",
        ),
        (
            "models/labelled.sql",
            "{{ config(materialized='incremental', unique_key='id') }}\n\
             SELECT id, updated, refuel_label(body, 'topic') AS topic FROM {{ ref('cleaned') }}\n\
             {% if is_incremental() %}WHERE updated > (SELECT max(updated) FROM {{ this }}){% endif %}\n",
        ),
        (
            "models/report.sql",
            "SELECT topic, count(*) AS messages FROM {{ ref('labelled') }} GROUP BY topic\n",
        ),
    ]);
    std::fs::remove_file(shop.path().join("seeds/messages.csv")).unwrap();
    let workspace = shop.open();
    let mut warehouse = workspace.warehouses.connect().unwrap();
    warehouse
        .execute(&format!(
            "CREATE TABLE messages (id integer PRIMARY KEY, updated integer, body text);
             WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {ROWS})
             INSERT INTO messages SELECT id, id, 'refund number ' || (id % 5000) || '!' FROM n"
        ))
        .unwrap();
    shop
}

#[test]
#[ignore = "a measurement of a quiet machine"]
fn a_million_rows_of_which_none_or_one_has_changed() {
    let shop = shop();
    let timed = |what: &str| {
        let begun = Instant::now();
        let report = shop.build();
        let took = begun.elapsed();
        assert!(report.is_success(), "{}", lines(&report));
        println!("{what}: {took:.2?}, {} inputs asked", report.asked());
        (took, report.asked())
    };
    assert_eq!(timed("first build").1, 5000);
    let (unchanged, asked) = timed("nothing changed");
    assert_eq!(asked, 0);
    assert!(unchanged < Duration::from_secs(3), "{unchanged:?}");
    {
        let workspace = shop.open();
        let mut warehouse = workspace.warehouses.connect().unwrap();
        warehouse
            .execute("UPDATE messages SET updated = 2000000, body = 'a new delivery!' WHERE id = 17")
            .unwrap();
    }
    let (one, asked) = timed("one row changed");
    assert_eq!(asked, 1);
    assert!(one < unchanged + Duration::from_secs(2), "{one:?}");
}
