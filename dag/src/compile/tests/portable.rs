//! `refuel.*` on a real SQLite, and as Postgres gets it.

use rusqlite::Connection;

use crate::testing::{Folder, sql};

const MODEL: &str = "\
select
  {{ refuel.concat('a', 'n') }} as joined,
  {{ refuel.record('a', 't.n') }} as row,
  {{ refuel.json_text(refuel.record('a', 'n'), 'a') }} as text,
  {{ refuel.split_part('a', '--', 1) }} as one,
  {{ refuel.split_part('a', '--', 2) }} as two,
  {{ refuel.split_part('a', '--', 9) }} as nine,
  {{ refuel.split_part('missing', '-', 1) }} as missing_one,
  {{ refuel.days_between(\"'2024-02-27'\", \"'2024-03-01'\") }} as days,
  {{ refuel.current_timestamp() }} > '2020' as later,
  (select {{ refuel.string_agg('v', '; ', order_by='v desc') }} from u) as list
from t";

const POSTGRES: &str = "\
target: dev
targets:
  dev: {type: postgres, host: localhost, user: u, database: d, schema: public}
";

#[test]
fn on_sqlite_they_say_what_they_mean() {
    let folder = Folder::new(&[("models/m.sql", MODEL)]);
    let sql = sql(&folder.compile(), "model.m");
    let database = Connection::open_in_memory().unwrap();
    database
        .execute_batch(
            "create table t (a text, n integer, missing text); insert into t values ('x--ü--', 7, null);\
             create table u (v integer); insert into u values (1), (3), (2);",
        )
        .unwrap();
    let row: Vec<String> = database
        .query_row(&sql, [], |row| {
            (0..10)
                .map(|column| {
                    row.get::<_, rusqlite::types::Value>(column)
                        .map(|value| format!("{value:?}"))
                })
                .collect()
        })
        .unwrap();
    assert_eq!(
        row,
        [
            "Text(\"x--ü--7\")",
            "Text(\"{\\\"a\\\":\\\"x--ü--\\\",\\\"n\\\":7}\")",
            "Text(\"x--ü--\")",
            "Text(\"x\")",
            "Text(\"ü\")",
            "Text(\"\")",
            "Null",
            "Integer(3)",
            "Integer(1)",
            "Text(\"3; 2; 1\")",
        ]
    );
}

#[test]
fn on_postgres_they_are_its_own_functions() {
    let folder = Folder::new(&[("models/m.sql", MODEL), ("profiles.yml", POSTGRES)]);
    let dag = folder.compile();
    let sql = sql(&dag, "model.m");
    insta::assert_snapshot!(sql);
    assert!(refuel_staging::Analyzed::facts(&sql, dag.dialect()).is_ok());
}

#[test]
fn schemas_are_those_of_postgres_alone() {
    let files = [
        ("models/a.sql", "{{ config(schema='marts') }}select 1 as id"),
        (
            "models/b.sql",
            "select * from {{ ref('a') }} join {{ source('raw', 'x') }} using (id)",
        ),
        ("models/s.yml", "sources: [{name: raw, tables: [{name: x}]}]\n"),
    ];
    let folder = Folder::new(&files);
    assert_eq!(
        sql(&folder.compile(), "model.b"),
        "select * from \"a\" join \"x\" using (id)"
    );
    let before = crate::testing::node(&folder.compile(), "model.b").fingerprints.body;
    folder.write("profiles.yml", POSTGRES);
    assert_eq!(
        sql(&folder.compile(), "model.b"),
        "select * from \"marts\".\"a\" join \"raw\".\"x\" using (id)"
    );
    let after = crate::testing::node(&folder.compile(), "model.b").fingerprints.body;
    assert_eq!(before, after, "where relations are is not in the body");
}

#[test]
fn an_unknown_one_is_an_error_that_names_the_nearest() {
    let errors = crate::testing::errors(&[("models/m.sql", "select {{ refuel.concatt('a') }}")]);
    assert!(errors.contains("did you mean refuel.concat?"), "{errors}");
}
