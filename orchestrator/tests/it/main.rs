//! The program as a user runs it: what it says, what it leaves behind, and what happens when things go wrong.

#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]
#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]

mod build;
mod command_line;
mod common;
mod faults;
mod graph;
mod heads;
mod host;
mod init;
mod models;
mod relations;
mod review;
mod schedule;
mod told;
mod train;
mod values;
