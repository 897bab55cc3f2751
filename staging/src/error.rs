//! What can be wrong with the SQL of a model, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Dialect;

/// A place in a text. Lines and columns count from 1, columns in characters; 0 and 0 where it isn't known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// An error of this crate. The message says what; [`StagingError::position`] where in the SQL that was given;
/// [`StagingError::hint`] what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StagingError {
    /// The text is not SQL.
    #[error("the SQL can't be read as that of {dialect}: {message}")]
    Syntax {
        /// Where the reader stopped.
        position: Position,
        /// What it was read as.
        dialect: Dialect,
        /// What the reader said.
        message: String,
        /// Whether it is sound in the other dialect.
        is_other: bool,
    },
    /// The text is no `SELECT`, or more than one statement.
    #[error("a model is one SELECT, and this is {found}")]
    NotSelect {
        /// Where.
        position: Position,
        /// What it is, such as `an INSERT`.
        found: String,
    },
    /// A function named `refuel_...` that there is not.
    #[error("there is no function {name}")]
    UnknownFunction {
        /// Where.
        position: Position,
        /// The name as written.
        name: String,
        /// The nearest function, where one is near.
        nearest: Option<String>,
    },
    /// A call with too few or too many arguments.
    #[error("{function} takes {expected}, and got {found} argument{}", if *found == 1 { "" } else { "s" })]
    Arguments {
        /// Where.
        position: Position,
        /// The function.
        function: &'static str,
        /// What it takes, such as `a text and a task`.
        expected: &'static str,
        /// How many it got.
        found: usize,
    },
    /// A task or model that is not a text between quotes.
    #[error("the {what} of {function} must be a text between quotes, not {found}")]
    NotLiteral {
        /// Where.
        position: Position,
        /// The function.
        function: &'static str,
        /// `task`, `model` or `options`.
        what: &'static str,
        /// What was written.
        found: String,
    },
    /// A way to call a function that no call allows, such as `DISTINCT`, `FILTER` or `OVER`.
    #[error("{function} can't be called {how}")]
    CallForm {
        /// Where.
        position: Position,
        /// The function.
        function: &'static str,
        /// What was written, such as `with OVER`.
        how: &'static str,
    },
    /// A function or an overload that only the extension has.
    #[error("{what} works only in Postgres with the extension")]
    NeedsExtension {
        /// Where.
        position: Position,
        /// What it is, such as `refuel_detail`.
        what: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
    /// A call within the part of a recursive query that reads the query itself.
    #[error("{function} is called in the recursive part of \"{name}\", whose inputs can't be known before it ran")]
    Recursive {
        /// Where.
        position: Position,
        /// The function.
        function: &'static str,
        /// Name of the recursive query.
        name: String,
    },
    /// A place where a call can't be answered before the query runs.
    #[error("{function} can't be called {place}")]
    Unsupported {
        /// Where.
        position: Position,
        /// The function.
        function: &'static str,
        /// The place, such as `in LIMIT`.
        place: String,
        /// What to write instead.
        instead: String,
    },
}

impl StagingError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "RF1001",
            Self::NotSelect { .. } => "RF1002",
            Self::UnknownFunction { .. } => "RF1003",
            Self::Arguments { .. } => "RF1004",
            Self::NotLiteral { .. } => "RF1005",
            Self::CallForm { .. } => "RF1006",
            Self::NeedsExtension { .. } => "RF1007",
            Self::Recursive { .. } => "RF1008",
            Self::Unsupported { .. } => "RF1009",
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { dialect, is_other, .. } => is_other.then(|| {
                let other = dialect.other();
                let kind = match other {
                    Dialect::Postgres => "postgres",
                    Dialect::Sqlite => "sqlite",
                };
                format!(
                    "it is sound SQL of {other}: write it so that both read it (`refuel man templates`), or leave the \
                     model out elsewhere with {{{{ config(enabled=(target.type == '{kind}')) }}}}"
                )
            }),
            Self::NotSelect { .. } => {
                Some("write what the model's rows are; how they are stored is its configuration".to_owned())
            }
            Self::UnknownFunction { nearest, .. } => nearest.as_ref().map(|near| format!("did you mean {near}?")),
            Self::Arguments { function, expected, .. } => Some(format!("call {function} with {expected}")),
            Self::NotLiteral { .. } => Some(
                "what is asked is known before the query runs; for one of several tasks, write a CASE with a call for each"
                    .to_owned(),
            ),
            Self::CallForm { .. } => Some("call it with its arguments alone".to_owned()),
            Self::NeedsExtension { instead, .. } => Some((*instead).to_owned()),
            Self::Recursive { .. } => Some("call it on what the recursive query returns, in another CTE".to_owned()),
            Self::Unsupported { instead, .. } => Some(instead.clone()),
        }
    }

    /// Where in the SQL that was given.
    pub fn position(&self) -> Position {
        match self {
            Self::Syntax { position, .. }
            | Self::NotSelect { position, .. }
            | Self::UnknownFunction { position, .. }
            | Self::Arguments { position, .. }
            | Self::NotLiteral { position, .. }
            | Self::CallForm { position, .. }
            | Self::NeedsExtension { position, .. }
            | Self::Recursive { position, .. }
            | Self::Unsupported { position, .. } => *position,
        }
    }
}
