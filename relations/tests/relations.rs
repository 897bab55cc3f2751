//! Whole relations: rows in, rows out.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]

use std::path::{Path, PathBuf};

use refuel_relations::{Relation, RelationError, Remedy, Resolved, Resolving, choose_rows, repair};
use refuel_task::Task;

fn task(text: &str) -> Task {
    Task::from_yaml(text, "task.yml", Path::new(".")).unwrap()
}

/// A relation out of lines of CSV, the first of which names the columns.
fn relation(name: &str, text: &str) -> Relation {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let value = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let rows = reader.records().map(|row| row.unwrap().iter().map(value).collect());
    Relation {
        name: name.to_owned(),
        columns,
        rows: rows.collect(),
    }
}

const VENDORS: &str = "\
id,name,city,phone
v1,Harbour Light Trading,Boston,617 555 0101
v2,Harbor Light Trading Co.,Boston,(617) 555-0101
v3,Golden Gate Supplies,San Francisco,415 555 0190
v4,Golden Gate Suplies,San Francisco,415 555 0190
v5,Old Mill Bakery,Concord,978 555 0133
v6,Sunset Motors,Los Angeles,213 555 0177
v7,Riverside Paper,Albany,518 555 0142
v8,Northern Freight,Duluth,218 555 0119
";

fn resolved(task: &Task, relations: &[Relation]) -> Resolved {
    Resolving::new(task, relations)
        .unwrap()
        .resolve(None, &|_, _, _| true)
        .unwrap()
}

/// Keys of the records of each entity that has several.
fn merged(resolved: &Resolved) -> Vec<Vec<&str>> {
    let entities = resolved.entities.iter().filter(|entity| entity.records > 1);
    entities
        .map(|entity| {
            let rows = resolved.rows.iter().filter(|row| row.entity_id == entity.entity_id);
            rows.map(|row| &*row.record_key).collect()
        })
        .collect()
}

#[test]
fn records_that_are_the_same_thing_come_into_one_entity() {
    let task = task("{name: same_vendor, kind: resolve, key: id, canonical: {name: longest}}");
    let resolved = resolved(&task, &[relation("vendors", VENDORS)]);
    assert_eq!(merged(&resolved), [["v1", "v2"], ["v3", "v4"]]);
    assert_eq!(resolved.rows.len(), 8);
    let keys: Vec<&str> = resolved.rows.iter().map(|row| &*row.record_key).collect();
    assert_eq!(
        keys,
        ["v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8"],
        "in the order of the rows"
    );
    for entity in &resolved.entities {
        let own: Vec<_> = resolved
            .rows
            .iter()
            .filter(|row| row.entity_id == entity.entity_id)
            .collect();
        assert_eq!(own.iter().filter(|row| row.is_canonical).count(), 1, "{entity:?}");
        assert!(own.iter().all(|row| (0.0..=1.0).contains(&row.confidence)));
        assert!(
            own.iter()
                .any(|row| row.record_key == entity.record_key && row.is_canonical)
        );
    }
    assert_eq!(
        resolved.canonical(&resolved.rows[0])["name"],
        "Harbor Light Trading Co."
    );
    let report = &resolved.report;
    assert_eq!(
        (
            report.records.as_slice(),
            report.entities,
            report.merged,
            report.largest
        ),
        (&[8][..], 6, 2, 2)
    );
    assert!(
        report.columns.iter().all(|column| column.name != "id"),
        "the key says nothing"
    );
}

#[test]
fn two_tables_are_linked_one_to_one() {
    let other = "id,name,city,phone\nw1,HARBOUR LIGHT TRADING,Boston,6175550101\nw2,Unheard Of,Nowhere,000 555 1111\n";
    let first: String = VENDORS
        .lines()
        .filter(|line| !line.starts_with("v2") && !line.starts_with("v4"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let relations = [relation("vendors", &first), relation("others", other)];
    let task = task("{name: same_vendor, kind: resolve, key: id}");
    let resolved = resolved(&task, &relations);
    assert_eq!(merged(&resolved), [["v1", "w1"]]);
    let last = resolved.rows.last().unwrap();
    assert_eq!((last.relation, last.row, &*last.record_key), (1, 1, "w2"));
}

#[test]
fn labelled_pairs_train_a_classifier() {
    // A city counts for nothing here, and a phone for all: what no weights of agreement would say by themselves.
    let mut rows = String::from("id,name,phone\n");
    let mut pairs = String::new();
    for number in 0..30 {
        rows.push_str(&format!("a{number},Shop number {number},{}\n", 100_000 + 7919 * number));
        rows.push_str(&format!("b{number},Store no {number},{}\n", 100_000 + 7919 * number));
        pairs.push_str(&format!("  - {{left: a{number}, right: b{number}, match: true}}\n"));
        pairs.push_str(&format!(
            "  - {{left: a{number}, right: b{}, match: false}}\n",
            (number + 1) % 30
        ));
        pairs.push_str(&format!(
            "  - {{left: {{name: Shop number 3, phone: '{number}11111'}}, right: a3, match: false}}\n"
        ));
    }
    let task = task(&format!(
        "name: same\nkind: resolve\nkey: id\ncolumns: {{phone: code, name: name}}\nexamples:\n{pairs}"
    ));
    let resolved = resolved(&task, &[relation("shops", &rows)]);
    assert_eq!(merged(&resolved).len(), 30, "{:?}", merged(&resolved));
    let labelled = resolved.report.labelled.unwrap();
    assert_eq!(
        (labelled.pairs, labelled.same, labelled.blocked),
        (90, 30, Some((30, 30)))
    );
    assert!(labelled.held_out.f1 > 0.9, "{labelled:?}");
    assert!((labelled.held_out.majority - 2.0 / 3.0).abs() < 1e-9);
}

#[test]
fn embeddings_pair_what_shares_no_word() {
    let rows = "id,name\n1,automobile repair\n2,car workshop\n3,flower shop\n4,florist\n";
    let relations = [relation("shops", rows)];
    let task = task("{name: same, kind: resolve, key: id, model: any, blocking: [{embeddings: 1}]}");
    let resolving = Resolving::new(&task, &relations).unwrap();
    assert_eq!(resolving.texts()[0], "name: automobile repair");
    let vectors = vec![vec![1.0, 0.0], vec![0.9, 0.1], vec![0.0, 1.0], vec![0.1, 0.9]];
    let resolved = resolving.resolve(Some(vectors), &|_, _, _| true).unwrap();
    let pairs: Vec<(&str, &str)> = resolved
        .pairs
        .iter()
        .map(|pair| (&*pair.left_key, &*pair.right_key))
        .collect();
    assert_eq!(pairs, [("1", "2"), ("3", "4")]);
    assert!(resolving.resolve(Some(vec![vec![1.0]]), &|_, _, _| true).is_err());
}

#[test]
fn what_can_not_be_resolved_is_said() {
    let one = [relation("vendors", VENDORS)];
    let told = |text: &str| {
        let task = task(text);
        let error = Resolving::new(&task, &one).unwrap_err();
        format!("{} {error}", error.code())
    };
    assert_eq!(
        told("{name: t, kind: resolve, columns: [nmae]}"),
        "RF2402 no column \"nmae\" in vendors, which has id, name, city, phone"
    );
    assert_eq!(
        told("{name: t, kind: resolve, mode: link}"),
        "RF2407 the task \"t\" links two tables, and there is one"
    );
    assert_eq!(
        told("{name: t, kind: resolve, key: id, examples: [{left: v1, right: v99, match: true}]}"),
        "RF2405 an example of the task \"t\" names \"v99\", and no row of vendors has that key"
    );
    assert_eq!(
        told("{name: t, kind: repair}"),
        "RF2401 the task \"t\" is of kind `repair`, and `resolve` is asked for"
    );
    let task = task("{name: t, kind: resolve}");
    let stopped = Resolving::new(&task, &one).unwrap().resolve(None, &|_, _, _| false);
    assert!(stopped.unwrap_err().is_cancelled());
}

#[test]
fn a_relation_without_rows_or_values_has_nothing_to_say() {
    let task = task("{name: t, kind: resolve, key: id}");
    assert_eq!(resolved(&task, &[relation("none", "id,name\n")]).rows, []);
    let blank = resolved(&task, &[relation("blank", "id,name\n1,\n2,\n")]);
    assert_eq!(blank.entities.len(), 2);
    assert!(
        repair(&crate::task("{name: t, kind: repair}"), &relation("none", "id,name\n"))
            .unwrap()
            .rows
            .is_empty()
    );
}

/// Beers of five breweries, each in its city; one city is misspelled, and one is another brewery's.
fn beers() -> Relation {
    let places = ["Portland", "Boston", "Denver", "Austin", "Chicago"];
    let states = ["Oregon", "Massachusetts", "Colorado", "Texas", "Illinois"];
    let mut text = String::from("id,brewery,city,state,note\n");
    for number in 0..60 {
        let city = match number {
            7 => "Dever",
            23 => "Boston",
            _ => places[number % 5],
        };
        text.push_str(&format!(
            "{number},Brewery {},{city},{},n{number}\n",
            number % 5,
            states[number % 5]
        ));
    }
    relation("beers", &text)
}

#[test]
fn cells_that_look_wrong_are_named_with_what_should_stand_there() {
    let task = task("{name: mend, kind: repair, key: id, ignore: note}");
    let repaired = repair(&task, &beers()).unwrap();
    let cells: Vec<_> = repaired
        .rows
        .iter()
        .map(|row| {
            (
                &*row.record_key,
                &*row.column_name,
                row.value.as_deref(),
                row.proposed.as_deref(),
                row.remedy,
            )
        })
        .collect();
    assert_eq!(
        cells,
        [
            ("7", "city", Some("Dever"), Some("Denver"), Remedy::Replace),
            ("23", "city", Some("Boston"), Some("Austin"), Remedy::Replace),
        ]
    );
    assert!(
        repaired
            .rows
            .iter()
            .all(|row| row.confidence >= 0.5 && !row.evidence.is_empty())
    );
    let mut dependencies = repaired.report.dependencies.iter();
    let of_city = dependencies.find(|dependency| dependency.to == "city").unwrap();
    assert!(of_city.accuracy > 0.9 && of_city.baseline < 0.3, "{of_city:?}");
    assert_eq!(repaired.report.by_column["city"], 2);
}

#[test]
fn rows_that_a_person_put_right_are_left_alone() {
    let task = task("{name: mend, kind: repair, key: id, ignore: note, examples: [{id: 7, city: Denver}]}");
    let repaired = repair(&task, &beers()).unwrap();
    assert_eq!(repaired.report.labelled, 1);
    assert!(repaired.rows.iter().all(|row| row.record_key != "7"));
    let chosen = choose_rows(&task, &beers(), 3).unwrap();
    assert!(chosen.len() == 3 && !chosen.contains(&7));
    let unknown = crate::task("{name: mend, kind: repair, key: id, examples: [{id: 70, city: Denver}]}");
    assert!(matches!(
        repair(&unknown, &beers()),
        Err(RelationError::UnknownKey { .. })
    ));
}

/// The folder of public data; `None`, said on standard error, where there is none.
fn data(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("REFUEL_DATA")
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
            PathBuf::from,
        )
        .join(name);
    if !folder.exists() {
        std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("SKIPPED: {} is not there\n", folder.display()).as_bytes(),
        )
        .unwrap();
        return None;
    }
    Some(folder)
}

#[test]
fn duplicates_of_a_public_set_are_found() {
    let Some(folder) = data("dedup_febrl1") else { return };
    let all = relation("febrl1", &std::fs::read_to_string(folder.join("all.csv")).unwrap());
    let task = task("{name: same_person, kind: resolve, key: rec_id, ignore: cluster}");
    let resolved = resolved(&task, std::slice::from_ref(&all));
    let cluster = all.columns.iter().position(|column| column == "cluster").unwrap();
    // Pairs of records in one true cluster that are in one entity, and the other way round.
    let truth = |row: usize| &all.rows[row][cluster];
    let (mut right, mut found, mut known) = (0, 0, 0);
    for left in 0..all.rows.len() {
        for other in left + 1..all.rows.len() {
            let is_found = resolved.rows[left].entity_id == resolved.rows[other].entity_id;
            let is_true = truth(left) == truth(other);
            right += usize::from(is_found && is_true);
            found += usize::from(is_found);
            known += usize::from(is_true);
        }
    }
    let f1 = 2.0 * right as f64 / (found + known) as f64;
    assert!(f1 > 0.95, "pairwise F1 {f1}");
}
