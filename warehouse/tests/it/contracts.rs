//! Contracts: columns before anything is made, constraints in the table.

use refuel_warehouse::Dialect;
use refuel_warehouse::contract::{Constraint, Contract, Declared, Rule};
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
            Rule::PrimaryKey(vec!["id".to_owned()]).into(),
            Rule::NotNull("name".to_owned()).into(),
            Rule::Unique(vec!["name".to_owned(), "id".to_owned()]).into(),
            Rule::Check("length(name) < 4".to_owned()).into(),
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

    /// The table is made beside the one that it replaces, which has the names meanwhile.
    fn constraints_have_their_names_after_each_build_and_in_errors(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("orders"), owner("orders"));
        let mut of_name = Constraint::from(Rule::PrimaryKey(vec!["id".to_owned()]));
        of_name.name = Some("orders_by_id".to_owned());
        let contract = contract(&[("id", "integer"), ("name", "text")], vec![
            of_name,
            Rule::Unique(vec!["name".to_owned()]).into(),
            Rule::Check("id > 0".to_owned()).into(),
        ]);
        for _ in 0..2 {
            table(warehouse.as_mut(), &with(&contract, make(&name, "SELECT 1 AS id, 'a' AS name", &owner))).unwrap();
        }
        let is_postgres = warehouse.dialect() == Dialect::Postgres;
        if is_postgres {
            let names = "SELECT conname::text FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype IN ('p', 'u', 'c') ORDER BY 1";
            assert_eq!(shown(warehouse.as_mut(), names), ["orders_by_id", "orders_check", "orders_name_key"]);
        } else {
            let sql = shown(warehouse.as_mut(), "SELECT sql FROM sqlite_schema WHERE name = 'orders'");
            assert!(sql[0].contains("CONSTRAINT \"orders_by_id\" PRIMARY KEY") && !sql[0].contains("__refuel"), "{sql:?}");
        }
        for (wrong, told_of) in [
            ("SELECT 1 AS id, 'a' AS name UNION ALL SELECT 1, 'b'", "orders_by_id\""),
            ("SELECT 1 AS id, 'a' AS name UNION ALL SELECT 2, 'a'", "orders_name_key\""),
        ] {
            let error = table(warehouse.as_mut(), &with(&contract, make(&name, wrong, &owner))).unwrap_err().to_string();
            assert!(!error.contains("__refuel"), "{error}");
            assert!(error.contains(if is_postgres { told_of } else { "UNIQUE constraint failed: orders." }), "{error}");
        }
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
    let broken = "RF1310: `orders` breaks its contract:\n  column  declared  found\n  id      integer   text\nhint: change the query, or what the contract declares";
    assert_eq!(told(&error), broken);
    table(warehouse.as_mut(), &with("SELECT '12' AS id UNION ALL SELECT NULL")).unwrap();
    assert_eq!(
        shown(warehouse.as_mut(), "SELECT typeof(id) FROM orders"),
        ["integer", "null"]
    );
    let append = Incremental {
        strategy: Strategy::Append,
        on_schema_change: OnSchemaChange::Fail,
    };
    let error = incremental(warehouse.as_mut(), &with("SELECT 'x' || 2 AS id"), append).unwrap_err();
    assert_eq!(told(&error), broken, "rows that are put into a table that is there too");
}
