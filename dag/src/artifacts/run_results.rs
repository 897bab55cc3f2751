//! `run_results.json`: how each node of a run ended.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::ArtifactError;
use super::metadata::{Invocation, Metadata, moment};
use super::{read_json, write_json};
use crate::select::Results;

/// The name of the file, in the target folder.
pub const RUN_RESULTS_FILE: &str = "run_results.json";

/// How a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultStatus {
    /// A model or seed was built.
    Success,
    /// A node can't be built, or a test can't be run.
    Error,
    /// A test found failures.
    Fail,
    /// A test found failures that are only warned of.
    Warn,
    /// It was not run, because something above failed or the run was stopped.
    Skipped,
    /// A test found none.
    Pass,
    /// What was built before is still right.
    Reused,
    /// There was nothing to do.
    #[serde(rename = "no-op")]
    NoOp,
}

impl ResultStatus {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Skipped => "skipped",
            Self::Pass => "pass",
            Self::Reused => "reused",
            Self::NoOp => "no-op",
        }
    }
}

/// When a part of the work on a node began and ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// `compile` or `execute`.
    pub name: String,
    /// When it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub completed_at: Option<String>,
}

impl Timing {
    /// A part with its moments.
    pub fn new(name: &str, started: Timestamp, completed: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            started_at: Some(moment(started)),
            completed_at: Some(moment(completed)),
        }
    }
}

/// Batches of a node that is built in several, each as its first and last moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BatchResults {
    /// Those that are done.
    pub successful: Vec<Vec<Value>>,
    /// Those that failed.
    pub failed: Vec<Vec<Value>>,
}

/// How one node ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeResult {
    /// How.
    pub status: ResultStatus,
    /// The parts of the work, `compile` and `execute`; none where it was not begun.
    pub timing: Vec<Timing>,
    /// Which thread did it, such as `Thread-1`.
    pub thread_id: String,
    /// Seconds that it took.
    pub execution_time: f64,
    /// What the database said, and what was counted: `rows_affected`, `asked`, `cached`.
    pub adapter_response: Map<String, Value>,
    /// One line for people.
    pub message: Option<String>,
    /// Of a test, how many rows failed.
    pub failures: Option<u64>,
    /// The node.
    pub unique_id: String,
    /// Whether there is SQL for it; null for nodes that have none.
    pub compiled: Option<bool>,
    /// The SQL that was run.
    pub compiled_code: Option<String>,
    /// The relation, quoted.
    pub relation_name: Option<String>,
    /// Batches, for nodes that are built in several.
    pub batch_results: Option<BatchResults>,
}

/// The results of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResults {
    /// How the file came about.
    pub metadata: Metadata,
    /// One for each node, in the order in which they ended.
    pub results: Vec<NodeResult>,
    /// Seconds that the run took.
    pub elapsed_time: f64,
    /// What the program was called with.
    pub args: Map<String, Value>,
}

impl RunResults {
    /// The results of a run that ends now.
    pub fn new(
        invocation: &Invocation,
        now: Timestamp,
        results: Vec<NodeResult>,
        elapsed_time: f64,
        args: Map<String, Value>,
    ) -> Self {
        Self {
            metadata: Metadata::new("run-results/v6", invocation, now),
            results,
            elapsed_time,
            args,
        }
    }

    /// Writes the file into a folder.
    ///
    /// # Errors
    /// [`ArtifactError::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), ArtifactError> {
        write_json(&folder.join(RUN_RESULTS_FILE), self)
    }

    /// Reads the file of a folder.
    ///
    /// # Errors
    /// [`ArtifactError::Read`] and [`ArtifactError::Content`].
    pub fn read(folder: &Path) -> Result<Self, ArtifactError> {
        read_json(&folder.join(RUN_RESULTS_FILE))
    }

    /// How each node ended, for selectors.
    pub fn statuses(&self) -> Statuses {
        let status = |result: &NodeResult| (result.unique_id.clone(), result.status.name().to_owned());
        Statuses(self.results.iter().map(status).collect())
    }
}

/// How nodes ended, by their ids: `result:` selects by it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statuses(pub BTreeMap<String, String>);

impl Results for Statuses {
    fn status(&self, unique_id: &str) -> Option<&str> {
        self.0.get(unique_id).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn results() -> RunResults {
        let start = moment("2026-02-03T04:05:06Z");
        let end = moment("2026-02-03T04:05:07.5Z");
        let built = NodeResult {
            status: ResultStatus::Success,
            timing: vec![Timing::new("compile", start, start), Timing::new("execute", start, end)],
            thread_id: "Thread-1".to_owned(),
            execution_time: 1.5,
            adapter_response: Map::from_iter([("rows_affected".to_owned(), 3.into())]),
            message: Some("3 rows".to_owned()),
            failures: None,
            unique_id: "model.shop.orders".to_owned(),
            compiled: Some(true),
            compiled_code: Some("select 1".to_owned()),
            relation_name: Some("\"orders\"".to_owned()),
            batch_results: None,
        };
        let skipped = NodeResult {
            status: ResultStatus::NoOp,
            timing: Vec::new(),
            unique_id: "model.shop.report".to_owned(),
            compiled_code: None,
            ..built.clone()
        };
        let invocation = Invocation {
            id: "0197f3a2-0000-7000-8000-000000000000".to_owned(),
            started_at: start,
        };
        let args = Map::from_iter([("which".to_owned(), "build".into())]);
        RunResults::new(&invocation, end, vec![built, skipped], 1.75, args)
    }

    #[test]
    fn the_file_has_every_key_with_its_nulls() {
        let mut results = results();
        results.metadata.env = BTreeMap::from([("REFUEL_VERSION".to_owned(), "0.0.0".to_owned())]);
        insta::assert_json_snapshot!(results);
    }

    #[test]
    fn what_is_written_is_read_again_and_selected_by() {
        let folder = tempfile::tempdir().unwrap();
        results().write(folder.path()).unwrap();
        let read = RunResults::read(folder.path()).unwrap();
        assert_eq!(read, results());
        assert_eq!(read.statuses().status("model.shop.report"), Some("no-op"));
        assert_eq!(read.statuses().status("model.shop.other"), None);
    }
}
