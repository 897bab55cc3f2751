//! Runs of whole projects, with models that are scripted.

#![expect(clippy::unwrap_used, reason = "a test that can't be prepared has failed")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod budget;
mod build;
mod checks;
mod common;
mod compiled;
mod crash;
mod explain;
mod extension;
mod gates;
mod incremental;
mod left;
mod order;
mod postgres;
mod relations;
mod relations_told;
mod scripted;
mod speed;
mod trial;
mod verdicts;
