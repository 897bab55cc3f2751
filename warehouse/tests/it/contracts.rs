//! Contracts: columns before anything is made, constraints in the table.

use refuel_warehouse::contract::{Constraint, Contract, Declared};
use refuel_warehouse::materialize::{Incremental, Make, OnSchemaChange, Strategy, incremental, table, view};

use crate::common::{Desk, either, make, named, on_both, owner, relations, shown, told};

fn contract(columns: &[(&str, &str)], constraints: Vec<Constraint>) -> Contract {
    let columns = columns.iter().map(|(name, data_type)| Declared {
        name: (*name).to_owned(),
        data_type: Some((*data_type).to_owned()),
    });
    Contract {
        columns: columns.collect(),
        constraints,
    }
}

/// The same with a contract.
fn with<'a>(contract: &'a Contract, make: Make<'a>) -> Make<'a> {
    Make {
        contract: Some(contract),
        ..make
    }
}

on_both! {
    fn a_query_that_breaks_its_contract_is_refused_before_it_runs(desk: &Desk) {
        let mut warehouse = desk.connect();
        warehouse.execute("CREATE TABLE raw (id text, at date)").unwrap();
        let (name, owner) = (named("orders"), owner("orders"));
        let contract = contract(&[("id", "int"), ("at", "date"), ("total", "numeric(10, 2)")], Vec::new());
        let make = Make { contract: Some(&contract), ..make(&name, "SELECT id, at, 1 AS extra FROM raw", &owner) };
        let error = table(warehouse.as_mut(), &make).unwrap_err();
        let text = told(&error).replace("integer", "there");
        insta::assert_snapshot!(text, @r"
        RF1310: `orders` breaks its contract:
          column  declared        found
          id      int             text
          total   numeric(10, 2)  missing
          extra   not declared    there
        hint: change the query, or what the contract declares
        ");
        assert!(view(warehouse.as_mut(), &make).is_err());
        assert_eq!(relations(warehouse.as_mut()), ["table raw"]);
    }

    fn the_database_holds_the_constraints(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("orders"), owner("orders"));
        let contract = contract(&[("id", "integer"), ("name", "text")], vec![
            Constraint::PrimaryKey(vec!["id".to_owned()]),
            Constraint::NotNull("name".to_owned()),
            Constraint::Unique(vec!["name".to_owned(), "id".to_owned()]),
            Constraint::Check("length(name) < 4".to_owned()),
        ]);
        let made = table(warehouse.as_mut(), &with(&contract, make(&name, "SELECT 'a' AS name, 1 AS id UNION ALL SELECT 'b', 2", &owner))).unwrap();
        assert_eq!(made.rows, Some(2));
        for wrong in ["SELECT 'a' AS name, 1 AS id UNION ALL SELECT 'b', 1", "SELECT 1 AS id, NULL AS name", "SELECT 1 AS id, 'long' AS name"] {
            let wrong = wrong.replace("NULL AS", either(warehouse.as_ref(), "NULL AS", "NULL::text AS"));
            assert_eq!(table(warehouse.as_mut(), &with(&contract, make(&name, &wrong, &owner))).unwrap_err().code(), "RF1303", "{wrong}");
        }
        let append = Incremental { strategy: Strategy::Append, on_schema_change: OnSchemaChange::Fail };
        let more = incremental(warehouse.as_mut(), &with(&contract, make(&name, "SELECT 'c' AS name, 3 AS id", &owner)), append).unwrap();
        assert_eq!(more.rows, Some(1));
        assert!(incremental(warehouse.as_mut(), &with(&contract, make(&name, "SELECT 'd' AS name, 3 AS id", &owner)), append).is_err());
        assert_eq!(shown(warehouse.as_mut(), "SELECT id, name FROM orders ORDER BY id"), ["1|a", "2|b", "3|c"]);
    }
}

/// SQLite knows no types of expressions beforehand, and takes any value into any column.
#[test]
fn sqlite_looks_at_the_types_of_values() {
    let desk = Desk::sqlite();
    let mut warehouse = desk.connect();
    let (name, owner) = (named("orders"), owner("orders"));
    let contract = contract(&[("id", "integer")], Vec::new());
    let with = |sql| Make {
        contract: Some(&contract),
        ..make(&name, sql, &owner)
    };
    let error = table(warehouse.as_mut(), &with("SELECT 'x' || 1 AS id")).unwrap_err();
    insta::assert_snapshot!(told(&error), @"RF1303: target `dev` refuses the statement: CHECK constraint failed: id is integer");
    table(warehouse.as_mut(), &with("SELECT '12' AS id UNION ALL SELECT NULL")).unwrap();
    assert_eq!(
        shown(warehouse.as_mut(), "SELECT typeof(id) FROM orders"),
        ["integer", "null"]
    );
}
