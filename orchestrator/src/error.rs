//! Failures: how they look, and which exit status they earn.
//!
//! Every library of the workspace has an error type with `code()` and `hint()`; [`Failure`] is what they all become
//! here. The command line's own errors are `RF06xx`.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::path::PathBuf;

use refuel_tables::IoError;
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
    pub(crate) code: Cow<'static, str>,
    /// What went wrong, and where.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// What lies below, outermost first.
    pub(crate) causes: Vec<String>,
    /// Exit status.
    pub(crate) status: ExitStatus,
    /// What else is wrong, each told like this.
    pub(crate) further: Vec<Report>,
}

impl Failure {
    /// A failure from any error with its code, its hint, and the status it earns.
    pub(crate) fn new(
        error: &dyn Error,
        code: impl Into<Cow<'static, str>>,
        hint: Option<String>,
        status: ExitStatus,
    ) -> Self {
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
            code: code.into(),
            message,
            hint,
            causes,
            status,
            further: Vec::new(),
        }))
    }

    /// One failure of several, all of which are told. The status is the first one's.
    pub(crate) fn all(failures: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut failures = failures.into_iter();
        let mut first = failures.next()?;
        if let Self::Reported(report) = &mut first {
            report.further.extend(failures.filter_map(|failure| match failure {
                Self::OutputClosed => None,
                Self::Reported(report) => Some(*report),
            }));
        }
        Some(first)
    }

    /// The same, with hints as `told` puts them.
    #[must_use]
    pub(crate) fn with_hints(mut self, told: impl Fn(&str) -> String) -> Self {
        if let Self::Reported(report) = &mut self {
            let first = &mut report.hint;
            let hints = std::iter::once(first).chain(report.further.iter_mut().map(|report| &mut report.hint));
            hints.for_each(|hint| *hint = hint.as_deref().map(&told));
        }
        self
    }

    /// What went wrong, on one line; none where there is nothing to tell.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::OutputClosed => None,
            Self::Reported(report) => {
                let all = std::iter::once(&**report).chain(&report.further);
                Some(all.map(|report| &*report.message).collect::<Vec<&str>>().join("; "))
            }
        }
    }

    /// Whether the same would stop a run that goes on: the request has to change, or the program.
    pub(crate) fn comes_again(&self) -> bool {
        match self {
            Self::OutputClosed => false,
            Self::Reported(report) => report.status == ExitStatus::Usage || report.code == "RF0606",
        }
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
    /// Signals can't be listened for.
    #[error("can't listen for Ctrl-C")]
    Signals {
        /// Why it failed.
        source: ctrlc::Error,
    },
    /// A part of the program has ended by a mistake in it.
    #[error("the part that does the {part} has stopped")]
    Stopped {
        /// Which part.
        part: &'static str,
    },
    /// There is a table of this name.
    #[error("`{}` is there already", path.display())]
    OutputExists {
        /// The table.
        path: PathBuf,
    },
    /// An earlier run began a table of this name.
    #[error("an earlier run began `{}` and did not finish it", path.display())]
    Unfinished {
        /// The table.
        path: PathBuf,
    },
    /// The table would be written over what it is read from.
    #[error("`{}` is the input; it can't be the output too", path.display())]
    OutputIsInput {
        /// The table.
        path: PathBuf,
    },
    /// What an earlier run began is not what is asked for now.
    #[error("can't go on with `{}`: {what} is not what it was", path.display())]
    ResumeDiffers {
        /// The table.
        path: PathBuf,
        /// What has changed.
        what: &'static str,
    },
    /// Standard output, a pipe or a device can't be gone on with.
    #[error("`--resume` needs a table to go on with")]
    ResumeWithoutFile,
    /// The table is a folder.
    #[error("`{}` is a folder, and can't be the table", path.display())]
    OutputIsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// There is no folder for the table.
    #[error("there is no folder `{}` for `{}`", folder.display(), path.display())]
    NoOutputFolder {
        /// The folder.
        folder: PathBuf,
        /// The table.
        path: PathBuf,
    },
    /// Another run writes the table just now.
    #[error("another run is writing `{}`", path.display())]
    OutputBusy {
        /// The table.
        path: PathBuf,
    },
    /// No earlier run left anything to go on with, and the table is there.
    #[error("`{}` is there, and no run left it unfinished; there is nothing to go on with", path.display())]
    Finished {
        /// The table.
        path: PathBuf,
    },
    /// The right answers would be what a model answered.
    #[error("the column `{column}` holds what a model answered: `{column}_model` names it")]
    OwnAnswers {
        /// The column.
        column: String,
    },
    /// A row failed, and the task or the command line says that the run then stops.
    #[error("{place} of the input failed: {reason}")]
    RowFailed {
        /// The line or the row.
        place: String,
        /// Why.
        reason: String,
    },
    /// There is nothing to read about this.
    #[error("there is nothing to read about `{topic}`")]
    UnknownTopic {
        /// What was asked for.
        topic: String,
        /// What is near.
        nearest: Option<String>,
    },
    /// A comparison that isn't `KEY=A,B`.
    #[error("can't compare `{asked}`: {what}")]
    Comparison {
        /// What was asked for.
        asked: String,
        /// What is wrong with it.
        what: String,
        /// What to write.
        hint: String,
    },
    /// A table has fewer rows than the one that was asked for.
    #[error("`{}` has no row {row}; it has {rows}", path.display())]
    NoSuchRow {
        /// The table.
        path: PathBuf,
        /// What was asked for, from 1.
        row: u64,
        /// Rows that are there.
        rows: u64,
    },
    /// No row has a right answer that the task can give.
    #[error("no row of the column `{column}` has a value that the task can answer with; the first is {example}")]
    NoneExpected {
        /// The column.
        column: String,
        /// A value with what is wrong with it.
        example: String,
    },
    /// A table has no row that could be evaluated.
    #[error("`{}` has no row to evaluate{}", path.display(), if *.shown { ": every one is an example of the task, which is shown or learned from with its answer" } else { "" })]
    NothingToEvaluate {
        /// The table.
        path: PathBuf,
        /// Whether there are rows, all of which are examples of the task.
        shown: bool,
    },
    /// A node has no rows to show yet.
    #[error("`{node}` is not built in target `{target}`")]
    NotBuilt {
        /// The node.
        node: String,
        /// The target.
        target: String,
    },
    /// Variables that are neither a map nor NAME=VALUE.
    #[error("can't read the variables `{given}`: {reason}")]
    Variables {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A table of a database can't be read.
    #[error("can't read `{source_name}`: {reason}")]
    Database {
        /// As it was named.
        source_name: String,
        /// Why it failed.
        reason: String,
        /// The tables that the database has.
        tables: Vec<String>,
    },
    /// A column of the result is there already.
    #[error("{source_name} has a column `{column}` already, which the result would be written to")]
    ClashingColumn {
        /// The table.
        source_name: String,
        /// The column.
        column: String,
    },
    /// A column that is asked for isn't there.
    #[error("{source_name} has no column `{column}`")]
    NoSuchColumn {
        /// The table.
        source_name: String,
        /// The column.
        column: String,
        /// The columns that are there.
        columns: Vec<String>,
    },
    /// A pick can't be put into a task file.
    #[error("`{pick}` can't be written into `{}`, which is left as it is", path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// The pick.
        pick: String,
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
            Self::Signals { .. } => "RF0605",
            Self::Stopped { .. } => "RF0606",
            Self::OutputExists { .. } => "RF0621",
            Self::Unfinished { .. } => "RF0622",
            Self::OutputIsInput { .. } => "RF0623",
            Self::ResumeDiffers { .. } => "RF0624",
            Self::ResumeWithoutFile => "RF0625",
            Self::RowFailed { .. } => "RF0626",
            Self::OutputIsFolder { .. } => "RF0627",
            Self::NoOutputFolder { .. } => "RF0628",
            Self::OutputBusy { .. } => "RF0629",
            Self::Finished { .. } => "RF0635",
            Self::OwnAnswers { .. } => "RF0636",
            Self::UnknownTopic { .. } => "RF0630",
            Self::Comparison { .. } => "RF0631",
            Self::NoneExpected { .. } => "RF0632",
            Self::NoSuchRow { .. } => "RF0633",
            Self::NothingToEvaluate { .. } => "RF0634",
            Self::Variables { .. } => "RF0640",
            Self::NotBuilt { .. } => "RF0641",
            Self::NotWritten { .. } => "RF0642",
            Self::Database { .. } => "RF0645",
            Self::ClashingColumn { .. } => "RF0646",
            Self::NoSuchColumn { .. } => "RF0647",
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
            Self::Database { tables, .. } if !tables.is_empty() => {
                Some(format!("name one of its tables behind #: {}", tables.join(", ")))
            }
            Self::ClashingColumn { .. } => {
                Some("rename it, or read the table through a view that leaves it out".to_owned())
            }
            Self::NoSuchColumn { column, columns, .. } => Some(
                match crate::words::nearest(column, columns.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its columns are {}", columns.join(", ")),
                },
            ),
            Self::OutputExists { .. } => Some("name another file, or write over it with `--force`".to_owned()),
            Self::Unfinished { .. } => Some("go on with `--resume`, or begin anew with `--force`".to_owned()),
            Self::OutputIsInput { .. } => Some("name another file with `-o`".to_owned()),
            Self::ResumeDiffers { .. } => Some("begin anew with `--force`, or name another file".to_owned()),
            Self::ResumeWithoutFile => Some("name the table with `-o FILE`".to_owned()),
            Self::OutputIsFolder { path } => {
                let file = path.join("labeled.csv");
                Some(format!("name a file in it, such as `{}`", file.display()))
            }
            Self::NoOutputFolder { folder, .. } => Some(format!("make it first: `mkdir -p {}`", folder.display())),
            Self::OutputBusy { .. } => Some("wait until it is done, or name another file".to_owned()),
            Self::Finished { .. } => {
                Some("label it anew with `--force`; answers that are kept are not asked for again".to_owned())
            }
            Self::OwnAnswers { .. } => Some(
                "name the column with what people answered; a model that is compared with itself is always right"
                    .to_owned(),
            ),
            Self::RowFailed { .. } => {
                Some("`--on-error capture` keeps such rows with their reason and goes on".to_owned())
            }
            Self::UnknownTopic { nearest, .. } => Some(match nearest {
                Some(nearest) => format!("did you mean `{nearest}`? `refuel man` lists the topics"),
                None => "`refuel man` lists the topics".to_owned(),
            }),
            Self::Comparison { hint, .. } => Some(hint.clone()),
            Self::NoneExpected { .. } => Some(
                "the column has to hold what the task answers with: names or aliases of its labels, or true and false"
                    .to_owned(),
            ),
            Self::NotBuilt { node, .. } => Some(format!(
                "`refuel build --select +{}` builds it",
                node.split('.').next().unwrap_or(node)
            )),
            Self::Variables { .. } => {
                Some("write `--vars '{since: 2025-01-01}'` or `--vars since=2025-01-01`".to_owned())
            }
            Self::NotWritten { .. } => {
                Some("put it in by hand: `strategy`, `model`, and `select` under `examples`".to_owned())
            }
            Self::NothingToEvaluate { shown: true, .. } => {
                Some("evaluate on rows that are no examples of the task".to_owned())
            }
            Self::Database { .. }
            | Self::NothingToEvaluate { .. }
            | Self::Json { .. }
            | Self::NoSuchRow { .. }
            | Self::Signals { .. }
            | Self::Stopped { .. } => None,
        }
    }

    fn status(&self) -> ExitStatus {
        match self {
            Self::NoHome { .. }
            | Self::Database { .. }
            | Self::ClashingColumn { .. }
            | Self::NoSuchColumn { .. }
            | Self::OutputExists { .. }
            | Self::Unfinished { .. }
            | Self::OutputIsInput { .. }
            | Self::ResumeDiffers { .. }
            | Self::ResumeWithoutFile
            | Self::OutputIsFolder { .. }
            | Self::NoOutputFolder { .. }
            | Self::Finished { .. }
            | Self::OwnAnswers { .. }
            | Self::UnknownTopic { .. }
            | Self::NoSuchRow { .. }
            | Self::NoneExpected { .. }
            | Self::NothingToEvaluate { .. }
            | Self::Variables { .. }
            | Self::NotBuilt { .. }
            | Self::Comparison { .. } => ExitStatus::Usage,
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Json { .. }
            | Self::Signals { .. }
            | Self::Stopped { .. }
            | Self::OutputBusy { .. }
            | Self::NotWritten { .. }
            | Self::RowFailed { .. } => ExitStatus::Failure,
        }
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        let (code, hint, status) = (error.code(), error.hint(), error.status());
        Self::new(&error, code, hint, status)
    }
}

impl From<IoError> for Failure {
    fn from(error: IoError) -> Self {
        if let IoError::Write { output, source } = &error
            && output == "standard output"
            && source.kind() == io::ErrorKind::BrokenPipe
        {
            return Self::OutputClosed;
        }
        let (code, hint) = (error.code(), error.hint());
        let status = if error.is_request() {
            ExitStatus::Usage
        } else {
            ExitStatus::Failure
        };
        Self::new(&error, code, hint, status)
    }
}
