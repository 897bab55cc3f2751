//! One daemon a home folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::ScheduleError;

/// The lock of a home folder. It is given back when this is dropped, and by the system when the process ends in any way.
/// The file stays: taking it away would let two processes lock two files of one name.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock where nobody else has it.
    pub(crate) fn try_take(home: &Path) -> Result<Option<Self>, ScheduleError> {
        let path = home.join("schedule.lock");
        let failed = |source| ScheduleError::Io {
            what: "lock",
            path: path.clone(),
            source,
        };
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
