//! Nodes of runs: what became of them, the state that their last good build left, and the batches that were asked.

pub(crate) mod store;

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::runs::RunId;

/// What became of a node in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeStatus {
    /// It is being worked on.
    Running,
    /// It was built, or its test passed.
    Success,
    /// It could not be built or tested.
    Error,
    /// A test found what must not be.
    Fail,
    /// A test found what should not be, and lets the run go on.
    Warn,
    /// Something that it needs failed.
    Skipped,
    /// Nothing has changed since its last build, which is still there.
    Reused,
    /// There is nothing to do for it.
    NoOp,
    /// Somebody stopped the run, or its process died, while it was being worked on.
    Interrupted,
}

impl NodeStatus {
    const ALL: [Self; 9] = [
        Self::Running,
        Self::Success,
        Self::Error,
        Self::Fail,
        Self::Warn,
        Self::Skipped,
        Self::Reused,
        Self::NoOp,
        Self::Interrupted,
    ];

    /// The word in the file and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Error => "error",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Skipped => "skipped",
            Self::Reused => "reused",
            Self::NoOp => "no-op",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether nothing of it is left to do.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Success | Self::Warn | Self::Reused | Self::NoOp)
    }
}

impl FromStr for NodeStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("\"{text}\" is no status of a node"))
    }
}

/// What became of a node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeResult {
    /// Unique id, such as `model.shop.orders`.
    pub unique_id: String,
    /// How it ended.
    pub status: NodeStatus,
    /// When it began; none where it was skipped.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Seconds of compiling.
    pub compile_seconds: Option<f64>,
    /// Seconds of executing.
    pub execute_seconds: Option<f64>,
    /// Rows that were written.
    pub rows: Option<u64>,
    /// Inputs that a model was asked.
    pub asked: Option<u64>,
    /// Inputs whose answer was there.
    pub cached: Option<u64>,
    /// Rows that a test found.
    pub failures: Option<u64>,
    /// Why it failed or was skipped.
    pub message: Option<String>,
    /// Quoted name of its relation.
    pub relation: Option<String>,
    /// What it was built from, in one hash.
    pub fingerprint: Option<String>,
    /// The SQL that was run.
    pub compiled_sql: Option<String>,
}

impl NodeResult {
    /// A result with nothing but a status.
    pub fn new(unique_id: impl Into<String>, status: NodeStatus) -> Self {
        Self {
            unique_id: unique_id.into(),
            status,
            started: None,
            ended: None,
            compile_seconds: None,
            execute_seconds: None,
            rows: None,
            asked: None,
            cached: None,
            failures: None,
            message: None,
            relation: None,
            fingerprint: None,
            compiled_sql: None,
        }
    }
}

/// What the last good build of a node in a target was made of, and what it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeVersion {
    /// Unique id.
    pub unique_id: String,
    /// Hash of what can change its rows: SQL, settings, tasks.
    pub fingerprint: String,
    /// Hash of what only gates its answers anew.
    pub gate_fingerprint: String,
    /// Hash of what changes nothing but words.
    pub metadata_fingerprint: String,
    /// What stands for the rows that it left: a node that reads them is up to date with this.
    pub version: String,
    /// The version of everything that it read, by unique id: nodes, sources, seeds, tasks with their models.
    pub inputs: BTreeMap<String, String>,
    /// Quoted name of its relation.
    pub relation: Option<String>,
    /// Quoted names of the tables of answers that it reads.
    pub answer_tables: Vec<String>,
    /// The run that built it. [`crate::State::put_node_version`] writes it; read, it may be of a run that was pruned.
    pub run: Option<RunId>,
    /// When it was built.
    pub at: Timestamp,
}

/// How far a batch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchState {
    /// A model was asked.
    Asked,
    /// Its answers are kept.
    Done,
    /// It failed as a whole.
    Failed,
    /// The run ended before the batch did.
    Interrupted,
}

impl BatchState {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl FromStr for BatchState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Asked, Self::Done, Self::Failed, Self::Interrupted]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("\"{text}\" is no state of a batch"))
    }
}

/// Inputs of one stage of a node that a model was asked together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Unique id of the node.
    pub unique_id: String,
    /// The stage, from 0.
    pub stage: u32,
    /// The batch in its stage, from 0.
    pub number: u32,
    /// How many inputs.
    pub inputs: u64,
    /// How far it has come.
    pub state: BatchState,
    /// When the model was asked.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}
