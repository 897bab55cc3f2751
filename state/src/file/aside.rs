//! Moving a corrupt file away. It holds people's verdicts, so that none is ever written over.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::error::StateError;
use crate::lock;

/// Moves a corrupt file away together with its log, and says where to. None where another process has done so meanwhile:
/// `still_corrupt` tells, and is asked while no other process moves the file.
pub(super) fn set_aside(
    path: &Path,
    still_corrupt: impl FnOnce() -> bool,
    found: rusqlite::Error,
) -> Result<Option<PathBuf>, StateError> {
    let lock = with_suffix(path, ".lock");
    let _held = lock::wait_for(&lock).map_err(|source| StateError::LockFile { path: lock, source })?;
    if !still_corrupt() {
        return Ok(None);
    }
    let Some(aside) = (1..1000)
        .map(|number| with_suffix(path, &format!(".corrupt-{number}")))
        .find(|aside| !aside.exists())
    else {
        return Err(StateError::Corrupt {
            path: path.to_owned(),
            source: found,
        });
    };
    for part in ["-wal", "-shm", ""] {
        match fs::rename(with_suffix(path, part), with_suffix(&aside, part)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(StateError::SetAside {
                    path: path.to_owned(),
                    aside,
                    source,
                });
            }
            _ => {}
        }
    }
    Ok(Some(aside))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
