//! The state of a project, open.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StateError;
use crate::lock::{self, Holder, RunLock};
use crate::runs::RunId;
use crate::{file, runs};

/// How many answers are best handed over at a time: few enough that a process which is killed loses little, and enough
/// that writing takes no time beside a model.
pub const BATCH: usize = 512;

/// The state of a project. Threads may share it; each call is one transaction.
pub struct State {
    path: PathBuf,
    connection: Mutex<Connection>,
    interrupted: Vec<RunId>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Opens the state, or begins it. Runs whose process
    /// has died are marked as interrupted.
    ///
    /// # Errors
    /// [`StateError::Newer`], [`StateError::NotAState`], and those of the file system.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StateError> {
        let path = path.as_ref();
        let connection = file::open(path)?;
        let mut state = Self {
            path: path.to_owned(),
            connection: Mutex::new(connection),
            interrupted: Vec::new(),
        };
        state.interrupted = state.mark_interrupted()?;
        Ok(state)
    }

    /// Opens the state where there is one.
    ///
    /// # Errors
    /// As for [`State::open`].
    pub fn open_if_there(path: impl AsRef<Path>) -> Result<Option<Self>, StateError> {
        if path.as_ref().exists() {
            Self::open(path).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs that were found dead when the state was opened.
    pub fn interrupted(&self) -> &[RunId] {
        &self.interrupted
    }

    /// Takes the right to run a target, which ends with the value, or with the process. `command` is what others are told
    /// is going on, such as `refuel build --select tag:daily`.
    ///
    /// # Errors
    /// [`StateError::Locked`] where a run is going on, with its process, command and start.
    pub fn lock(&self, target: &str, command: &str) -> Result<RunLock, StateError> {
        let lock = lock::take(&self.path, target, command)?;
        // A run that died since the state was opened has left the lock free.
        self.write(|connection| runs::mark_dead(connection, target))?;
        Ok(lock)
    }

    /// Who runs a target now, where anybody does.
    pub fn holder(&self, target: &str) -> Option<Holder> {
        lock::held_by(&self.path, target)
    }

    fn mark_interrupted(&self) -> Result<Vec<RunId>, StateError> {
        // They are read before the locks are looked at: a run that begins meanwhile is not among them.
        let mut dead = self.read(runs::going_on)?;
        dead.retain(|(_, target)| lock::is_free(&self.path, target));
        if dead.is_empty() {
            return Ok(Vec::new());
        }
        let dead: Vec<i64> = dead.into_iter().map(|(number, _)| number).collect();
        self.write(|connection| runs::mark_dead_runs(connection, &dead))
    }

    /// Reads in one snapshot.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StateError> {
        let mut connection = self.connection();
        connection
            .transaction()
            .and_then(|transaction| work(&transaction))
            .map_err(|error| StateError::of(&self.path, error))
    }

    /// Writes in one transaction, which is committed where the work succeeds.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StateError> {
        let mut connection = self.connection();
        // The lock for writing is taken at once: one that is asked for after reading can't be waited for.
        connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let done = work(&transaction)?;
                transaction.commit()?;
                Ok(done)
            })
            .map_err(|error| StateError::of(&self.path, error))
    }

    pub(crate) fn damaged(&self, what: impl Into<String>, reason: impl fmt::Display) -> StateError {
        StateError::Damaged {
            path: self.path.clone(),
            what: what.into(),
            reason: reason.to_string(),
        }
    }

    /// A panic between two statements leaves a transaction that is rolled back when it is dropped, so that what the lock
    /// guards is whole.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
