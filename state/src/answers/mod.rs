//! Answers, by input, task fingerprint and model digest.

mod queue;
mod store;
mod value;

use jiff::Timestamp;
use refuel_task::{Answer, InputHash};
use serde::{Deserialize, Serialize};

use crate::runs::RunId;

pub use queue::{Pending, QueueOrder, QueueTask};
pub(crate) use store::{make_task, task_id};

/// Most candidates that are kept of an answer: the best ones.
pub const MOST_SCORES: usize = 5;

/// What a task was given: one text, or the two that a match compares. In JSON it is a text, or a list of two.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// One text; of several columns, the JSON object that holds them.
    One(String),
    /// Two texts that are compared.
    Two(String, String),
}

/// A task as it was when it was asked, and the model that answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct TaskVersion {
    /// Name of the task.
    pub task: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Digest of the model.
    pub model_digest: String,
    /// The model for people, `name@digest`.
    pub model: String,
}

/// What a [`TaskVersion`] is known by in one file; see [`crate::State::task_key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskKey {
    pub(crate) task: i64,
    pub(crate) version: i64,
}

/// An answer to be kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewAnswer<'a> {
    /// Hash of what the model read.
    pub hash: InputHash,
    /// What the task was given.
    pub input: &'a Input,
    /// The answer as the model gave it, before any gate.
    pub answer: &'a Answer,
}

/// The batch that answers are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchName<'a> {
    /// Unique id of the node.
    pub unique_id: &'a str,
    /// The stage, from 0.
    pub stage: u32,
    /// The batch in its stage, from 0.
    pub number: u32,
}

/// An answer with what it was the answer to, and when it was given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeptAnswer {
    /// Fingerprint of the task then.
    pub fingerprint: String,
    /// Digest of the model.
    pub model_digest: String,
    /// The answer as the model gave it, before any gate.
    pub answer: Answer,
    /// The run that asked first, unless it was pruned.
    pub run: Option<RunId>,
    /// When it was given.
    pub at: Timestamp,
}
