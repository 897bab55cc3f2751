//! Folders in which models are made before they are put in place.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::error::RegistryError;
use crate::lock::Lock;

/// A folder of this process alone. It goes when this is dropped; where the process is killed, the next one to stage
/// something takes it away.
#[derive(Debug)]
pub(crate) struct Staging {
    folder: PathBuf,
    lock_path: PathBuf,
    _lock: Lock,
}

impl Staging {
    /// Makes a folder in `root`, and takes away those whose process has ended.
    pub(crate) fn new(root: &Path) -> Result<Self, RegistryError> {
        // Held while folders come and go, so that none is seen before its own lock is taken.
        let _all = Lock::wait(&root.join("lock"), &mut || {})?;
        clean(root)?;
        let make = |source| RegistryError::io("make", root, source);
        let folder = tempfile::Builder::new()
            .prefix("model-")
            .tempdir_in(root)
            .map_err(make)?
            .keep();
        let lock_path = folder.with_extension("lock");
        let lock = Lock::wait(&lock_path, &mut || {})?;
        Ok(Self {
            folder,
            lock_path,
            _lock: lock,
        })
    }

    /// A folder inside it, which is made.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, RegistryError> {
        let path = self.folder.join(name);
        fs::create_dir_all(&path).map_err(|source| RegistryError::io("make", &path, source))?;
        Ok(path)
    }

    /// A path inside it where nothing is yet.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What can't be taken away now is taken away by the next one.
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// Takes away the folders whose process has ended.
fn clean(root: &Path) -> Result<(), RegistryError> {
    let entries = fs::read_dir(root).map_err(|source| RegistryError::io("read", root, source))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "lock") || !path.is_dir() {
            continue;
        }
        let lock_path = path.with_extension("lock");
        if let Some(_lock) = Lock::try_take(&lock_path)? {
            tracing::info!(folder = %path.display(), "removing what an ended process left");
            fs::remove_dir_all(&path).map_err(|source| RegistryError::io("remove", &path, source))?;
            fs::remove_file(&lock_path).map_err(|source| RegistryError::io("remove", &lock_path, source))?;
        }
    }
    Ok(())
}
