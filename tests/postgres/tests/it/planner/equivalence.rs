//! A query gives the same rows whether its calls are batched or not.

use std::cell::RefCell;
use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::host::Sent;
use super::queries::{Case, Tape};
use super::server::{Server, rows};

struct Outcome {
    /// What `EXPLAIN` says, where it says something of such a statement.
    plan: Result<Vec<String>, String>,
    rows: Result<Vec<String>, String>,
    sent: Sent,
}

fn run(server: &mut Server, case: &Case, batching: &str) -> Outcome {
    server.run(&format!(
        "RESET ALL; SET client_min_messages = error; SET statement_timeout = '20s'; {}; SET refuel.batching = {batching}",
        case.settings
    ));
    server.host.sent();
    let mut before = Ok(Vec::new());
    if let Some((first, _)) = &case.around {
        before = rows(&mut server.session, first);
    }
    let mut plan = Ok(Vec::new());
    if before.is_ok() && !case.query.starts_with("FETCH") {
        // With every expression of every node.
        plan = rows(
            &mut server.session,
            &format!("EXPLAIN (VERBOSE, COSTS OFF) {}", case.query),
        );
        server.host.sent();
    }
    let found = before.and_then(|_| rows(&mut server.session, &case.query));
    let sent = server.host.sent();
    if let Some((first, last)) = &case.around {
        if first.starts_with("BEGIN") || found.is_ok() {
            server.run(last);
        } else {
            // The statement may not be there.
            let _ = rows(&mut server.session, last);
        }
    }
    let rows = found.map(|mut rows| {
        if !case.ordered {
            rows.sort();
        }
        rows
    });
    Outcome { plan, rows, sent }
}

fn check(server: &mut Server, case: &Case) -> Result<(), TestCaseError> {
    server.run("RESET ALL");
    server.run(&case.rows);
    let row_by_row = run(server, case, "off");
    let batched = run(server, case, "on");
    // Constants that the planner needs the value of may fail.
    if row_by_row.plan.is_ok() {
        prop_assert!(batched.plan.is_ok(), "EXPLAIN: {:?}", batched.plan);
    }
    match (&row_by_row.rows, &batched.rows) {
        (Ok(expected), Ok(found)) => prop_assert_eq!(found, expected),
        // Which row fails first may differ.
        (Err(expected), Err(found)) => prop_assert_eq!(&found[..5], &expected[..5], "{} {}", found, expected),
        // A row that fails may lie behind those that are wanted, or before a join that leaves it out.
        (Ok(_), Err(failed)) | (Err(failed), Ok(_)) if !case.exact && failed.starts_with("22") => {}
        (expected, found) => prop_assert!(false, "{:?} instead of {:?}", found, expected),
    }
    if case.exact && row_by_row.rows.is_ok() {
        let asked: HashSet<_> = row_by_row
            .sent
            .inputs
            .iter()
            .map(|input| format!("{input:?}"))
            .collect();
        for input in &batched.sent.inputs {
            prop_assert!(asked.contains(&format!("{input:?}")), "{:?} was sent in vain", input);
        }
    }
    Ok(())
}

#[test]
fn batching_changes_no_row() {
    let Some(mut server) = Server::start() else { return };
    server.run(
        "CREATE TABLE kept (value text);
         CREATE TABLE part (id int, body text, author int, size int) PARTITION BY LIST (size);
         CREATE TABLE part_0 PARTITION OF part FOR VALUES IN (0, 1);
         CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (2);
         CREATE TABLE part_2 PARTITION OF part DEFAULT;
         INSERT INTO part SELECT * FROM doc WHERE id < 30;
         GRANT ALL ON ALL TABLES IN SCHEMA public TO public",
    );
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let config = Config {
        cases: cases.unwrap_or(150),
        max_shrink_iters: 3000,
        failure_persistence: None,
        ..Config::default()
    };
    // The runner wants a function that changes nothing.
    let server = RefCell::new(server);
    let tapes = proptest::collection::vec(any::<u16>(), 0..400);
    let result = TestRunner::new(config).run(&tapes, |tape| {
        let case = Tape::new(&tape).case();
        check(&mut server.borrow_mut(), &case).map_err(|error| match error {
            TestCaseError::Fail(why) => TestCaseError::fail(format!("{why}\n{case:#?}")),
            reject @ TestCaseError::Reject(_) => reject,
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
