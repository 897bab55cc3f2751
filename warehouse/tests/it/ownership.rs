//! Nothing is replaced or dropped that a project did not make.

use refuel_warehouse::load::{Load, file};
use refuel_warehouse::materialize::{Incremental, OnSchemaChange, Strategy, incremental, table, view};
use refuel_warehouse::ownership::{check, drop, owned};
use refuel_warehouse::{Owner, Value};

use crate::common::{Desk, make, named, on_both, owner, relations, shown, told};

on_both! {
    fn what_is_not_ours_is_refused_and_stays(desk: &Desk) {
        let mut warehouse = desk.connect();
        warehouse.execute("CREATE TABLE orders AS SELECT 'precious' AS c").unwrap();
        let (name, owner) = (named("orders"), owner("orders"));
        let error = check(warehouse.as_mut(), "shop", &[named("free"), name.clone()]).unwrap_err();
        let text = told(&error).replace("prod", "dev");
        insta::assert_snapshot!(text, @r"
        RF1308: target `dev`: there is a table `orders` already, which this project did not make
        hint: give the model another `alias` or `schema`, or rename or drop that relation yourself
        ");
        assert!(error.is_request());
        let how = Incremental { strategy: Strategy::Append, on_schema_change: OnSchemaChange::Ignore };
        let make = make(&name, "SELECT 'new' AS c", &owner);
        let seed = desk.file("orders.csv", "c\nnew\n");
        let load = Load { relation: &name, path: &seed, delimiter: None, column_types: &[], owner: &owner, is_forced: true };
        for error in [
            table(warehouse.as_mut(), &make).unwrap_err(),
            view(warehouse.as_mut(), &make).unwrap_err(),
            incremental(warehouse.as_mut(), &make, how).unwrap_err(),
            file(warehouse.as_mut(), &load).unwrap_err(),
            drop(warehouse.as_mut(), "shop", std::slice::from_ref(&name)).unwrap_err(),
        ] {
            assert_eq!(error.code(), "RF1308", "{error}");
        }
        assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM orders"), ["precious"]);
        assert_eq!(relations(warehouse.as_mut()), ["table orders"]);
    }

    fn not_even_names_that_look_like_ours_are_taken(desk: &Desk) {
        let mut warehouse = desk.connect();
        warehouse.execute("CREATE TABLE orders__refuel_tmp AS SELECT 'precious' AS c").unwrap();
        let (name, owner) = (named("orders"), owner("orders"));
        let error = table(warehouse.as_mut(), &make(&name, "SELECT 1 AS id", &owner)).unwrap_err();
        assert_eq!(error.code(), "RF1308", "{error}");
        assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM orders__refuel_tmp"), ["precious"]);
    }

    fn two_projects_keep_apart(desk: &Desk) {
        let mut warehouse = desk.connect();
        let name = named("orders");
        let other = Owner { project: "bank".to_owned(), ..owner("orders") };
        table(warehouse.as_mut(), &make(&name, "SELECT 1 AS id", &other)).unwrap();
        let error = table(warehouse.as_mut(), &make(&name, "SELECT 2 AS id", &owner("orders"))).unwrap_err();
        assert!(error.to_string().contains("which the project `bank` made"), "{error}");
        assert!(drop(warehouse.as_mut(), "shop", std::slice::from_ref(&name)).is_err());
        assert_eq!(owned(warehouse.as_mut(), "shop").unwrap(), []);
        assert_eq!(owned(warehouse.as_mut(), "bank").unwrap().len(), 1);
        drop(warehouse.as_mut(), "bank", &[name]).unwrap();
        assert_eq!(relations(warehouse.as_mut()), [""; 0]);
        assert_eq!(owned(warehouse.as_mut(), "bank").unwrap(), []);
    }

    fn what_is_ours_is_dropped_together(desk: &Desk) {
        let mut warehouse = desk.connect();
        let names = ["base", "middle", "top"].map(named);
        let owner = owner("base");
        table(warehouse.as_mut(), &make(&names[0], "SELECT 1 AS id", &owner)).unwrap();
        view(warehouse.as_mut(), &make(&names[1], "SELECT id FROM base", &owner)).unwrap();
        view(warehouse.as_mut(), &make(&names[2], "SELECT id FROM middle", &owner)).unwrap();
        let found = owned(warehouse.as_mut(), "shop").unwrap();
        assert_eq!(found.iter().map(|owned| owned.relation.name.as_str()).collect::<Vec<_>>(), ["base", "middle", "top"]);
        assert_eq!(found[0].owner, owner);
        assert!(found[0].made_at.ends_with('Z'));
        drop(warehouse.as_mut(), "shop", &names).unwrap();
        assert_eq!(relations(warehouse.as_mut()), [""; 0]);
        drop(warehouse.as_mut(), "shop", &names).unwrap();
    }

    /// A relation that somebody dropped by hand and made anew is still noted as the project's.
    fn what_was_dropped_by_hand_is_made_again(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("orders"), owner("orders"));
        table(warehouse.as_mut(), &make(&name, "SELECT 1 AS id", &owner)).unwrap();
        warehouse.execute("DROP TABLE orders").unwrap();
        check(warehouse.as_mut(), "shop", std::slice::from_ref(&name)).unwrap();
        table(warehouse.as_mut(), &make(&name, "SELECT 2 AS id", &owner)).unwrap();
        assert_eq!(warehouse.value("SELECT id FROM orders").unwrap(), Some(Value::Integer(2)));
    }
}

#[test]
fn sqlite_does_not_look_at_the_case_of_names() {
    let desk = Desk::sqlite();
    let mut warehouse = desk.connect();
    let owner = owner("orders");
    table(warehouse.as_mut(), &make(&named("Orders"), "SELECT 1 AS id", &owner)).unwrap();
    check(warehouse.as_mut(), "shop", &[named("ORDERS")]).unwrap();
    table(warehouse.as_mut(), &make(&named("orders"), "SELECT 2 AS id", &owner)).unwrap();
    assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM orders"), ["2"]);
    warehouse.execute("CREATE TABLE Theirs (i integer)").unwrap();
    assert!(check(warehouse.as_mut(), "shop", &[named("theirs")]).is_err());
}
