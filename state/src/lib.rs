//! What a project remembers from run to run: runs and their nodes, answers, people's verdicts, and what was measured.
//!
//! All of it is one SQLite file, `.refuel/state.sqlite3`, which is written as things happen, so that a process that is
//! killed loses at most what it had not handed over. Any number of processes may read and write it at a time;
//! [`State::lock`] lets one of them run a target.
//!
//! Answers are kept as the model gave them, by input, task fingerprint and model digest; whoever reads them gates them.
//! Verdicts are kept by task name and input alone: they outlive every change of the task and of its model.

mod answers;
mod columns;
mod error;
mod file;
mod lock;
mod measures;
mod nodes;
mod prune;
mod reviews;
mod runs;
mod state;
mod time;

pub use answers::{
    BatchName, Input, KeptAnswer, MOST_SCORES, NewAnswer, Pending, QueueOrder, QueueTask, TaskKey, TaskVersion,
};
pub use error::StateError;
pub use lock::{Holder, RunLock};
pub use measures::{Distribution, Measurement, Speed, Work};
pub use nodes::{Batch, BatchState, NodeResult, NodeStatus, NodeVersion};
pub use prune::{Prune, Pruned};
pub use reviews::{Guess, Review, ReviewedExample, Verdict, as_record};
pub use runs::{NewRun, Resume, Run, RunId, RunStatus};
pub use state::{BATCH, State};

/// The file's place in a project's folder.
pub const FILE: &str = ".refuel/state.sqlite3";
