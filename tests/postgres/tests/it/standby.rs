//! A hot standby answers as its primary does, with a host of its own.

use std::time::Duration;

use postgres::error::SqlState;
use refuel_postgres_tests::{Plan, wait_until};

use crate::common::with_mood;

#[test]
fn a_standby_answers_by_its_own_host_and_changes_no_task() {
    let Some(primary) = with_mood(Plan::default()) else {
        return;
    };
    let standby = primary.standby();
    assert_ne!(standby.wait_for_host(), primary.wait_for_host());
    let query = "SELECT string_agg(refuel_label('standby ' || n, 'mood'), ' ' ORDER BY n) FROM generate_series(1, 9) n";
    let ask = |session: &mut postgres::Client| -> String { session.query_one(query, &[]).unwrap().get(0) };
    let mut there = standby.connect();
    assert_eq!(ask(&mut there), ask(&mut primary.connect()));
    let error = there.batch_execute("SELECT refuel_drop_task('mood')").unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::READ_ONLY_SQL_TRANSACTION));
    // A task that is changed on the primary is changed on the standby.
    primary
        .connect()
        .batch_execute(
            r#"SELECT refuel_alter_task('mood', refuel_task('mood') || '{"labels": ["glad", "sad"], "examples": []}')"#,
        )
        .unwrap();
    wait_until("the change arrives", Duration::from_secs(10), || {
        ["glad", "sad"].contains(&&*ask(&mut there).split(' ').next().unwrap().to_owned())
    });
}
