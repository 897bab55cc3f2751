//! What the verbs do, one file or folder a verb.

pub(crate) mod model;

use std::process::ExitCode;

use crate::cli::Command;
use crate::context::Context;
use crate::error::Failure;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// What was asked for was done.
    Success,
    /// The request was fine, the work failed.
    Failure,
    /// The request was wrong.
    Usage,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Success => Self::from(0),
            ExitStatus::Failure => Self::from(1),
            ExitStatus::Usage => Self::from(2),
        }
    }
}

/// Runs a verb.
pub(crate) fn run(command: Command, context: &Context) -> Result<ExitStatus, Failure> {
    match command {
        Command::Model(arguments) => model::run(arguments, context),
    }
}
