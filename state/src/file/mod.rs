//! The SQLite file: opening it, and bringing it to the form of this version.

mod migrate;

use std::path::Path;
use std::time::Duration;

use fs_err as fs;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::StateError;
use crate::lock;

/// Longest wait for another process that writes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Most bytes of the file that are mapped into memory: a read of what is mapped copies nothing.
const MAPPED: i64 = 1 << 30;

/// Bytes of pages that a connection keeps, in the unit that SQLite takes for a negative number: KiB.
const KEPT_KIB: i64 = -16 * 1024;

/// Bytes that the log is cut to once it was copied into the file.
const LOG: i64 = 16 << 20;

/// The lock that is held while the file is opened, beside it.
const OPENING: &str = "opening.lock";

/// Opens the file, or makes it with its folder. A corrupt one is left as it is, for it may hold what is nowhere else.
pub(crate) fn open(path: &Path) -> Result<Connection, StateError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|source| StateError::Folder {
        path: folder.to_owned(),
        source,
    })?;
    // Whoever makes the file, or brings it up, does so alone: SQLite doesn't wait while the log is switched on, and a file
    // that has no form yet looks like somebody else's.
    let lock = path.with_file_name(OPENING);
    let _opening = lock::wait_for(&lock).map_err(|source| StateError::LockFile { path: lock, source })?;
    connect(path)
}

fn connect(path: &Path) -> Result<Connection, StateError> {
    let failed = |error| StateError::of(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|source| match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StateError::of(path, source),
            _ => StateError::Open {
                path: path.to_owned(),
                source,
            },
        })?;
    prepare(&connection).map_err(failed)?;
    migrate::bring_up(&mut connection, path)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // With a log, a process that is killed loses nothing that was committed; a power cut can lose the last transactions
    // and can't corrupt the file.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update_and_check(None, "mmap_size", MAPPED, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", KEPT_KIB)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG, |_| Ok(()))?;
    connection.pragma_update(None, "foreign_keys", true)
}
