//! Statements, values, transactions.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use refuel_warehouse::{Column, RelationKind, Value, WarehouseError};

use crate::common::{Desk, either, named, on_both, shown, told};

on_both! {
    /// Every kind of value comes back as it was written.
    fn values_keep_what_they_are(desk: &Desk) {
        let mut warehouse = desk.connect();
        let types = either(
            warehouse.as_ref(),
            "a integer, b real, c text, d blob, e boolean",
            "a bigint, b double precision, c text, d bytea, e boolean",
        );
        warehouse.execute(&format!("CREATE TABLE t ({types})")).unwrap();
        let rows = [
            vec![
                Value::Integer(i64::MIN),
                Value::Real(0.1 + 0.2),
                Value::Text("a\tb\\N\n\"é\" \\.".to_owned()),
                Value::Bytes(vec![0, 92, 255]),
                Value::Boolean(true),
            ],
            vec![Value::Null, Value::Null, Value::Text(String::new()), Value::Null, Value::Null],
        ];
        let columns = ["a", "b", "c", "d", "e"];
        let count = warehouse.insert(&named("t"), &columns, &mut rows.clone().map(Ok).into_iter());
        assert_eq!(count.unwrap(), 2);
        let mut found = warehouse.rows("SELECT * FROM t ORDER BY a IS NULL").unwrap();
        let truth = &mut found[0][4];
        assert_eq!(truth.as_integer(), Some(1), "SQLite has no type for it");
        *truth = Value::Boolean(true);
        assert_eq!(found, rows);
    }

    /// SQLite would take a misspelt column for a text otherwise, the same in every row.
    fn a_column_in_quotes_that_is_not_there_is_refused(desk: &Desk) {
        let mut warehouse = desk.connect();
        warehouse.execute("CREATE TABLE t (label text)").unwrap();
        for sql in ["SELECT \"labell\" FROM t", "CREATE VIEW v AS SELECT \"labell\" AS l FROM t"] {
            let done = match warehouse.execute(sql) {
                // SQLite reads a view only when it is used.
                Ok(_) => warehouse.rows("SELECT * FROM v").map(|_| ()),
                Err(error) => Err(error),
            };
            assert!(done.unwrap_err().to_string().contains("labell"), "{sql}");
        }
        let in_an_index = warehouse.execute("CREATE INDEX i ON t (\"labell\")");
        assert!(in_an_index.unwrap_err().to_string().contains("labell"));
    }

    fn a_query_gives_its_columns_and_can_be_broken_off(desk: &Desk) {
        let mut warehouse = desk.connect();
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i, 'x' AS c FROM n";
        let mut seen = 0;
        let columns = warehouse
            .query(numbers, &mut |row| {
                seen = row[0].as_integer().unwrap();
                if seen == 700 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!(seen, 700);
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["i", "c"]);
        assert_eq!(warehouse.value("SELECT 7").unwrap(), Some(Value::Integer(7)), "the connection goes on");
        assert_eq!(warehouse.value("SELECT 7 WHERE 1 = 0").unwrap(), None);
    }

    fn another_connection_can_be_used_within_a_query(desk: &Desk) {
        let (mut one, mut other) = (desk.connect(), desk.connect());
        one.execute("CREATE TABLE t (i integer)").unwrap();
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) SELECT i FROM n";
        one.query(numbers, &mut |row| {
            let row = row.to_vec();
            other.insert(&named("t"), &["i"], &mut [Ok(row)].into_iter()).unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(shown(one.as_mut(), "SELECT count(*), sum(i) FROM t"), ["600|180300"]);
    }

    fn a_query_is_described_without_running_it(desk: &Desk) {
        let mut warehouse = desk.connect();
        let types = either(warehouse.as_ref(), "a integer, b varchar(20)", "a bigint, b varchar(20)");
        warehouse.execute(&format!("CREATE TABLE t ({types})")).unwrap();
        let columns = warehouse.describe("SELECT b, a, 1 / 0 AS n FROM t -- a comment").unwrap();
        let column = |name: &str, sqlite: Option<&str>, postgres: &str| Column {
            name: name.to_owned(),
            data_type: either(warehouse.as_ref(), sqlite.map(ToOwned::to_owned), Some(postgres.to_owned())),
            not_null: false,
        };
        let expected = [
            column("b", Some("varchar(20)"), "character varying(20)"),
            column("a", Some("integer"), "bigint"),
            column("n", None, "integer"),
        ];
        assert_eq!(columns, expected);
        assert_eq!(warehouse.describe("DELETE FROM t").unwrap_err().code(), "RF1303");
        assert_eq!(warehouse.columns(&named("t")).unwrap().len(), 2);
        assert_eq!(warehouse.columns(&named("nothing")).unwrap(), []);
        assert_eq!(warehouse.relation(&named("t")).unwrap(), Some(RelationKind::Table));
        assert_eq!(warehouse.relation(&named("nothing")).unwrap(), None);
    }

    fn a_fault_says_where_it_is_in_the_statement(desk: &Desk) {
        let mut warehouse = desk.connect();
        let error = warehouse.describe("SELECT 1 AS é,\n  nosuch\nFROM (SELECT 2 AS x) AS t").unwrap_err();
        assert_eq!(error.position().unwrap().line, 2);
        assert_eq!(error.position().unwrap().column, 3);
        let (sqlite, postgres) = (
            "RF1303: target `dev` refuses the statement: no such column: nosuch (line 2, column 3 of the SQL)",
            "RF1303: target `prod` refuses the statement: column \"nosuch\" does not exist (line 2, column 3 of the SQL)",
        );
        assert_eq!(told(&error), either(warehouse.as_ref(), sqlite, postgres));
        assert!(!error.is_transient());
    }

    fn statements_together_are_done_wholly_or_not_at_all(desk: &Desk) {
        let mut warehouse = desk.connect();
        warehouse.execute("CREATE TABLE t (i integer PRIMARY KEY)").unwrap();
        let error = warehouse.execute("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2), (2);").unwrap_err();
        assert_eq!(error.code(), "RF1303");
        assert_eq!(shown(warehouse.as_mut(), "SELECT count(*) FROM t"), ["0"]);
        assert_eq!(warehouse.execute("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2), (3)").unwrap(), 2);
        assert_eq!(warehouse.execute("CREATE TABLE u (i integer)").unwrap(), 0);
        assert_eq!(warehouse.execute("DELETE FROM t WHERE i > 1").unwrap(), 2);
    }

    fn rows_that_fail_leave_nothing_behind(desk: &Desk) {
        let mut warehouse = desk.connect();
        warehouse.execute("CREATE TABLE t (i integer PRIMARY KEY)").unwrap();
        let row = |i: i64| Ok(vec![Value::Integer(i)]);
        let twice = warehouse.insert(&named("t"), &["i"], &mut [row(1), row(2), row(2)].into_iter());
        assert_eq!(twice.unwrap_err().code(), "RF1303");
        let fault = Err(WarehouseError::Cancelled { target: "elsewhere".to_owned() });
        let broken = warehouse.insert(&named("t"), &["i"], &mut [row(1), fault].into_iter());
        assert_eq!(broken.unwrap_err().code(), "RF1305");
        assert_eq!(shown(warehouse.as_mut(), "SELECT count(*) FROM t"), ["0"]);
        // Within a transaction the rest of it stays.
        warehouse.begin().unwrap();
        warehouse.execute("INSERT INTO t VALUES (7)").unwrap();
        assert!(warehouse.insert(&named("t"), &["i"], &mut [row(1), row(1)].into_iter()).is_err());
        warehouse.commit().unwrap();
        assert_eq!(shown(warehouse.as_mut(), "SELECT i FROM t"), ["7"]);
    }

    fn a_transaction_is_seen_by_others_when_it_is_done(desk: &Desk) {
        let (mut one, mut other) = (desk.connect(), desk.connect());
        one.execute("CREATE TABLE t (i integer)").unwrap();
        let done = one.transaction(|one| {
            one.execute("INSERT INTO t VALUES (1)")?;
            assert!(one.in_transaction());
            assert_eq!(shown(other.as_mut(), "SELECT count(*) FROM t"), ["0"]);
            one.transaction(|one| one.execute("INSERT INTO t VALUES (2)"))
        });
        done.unwrap();
        assert_eq!(shown(other.as_mut(), "SELECT count(*) FROM t"), ["2"]);
        let failed = one.transaction(|one| {
            one.execute("DELETE FROM t")?;
            one.execute("SELECT nosuch")
        });
        assert_eq!(failed.unwrap_err().code(), "RF1303");
        assert!(!one.in_transaction());
        assert_eq!(shown(one.as_mut(), "SELECT count(*) FROM t"), ["2"]);
    }

    fn connections_write_in_turn(desk: &Desk) {
        desk.connect().execute("CREATE TABLE t (i integer)").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut warehouse = desk.connect();
                    for _ in 0..25 {
                        warehouse.transaction(|warehouse| warehouse.execute("INSERT INTO t SELECT count(*) FROM t")).unwrap();
                    }
                });
            }
        });
        assert_eq!(shown(desk.connect().as_mut(), "SELECT count(*) FROM t"), ["100"]);
    }

    fn a_statement_is_stopped_from_another_thread(desk: &Desk) {
        let mut warehouse = desk.connect();
        warehouse.execute("CREATE TABLE t (i integer)").unwrap();
        let handle = warehouse.cancel_handle();
        let begun = Instant::now();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(150));
            handle.cancel();
        });
        warehouse.begin().unwrap();
        warehouse.execute("INSERT INTO t VALUES (1)").unwrap();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n";
        let error = warehouse.value(endless).unwrap_err();
        assert_eq!(error.code(), "RF1305", "{error}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert_eq!(warehouse.value("SELECT 1").unwrap_err().code(), "RF1305", "it stays stopped");
        warehouse.rollback().unwrap();
        assert_eq!(shown(desk.connect().as_mut(), "SELECT count(*) FROM t"), ["0"]);
    }
}

#[test]
fn who_waits_for_the_right_to_write_can_be_stopped() {
    let desk = Desk::sqlite();
    let (mut one, mut other) = (desk.connect(), desk.connect());
    one.begin().unwrap();
    let handle = other.cancel_handle();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        handle.cancel();
    });
    assert_eq!(other.begin().unwrap_err().code(), "RF1305");
    one.rollback().unwrap();
}

#[test]
fn a_program_that_writes_too_long_is_told_of() {
    let desk = Desk::sqlite();
    let path = desk.path("warehouse.sqlite3");
    let elsewhere = rusqlite::Connection::open(&path).unwrap();
    elsewhere.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut target = refuel_warehouse::SqliteTarget::new("dev", &path);
    target.busy_timeout = Duration::from_millis(10);
    let warehouses = refuel_warehouse::Warehouses::open(&refuel_warehouse::Target::Sqlite(target)).unwrap();
    let error = warehouses
        .connect()
        .unwrap()
        .execute("CREATE TABLE t (i integer)")
        .unwrap_err();
    insta::assert_snapshot!(told(&error), @r"
    RF1304: target `dev`: another program writes to the database, and did not end within 0 s
    hint: end the other program, or try again when it is done
    ");
    assert!(error.is_transient());
}

/// Half a minute without a word looks like a program that hangs.
#[test]
fn a_wait_for_another_program_is_told_after_a_second_with_its_name() {
    let desk = Desk::sqlite();
    let path = desk.path("warehouse.sqlite3");
    let elsewhere = rusqlite::Connection::open(&path).unwrap();
    elsewhere.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut warehouse = desk.connect();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || warehouse.execute("CREATE TABLE t (i integer)"));
        let until = std::time::Instant::now() + Duration::from_secs(10);
        let mut told = Vec::new();
        while told.is_empty() && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
            told = desk.warehouses.waits();
        }
        elsewhere.execute_batch("COMMIT").unwrap();
        waiting.join().unwrap().unwrap();
        let who = if cfg!(target_os = "linux") {
            format!("process {} ", std::process::id())
        } else {
            "another program".to_owned()
        };
        let [told] = told.try_into().unwrap();
        assert!(told.starts_with(&format!("target dev waits for {who}")), "{told}");
        assert!(told.ends_with("warehouse.sqlite3; for 30 s at most"), "{told}");
    });
    assert_eq!(desk.warehouses.waits(), Vec::<String>::new());
}

#[test]
fn who_waits_for_another_program_can_be_stopped() {
    let desk = Desk::sqlite();
    let elsewhere = rusqlite::Connection::open(desk.path("warehouse.sqlite3")).unwrap();
    elsewhere.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut warehouse = desk.connect();
    let handle = warehouse.cancel_handle();
    let began = std::time::Instant::now();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        handle.cancel();
    });
    assert_eq!(warehouse.begin().unwrap_err().code(), "RF1305");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_full_disk_is_told_of_and_harms_nothing() {
    let desk = Desk::sqlite();
    let mut warehouse = desk.connect();
    warehouse.execute("CREATE TABLE t AS SELECT 1 AS i").unwrap();
    warehouse.execute("PRAGMA max_page_count = 20").unwrap();
    let owner = crate::common::owner("big");
    let name = named("big");
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n";
    let error = refuel_warehouse::materialize::table(warehouse.as_mut(), &crate::common::make(&name, sql, &owner));
    insta::assert_snapshot!(told(&error.unwrap_err()), @r"
    RF1306: target `dev`: there is no room left for what is written: database or disk is full
    hint: make room on the disk; what was there before is unharmed
    ");
    assert!(!warehouse.in_transaction());
    assert_eq!(crate::common::relations(warehouse.as_mut()), ["table t"]);
    warehouse.execute("INSERT INTO t VALUES (2)").unwrap();
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let desk = Desk::sqlite();
    let path = desk.file(
        "notes.txt",
        "these are notes, and no database at all, whatever their name says",
    );
    let target = refuel_warehouse::Target::Sqlite(refuel_warehouse::SqliteTarget::new("dev", &path));
    let error = refuel_warehouse::Warehouses::open(&target).unwrap_err();
    let text = told(&error).replace(path.to_str().unwrap(), "notes.txt");
    insta::assert_snapshot!(text, @r"
    RF1301: target `dev`: can't open `notes.txt`: file is not a database
    hint: the file is no database of SQLite; name another `path` in profiles.yml
    ");
}
