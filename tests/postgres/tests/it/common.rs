//! What several tests ask, and how they look at what comes of it.

use std::thread::JoinHandle;
use std::time::Duration;

use postgres::Client;
use refuel_postgres_tests::{Cluster, Plan, wait_until};

/// Two labels on short texts: the smallest work that a language model does.
pub(crate) const MOOD: &str = r#"{"kind": "label", "input": "message", "labels": ["good", "bad"],
    "guidelines": "Say whether the message is good or bad news.", "model": "smollm2-135m-instruct"}"#;

/// A server with the task `mood`.
pub(crate) fn with_mood(plan: Plan) -> Option<Cluster> {
    let cluster = plan.start()?;
    cluster
        .connect()
        .batch_execute(&format!(
            "CREATE EXTENSION refuel; SELECT refuel_create_task('mood', '{MOOD}')"
        ))
        .unwrap();
    Some(cluster)
}

/// A query over so many texts that no other query has: an answer that is kept would be no work.
pub(crate) fn labels(texts: &str, rows: usize) -> String {
    format!("SELECT refuel_label('{texts}, message ' || n, 'mood') FROM generate_series(1, {rows}) n")
}

/// How many requests the host works on.
pub(crate) fn under_way(session: &mut Client) -> i64 {
    session
        .query_one("SELECT count(*) FROM refuel.activity", &[])
        .unwrap()
        .get(0)
}

/// Waits until the host has answered some of a query: that it is in the middle of it.
///
/// # Panics
/// When the query ends first.
pub(crate) fn wait_for_the_middle<T>(session: &mut Client, query: &JoinHandle<T>) {
    wait_until("the host is in the middle of the work", Duration::from_mins(1), || {
        assert!(!query.is_finished(), "the query has ended already");
        is_in_the_middle(session)
    });
}

/// Whether the host has answered some of a query, and not all.
pub(crate) fn is_in_the_middle(session: &mut Client) -> bool {
    let query = "SELECT count(*) FROM refuel.activity WHERE answered > 0 AND answered < inputs";
    session.query_one(query, &[]).unwrap().get::<_, i64>(0) > 0
}

/// Waits until the host works on nothing.
pub(crate) fn wait_for_rest(session: &mut Client) {
    wait_until("the host has dropped the work", Duration::from_secs(2), || {
        under_way(session) == 0
    });
}
