//! `refuel resolve` and `refuel repair`: tasks over whole tables.

mod embed;
mod error;
pub(crate) mod overview;
mod repair;
mod resolve;
mod source;
mod write;

pub(crate) use repair::run as repair;
pub(crate) use resolve::run as resolve;

use refuel_relations::RelationError;

use crate::commands::ExitStatus;
use crate::error::Failure;

impl From<RelationError> for Failure {
    fn from(error: RelationError) -> Self {
        // Whatever is wrong, it is so in the task or in the table.
        Self::new(&error, error.code(), error.hint(), ExitStatus::Usage)
    }
}
