//! What SQLite says, as errors of a warehouse.

use std::path::Path;

use rusqlite::ErrorCode;

use super::connection::Connection;
use crate::error::Refusal;
use crate::{Position, SqliteTarget, WarehouseError};

/// The error of a connection that can't be opened.
pub(super) fn opening(target: &SqliteTarget, error: &rusqlite::Error) -> WarehouseError {
    let code = error.sqlite_error_code();
    let hint = match code {
        Some(ErrorCode::NotADatabase) => {
            Some("the file is no database of SQLite; name another `path` in profiles.yml".to_owned())
        }
        Some(ErrorCode::CannotOpen) => Some("check the `path` of the target in profiles.yml".to_owned()),
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            Some("check the permissions of the file and its folder".to_owned())
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            Some("restore a copy of the file, or remove it and build everything anew".to_owned())
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            return WarehouseError::Busy {
                target: target.name.clone(),
                seconds: target.busy_timeout.as_secs(),
            };
        }
        _ => None,
    };
    WarehouseError::Open {
        target: target.name.clone(),
        path: target.path.clone(),
        message: message(error),
        hint,
    }
}

impl Connection {
    /// The error of a statement.
    pub(super) fn fault(&self, error: &rusqlite::Error) -> WarehouseError {
        let target = self.target_name().to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => WarehouseError::Cancelled { target },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => WarehouseError::Busy {
                target,
                seconds: self.busy_timeout().as_secs(),
            },
            Some(ErrorCode::DiskFull) => WarehouseError::DiskFull {
                target,
                message: message(error),
            },
            code => {
                let position = match error {
                    rusqlite::Error::SqlInputError { sql, offset, .. } => usize::try_from(*offset)
                        .ok()
                        .and_then(|offset| sql.get(..offset))
                        .map(|before| Position::behind(sql, before.chars().count())),
                    _ => None,
                };
                let refusal = Refusal {
                    message: message(error),
                    hint: hint(code, self.path()),
                    position,
                    sql_state: None,
                    is_transient: false,
                };
                WarehouseError::Statement {
                    target,
                    refusal: Box::new(refusal),
                }
            }
        }
    }
}

/// What SQLite says, without the statement that the library adds.
fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

fn hint(code: Option<ErrorCode>, path: &Path) -> Option<String> {
    match code? {
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Some(format!(
            "check the permissions of `{}` and of its folder",
            path.display()
        )),
        ErrorCode::DatabaseCorrupt => Some(format!(
            "restore a copy of `{}`, or remove it and build everything anew",
            path.display()
        )),
        ErrorCode::SystemIoFailure => Some("check the disk, and whether there is room on it".to_owned()),
        _ => None,
    }
}
