//! What hangs on relations of Postgres: the project's own views are made again, others keep what they read.

use refuel_warehouse::materialize::{table, view};
use refuel_warehouse::{RelationName, Warehouse};

use crate::common::{Desk, make, named, owner, relations, shown, told};

/// A table that a view of somebody else's reads.
fn with_foreign_view(warehouse: &mut dyn Warehouse) {
    let (name, owner) = (named("base"), owner("base"));
    table(warehouse, &make(&name, "SELECT 1 AS id, 'a' AS c", &owner)).unwrap();
    warehouse.execute("CREATE VIEW theirs AS SELECT c FROM base").unwrap();
}

#[test]
fn a_foreign_view_goes_on_reading_while_the_columns_stay() {
    let Some(desk) = Desk::postgres() else { return };
    let mut warehouse = desk.connect();
    with_foreign_view(warehouse.as_mut());
    let (name, owner) = (named("base"), owner("base"));
    table(warehouse.as_mut(), &make(&name, "SELECT 2 AS id, 'b' AS c", &owner)).unwrap();
    assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM theirs"), ["b"]);
    let error = table(warehouse.as_mut(), &make(&name, "SELECT 'b' AS c", &owner)).unwrap_err();
    insta::assert_snapshot!(told(&error), @r"
    RF1309: target `prod`: `base` can't be replaced or dropped, since `shop.theirs` depends on it
    hint: drop what depends on it yourself, or keep the columns of the relation as they are
    ");
    let error = view(warehouse.as_mut(), &make(&name, "SELECT 'b' AS c", &owner)).unwrap_err();
    assert_eq!(error.code(), "RF1309");
    let error = refuel_warehouse::ownership::drop(warehouse.as_mut(), "shop", &[name]).unwrap_err();
    assert_eq!(error.code(), "RF1309", "{error}");
    assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM theirs"), ["b"]);
    assert_eq!(relations(warehouse.as_mut()), ["table base", "view theirs"]);
}

#[test]
fn a_view_that_reads_a_column_that_is_gone_is_lost_and_said() {
    let Some(desk) = Desk::postgres() else { return };
    let mut warehouse = desk.connect();
    let names = ["base", "middle", "top", "other"].map(named);
    let owner = owner("base");
    table(warehouse.as_mut(), &make(&names[0], "SELECT 1 AS id, 'a' AS c", &owner)).unwrap();
    view(warehouse.as_mut(), &make(&names[1], "SELECT c FROM base", &owner)).unwrap();
    view(warehouse.as_mut(), &make(&names[2], "SELECT c FROM middle", &owner)).unwrap();
    view(warehouse.as_mut(), &make(&names[3], "SELECT id FROM base", &owner)).unwrap();
    let made = table(warehouse.as_mut(), &make(&names[0], "SELECT 2 AS id", &owner)).unwrap();
    let lost: Vec<&str> = made.lost_views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(lost, ["middle", "top"]);
    assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM other"), ["2"]);
    assert_eq!(relations(warehouse.as_mut()), ["table base", "view other"]);
    view(warehouse.as_mut(), &make(&names[1], "SELECT id FROM base", &owner)).unwrap();
}

#[test]
fn who_was_granted_something_keeps_it() {
    let Some(desk) = Desk::postgres() else { return };
    let mut warehouse = desk.connect();
    let names = ["base", "reader"].map(named);
    let owner = owner("base");
    warehouse.execute("CREATE ROLE \"Ann B\"; CREATE ROLE bob").unwrap();
    table(warehouse.as_mut(), &make(&names[0], "SELECT 1 AS id", &owner)).unwrap();
    view(warehouse.as_mut(), &make(&names[1], "SELECT id FROM base", &owner)).unwrap();
    warehouse
        .execute("GRANT SELECT, INSERT ON base TO \"Ann B\" WITH GRANT OPTION; GRANT SELECT ON reader TO PUBLIC")
        .unwrap();
    let granted = "SELECT table_name::text, grantee::text, privilege_type::text, is_grantable::text \
                   FROM information_schema.role_table_grants \
                   WHERE grantee <> 'tester' AND table_schema = 'shop' ORDER BY 1, 2, 3";
    let before = shown(warehouse.as_mut(), granted);
    assert_eq!(before.len(), 3, "{before:?}");
    table(
        warehouse.as_mut(),
        &make(&names[0], "SELECT 2 AS id, 3 AS more", &owner),
    )
    .unwrap();
    assert_eq!(shown(warehouse.as_mut(), granted), before);
    view(
        warehouse.as_mut(),
        &make(&names[1], "SELECT more, id FROM base", &owner),
    )
    .unwrap();
    assert_eq!(shown(warehouse.as_mut(), granted), before);
}

#[test]
fn a_relation_may_live_in_a_schema_of_its_own() {
    let Some(desk) = Desk::postgres() else { return };
    let mut warehouse = desk.connect();
    let name = RelationName::new(Some("Mart s"), "orders");
    let reader = named("reader");
    let owner = owner("orders");
    table(warehouse.as_mut(), &make(&name, "SELECT 1 AS id", &owner)).unwrap();
    view(
        warehouse.as_mut(),
        &make(&reader, "SELECT id FROM \"Mart s\".orders", &owner),
    )
    .unwrap();
    table(warehouse.as_mut(), &make(&name, "SELECT 2 AS id, 2 AS more", &owner)).unwrap();
    assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM reader"), ["2"]);
    let owned = refuel_warehouse::ownership::owned(warehouse.as_mut(), "shop").unwrap();
    let names: Vec<String> = owned.iter().map(|owned| owned.relation.to_string()).collect();
    assert_eq!(names, ["Mart s.orders", "shop.reader"]);
    refuel_warehouse::ownership::check(warehouse.as_mut(), "shop", &[name.clone(), reader.clone()]).unwrap();
    refuel_warehouse::ownership::drop(warehouse.as_mut(), "shop", &[name, reader]).unwrap();
}
