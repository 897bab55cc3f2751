//! Waiting for another program that writes to the file.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::ErrorCode;

use super::connection::Connection;
use crate::Result;

/// How long is waited without a word.
const SILENT: Duration = Duration::from_secs(1);

/// How long SQLite waits before it is seen whether the work was stopped.
const SLICE: Duration = Duration::from_millis(250);

/// The byte of the `-shm` file that who writes has a lock on (<https://www.sqlite.org/walformat.html#locks>).
const WRITE_LOCK: u64 = 120;

/// What is to be told of waits, and hasn't been yet.
#[derive(Debug, Default)]
pub(super) struct Waits(Mutex<Vec<String>>);

impl Waits {
    /// Takes what is to be told.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, wait: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(wait);
    }
}

impl Connection {
    /// Does something that needs the right to write, outside of a transaction. While another program has it, it is tried
    /// again until the target's time is up; after a second that is told, with the name of the program where it is known.
    pub(super) fn patiently<T>(
        &self,
        stop: &AtomicBool,
        waits: &Waits,
        work: impl Fn() -> Result<T, rusqlite::Error>,
    ) -> Result<T> {
        let timeout = self.busy_timeout();
        let started = Instant::now();
        let mut is_told = false;
        let done = loop {
            let left = timeout.saturating_sub(started.elapsed());
            self.set_patience(left.min(SLICE))?;
            let began = Instant::now();
            let done = work();
            let is_busy = matches!(&done, Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy));
            if !is_busy || started.elapsed() >= timeout {
                break done.map_err(|error| self.fault(&error));
            }
            if stop.load(Ordering::Relaxed) {
                break Err(self.cancelled());
            }
            if !is_told && started.elapsed() >= SILENT {
                is_told = true;
                waits.add(self.waiting(timeout));
            }
            // It may say that it is busy without having waited.
            thread::sleep((SLICE / 10).saturating_sub(began.elapsed()));
        };
        self.set_patience(timeout)?;
        done
    }

    fn set_patience(&self, time: Duration) -> Result<()> {
        self.inner.busy_timeout(time).map_err(|error| self.fault(&error))
    }

    fn waiting(&self, timeout: Duration) -> String {
        let who = writer(self.path()).unwrap_or_else(|| "another program".to_owned());
        format!(
            "target {} waits for {who}, which writes to {}; for {} s at most",
            self.target_name(),
            self.path().display(),
            timeout.as_secs()
        )
    }
}

/// Who has the right to write to a file of SQLite, where the system says so: `process 4711 (sqlite3)`.
fn writer(path: &Path) -> Option<String> {
    let mut beside = path.as_os_str().to_owned();
    beside.push("-shm");
    let inode = std::fs::metadata(beside).ok()?.ino();
    let process = holder(&std::fs::read_to_string("/proc/locks").ok()?, inode)?;
    let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
    Some(match name {
        Ok(name) => format!("process {process} ({})", name.trim()),
        Err(_) => format!("process {process}"),
    })
}

/// The process that has the lock for writing on a file, by what Linux lists (`proc_locks(5)`):
/// `1: POSIX  ADVISORY  WRITE 4711 08:02:1234 120 120`. Lines with `->` are of those who wait.
fn holder(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, "WRITE", process, file, first, last] = words[..] else {
            return None;
        };
        let is_file = file.rsplit(':').next()?.parse() == Ok(inode);
        let last = if last == "EOF" { u64::MAX } else { last.parse().ok()? };
        let is_lock = (first.parse().ok()?..=last).contains(&WRITE_LOCK);
        (is_file && is_lock).then(|| process.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_the_lock_is_found_among_all_locks() {
        let locks = "\
1: POSIX  ADVISORY  READ 11 08:02:99 128 128
2: FLOCK  ADVISORY  WRITE 12 08:02:99 0 EOF
3: POSIX  ADVISORY  WRITE 13 08:02:98 120 120
4: -> POSIX  ADVISORY  WRITE 14 08:02:99 120 120
5: POSIX  ADVISORY  WRITE 15 08:02:99 121 121
6: POSIX  ADVISORY  WRITE 16 08:02:99 120 EOF
";
        assert_eq!(holder(locks, 99), Some(16));
        assert_eq!(holder(locks, 97), None);
    }
}
