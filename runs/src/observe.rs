//! What a run tells while it goes on.

use std::time::Duration;

use refuel_dag::NodeId;
use refuel_state::NodeStatus;
use serde::Serialize;

use crate::report::NodeReport;

/// What happens in a run, in the order in which it happens. Events of different nodes come from different threads.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins.
    Started {
        /// The run.
        run: String,
        /// Nodes that it will do.
        nodes: usize,
    },
    /// A node begins.
    NodeStarted {
        /// The node.
        node: NodeId,
        /// Its place among the nodes that were started, from 1.
        number: usize,
    },
    /// How many inputs of a node have no answer yet, as far as that is known: it grows while they are read.
    Inputs {
        /// The node.
        node: NodeId,
        /// The task that is asked.
        task: String,
        /// Distinct inputs that were found without an answer, since the stage began.
        found: u64,
    },
    /// Inputs of a node were answered.
    Answered {
        /// The node.
        node: NodeId,
        /// The task that was asked.
        task: String,
        /// Inputs since the last such event.
        inputs: u64,
    },
    /// A node failed in a way that may pass, and will be tried again.
    Retrying {
        /// The node.
        node: NodeId,
        /// What went wrong.
        message: String,
        /// How long is waited.
        #[serde(skip)]
        wait: Duration,
    },
    /// Something that a user should know, and that stops nothing.
    Note {
        /// The node that it is about.
        node: Option<NodeId>,
        /// What.
        message: String,
    },
    /// A node has ended.
    NodeFinished {
        /// How.
        report: Box<NodeReport>,
        /// Its place among the nodes of the run that have ended, from 1. None for a source or a task that nobody asked for,
        /// and that something is to be told of.
        number: Option<usize>,
        /// Nodes of the run.
        of: usize,
    },
    /// The run has ended.
    Finished {
        /// Nodes by how they ended.
        counts: Vec<(NodeStatus, usize)>,
        /// From the first node to the last, in seconds.
        seconds: f64,
    },
}

/// Is told what happens.
pub trait Observer: Send + Sync {
    /// Something has happened. It is called from the threads that work, and should return soon.
    fn event(&self, event: &Event);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event) {}
}
