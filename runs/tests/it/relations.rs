//! Tasks over whole relations in models: `FROM refuel_resolve(...)` and `FROM refuel_repair(...)`.

use refuel_runs::{Command, NodeStatus};

use crate::common::{Recorder, Shop, node, status};

/// Vendors, some of which are in the list twice.
pub(crate) const VENDORS: &str = "\
id,name,city,phone,seen
v1,Harbour Light Trading,Boston,617 555 0101,2024-01-01
v2,Harbor Light Trading Co.,Boston,(617) 555-0101,2024-01-02
v3,Golden Gate Supplies,San Francisco,415 555 0190,2024-01-03
v4,Golden Gate Suplies,San Francisco,415 555 0190,2024-01-04
v5,Old Mill Bakery,Concord,978 555 0133,2024-01-05
v6,Sunset Motors,Los Angeles,213 555 0177,2024-01-06
v7,Riverside Paper,Albany,518 555 0142,2024-01-07
v8,Northern Freight,Duluth,218 555 0119,2024-01-08
";

const MODEL: &str = "\
{{ config(materialized='table') }}
SELECT v.id, r.entity_id, r.is_canonical AS is_first, r.confidence > 0.5 AS is_sure
FROM refuel_resolve({{ ref('vendors') }}, 'same_vendor') AS r
JOIN {{ ref('vendors') }} AS v ON v.id = r.record_key
";

pub(crate) fn shop() -> Shop {
    let shop = Shop::empty();
    shop.write("refuel_project.yml", "name: shop\n");
    shop.write("seeds/vendors.csv", VENDORS);
    shop.write("tasks/same_vendor.yml", "kind: resolve\nkey: id\nignore: seen\n");
    shop.write("models/entities.sql", MODEL);
    shop
}

/// The names of the tables of results.
fn tables(shop: &Shop) -> Vec<Vec<String>> {
    shop.rows("SELECT name FROM sqlite_master WHERE name LIKE '\\_refuel\\_same%' ESCAPE '\\' AND type = 'table'")
}

#[test]
fn records_of_a_relation_are_resolved_in_a_model() {
    let shop = shop();
    let report = shop.build();
    assert_eq!(
        status(&report, "model.shop.entities"),
        NodeStatus::Success,
        "{report:#?}"
    );
    assert_eq!(
        shop.table("SELECT id, entity_id, is_sure FROM entities ORDER BY id"),
        "v1 | 1 | 1\nv2 | 1 | 1\nv3 | 2 | 1\nv4 | 2 | 1\nv5 | 3 | 1\nv6 | 4 | 1\nv7 | 5 | 1\nv8 | 6 | 1"
    );
    assert_eq!(
        shop.table("SELECT count(*) FROM entities WHERE is_first"),
        "6",
        "one for each entity"
    );
}

#[test]
fn a_result_is_kept_as_long_as_what_it_is_made_of() {
    let shop = shop();
    shop.build();
    let first = tables(&shop);
    assert_eq!(first.len(), 1);
    // A column that the task ignores changes nothing, and another changes the table.
    shop.write("seeds/vendors.csv", &VENDORS.replace("2024-01-08", "2025-01-08"));
    let report = shop.build();
    assert_eq!(status(&report, "model.shop.entities"), NodeStatus::Success);
    assert_eq!(tables(&shop), first);
    shop.write(
        "seeds/vendors.csv",
        &VENDORS.replace("Golden Gate Suplies", "Pacific Tackle"),
    );
    shop.build();
    let second = tables(&shop);
    assert_eq!(second.len(), 1, "the old one is gone");
    assert_ne!(second, first);
    shop.write(
        "tasks/same_vendor.yml",
        "kind: resolve\nkey: id\nignore: seen\nthreshold: 0.9\n",
    );
    shop.build();
    assert_ne!(tables(&shop), second);
}

#[test]
fn a_result_can_be_read_with_calls_beside_it() {
    let shop = shop();
    shop.write("tasks/topic.yml", "kind: label\ninput: name\nlabels: [golden, other]\n");
    shop.write(
        "models/labelled.sql",
        "SELECT refuel_resolve.entity_id, refuel_label(v.name, 'topic') AS topic\n\
         FROM refuel_resolve({{ ref('vendors') }}, 'same_vendor'), {{ ref('vendors') }} AS v\n\
         WHERE v.id = refuel_resolve.record_key AND refuel_resolve.is_canonical\n",
    );
    let report = shop.build();
    assert_eq!(
        status(&report, "model.shop.labelled"),
        NodeStatus::Success,
        "{report:#?}"
    );
    assert_eq!(shop.table("SELECT count(*) FROM labelled"), "6");
    assert_eq!(tables(&shop).len(), 1, "both models read one table");
}

#[test]
fn cells_of_a_relation_are_repaired_in_a_model() {
    let shop = Shop::empty();
    shop.write("refuel_project.yml", "name: shop\n");
    let places = ["Portland", "Boston", "Denver", "Austin", "Chicago"];
    let mut beers = String::from("id,brewery,city\n");
    for number in 0..60 {
        let city = if number == 7 { "Dever" } else { places[number % 5] };
        beers.push_str(&format!("{number},Brewery {},{city}\n", number % 5));
    }
    shop.write("seeds/beers.csv", &beers);
    shop.write("tasks/mend.yml", "kind: repair\nkey: id\n");
    shop.write(
        "models/proposals.sql",
        "SELECT record_key, column_name, value, proposed, remedy FROM refuel_repair({{ ref('beers') }}, 'mend')\n",
    );
    shop.write(
        "models/mended.sql",
        "SELECT b.id, COALESCE(p.proposed, b.city) AS city FROM {{ ref('beers') }} AS b\n\
         LEFT JOIN {{ ref('proposals') }} AS p ON p.record_key = CAST(b.id AS TEXT) AND p.column_name = 'city'\n",
    );
    let report = shop.build();
    assert_eq!(status(&report, "model.shop.mended"), NodeStatus::Success, "{report:#?}");
    assert_eq!(
        shop.table("SELECT * FROM proposals"),
        "7 | city | Dever | Denver | replace"
    );
    assert_eq!(shop.table("SELECT count(DISTINCT city) FROM mended"), "5");
}

#[test]
fn what_can_not_be_computed_is_said() {
    let shop = shop();
    shop.write("tasks/same_vendor.yml", "kind: resolve\nignore: [id, seen]\n");
    let report = shop.build();
    let entities = node(&report, "model.shop.entities");
    assert_eq!(entities.status, NodeStatus::Error);
    let message = entities.message.as_deref().unwrap_or_default();
    assert!(message.contains("names no key"), "{message}");
    shop.write("tasks/same_vendor.yml", "kind: resolve\nkey: city\n");
    let report = shop.build();
    let message = node(&report, "model.shop.entities").message.clone().unwrap_or_default();
    assert!(message.contains("have the same key \"Boston\""), "{message}");
}

#[test]
fn a_run_says_what_came_of_a_relation() {
    let shop = shop();
    let workspace = shop.open();
    let recorder = Recorder::default();
    let request = refuel_runs::RunRequest::new(Command::Build, Shop::all(&workspace));
    refuel_runs::execute(&workspace, &request, &recorder, &refuel_engine::Cancel::new()).unwrap();
    let notes = recorder.notes();
    assert!(notes.contains("same_vendor: 8 records are 6 entities"), "{notes}");
}

/// Rows of vendors that a unit test gives: two are one.
const GIVEN: &str = "\
unit_tests:
  - name: finds_pairs
    model: entities
    given:
      - input: ref('vendors')
        rows:
          - {id: a, name: Harbour Light Trading, city: Boston, phone: 617 555 0101, seen: x}
          - {id: b, name: Harbor Light Trading Co., city: Boston, phone: (617) 555-0101, seen: x}
          - {id: c, name: Old Mill Bakery, city: Concord, phone: 978 555 0133, seen: x}
          - {id: d, name: Sunset Motors, city: Los Angeles, phone: 213 555 0177, seen: x}
    expect:
      rows:
        - {id: a, entity_id: 1}
        - {id: b, entity_id: 1}
        - {id: c, entity_id: 2}
        - {id: d, entity_id: 3}
";

#[test]
fn a_unit_test_resolves_the_rows_that_it_gives() {
    let shop = shop();
    shop.write("models/entities.yml", GIVEN);
    let report = shop.run(Command::Test);
    let test = node(&report, "unit_test.shop.entities.finds_pairs");
    assert_eq!(test.status, NodeStatus::Success, "{:?}", test.message);
    assert_eq!(tables(&shop), Vec::<Vec<String>>::new(), "nothing is left");
    shop.write(
        "models/entities.yml",
        &GIVEN.replace("{id: b, entity_id: 1}", "{id: b, entity_id: 2}"),
    );
    let report = shop.run(Command::Test);
    assert_eq!(status(&report, "unit_test.shop.entities.finds_pairs"), NodeStatus::Fail);
}

#[test]
fn a_unit_test_repairs_the_rows_that_it_gives() {
    let shop = Shop::empty();
    shop.write("refuel_project.yml", "name: shop\n");
    shop.write("seeds/beers.csv", "id,brewery,city\n1,Mill,Denver\n");
    shop.write("tasks/mend.yml", "kind: repair\nkey: id\n");
    shop.write(
        "models/proposals.sql",
        "SELECT record_key, column_name, value, proposed FROM refuel_repair({{ ref('beers') }}, 'mend')\n",
    );
    let places = ["Portland", "Boston", "Denver", "Austin", "Chicago"];
    let rows: Vec<String> = (0..60)
        .map(|number| {
            let city = if number == 7 { "Dever" } else { places[number % 5] };
            format!(
                "          - {{id: {number}, brewery: Brewery {}, city: {city}}}\n",
                number % 5
            )
        })
        .collect();
    shop.write(
        "models/proposals.yml",
        &format!(
            "unit_tests:\n  - name: mends\n    model: proposals\n    given:\n      - input: ref('beers')\n        rows:\n{}    \
             expect:\n      rows: [{{record_key: '7', column_name: city, value: Dever, proposed: Denver}}]\n",
            rows.concat()
        ),
    );
    let report = shop.run(Command::Test);
    let test = node(&report, "unit_test.shop.proposals.mends");
    assert_eq!(test.status, NodeStatus::Success, "{:?}", test.message);
}

#[test]
fn a_unit_test_whose_rows_can_not_be_resolved_names_what_they_stand_for() {
    let shop = shop();
    shop.write("models/entities.yml", &GIVEN.replace("id: b, name", "id: a, name"));
    let report = shop.run(Command::Test);
    let message = node(&report, "unit_test.shop.entities.finds_pairs").message.clone();
    let message = message.unwrap_or_default();
    assert!(
        message.contains("rows 1 and 2 of vendors have the same key \"a\""),
        "{message}"
    );
}
