//! What can be wrong with what is asked of this crate.

use thiserror::Error;

/// An error of repairing, with a stable code and a hint.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RepairError {
    /// A row with more or fewer values than there are columns.
    #[error("row {row} has {}, and there are {expected} columns", counted(*found, "value"))]
    RowLength {
        /// Index of the row, from 0.
        row: usize,
        /// How many values it has.
        found: usize,
        /// How many columns there are.
        expected: usize,
    },
    /// A labelled row that the table does not have.
    #[error("row {row} is labelled, and the table has {}, counted from 0", counted(*rows, "row"))]
    UnknownRow {
        /// Index of the row, from 0.
        row: usize,
        /// How many rows the table has.
        rows: usize,
    },
    /// A row that is labelled twice.
    #[error("row {row} is labelled twice")]
    LabelledTwice {
        /// Index of the row, from 0.
        row: usize,
    },
    /// A column that the table does not have.
    #[error("no column \"{column}\" in the table, which has {}", columns.join(", "))]
    UnknownColumn {
        /// The column.
        column: String,
        /// The columns of the table.
        columns: Vec<String>,
        /// The nearest column, where one is near.
        nearest: Option<String>,
    },
    /// A setting outside of what it can be.
    #[error("`{setting}` is {value}, which is not {expected}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

/// A number of things: `1 row`, `2 rows`.
fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

impl RepairError {
    /// The stable code: what `refuel man errors` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RowLength { .. } => "RF2101",
            Self::UnknownRow { .. } => "RF2102",
            Self::LabelledTwice { .. } => "RF2103",
            Self::Setting { .. } => "RF2104",
            Self::UnknownColumn { .. } => "RF2105",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::RowLength { expected, .. } => {
                format!(
                    "give {} in each row; a missing one is an empty value",
                    counted(*expected, "value")
                )
            }
            Self::UnknownRow { .. } => "label rows of the table that is repaired, by their index in it".into(),
            Self::UnknownColumn { nearest, .. } => match nearest {
                Some(nearest) => format!("did you mean \"{nearest}\"?"),
                None => "name columns as the table does".into(),
            },
            Self::LabelledTwice { .. } => "keep one of the two".into(),
            Self::Setting { setting, expected, .. } => format!("set `{setting}` to {expected}"),
        }
    }
}
