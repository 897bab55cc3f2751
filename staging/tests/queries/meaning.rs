//! The staged meaning of a query is its row-by-row meaning: random queries over random data, run in both ways.

use crate::support::generator::{Generator, schema};
use crate::support::sqlite::Sqlite;
use crate::support::{Database, compare};
use fastrand::Rng;

/// Runs random queries on databases of random data, and says how many were run in both ways.
fn try_many(
    seed: u64,
    databases: usize,
    queries: usize,
    open: &mut dyn FnMut(&str) -> Box<dyn Database>,
) -> (usize, usize) {
    let (mut run, mut refused, mut asked) = (0, 0, 0);
    let mut differences = Vec::new();
    for database in 0..databases {
        let mut rng = Rng::with_seed(seed + database as u64);
        let schema = schema(&mut rng);
        let mut opened = open(&schema);
        let mut generator = Generator::new(rng, opened.dialect());
        for _ in 0..queries {
            let sql = generator.query();
            match compare(opened.as_mut(), &sql) {
                None => refused += 1,
                Some(Ok(inputs)) => {
                    run += 1;
                    asked += inputs;
                }
                Some(Err(difference)) => {
                    // One is enough from one database.
                    differences.push(format!("seed {}: {difference}\n{schema}", seed + database as u64));
                    break;
                }
            }
        }
    }
    differences.sort_by_key(String::len);
    differences.truncate(5);
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    assert!(
        run > 9 * refused,
        "{refused} of {} random queries were refused by the database: the generator is off",
        run + refused
    );
    (run, asked)
}

#[test]
fn staged_and_row_by_row_give_the_same_rows_on_sqlite() {
    let seed = std::env::var("REFUEL_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(7_000);
    let databases = std::env::var("REFUEL_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(30);
    let (run, asked) = try_many(seed, databases, 20, &mut |schema| Box::new(Sqlite::with(schema)));
    assert!(
        asked > run,
        "{run} random queries asked about {asked} inputs: the generator is off"
    );
}

#[test]
fn staged_and_row_by_row_give_the_same_rows_on_postgres() {
    let Some(server) = crate::support::postgres::Server::start() else {
        eprintln!("skipped: there is no PostgreSQL to start");
        return;
    };
    let seed = std::env::var("REFUEL_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(9_000);
    let databases = std::env::var("REFUEL_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(10);
    let (run, asked) = try_many(seed, databases, 20, &mut |schema| Box::new(server.with(schema)));
    assert!(
        asked > run,
        "{run} random queries asked about {asked} inputs: the generator is off"
    );
}
