//! What can keep tables of a result from being written.

use thiserror::Error;

use crate::commands::ExitStatus;
use crate::error::Failure;

/// What can keep tables of a result from being written.
#[derive(Debug, Error)]
pub(crate) enum RelationsError {
    /// Two tables with different columns, one behind the other, can't be read again.
    #[error("`{first}` and `{second}` both write a table to standard output")]
    TwoStreams {
        /// One option.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
}

impl RelationsError {
    fn code(&self) -> &'static str {
        match self {
            Self::TwoStreams { .. } => "RF0648",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::TwoStreams { second, .. } => {
                format!("give one of them a file, such as `{second} {}.csv`", &second[2..])
            }
        }
    }
}

impl From<RelationsError> for Failure {
    fn from(error: RelationsError) -> Self {
        Self::new(&error, error.code(), Some(error.hint()), ExitStatus::Usage)
    }
}
