//! What a run leaves.

use jiff::Timestamp;
use refuel_dag::{NodeId, ResourceType};
use refuel_state::NodeStatus;
use serde::Serialize;

use crate::evaluation::MetricResult;
use crate::inference::StageCounts;
use crate::unit::RowComparison;

/// How a node ended.
#[derive(Debug, Clone, Serialize)]
pub struct NodeReport {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub resource_type: Option<ResourceType>,
    /// Its file.
    pub path: String,
    /// How it ended.
    pub status: NodeStatus,
    /// When it began. None for nodes that did not.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Seconds until its SQL was known.
    pub compile_seconds: f64,
    /// Seconds from then on.
    pub execute_seconds: f64,
    /// Rows of its relation, or rows that a test looked at, where they were counted.
    pub rows: Option<u64>,
    /// Inputs that models were asked for.
    pub asked: u64,
    /// Inputs that rules, like examples or a head answered, so that no language model was asked.
    pub without_model: u64,
    /// Inputs whose answer was known already.
    pub cached: u64,
    /// Rows of a test that fail.
    pub failures: Option<u64>,
    /// What went wrong, or why nothing was done.
    pub message: Option<String>,
    /// The stable code of what went wrong.
    pub code: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether what went wrong may have passed when somebody tries again later: a connection, a lock.
    #[serde(skip)]
    pub may_pass: bool,
    /// What it is stored as.
    pub relation: Option<String>,
    /// The SQL that ran.
    #[serde(skip)]
    pub compiled_sql: Option<String>,
    /// The whole of what it was made from, as one hash.
    pub version: Option<String>,
    /// Of a unit test: what was expected beside what came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<RowComparison>,
    /// Of an evaluation: what was measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricResult>,
}

impl NodeReport {
    /// A node that is not begun.
    pub(crate) fn of(node: &refuel_dag::Node, status: NodeStatus) -> Self {
        Self {
            node: node.id.clone(),
            name: node.name.to_string(),
            resource_type: Some(node.resource_type()),
            path: node.path.to_string(),
            status,
            started: None,
            ended: None,
            compile_seconds: 0.0,
            execute_seconds: 0.0,
            rows: None,
            asked: 0,
            without_model: 0,
            cached: 0,
            failures: None,
            message: None,
            code: None,
            hint: None,
            may_pass: false,
            relation: None,
            compiled_sql: None,
            version: None,
            comparison: None,
            metrics: Vec::new(),
        }
    }

    /// Counts what came of a stage.
    pub(crate) fn count(&mut self, counts: &StageCounts) {
        self.asked += counts.asked;
        self.without_model += counts.without_model;
        self.cached += counts.cached;
    }
}

/// Whether a status lets what is downstream go on.
pub(crate) fn is_good(status: NodeStatus) -> bool {
    matches!(
        status,
        NodeStatus::Success | NodeStatus::Reused | NodeStatus::Warn | NodeStatus::NoOp
    )
}

/// What a run leaves.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// The run.
    pub run: String,
    /// The nodes, in the order in which they ended.
    pub nodes: Vec<NodeReport>,
    /// From the first node to the last, in seconds.
    pub seconds: f64,
    /// Whether somebody stopped it.
    pub interrupted: bool,
}

impl RunReport {
    /// Nodes by how they ended, the commonest first.
    pub fn counts(&self) -> Vec<(NodeStatus, usize)> {
        let mut counts: Vec<(NodeStatus, usize)> = Vec::new();
        for node in &self.nodes {
            match counts.iter_mut().find(|(status, _)| *status == node.status) {
                Some((_, count)) => *count += 1,
                None => counts.push((node.status, 1)),
            }
        }
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    /// Whether everything ended well.
    pub fn is_success(&self) -> bool {
        !self.interrupted && self.nodes.iter().all(|node| is_good(node.status))
    }

    /// The node with this id.
    pub fn node(&self, id: &str) -> Option<&NodeReport> {
        self.nodes.iter().find(|node| node.node.as_str() == id)
    }

    /// Inputs that models were asked for.
    pub fn asked(&self) -> u64 {
        self.nodes.iter().map(|node| node.asked).sum()
    }

    /// Inputs that were answered without a language model.
    pub fn without_model(&self) -> u64 {
        self.nodes.iter().map(|node| node.without_model).sum()
    }

    /// Inputs whose answer was known already.
    pub fn cached(&self) -> u64 {
        self.nodes.iter().map(|node| node.cached).sum()
    }
}
