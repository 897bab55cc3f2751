//! Warehouses on a file of SQLite and on a Postgres server that the test starts.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod basics;
mod common;
mod contracts;
mod dependents;
mod digests;
mod incremental;
mod kill;
mod loading;
mod materialize;
mod ownership;
mod server;
mod servers;
