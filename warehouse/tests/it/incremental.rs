//! New rows in a table that is there, against what they are to do, said as plainly as can be.

use proptest::prelude::*;
use refuel_warehouse::materialize::{Incremental, Made, Make, OnSchemaChange, Strategy, incremental, table, view};
use refuel_warehouse::{Result, Warehouse};

use crate::common::{Desk, make, named, on_both, owner, relations, shown, told};

/// A row: two columns of its key, a value.
type Row = (Option<i64>, Option<String>, i64);

fn sql(rows: &[Row]) -> String {
    let literal = |row: &Row| {
        let number = row.0.map_or("NULL".to_owned(), |number| number.to_string());
        let text = row.1.as_ref().map_or("NULL".to_owned(), |text| format!("'{text}'"));
        format!(
            "SELECT CAST({number} AS integer) AS a, CAST({text} AS text) AS b, {} AS v",
            row.2
        )
    };
    let rows: Vec<String> = rows.iter().map(literal).collect();
    if rows.is_empty() {
        "SELECT CAST(1 AS integer) AS a, CAST('' AS text) AS b, 1 AS v WHERE 1 = 0".to_owned()
    } else {
        rows.join(" UNION ALL ")
    }
}

/// Whether a row has the key of another: no null is like anything.
fn has_key(one: &Row, other: &Row) -> bool {
    one.0.is_some() && one.0 == other.0 && one.1.is_some() && one.1 == other.1
}

/// What a strategy does. None where two new rows have one key, and nobody has said which is to be kept.
fn naive(old: &[Row], new: &[Row], strategy: Strategy) -> Option<Vec<Row>> {
    let mut rows = old.to_vec();
    match strategy {
        Strategy::Append => rows.extend_from_slice(new),
        Strategy::DeleteInsert => {
            rows.retain(|row| !new.iter().any(|new| has_key(row, new)));
            rows.extend_from_slice(new);
        }
        Strategy::Merge => {
            for (at, row) in new.iter().enumerate() {
                if new[..at].iter().any(|before| has_key(before, row)) {
                    return None;
                }
            }
            for new in new {
                let mut is_there = false;
                for row in rows.iter_mut().filter(|row| has_key(row, new)) {
                    row.2 = new.2;
                    is_there = true;
                }
                if !is_there {
                    rows.push(new.clone());
                }
            }
        }
    }
    rows.sort();
    Some(rows)
}

fn stored(warehouse: &mut dyn Warehouse) -> Vec<Row> {
    let rows = warehouse.rows("SELECT a, b, v FROM t").unwrap();
    let mut rows: Vec<Row> = rows
        .iter()
        .map(|row| {
            let text = row[1].as_text().map(ToOwned::to_owned);
            (row[0].as_integer(), text, row[2].as_integer().unwrap())
        })
        .collect();
    rows.sort();
    rows
}

fn run(warehouse: &mut dyn Warehouse, rows: &[Row], strategy: Strategy) -> Result<Made> {
    let (name, owner, sql) = (named("t"), owner("t"), sql(rows));
    let key = ["a".to_owned(), "b".to_owned()];
    let make = Make {
        unique_key: &key,
        ..make(&name, &sql, &owner)
    };
    let how = Incremental {
        strategy,
        on_schema_change: OnSchemaChange::Fail,
    };
    incremental(warehouse, &make, how)
}

fn rows() -> impl proptest::strategy::Strategy<Value = Vec<Row>> {
    let number = proptest::option::weighted(0.8, 0i64..3);
    let text = proptest::option::weighted(0.8, prop_oneof![Just("x".to_owned()), Just(String::new())]);
    proptest::collection::vec((number, text, 0i64..100), 0..7)
}

fn strategies() -> impl proptest::strategy::Strategy<Value = Strategy> {
    prop_oneof![
        Just(Strategy::Append),
        Just(Strategy::Merge),
        Just(Strategy::DeleteInsert)
    ]
}

/// Runs both, and says whether they agree.
fn agree(
    warehouse: &mut dyn Warehouse,
    old: &[Row],
    new: &[Row],
    strategy: Strategy,
) -> std::result::Result<(), TestCaseError> {
    let (name, owner, sql) = (named("t"), owner("t"), sql(old));
    table(warehouse, &make(&name, &sql, &owner)).unwrap();
    let done = run(warehouse, new, strategy);
    let agreed = naive(old, new, strategy);
    let refused = agreed.is_none().then_some("RF1312");
    prop_assert_eq!(done.err().map(|error| error.code()), refused);
    let mut expected = agreed.unwrap_or_else(|| old.to_vec());
    expected.sort();
    prop_assert_eq!(stored(warehouse), expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn sqlite_does_what_a_strategy_says(old in rows(), new in rows(), strategy in strategies()) {
        thread_local! {
            static DESK: Desk = Desk::sqlite();
        }
        DESK.with(|desk| agree(desk.connect().as_mut(), &old, &new, strategy))?;
    }

    #[test]
    fn postgres_does_what_a_strategy_says(old in rows(), new in rows(), strategy in strategies()) {
        thread_local! {
            static DESK: Option<Desk> = Desk::postgres();
        }
        DESK.with(|desk| match desk {
            Some(desk) => agree(desk.connect().as_mut(), &old, &new, strategy),
            None => Ok(()),
        })?;
    }
}

fn row(a: i64, v: i64) -> Row {
    (Some(a), Some("x".to_owned()), v)
}

on_both! {
    fn the_first_run_makes_the_table_with_an_index_on_its_key(desk: &Desk) {
        let mut warehouse = desk.connect();
        let made = run(warehouse.as_mut(), &[row(1, 1), row(1, 2)], Strategy::Merge).unwrap();
        assert_eq!(made.rows, Some(2), "what was twice in the first run stays");
        for _ in 0..2 {
            let made = run(warehouse.as_mut(), &[row(1, 3), row(2, 4)], Strategy::Merge).unwrap();
            assert!(made.rows >= Some(2));
        }
        assert_eq!(stored(warehouse.as_mut()), [row(1, 3), row(1, 3), row(2, 4)]);
        assert_eq!(relations(warehouse.as_mut()), ["table t"]);
        let indexes = crate::common::either(
            warehouse.as_ref(),
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 't'",
            "SELECT indexname::text FROM pg_indexes WHERE tablename = 't'",
        );
        assert_eq!(shown(warehouse.as_mut(), indexes), ["t__refuel_key"]);
        let made = run(warehouse.as_mut(), &[row(1, 5), row(9, 9)], Strategy::DeleteInsert).unwrap();
        assert_eq!(made.rows, Some(2));
    }

    fn a_view_becomes_a_table(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner, sql) = (named("t"), owner("t"), sql(&[row(7, 7)]));
        view(warehouse.as_mut(), &make(&name, &sql, &owner)).unwrap();
        run(warehouse.as_mut(), &[row(1, 1)], Strategy::Append).unwrap();
        assert_eq!(stored(warehouse.as_mut()), [row(1, 1)]);
    }

    fn a_query_may_read_the_table_that_it_adds_to(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("t"), owner("t"));
        table(warehouse.as_mut(), &make(&name, "SELECT 1 AS a", &owner)).unwrap();
        let key = ["a".to_owned()];
        for strategy in [Strategy::Append, Strategy::Merge, Strategy::DeleteInsert] {
            let make = Make { unique_key: &key, ..make(&name, "SELECT max(a) + 1 AS a FROM t", &owner) };
            let how = Incremental { strategy, on_schema_change: OnSchemaChange::Ignore };
            incremental(warehouse.as_mut(), &make, how).unwrap();
        }
        assert_eq!(shown(warehouse.as_mut(), "SELECT a FROM t ORDER BY a"), ["1", "2", "3", "4"]);
    }

    fn two_new_rows_of_one_key_are_not_merged(desk: &Desk) {
        let mut warehouse = desk.connect();
        run(warehouse.as_mut(), &[row(1, 1)], Strategy::Merge).unwrap();
        let error = run(warehouse.as_mut(), &[row(2, 1), row(2, 2)], Strategy::Merge).unwrap_err();
        insta::assert_snapshot!(told(&error), @r"
        RF1312: `t`: 2 of the new rows have the unique key a = 2, b = x, and only one could be merged
        hint: make the query give one row a key, or use the strategy `delete+insert`, which keeps them all
        ");
    }

    fn other_columns_are_what_the_settings_say(desk: &Desk) {
        let mut warehouse = desk.connect();
        let (name, owner) = (named("t"), owner("t"));
        let mut go = |sql: &str, how: OnSchemaChange| {
            let how = Incremental { strategy: Strategy::Append, on_schema_change: how };
            incremental(warehouse.as_mut(), &make(&name, sql, &owner), how)
        };
        go("SELECT 1 AS id, CAST('a' AS text) AS old", OnSchemaChange::Ignore).unwrap();
        let changed = "SELECT CAST('n' AS text) AS new, 2 AS id";
        let error = go(changed, OnSchemaChange::Fail).unwrap_err();
        let text = told(&error).replace("TEXT", "text");
        insta::assert_snapshot!(text, @r"
        RF1311: `t` has other columns than its query gives:
          column  declared   found
          new     not there  text
          old     text       missing
        hint: `on_schema_change: sync_all_columns` makes the table follow, `append_new_columns` keeps columns that are gone; `--full-refresh` builds it anew
        ");
        assert_eq!(go(changed, OnSchemaChange::Ignore).unwrap_err().code(), "RF1311", "a column is gone");
        go("SELECT 'n' AS new, 2 AS id, 'b' AS old", OnSchemaChange::Ignore).unwrap();
        let made = go(changed, OnSchemaChange::AppendNewColumns).unwrap();
        assert_eq!(made.schema_changes, ["added column `new`"]);
        let made = go("SELECT 3 AS id, 'm' AS new", OnSchemaChange::SyncAllColumns).unwrap();
        assert_eq!(made.schema_changes, ["dropped column `old`"]);
        assert_eq!(shown(warehouse.as_mut(), "SELECT id, new FROM t ORDER BY id, new IS NOT NULL"), ["1|-", "2|-", "2|n", "3|m"]);
    }
}

#[test]
fn a_type_follows_the_query_on_postgres() {
    let Some(desk) = Desk::postgres() else { return };
    let mut warehouse = desk.connect();
    let (name, reader) = (named("t"), named("reader"));
    let (owner, reader_owner) = (owner("t"), crate::common::owner("reader"));
    let how = Incremental {
        strategy: Strategy::Append,
        on_schema_change: OnSchemaChange::SyncAllColumns,
    };
    incremental(
        warehouse.as_mut(),
        &make(&name, "SELECT 1 AS id, 2 AS gone", &owner),
        how,
    )
    .unwrap();
    view(warehouse.as_mut(), &make(&reader, "SELECT id FROM t", &reader_owner)).unwrap();
    let made = incremental(warehouse.as_mut(), &make(&name, "SELECT 'x'::text AS id", &owner), how).unwrap();
    assert_eq!(made.schema_changes, ["dropped column `gone`", "made column `id` text"]);
    assert_eq!(made.lost_views, []);
    assert_eq!(
        shown(warehouse.as_mut(), "SELECT id FROM reader ORDER BY id"),
        ["1", "x"]
    );
}
