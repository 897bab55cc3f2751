//! One run of a target at a time, by a lock that the operating system lets go of whatever the process ends of.

use std::fmt;
use std::fs::TryLockError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_err as fs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::StateError;
use crate::time;

/// How long a lock is tried for: another process that only looks whether a run has died holds it for a moment.
const MOMENT: Duration = Duration::from_millis(300);

/// Longest wait for a lock that is only held while a file is moved.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who runs a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// What it was started with, such as `refuel build --select tag:daily`.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(f, "process {}, `{}`, since {since}", self.pid, self.command)
    }
}

/// The right to run a target, for as long as this value lives.
#[derive(Debug)]
pub struct RunLock {
    target: String,
    _file: fs::File,
}

impl RunLock {
    /// The target that may be run.
    pub fn target(&self) -> &str {
        &self.target
    }
}

/// Takes the lock of a target beside the file of the state.
pub(crate) fn take(state: &Path, target: &str, command: &str) -> Result<RunLock, StateError> {
    let path = path_of(state, target);
    let failed = |source| StateError::LockFile {
        path: path.clone(),
        source,
    };
    let Some(mut file) = try_until(&path, Instant::now() + MOMENT).map_err(failed)? else {
        return Err(StateError::Locked {
            target: target.to_owned(),
            holder: holder(&path),
        });
    };
    let holder = Holder {
        pid: std::process::id(),
        command: command.to_owned(),
        since: time::now(),
    };
    let text = serde_json::to_vec(&holder).map_err(io::Error::from).map_err(failed)?;
    // Who holds it is told to people only: a disk without room for that must not keep the run from saying so itself.
    let _ = file.set_len(0).and_then(|()| file.write_all(&text));
    Ok(RunLock {
        target: target.to_owned(),
        _file: file,
    })
}

/// Whether nobody runs a target. Where that can't be told, somebody may.
pub(crate) fn is_free(state: &Path, target: &str) -> bool {
    let path = path_of(state, target);
    matches!(try_until(&path, Instant::now()), Ok(Some(_)))
}

/// Who runs a target, where anybody does and could say so.
pub(crate) fn held_by(state: &Path, target: &str) -> Option<Holder> {
    if is_free(state, target) {
        return None;
    }
    holder(&path_of(state, target))
}

fn holder(path: &Path) -> Option<Holder> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Waits for a lock that is only held for a moment at a time.
pub(crate) fn wait_for(path: &Path) -> io::Result<fs::File> {
    try_until(path, Instant::now() + PATIENCE)?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
}

/// The lock, or none where another holds it until the time is over. It is let go of when the file is dropped.
fn try_until(path: &Path, until: Instant) -> io::Result<Option<fs::File>> {
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    loop {
        match file.file().try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(None),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// The file of a target's lock: `run-dev.lock`. What a file's name can't have is written as its bytes.
fn path_of(state: &Path, target: &str) -> PathBuf {
    let mut name = String::from("run-");
    for byte in target.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    name.push_str(".lock");
    state.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_a_target_and_the_other_is_told_who() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.sqlite3");
        let lock = take(&state, "dev", "refuel build").unwrap();
        let error = take(&state, "dev", "refuel test").unwrap_err();
        let StateError::Locked {
            holder: Some(holder), ..
        } = &error
        else {
            panic!("{error:?}")
        };
        assert_eq!(
            (holder.pid, holder.command.as_str()),
            (std::process::id(), "refuel build")
        );
        assert!(
            error
                .to_string()
                .starts_with("another run of target \"dev\" is going on: process "),
            "{error}"
        );
        assert_eq!(held_by(&state, "dev").as_ref(), Some(holder));
        take(&state, "prod", "refuel build").expect("another target is free");
        assert_eq!(lock.target(), "dev");
        drop(lock);
        assert_eq!(held_by(&state, "dev"), None);
        take(&state, "dev", "refuel test").unwrap();
    }

    #[test]
    fn any_name_of_a_target_names_a_file_in_the_same_folder() {
        let state = Path::new("p/.refuel/state.sqlite3");
        assert_eq!(path_of(state, "dev"), Path::new("p/.refuel/run-dev.lock"));
        assert_eq!(path_of(state, "../x"), Path::new("p/.refuel/run-%2e%2e%2fx.lock"));
    }
}
