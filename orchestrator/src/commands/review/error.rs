//! What can be wrong with a review.

use std::io;
use std::path::PathBuf;

use refuel_state::StateError;
use thiserror::Error;

use crate::commands::ExitStatus;
use crate::error::Failure;

/// Problems of a table that are told at most.
const MOST_PROBLEMS: usize = 20;

/// What can be wrong with a review.
#[derive(Debug, Error)]
pub(crate) enum ReviewError {
    /// The project has no such task.
    #[error("the project has no task `{name}`")]
    UnknownTask {
        /// What was asked for.
        name: String,
        /// What is near.
        nearest: Option<String>,
    },
    /// The project has no such model.
    #[error("the project has no model `{name}`")]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// What is near.
        nearest: Option<String>,
    },
    /// No task is asked by a model.
    #[error("the model `{name}` calls no task")]
    NoCalls {
        /// The model.
        name: String,
    },
    /// A task's answers are nothing that a person could decide.
    #[error("answers of the task `{name}` are of kind `{kind}`, on which a person can't decide")]
    NotReviewable {
        /// The task.
        name: String,
        /// Its kind.
        kind: &'static str,
    },
    /// There is no person to ask.
    #[error("a review needs a terminal")]
    NoTerminal,
    /// The terminal can't be used.
    #[error("the terminal can't be used")]
    Terminal {
        /// Why it failed.
        source: io::Error,
    },
    /// A table of verdicts can't be read.
    #[error("{}:{line}: {reason}", path.display())]
    Sheet {
        /// The table.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A table of verdicts lacks a column.
    #[error("`{}` has no column `{column}`; it has {}", path.display(), present.join(", "))]
    SheetColumn {
        /// The table.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// The columns that are there.
        present: Vec<String>,
    },
    /// Verdicts of a table can't be taken.
    #[error("`{}` has verdicts that can't be taken, so that none was:{}", path.display(), listed(problems))]
    SheetRows {
        /// The table.
        path: PathBuf,
        /// What is wrong, each with its line.
        problems: Vec<String>,
    },
    /// There is no verdict that could be an example, or a row to evaluate on.
    #[error("there is no verdict on the task `{task}` that says what is right")]
    NoExamples {
        /// The task.
        task: String,
    },
    /// A file is not that of a task of the project.
    #[error("`{}` is no task file of the project", path.display())]
    NoTaskFile {
        /// What was named.
        path: PathBuf,
        /// Task files of the project.
        known: Vec<String>,
    },
    /// A column of the task has the name that examples have their answers in.
    #[error("the task `{task}` reads a column `{column}`, where examples have their answers")]
    AnswerColumn {
        /// The task.
        task: String,
        /// The column.
        column: &'static str,
    },
}

fn listed(problems: &[String]) -> String {
    let mut text = String::new();
    for problem in problems.iter().take(MOST_PROBLEMS) {
        text.push_str("\n  ");
        text.push_str(problem);
    }
    if problems.len() > MOST_PROBLEMS {
        text.push_str(&format!("\n  and {} more", problems.len() - MOST_PROBLEMS));
    }
    text
}

impl ReviewError {
    /// Stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::UnknownTask { .. } => "RF0680",
            Self::UnknownModel { .. } => "RF0681",
            Self::NoCalls { .. } => "RF0682",
            Self::NotReviewable { .. } => "RF0683",
            Self::NoTerminal => "RF0684",
            Self::Terminal { .. } => "RF0685",
            Self::Sheet { .. } => "RF0686",
            Self::SheetColumn { .. } => "RF0687",
            Self::SheetRows { .. } => "RF0688",
            Self::NoExamples { .. } => "RF0689",
            Self::NoTaskFile { .. } => "RF0690",
            Self::AnswerColumn { .. } => "RF0691",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownTask { nearest, .. } => Some(match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "`refuel ls --select resource_type:task` lists them".to_owned(),
            }),
            Self::UnknownModel { nearest, .. } => Some(match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "`refuel ls --select resource_type:model` lists them".to_owned(),
            }),
            Self::NoCalls { .. } => Some("name a model that calls one, or the task itself with `--task`".to_owned()),
            Self::NoTerminal => Some(
                "`--list` prints what waits; `--export FILE` and `--import FILE` take it to a spreadsheet and back"
                    .to_owned(),
            ),
            Self::SheetColumn { .. } => Some("`--export FILE` writes a table with all of them".to_owned()),
            Self::SheetRows { .. } => Some("mend these rows, or empty their column `verdict`".to_owned()),
            Self::NoExamples { .. } => Some("decide on some of its answers first: `refuel review`".to_owned()),
            Self::NoTaskFile { known, .. } => Some(format!("the task files are {}", known.join(", "))),
            Self::AnswerColumn { .. } => {
                Some("give the column another name in the model's SQL and in the task".to_owned())
            }
            Self::NotReviewable { .. } | Self::Terminal { .. } | Self::Sheet { .. } => None,
        }
    }

    fn status(&self) -> ExitStatus {
        match self {
            Self::Terminal { .. } => ExitStatus::Failure,
            _ => ExitStatus::Usage,
        }
    }
}

impl From<ReviewError> for Failure {
    fn from(error: ReviewError) -> Self {
        let (code, hint, status) = (error.code(), error.hint(), error.status());
        Self::new(&error, code, hint, status)
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        let status = match error {
            StateError::Newer { .. } | StateError::NotAState { .. } | StateError::UnknownRun { .. } => {
                ExitStatus::Usage
            }
            _ => ExitStatus::Failure,
        };
        Self::new(&error, error.code(), error.hint(), status)
    }
}
