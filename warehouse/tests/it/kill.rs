//! A process that is killed at any moment leaves the old table or the new one.

use std::process::{Command, Stdio};
use std::time::Duration;

use refuel_warehouse::materialize::{Incremental, Make, OnSchemaChange, Strategy, incremental, table};
use refuel_warehouse::{SqliteTarget, Target, Warehouses};

use crate::common::{Desk, make, named, owner, relations, shown};
use crate::server::Server;

/// Names the target to the process that is to be killed.
const TARGET: &str = "REFUEL_TEST_KILLED_TARGET";

const ROWS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n";

/// Replaces tables until it is killed. It does nothing as a test of its own.
#[test]
fn worker() {
    let Ok(place) = std::env::var(TARGET) else { return };
    let target = match place.split_once('|') {
        Some((host, port)) => Target::Postgres(refuel_warehouse::PostgresTarget {
            port: port.parse().unwrap(),
            schema: "shop".to_owned(),
            ..refuel_warehouse::PostgresTarget::new("prod", host, "tester", "postgres")
        }),
        None => Target::Sqlite(SqliteTarget::new("dev", place)),
    };
    let warehouses = Warehouses::open(&target).unwrap();
    let mut warehouse = warehouses.connect().unwrap();
    let (owner, key) = (owner("t"), ["i".to_owned()]);
    let how = Incremental {
        strategy: Strategy::DeleteInsert,
        on_schema_change: OnSchemaChange::Fail,
    };
    loop {
        for name in ["whole", "parts"] {
            let name = named(name);
            let make = Make {
                unique_key: &key,
                ..make(&name, ROWS, &owner)
            };
            if name.name == "whole" {
                table(warehouse.as_mut(), &make).unwrap();
            } else {
                incremental(warehouse.as_mut(), &make, how).unwrap();
            }
        }
    }
}

fn killed(place: &str, after: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::worker", "--nocapture"])
        .env(TARGET, place)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    assert!(child.try_wait().unwrap().is_none(), "the worker ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Kills a worker some times, and looks at what it left.
fn check(desk: &Desk, place: &str) {
    let mut warehouse = desk.connect();
    let owner = owner("t");
    for name in ["whole", "parts"] {
        table(warehouse.as_mut(), &make(&named(name), ROWS, &owner)).unwrap();
    }
    for round in 0..8 {
        killed(place, Duration::from_millis(150 + 37 * round));
        // A server may still be busy with what the worker asked for; who reads waits for nothing of it.
        for name in ["whole", "parts"] {
            let rows = shown(
                warehouse.as_mut(),
                &format!("SELECT count(*), count(DISTINCT i) FROM {name}"),
            );
            assert_eq!(rows, ["20000|20000"]);
        }
        assert_eq!(relations(warehouse.as_mut()), ["table parts", "table whole"]);
    }
    // And the work goes on.
    table(warehouse.as_mut(), &make(&named("whole"), "SELECT 1 AS i", &owner)).unwrap();
}

#[test]
fn a_killed_process_harms_nothing_on_sqlite() {
    let desk = Desk::sqlite();
    let path = desk.path("warehouse.sqlite3");
    check(&desk, path.to_str().unwrap());
    let elsewhere = rusqlite::Connection::open(path).unwrap();
    let whole: String = elsewhere
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}

#[test]
fn a_killed_process_harms_nothing_on_postgres() {
    let Some(server) = Server::start(&[]) else { return };
    let target = server.target();
    let place = format!("{}|{}", target.host, target.port);
    check(&Desk::of(server), &place);
}
