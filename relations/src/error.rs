//! What can be wrong with a relation that a task is to work on.

use refuel_learn::LearnError;
use refuel_repair::RepairError;
use refuel_resolve::ResolveError;
use thiserror::Error;

/// An error of this crate, with a stable code and a hint.
#[derive(Debug, Error)]
pub enum RelationError {
    /// The task is about rows, and not about whole tables.
    #[error("the task \"{task}\" is of kind `{kind}`, and `{wanted}` is asked for")]
    WrongKind {
        /// Name of the task.
        task: String,
        /// Its kind.
        kind: String,
        /// The kind that is needed.
        wanted: &'static str,
    },
    /// The relation lacks a column that the task names.
    #[error("no column \"{column}\" in {relation}, which has {}", columns.join(", "))]
    MissingColumn {
        /// The column.
        column: String,
        /// The relation.
        relation: String,
        /// Its columns.
        columns: Vec<String>,
    },
    /// A row has no key.
    #[error("row {row} of {relation} has nothing in its key \"{column}\"")]
    NoKey {
        /// The key's column.
        column: String,
        /// The relation.
        relation: String,
        /// The row, from 1.
        row: usize,
    },
    /// Two rows have the same key.
    #[error("rows {first} and {second} of {relation} have the same key \"{key}\"")]
    SameKey {
        /// The key.
        key: String,
        /// The relation.
        relation: String,
        /// One row, from 1.
        first: usize,
        /// The other.
        second: usize,
    },
    /// A solved example names a row that there is not.
    #[error("an example of the task \"{task}\" names \"{key}\", and no row of {relation} has that key")]
    UnknownKey {
        /// Name of the task.
        task: String,
        /// The key.
        key: String,
        /// The relation.
        relation: String,
    },
    /// There are more relations than a task takes.
    #[error("a task of kind `resolve` takes one or two tables, not {count}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// The task looks for matches between two tables, and there is one.
    #[error("the task \"{task}\" links two tables, and there is one")]
    OneTable {
        /// Name of the task.
        task: String,
    },
    /// Rows of a database are told apart by a key alone.
    #[error("the task \"{task}\" names no key, and rows of a database have no places")]
    KeyNeeded {
        /// Name of the task.
        task: String,
    },
    /// What resolving refuses.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// What repairing refuses.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// What learning from examples refuses.
    #[error(transparent)]
    Learn(#[from] LearnError),
}

impl RelationError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongKind { .. } => "RF2401",
            Self::MissingColumn { .. } => "RF2402",
            Self::NoKey { .. } => "RF2403",
            Self::SameKey { .. } => "RF2404",
            Self::UnknownKey { .. } => "RF2405",
            Self::Count { .. } => "RF2406",
            Self::OneTable { .. } => "RF2407",
            Self::KeyNeeded { .. } => "RF2408",
            Self::Resolve(error) => error.code(),
            Self::Repair(error) => error.code(),
            Self::Learn(error) => error.code(),
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::WrongKind { wanted, .. } => Some(format!("name a task with `kind: {wanted}`")),
            Self::MissingColumn { column, columns, .. } => {
                Some(match refuel_task::nearest(column, columns.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean \"{near}\"? the task names the columns"),
                    None => "name one of these columns in the task".to_owned(),
                })
            }
            Self::NoKey { .. } => Some("leave out rows without a key, or name another key in the task".to_owned()),
            Self::SameKey { .. } => Some("name a column in the task's \"key\" that tells rows apart".to_owned()),
            Self::UnknownKey { .. } => Some("correct the example, or leave it out".to_owned()),
            Self::Count { .. } => None,
            Self::OneTable { .. } => Some("give both tables, or set `mode: deduplicate`".to_owned()),
            Self::KeyNeeded { .. } => Some("name the column that tells rows apart: key: id".to_owned()),
            Self::Resolve(error) => error.hint(),
            Self::Repair(error) => Some(error.hint()),
            Self::Learn(error) => error.hint(),
        }
    }

    /// Whether whoever watched it stopped it.
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Resolve(ResolveError::Cancelled) | Self::Learn(LearnError::Stopped)
        )
    }
}
