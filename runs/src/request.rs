//! What a run is asked to do.

use std::num::NonZeroUsize;

use refuel_dag::NodeId;
use refuel_project::Budget;
use serde::{Deserialize, Serialize};

/// Which nodes of a selection are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Everything; checks hold up what is downstream of what they check.
    Build,
    /// Models.
    Run,
    /// Data tests, unit tests and evaluations.
    Test,
    /// Seeds.
    Seed,
}

impl Command {
    /// The verb.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Run => "run",
            Self::Test => "test",
            Self::Seed => "seed",
        }
    }

    /// The command of this verb.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Build, Self::Run, Self::Test, Self::Seed]
            .into_iter()
            .find(|command| command.name() == name)
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct RunRequest {
    /// Which nodes of the selection are done.
    pub command: Command,
    /// The nodes that were selected, in any order. Those that the command doesn't do are left out.
    pub selection: Vec<NodeId>,
    /// Makes incremental models and tables anew, and reuses nothing but answers.
    pub full_refresh: bool,
    /// Stops at the first node that fails.
    pub fail_fast: bool,
    /// Nodes whose SQL runs at a time. None: as the target says.
    pub threads: Option<NonZeroUsize>,
    /// Bounds on what models may be asked, instead of those of the project where they are given.
    pub budget: Budget,
    /// Keeps neither these bounds nor the project's.
    pub ignore_budget: bool,
    /// Relations are made without rows, and no model is asked.
    pub empty: bool,
    /// The command line, for those who look at the run later and for whom it keeps out.
    pub command_line: String,
    /// The arguments as JSON, from which `retry` takes up the run.
    pub arguments: serde_json::Value,
}

impl RunRequest {
    /// A run of these nodes without any options.
    pub fn new(command: Command, selection: Vec<NodeId>) -> Self {
        Self {
            command,
            selection,
            full_refresh: false,
            fail_fast: false,
            threads: None,
            budget: Budget::default(),
            ignore_budget: false,
            empty: false,
            command_line: format!("refuel {}", command.name()),
            arguments: serde_json::Value::Null,
        }
    }
}
