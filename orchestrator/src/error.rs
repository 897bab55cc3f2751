//! Failures: how they look, and which exit status they earn.
//!
//! Every library of the workspace has an error type with `code()` and `hint()`; [`Failure`] is what they all become
//! here. The command line's own errors are RF06xx.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::commands::ExitStatus;

/// Why a verb stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The reader of our standard output has gone.
    OutputClosed,
    /// There is something to tell.
    Reported(Box<Report>),
}

/// What is told about a failure.
#[derive(Debug)]
pub(crate) struct Report {
    /// Stable code, such as `RF0601`.
    pub(crate) code: &'static str,
    /// What went wrong, and where.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// What lies below, outermost first.
    pub(crate) causes: Vec<String>,
    /// Exit status.
    pub(crate) status: ExitStatus,
}

impl Failure {
    /// A failure from any error with its code, its hint, and the status it earns.
    pub(crate) fn new(error: &dyn Error, code: &'static str, hint: Option<String>, status: ExitStatus) -> Self {
        let message = error.to_string();
        let mut causes: Vec<String> = Vec::new();
        let mut below = error.source();
        while let Some(cause) = below {
            let text = cause.to_string();
            // Some libraries repeat their cause in their own message; once is enough.
            if !message.contains(&text) && causes.last() != Some(&text) {
                causes.push(text);
            }
            below = cause.source();
        }
        Self::Reported(Box::new(Report {
            code,
            message,
            hint,
            causes,
            status,
        }))
    }

    /// A failure to write to standard output.
    pub(crate) fn from_stdout(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            CliError::Write {
                path: PathBuf::from("standard output"),
                source,
            }
            .into()
        }
    }
}

/// What the command line itself finds wrong.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    /// There is no home folder.
    #[error("can't tell where the home folder of refuel is")]
    NoHome {
        /// Why a path could not be made absolute.
        source: Option<io::Error>,
    },
    /// A file or stream can't be read.
    #[error("can't read `{}`", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file or stream can't be written.
    #[error("can't write to `{}`", path.display())]
    Write {
        /// What was written.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A report can't be written as JSON.
    #[error("can't write the report as JSON")]
    Json {
        /// Why it failed.
        source: serde_json::Error,
    },
}

impl CliError {
    /// Stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoHome { .. } => "RF0601",
            Self::Read { .. } => "RF0602",
            Self::Write { .. } => "RF0603",
            Self::Json { .. } => "RF0604",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome { .. } => Some("name a folder with `--home DIR` or in `REFUEL_HOME`".to_owned()),
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    Some("check the path; a relative one starts at the current folder".to_owned())
                }
                io::ErrorKind::PermissionDenied => Some("check the permissions of the file and its folder".to_owned()),
                _ => None,
            },
            Self::Write { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => Some("make room on the disk".to_owned()),
                io::ErrorKind::PermissionDenied => Some("check the permissions of the folder".to_owned()),
                io::ErrorKind::NotFound => Some("make the folder first".to_owned()),
                _ => None,
            },
            Self::Json { .. } => None,
        }
    }

    fn status(&self) -> ExitStatus {
        match self {
            Self::NoHome { .. } => ExitStatus::Usage,
            Self::Read { .. } | Self::Write { .. } | Self::Json { .. } => ExitStatus::Failure,
        }
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        let (code, hint, status) = (error.code(), error.hint(), error.status());
        Self::new(&error, code, hint, status)
    }
}
