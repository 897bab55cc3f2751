//! What is known of jobs and runs, in a SQLite file: `schedule.sqlite3` in the home folder.
//!
//! A run is claimed before it starts: its attempt is there, as `starting`, before any process is. The process that
//! watches an attempt ([`crate::supervise`]) takes it over in a transaction of its own, which one process alone can do.
//! So nothing that ends at any moment, by any means, makes a run start twice or never.

mod attempts;
mod history;
mod hooks;
mod jobs;
mod runs;

use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

pub(crate) use attempts::{Attempt, AttemptEnd, AttemptState, StopReason, Task};
pub use history::{AttemptRecord, HookRecord, RunFilter, RunRecord, RunState, SkipRecord};
pub(crate) use hooks::{PendingHook, Told};
pub(crate) use jobs::Registered;
pub(crate) use runs::OpenRun;

use crate::error::ScheduleError;

/// Forms of the file, oldest first: what makes each of the one before.
const FORMS: [&str; 1] = [include_str!("schema.sql")];

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The file of a schedule.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    name: String,
}

impl Store {
    /// The file's name in a home folder.
    pub const FILE: &'static str = "schedule.sqlite3";

    /// Opens the file of a home folder, and makes what is missing. Its owner alone can read it: addresses of hooks may
    /// hold secrets.
    pub fn open(home: &Path) -> Result<Self, ScheduleError> {
        fs::create_dir_all(home).map_err(|source| ScheduleError::Io {
            what: "make the folder",
            path: home.to_owned(),
            source,
        })?;
        Self::open_file(&home.join(Self::FILE))
    }

    /// Opens a file.
    pub(crate) fn open_file(path: &Path) -> Result<Self, ScheduleError> {
        private(path)?;
        let failed = |source| ScheduleError::Store {
            path: path.to_owned(),
            source,
        };
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
        // A claim that is lost with the machine's power would let a run start twice.
        connection.pragma_update(None, "synchronous", "full").map_err(failed)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        upgrade(&mut connection, path)?;
        let name = connection
            .query_one("SELECT name FROM schedule", (), |row| row.get(0))
            .map_err(failed)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            name,
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What processes of an attempt carry in their environment: `SCHEDULE:ATTEMPT`.
    pub(crate) fn mark(&self, attempt: i64) -> String {
        format!("{}:{attempt}", self.name)
    }

    /// Notes which process holds the lock, and for which folders it works.
    pub(crate) fn set_daemon(&self, process: i32, folders: &[PathBuf]) -> Result<(), ScheduleError> {
        let folders: Vec<_> = folders.iter().map(|folder| folder.to_string_lossy()).collect();
        let folders = serde_json::Value::from_iter(folders).to_string();
        self.connection
            .execute("INSERT OR REPLACE INTO daemon VALUES (1, ?, ?)", (process, folders))
            .map_err(self.failed())?;
        Ok(())
    }

    /// The process that holds the lock, or held it last, and its folders.
    pub(crate) fn daemon(&self) -> Result<Option<(i32, Vec<PathBuf>)>, ScheduleError> {
        let row = self
            .connection
            .query_row("SELECT process, folders FROM daemon", (), |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?))
            })
            .optional()
            .map_err(self.failed())?;
        Ok(row.map(|(process, folders)| (process, serde_json::from_str(&folders).unwrap_or_default())))
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> ScheduleError + use<> {
        let path = self.path.clone();
        move |source| ScheduleError::Store {
            path: path.clone(),
            source,
        }
    }

    /// Does something in one transaction, which no other process writes beside.
    fn atomically<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, ScheduleError> {
        let failed = self.failed();
        let run = || {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(failed)
    }
}

/// Makes the file, for its owner alone, where there is none.
fn private(path: &Path) -> Result<(), ScheduleError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let options = options.create(true).append(true).mode(0o600);
    options.open(path).map_err(|source| ScheduleError::Io {
        what: "open",
        path: path.to_owned(),
        source,
    })?;
    Ok(())
}

/// Brings a file to the latest form, in one transaction.
fn upgrade(connection: &mut Connection, path: &Path) -> Result<(), ScheduleError> {
    let failed = |source| ScheduleError::Store {
        path: path.to_owned(),
        source,
    };
    let form =
        |connection: &Connection| connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    let known = FORMS.len() as i64;
    let found = form(connection).map_err(failed)?;
    if found > known {
        let path = path.to_owned();
        return Err(ScheduleError::Newer { path, found, known });
    }
    if found == known {
        return Ok(());
    }
    let mut run = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have done it meanwhile.
        let found = usize::try_from(form(&transaction)?).unwrap_or(FORMS.len());
        for step in FORMS.iter().skip(found) {
            transaction.execute_batch(step)?;
        }
        if found == 0 {
            transaction.execute("INSERT INTO schedule VALUES (lower(hex(randomblob(8))))", ())?;
        }
        transaction.pragma_update(None, "user_version", known)?;
        transaction.commit()
    };
    run().map_err(failed)
}

/// A time as the file has it.
pub(crate) fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// A time of the file.
pub(crate) fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
