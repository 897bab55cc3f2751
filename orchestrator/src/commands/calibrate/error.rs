//! What can keep confidence from being calibrated.

use std::path::PathBuf;

use refuel_learn::Threshold;
use thiserror::Error;

use crate::commands::ExitStatus;
use crate::error::Failure;

/// What can keep confidence from being calibrated.
#[derive(Debug, Error)]
pub(crate) enum CalibrateError {
    /// The kind has no threshold, and no confidence that somebody looks at.
    #[error("tasks of kind \"{kind}\" have no confidence to calibrate")]
    Kind {
        /// The kind.
        kind: &'static str,
    },
    /// The arguments are not a task file and then a table.
    #[error("{what}")]
    Arguments {
        /// What is wrong with them.
        what: String,
        /// What to write.
        hint: String,
    },
    /// No answer has a confidence.
    #[error("none of {rows} rows has an answer with a confidence: {reason}")]
    NothingScored {
        /// Rows.
        rows: u64,
        /// Why the first has none.
        reason: String,
    },
    /// No threshold keeps the precision.
    #[error("no threshold is shown to keep a precision of {target} on {rows} rows; the most that is shown is {}", most(best.as_ref()))]
    NoThreshold {
        /// The precision.
        target: f64,
        /// Rows.
        rows: u64,
        /// How much could be asked.
        best: Option<Threshold>,
    },
    /// What was written would not be read as it was meant.
    #[error("`{}` would not be the same task with its calibration, and is left as it is", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
    },
}

fn most(best: Option<&Threshold>) -> String {
    best.map_or_else(
        || "nothing".to_owned(),
        |best| {
            format!(
                "{:.3}, of {} answers with {:.3} or more, {:.1} % of which are right",
                best.precision_lower,
                best.accepted,
                best.threshold,
                best.precision * 100.0
            )
        },
    )
}

impl CalibrateError {
    fn code(&self) -> &'static str {
        match self {
            Self::Kind { .. } => "RF0650",
            Self::NothingScored { .. } => "RF0651",
            Self::NoThreshold { .. } => "RF0652",
            Self::Altered { .. } => "RF0653",
            Self::Arguments { .. } => "RF0654",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Kind { .. } => None,
            Self::Arguments { hint, .. } => Some(hint.clone()),
            Self::NothingScored { .. } => Some("`refuel eval` says why rows fail".to_owned()),
            Self::NoThreshold { .. } => Some(
                "label more rows, which narrows what may be; ask for a lower `target_precision`; or make the answers better"
                    .to_owned(),
            ),
            Self::Altered { .. } => Some("put what is shown without --write into the file by hand".to_owned()),
        }
    }
}

impl From<CalibrateError> for Failure {
    fn from(error: CalibrateError) -> Self {
        let status = match &error {
            CalibrateError::Kind { .. } | CalibrateError::Arguments { .. } => ExitStatus::Usage,
            _ => ExitStatus::Failure,
        };
        Self::new(&error, error.code(), error.hint(), status)
    }
}
