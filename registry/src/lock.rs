//! Locks between processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use fs_err as fs;

use crate::error::RegistryError;

/// A lock on a file that has no other use. It is given back when this is dropped, and by the system when the process
/// ends in any way. The file stays: taking it away would let two processes lock two files of one name.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else has the lock. `on_wait` is called once where somebody has.
    pub(crate) fn wait(path: &Path, on_wait: &mut dyn FnMut()) -> Result<Self, RegistryError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => return Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => on_wait(),
            Err(TryLockError::Error(source)) => return Err(RegistryError::io("lock", path, source)),
        }
        file.lock().map_err(|source| RegistryError::io("lock", path, source))?;
        Ok(Self { _file: file })
    }

    /// Takes the lock where nobody else has it.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>, RegistryError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(RegistryError::io("lock", path, source)),
        }
    }
}

fn open(path: &Path) -> Result<File, RegistryError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| RegistryError::io("make", folder, source))?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|source| RegistryError::io("open", path, source))
}
