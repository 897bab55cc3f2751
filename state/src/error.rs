//! What can go wrong with the file that a project's state is kept in.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::lock::Holder;

/// An error of the state, with a stable code and a hint.
#[derive(Debug, Error)]
pub enum StateError {
    /// The folder of the file can't be made.
    #[error("can't make the folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The file can't be opened.
    #[error("can't open the state in `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A later version of Refuel has written the file.
    #[error(
        "the state in `{}` is of a later version of refuel: it has form {version}, and this version knows forms up to {known}",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its form.
        version: i64,
        /// The latest form that is known.
        known: i64,
    },
    /// The file is an SQLite database of something else.
    #[error("`{}` is a database that refuel did not make", path.display())]
    NotAState {
        /// The file.
        path: PathBuf,
    },
    /// The file is corrupt. It is left as it is: people's verdicts may be nowhere else.
    #[error("the state in `{}` is corrupt", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// There is no room for what was to be kept.
    #[error("there is no room on the disk for the state in `{}`", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Another process has been writing for too long.
    #[error("another process has held the state in `{}` for more than {seconds} s", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The file can't be written to.
    #[error("the state in `{}` can't be written to", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Reading or writing failed.
    #[error("the state in `{}` can't be used", path.display())]
    Query {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Something in the file is not what was written there.
    #[error("{what} in the state in `{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is damaged, such as `the snapshot of target "dev"`.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another run is going on.
    #[error("another run of target \"{target}\" is going on{}", holder.as_ref().map(|holder| format!(": {holder}")).unwrap_or_default())]
    Locked {
        /// The target.
        target: String,
        /// Who runs it, where that could be read.
        holder: Option<Holder>,
    },
    /// The lock can't be taken for another reason than that it is held.
    #[error("can't lock `{}`", path.display())]
    LockFile {
        /// The file of the lock.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is no such run.
    #[error("there is no run `{id}`")]
    UnknownRun {
        /// What was asked for.
        id: String,
    },
}

impl StateError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "RF1401",
            Self::Open { .. } => "RF1402",
            Self::Newer { .. } => "RF1403",
            Self::NotAState { .. } => "RF1404",
            Self::Corrupt { .. } => "RF1405",
            Self::DiskFull { .. } => "RF1407",
            Self::Busy { .. } => "RF1408",
            Self::ReadOnly { .. } => "RF1409",
            Self::Query { .. } => "RF1410",
            Self::Damaged { .. } => "RF1411",
            Self::Locked { .. } => "RF1412",
            Self::LockFile { .. } => "RF1413",
            Self::UnknownRun { .. } => "RF1414",
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Folder { .. } | Self::LockFile { .. } | Self::ReadOnly { .. } => {
                Some("check the permissions of the project's folder".to_owned())
            }
            Self::Open { path, .. } => Some(format!(
                "check the permissions of `{}` and of its folder, in which SQLite writes a log",
                path.display()
            )),
            Self::Newer { .. } => Some("use that version of refuel, or another copy of the project".to_owned()),
            Self::NotAState { path } => Some(format!("move `{}` away", path.display())),
            Self::Corrupt { path, .. } => Some(format!(
                "put a copy from a backup in its place, or rescue what can be read with `sqlite3 {} .recover`, or \
                 move it away: runs and verdicts are forgotten then",
                path.display()
            )),
            Self::DiskFull { .. } => {
                Some("make room, and run `refuel retry`: what was kept until then is not done again".to_owned())
            }
            Self::Busy { .. } => Some("try again when it is done".to_owned()),
            Self::Query { .. } => None,
            Self::Damaged { path, .. } => Some(format!(
                "somebody else has written to it: put a copy from a backup in the place of `{}`, or move it away",
                path.display()
            )),
            Self::Locked { holder, .. } => Some(match holder {
                Some(holder) => format!("wait until it is done, or end process {}", holder.pid),
                None => "wait until it is done".to_owned(),
            }),
            Self::UnknownRun { .. } => Some("it was pruned, or belongs to another project".to_owned()),
        }
    }

    /// Whether the same may succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// From what SQLite said of a file that is open.
    pub(crate) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt { path, source },
            Some(ErrorCode::DiskFull) => Self::DiskFull { path, source },
            Some(ErrorCode::SystemIoFailure) if is_no_room(&source) => Self::DiskFull { path, source },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy {
                path,
                seconds: crate::file::PATIENCE.as_secs(),
            },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path, source },
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::Open { path, source },
            None => match source {
                rusqlite::Error::FromSqlConversionFailure(_, _, reason) => Self::Damaged {
                    path,
                    what: "something".to_owned(),
                    reason: reason.to_string(),
                },
                source => Self::Query { path, source },
            },
            _ => Self::Query { path, source },
        }
    }
}

/// Whether a write failed for want of room: SQLite tells a limit on the size of a file as a failed write.
fn is_no_room(error: &rusqlite::Error) -> bool {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return false;
    };
    matches!(
        failure.extended_code,
        rusqlite::ffi::SQLITE_IOERR_WRITE | rusqlite::ffi::SQLITE_IOERR_TRUNCATE | rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    )
}
