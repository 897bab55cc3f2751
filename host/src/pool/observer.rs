//! What the pool tells those who measure it.

use std::time::Duration;

use refuel_client::wire::{Hello, Work};

pub use super::request::Outcome;

/// A request that has ended.
#[derive(Debug, Clone, Copy)]
pub struct EndedRequest<'a> {
    /// Who asked.
    pub who: &'a Hello,
    /// The task's name.
    pub task: &'a str,
    /// `name@digest` of the model.
    pub model: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// Its inputs.
    pub inputs: u64,
    /// Of these, those that were answered, failures among them.
    pub answered: u64,
    /// Of these, those that failed.
    pub failed: u64,
    /// What it took.
    pub work: &'a Work,
    /// The part of the models' time that its inputs account for.
    pub model_time: Duration,
}

/// A run: rows of one task, of any number of clients, that were given to a model together. Rows of a run that fails are run
/// again in halves.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// `name@digest` of the model.
    pub model: &'a str,
    /// Kind of the task.
    pub kind: &'a str,
    /// Its rows, which all differ.
    pub rows: usize,
    /// Requests that were told of at least one of the rows.
    pub requests: usize,
    /// Batches that the model read, each under the engine's budget of tokens.
    pub batches: usize,
    /// How long it took; loading the model is left out.
    pub elapsed: Duration,
    /// Whether it failed.
    pub failed: bool,
}

/// Is told what happens. It is called from the threads that do the work, and must not wait.
pub trait Observer: Send + Sync {
    /// A request has ended.
    fn request_ended(&self, _request: &EndedRequest<'_>) {}

    /// A run has ended.
    fn run_ended(&self, _run: &Run<'_>) {}
}

/// Listens to nothing.
pub struct Unobserved;

impl Observer for Unobserved {}
