//! The extension as its users meet it: servers that are started, killed and stopped, and real clients.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod absence;
mod backends;
mod clients;
mod common;
mod documents;
mod interrupts;
mod planner;
mod planted;
mod projects;
mod recovery;
mod regress;
mod rows;
mod standby;
mod supervision;
mod transactions;
