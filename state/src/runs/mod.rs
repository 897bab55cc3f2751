//! Runs: what was asked for, when, and how it ended.

mod store;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::nodes::NodeResult;

pub(crate) use store::{going_on, mark_dead, mark_dead_runs, number_of, unknown};

/// A run's name: a UUID of version 7 (RFC 9562), so that names sort by the time at which runs began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub(crate) String);

impl RunId {
    /// A new name.
    pub(crate) fn new() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// It has not ended.
    Running,
    /// All that was asked for is done.
    Success,
    /// Something of what was asked for failed.
    Failed,
    /// Somebody stopped it, or its process died.
    Interrupted,
}

impl RunStatus {
    /// The word in the file and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl FromStr for RunStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Running, Self::Success, Self::Failed, Self::Interrupted]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("\"{text}\" is no status of a run"))
    }
}

/// What a run begins with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewRun {
    /// The verb: `build`, `run`, `test`, `seed`, `retry`.
    pub command: String,
    /// Its arguments as JSON, so that `retry` can repeat them.
    pub arguments: serde_json::Value,
    /// What was selected, as it was written; empty for everything.
    pub selection: String,
    /// Version of the program.
    pub version: String,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// The verb.
    pub command: String,
    /// Its arguments.
    pub arguments: serde_json::Value,
    /// The target.
    pub target: String,
    /// What was selected; empty for everything.
    pub selection: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; for a run whose process died, when that was noticed.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub status: RunStatus,
    /// Why it failed, where one thing alone is why.
    pub message: Option<String>,
    /// The process.
    pub pid: u32,
    /// When the process started, as the system counts it (on Linux, clock ticks since boot): with `pid` it tells the
    /// process from a later one of the same number. None where the system doesn't say.
    pub process_started: Option<String>,
    /// Version of the program.
    pub version: String,
}

/// What is left to do of the last run of a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Resume {
    /// The run.
    pub run: Run,
    /// What became of its nodes, by unique id. Nodes that it had not come to are not there.
    pub results: Vec<NodeResult>,
}

impl Resume {
    /// The nodes that are done and need not be done again.
    pub fn done(&self) -> impl Iterator<Item = &str> {
        self.with(true)
    }

    /// The nodes that failed, were skipped, or were being worked on when the run ended.
    pub fn not_done(&self) -> impl Iterator<Item = &str> {
        self.with(false)
    }

    fn with(&self, done: bool) -> impl Iterator<Item = &str> {
        self.results
            .iter()
            .filter(move |result| result.status.is_done() == done)
            .map(|result| result.unique_id.as_str())
    }
}
