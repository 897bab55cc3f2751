//! Views and tables, and what becomes of what was there.

use refuel_warehouse::materialize::{Make, table, view};

use crate::common::{Desk, make, named, on_both, owner, relations, shown, told};

on_both! {
    fn a_table_takes_the_place_of_the_old_one(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("orders"), owner("orders"));
        let made = table(warehouse.as_mut(), &make(&name, "SELECT 1 AS id UNION ALL SELECT 2", &owner)).unwrap();
        assert_eq!(made.rows, Some(2));
        let made = table(warehouse.as_mut(), &make(&name, "SELECT 3 AS id, 'x' AS c -- anew\n;\n", &owner)).unwrap();
        assert_eq!(made.rows, Some(1));
        assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM orders"), ["3|x"]);
        assert_eq!(relations(warehouse.as_mut()), ["table orders"], "nothing is left beside it");
    }

    fn a_view_becomes_a_table_and_a_view_again(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("orders"), owner("orders"));
        let sql = make(&name, "SELECT 1 AS id", &owner);
        assert_eq!(view(warehouse.as_mut(), &sql).unwrap().rows, None);
        assert_eq!(relations(warehouse.as_mut()), ["view orders"]);
        table(warehouse.as_mut(), &sql).unwrap();
        assert_eq!(relations(warehouse.as_mut()), ["table orders"]);
        view(warehouse.as_mut(), &sql).unwrap();
        view(warehouse.as_mut(), &make(&name, "SELECT 'other' AS name", &owner)).unwrap();
        assert_eq!(relations(warehouse.as_mut()), ["view orders"]);
        assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM orders"), ["other"]);
    }

    fn views_of_the_project_read_what_takes_a_tables_place(desk: &Desk) {
        let mut warehouse = desk.connect();
        let names = ["base", "middle", "top"].map(named);
        let owners = ["base", "middle", "top"].map(owner);
        table(warehouse.as_mut(), &make(&names[0], "SELECT 1 AS id, 'a' AS c", &owners[0])).unwrap();
        view(warehouse.as_mut(), &make(&names[1], "SELECT id, c FROM base", &owners[1])).unwrap();
        view(warehouse.as_mut(), &make(&names[2], "SELECT m.c FROM middle AS m JOIN base AS b ON m.id = b.id", &owners[2])).unwrap();
        for (sql, expected) in [("SELECT 2 AS id, 'b' AS c", "b"), ("SELECT 'c' AS c, 3 AS id, 4 AS more", "c")] {
            let made = table(warehouse.as_mut(), &make(&names[0], sql, &owners[0])).unwrap();
            assert_eq!(made.lost_views, []);
            assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM top"), [expected]);
        }
        view(warehouse.as_mut(), &make(&names[0], "SELECT 5 AS id, 'e' AS c", &owners[0])).unwrap();
        assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM top"), ["e"]);
        // A view that changes its columns under another.
        view(warehouse.as_mut(), &make(&names[1], "SELECT c || '!' AS c, id FROM base", &owners[1])).unwrap();
        assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM top"), ["e!"]);
    }

    fn a_query_that_fails_leaves_the_old_table(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("orders"), owner("orders"));
        table(warehouse.as_mut(), &make(&name, "SELECT 1 AS id", &owner)).unwrap();
        let fails = "SELECT CASE WHEN i = 3 THEN json_array_length('{') ELSE i END AS id FROM (SELECT 1 AS i UNION ALL SELECT 3) AS t";
        assert!(table(warehouse.as_mut(), &make(&name, fails, &owner)).is_err());
        assert!(table(warehouse.as_mut(), &make(&name, "SELECT nosuch", &owner)).is_err());
        assert!(view(warehouse.as_mut(), &make(&name, "SELECT * FROM nosuch", &owner)).is_err());
        assert!(!warehouse.in_transaction());
        assert_eq!(shown(warehouse.as_mut(), "SELECT * FROM orders"), ["1"]);
        assert_eq!(relations(warehouse.as_mut()), ["table orders"]);
    }

    fn two_columns_of_one_name_are_refused(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("orders"), owner("orders"));
        let error = table(warehouse.as_mut(), &make(&name, "SELECT 1 AS id, 2 AS id", &owner)).unwrap_err();
        insta::assert_snapshot!(told(&error), @r"
        RF1314: `orders`: the query gives two columns named `id`
        hint: give one of them another name with `AS`
        ");
    }

    fn a_key_that_the_query_does_not_give_is_refused(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("orders"), owner("orders"));
        let key = ["order_ids".to_owned()];
        let make = Make { unique_key: &key, ..make(&name, "SELECT 1 AS order_id", &owner) };
        let error = table(warehouse.as_mut(), &make).unwrap_err();
        insta::assert_snapshot!(told(&error), @r"
        RF1313: `orders`: its unique key names a column `order_ids` that the query doesn't give
        hint: did you mean `order_id`?
        ");
    }

    fn names_are_quoted_and_long_ones_cut(desk: &Desk) {
        let mut warehouse = desk.connect();
        let owner = owner("odd");
        let key = ["se\"lect".to_owned()];
        for name in ["we\"ird Name", &"n".repeat(60)] {
            let name = named(name);
            let make = Make { unique_key: &key, ..make(&name, "SELECT 1 AS \"se\"\"lect\"", &owner) };
            for _ in 0..2 {
                table(warehouse.as_mut(), &make).unwrap();
                assert_eq!(warehouse.columns(&name).unwrap()[0].name, "se\"lect");
            }
        }
    }
}

#[test]
fn sqlite_keeps_the_declared_types_of_columns() {
    let desk = Desk::sqlite();
    let mut warehouse = desk.connect();
    warehouse
        .execute("CREATE TABLE raw (day date, ok boolean, code varchar(10), n integer); INSERT INTO raw VALUES ('2024-01-01', 1, '007', 1)")
        .unwrap();
    let (name, owner) = (named("t"), owner("t"));
    let sql = "WITH w AS (SELECT * FROM raw) SELECT day, ok, code, n, CAST(n AS text) AS t, n || '' AS e, count(*) AS c FROM w";
    let made = table(warehouse.as_mut(), &make(&name, sql, &owner)).unwrap();
    assert_eq!(made.rows, Some(1));
    let columns = warehouse.columns(&name).unwrap();
    let types: Vec<&str> = columns
        .iter()
        .map(|column| column.data_type.as_deref().unwrap_or("-"))
        .collect();
    assert_eq!(types[..5], ["date", "boolean", "varchar(10)", "integer", "text"]);
    assert_eq!(
        shown(warehouse.as_mut(), "SELECT * FROM t"),
        ["2024-01-01|1|007|1|1|1|1"]
    );
    // What is compared with a number is one.
    assert_eq!(
        shown(warehouse.as_mut(), "SELECT typeof(c), typeof(e), c = 1, t = 1 FROM t"),
        ["integer|text|1|1"]
    );
}

/// Two tables that are made at once, with views that read both.
#[test]
fn tables_with_views_in_common_are_replaced_in_parallel() {
    let Some(desk) = Desk::postgres() else { return };
    let mut warehouse = desk.connect();
    let owner = owner("base");
    for name in ["one", "two"] {
        table(warehouse.as_mut(), &make(&named(name), "SELECT 0 AS id", &owner)).unwrap();
    }
    for (name, sql) in [
        ("a", "SELECT one.id FROM one JOIN two ON one.id <> two.id + 1000"),
        ("b", "SELECT two.id FROM two, a"),
        ("c", "SELECT a.id FROM a, b, one"),
    ] {
        view(warehouse.as_mut(), &make(&named(name), sql, &owner)).unwrap();
    }
    std::thread::scope(|scope| {
        for name in ["one", "two", "a"] {
            let (owner, desk) = (&owner, &desk);
            scope.spawn(move || {
                let mut warehouse = desk.connect();
                for round in 0..15 {
                    let sql = format!("SELECT {round} AS id");
                    let name = named(name);
                    let make = make(&name, &sql, owner);
                    let made = if name.name == "a" {
                        let sql =
                            format!("SELECT one.id, {round} AS v{round} FROM one JOIN two ON one.id <> two.id + 1000");
                        let make = crate::common::make(&name, &sql, owner);
                        view(warehouse.as_mut(), &make)
                    } else {
                        table(warehouse.as_mut(), &make)
                    };
                    assert_eq!(made.unwrap().lost_views, []);
                }
            });
        }
    });
    assert_eq!(
        relations(warehouse.as_mut()),
        ["view a", "view b", "view c", "table one", "table two"]
    );
}
