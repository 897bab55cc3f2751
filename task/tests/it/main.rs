//! What this crate promises to those who use it.

mod answer;
mod calibrated;
mod catch_all;
mod embedded;
mod errors;
mod export;
mod extract;
mod fingerprint;
mod hostile;
mod lone;
mod parse;
mod plan;
mod schema;
mod strategy;
mod tables;
mod templates;
mod values;

use std::path::Path;

use refuel_task::{Task, TaskError};

/// Reads a task from YAML text, as if it stood in `tickets.yml`.
fn read(text: &str) -> Result<Task, TaskError> {
    Task::from_yaml(text, "tickets.yml", Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// The same, for text that is right.
fn task(text: &str) -> Task {
    read(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
