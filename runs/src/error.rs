//! What can go wrong with a run as a whole, or with one of its nodes.

use refuel_dag::DagError;
use refuel_dag::artifacts::ArtifactError;
use refuel_engine::{EngineError, TASK_FILE};
use refuel_staging::StagingError;
use refuel_state::StateError;
use refuel_task::TaskError;
use refuel_warehouse::WarehouseError;
use thiserror::Error;

/// Characters of a hook's SQL that its errors show.
const HOOK_SHOWN: usize = 60;

/// An error of a run, with a stable code and a hint.
#[derive(Debug, Error)]
pub enum RunError {
    /// Models would be asked more than a budget allows. Nothing was asked.
    #[error("{of} would send {wanted} to models, {over} over the budget of {limit}")]
    OverBudget {
        /// What would: `the run`, or a model.
        of: String,
        /// How much, such as `1,200 inputs`.
        wanted: String,
        /// By how much that is too much.
        over: String,
        /// The bound, with the key that sets it.
        limit: String,
    },
    /// A row could not be answered, and its task says that the run must stop then.
    #[error("the task \"{task}\" can't answer {input}: {reason}")]
    RowFailed {
        /// The task.
        task: String,
        /// The beginning of the input, in quotes.
        input: String,
        /// Why not.
        reason: String,
    },
    /// There is no earlier run to take up.
    #[error("there is no earlier run of target \"{target}\" to take up")]
    NothingToRetry {
        /// The target.
        target: String,
    },
    /// The last run did all that it was asked for.
    #[error("the last run of target \"{target}\" left nothing to do")]
    NothingLeft {
        /// The target.
        target: String,
    },
    /// A node was asked for that the project doesn't have.
    #[error("the project has no node \"{id}\"")]
    UnknownNode {
        /// Its id.
        id: String,
        /// The nearest that it has.
        nearest: Option<String>,
    },
    /// A call gives options that its function doesn't take.
    #[error("{function} does not take these options: {reason}")]
    Options {
        /// The function.
        function: String,
        /// What is wrong.
        reason: String,
    },
    /// Something is asked of a node that only others can do.
    #[error("\"{node}\" {reason}")]
    NotPossible {
        /// The node's name.
        node: String,
        /// What is missing.
        reason: String,
        /// What to do.
        hint: Option<String>,
    },
    /// What a node reads is not built in the target yet.
    #[error("{missing} is not built in target \"{target}\" yet")]
    NotBuilt {
        /// What it reads.
        missing: String,
        /// The target.
        target: String,
        /// What is to be built, with all that it is made of.
        node: String,
    },
    /// Another run of the project is going on in the target, begun from another folder or on another machine.
    #[error("another run of \"{project}\" is going on in target \"{target}\"{}", holder.as_ref().map(|holder| format!(": {holder}")).unwrap_or_default())]
    InUse {
        /// The project.
        project: String,
        /// The target.
        target: String,
        /// Who runs it, as the server says.
        holder: Option<String>,
    },
    /// There is no row with this key.
    #[error("no row of \"{node}\" is made of {key}")]
    NoSuchRow {
        /// The model.
        node: String,
        /// The column and value.
        key: String,
    },
    /// A unit test gives a row that can't stand for the relation.
    #[error("{place}: {message}")]
    Fixture {
        /// Where it is written.
        place: refuel_task::Place,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// What a task over a whole relation refuses.
    #[error(transparent)]
    Relation(Box<refuel_relations::RelationError>),
    /// A file of rows can't be read.
    #[error(transparent)]
    Table(#[from] refuel_tables::IoError),
    /// A file of the target's folder can't be written or read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// SQL that a project or a node has run before or behind it.
    #[error("{hook}: {source}")]
    Hook {
        /// Which, with the beginning of its SQL.
        hook: String,
        /// What went wrong.
        source: Box<RunError>,
    },
    /// Another part of the run has failed while this one waited for it.
    #[error("{part} has stopped before it was done")]
    Stopped {
        /// The part.
        part: &'static str,
    },
    /// The work was stopped.
    #[error("stopped")]
    Cancelled,
    /// The project's compiled form doesn't fit.
    #[error(transparent)]
    Dag(#[from] DagError),
    /// SQL can't be staged.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// The database refused.
    #[error(transparent)]
    Warehouse(WarehouseError),
    /// The project's state can't be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// A model can't be loaded or run.
    #[error(transparent)]
    Engine(EngineError),
    /// The head that a task asks is not there, or answers another task.
    #[error("{error}")]
    Head {
        /// What is wrong with it.
        error: EngineError,
        /// The file of the task, in the project's folder.
        file: String,
    },
    /// A task can't be asked.
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl From<EngineError> for RunError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Cancelled => Self::Cancelled,
            other => Self::Engine(other),
        }
    }
}

impl From<WarehouseError> for RunError {
    fn from(error: WarehouseError) -> Self {
        match error {
            WarehouseError::Cancelled { .. } => Self::Cancelled,
            other => Self::Warehouse(other),
        }
    }
}

impl RunError {
    /// The error of a hook: `name` and its place among those of that name, from 1.
    pub(crate) fn of_hook(self, name: &str, number: usize, sql: &str) -> Self {
        if matches!(self, Self::Cancelled) {
            return self;
        }
        let words: Vec<&str> = sql.split_whitespace().collect();
        let words = words.join(" ");
        let begins: String = words.chars().take(HOOK_SHOWN).collect();
        let more = if begins.len() < words.len() { "…" } else { "" };
        Self::Hook {
            hook: format!("{name} {number} (`{begins}{more}`)"),
            source: Box::new(self),
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OverBudget { .. } => "RF1501",
            Self::RowFailed { .. } => "RF1502",
            Self::NothingToRetry { .. } => "RF1503",
            Self::NothingLeft { .. } => "RF1504",
            Self::UnknownNode { .. } => "RF1505",
            Self::Options { .. } => "RF1506",
            Self::NotPossible { .. } => "RF1507",
            Self::NoSuchRow { .. } => "RF1508",
            Self::Fixture { .. } => "RF1509",
            Self::Stopped { .. } => "RF1510",
            Self::Cancelled => "RF1511",
            Self::NotBuilt { .. } => "RF1512",
            Self::InUse { .. } => "RF1513",
            Self::Hook { source, .. } => source.code(),
            Self::Relation(error) => error.code(),
            Self::Table(error) => error.code(),
            Self::Dag(error) => error.code(),
            Self::Artifact(error) => error.code(),
            Self::Staging(error) => error.code(),
            Self::Warehouse(error) => error.code(),
            Self::State(error) => error.code(),
            Self::Engine(error) | Self::Head { error, .. } => error.code(),
            Self::Task(error) => error.code(),
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OverBudget { .. } => Some(
                "`refuel plan` shows what would be asked of which task; raise the budget, or select less".to_owned(),
            ),
            Self::RowFailed { .. } => {
                Some("\"on_error\": \"capture\" keeps such rows with their reason and goes on".to_owned())
            }
            Self::NothingToRetry { .. } => Some("`refuel build` begins one".to_owned()),
            Self::NothingLeft { .. } => Some("`refuel build` builds what has changed since".to_owned()),
            Self::UnknownNode { nearest, .. } => Some(match nearest {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "`refuel ls` lists them".to_owned(),
            }),
            Self::Options { .. } => Some("the options are \"guidelines\", \"max_tokens\" and \"stop\"".to_owned()),
            Self::NotPossible { hint, .. } | Self::Fixture { hint, .. } => hint.clone(),
            Self::NotBuilt { node, .. } => Some(format!("`refuel build --select +{node}` builds it first")),
            Self::InUse { .. } => Some("wait until it is done".to_owned()),
            Self::NoSuchRow { .. } => Some("look for the key in what the model reads with `refuel show`".to_owned()),
            Self::Stopped { .. } => None,
            Self::Hook { source, .. } => source.hint(),
            Self::Cancelled => Some("`refuel retry` goes on; what was answered is kept".to_owned()),
            Self::Relation(error) => error.hint(),
            Self::Table(error) => error.hint(),
            Self::Dag(error) => error.hint(),
            Self::Artifact(error) => error.hint(),
            Self::Staging(error) => error.hint(),
            Self::Warehouse(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Head { error, file } => error.hint().map(|hint| hint.replace(TASK_FILE, file)),
            Self::Task(error) => error.hint(),
        }
    }

    /// Whether the request was wrong, rather than the work: nothing was done then.
    pub fn is_request(&self) -> bool {
        match self {
            Self::NothingToRetry { .. }
            | Self::NothingLeft { .. }
            | Self::UnknownNode { .. }
            | Self::NotPossible { .. }
            | Self::NoSuchRow { .. }
            | Self::Dag(_)
            | Self::Staging(_)
            | Self::Relation(_)
            | Self::Task(_) => true,
            Self::Warehouse(error) => error.is_request(),
            _ => false,
        }
    }

    /// Whether the same may succeed a little later: a lost connection, a deadlock, a file that another process holds.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Warehouse(error) => error.is_transient(),
            Self::State(error) => error.is_transient(),
            Self::Hook { source, .. } => source.is_transient(),
            _ => false,
        }
    }
}
