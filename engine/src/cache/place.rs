//! Where the file lies: opening it, setting it aside when it is corrupt, and going on without it.

use std::fs::TryLockError;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_err as fs;
use rusqlite::ErrorCode;

use super::key::CacheKey;
use super::store::{Sizes, Store, Verdict};
use super::warnings::{About, Warnings};

/// The file's name. The number is that of its form: a version with another form uses another file.
pub(super) const FILE: &str = "answers-1.sqlite3";

/// A corrupt file gets this behind its name. One such file is kept.
const ASIDE: &str = ".corrupt";

/// Held while the file is opened or set aside, so that no process opens what another is just moving.
const LOCK: &str = "answers.lock";

/// Longest wait for that.
const PATIENCE: Duration = Duration::from_secs(10);

/// The file, open.
pub(super) struct Disk {
    store: Store,
    path: PathBuf,
    sizes: Sizes,
    /// Device and inode: another process may have set the file aside and begun another one.
    identity: Option<(u64, u64)>,
}

impl Disk {
    /// Opens the file in `folder`, or makes it. None, with a warning, when that can't be done.
    pub(super) fn open(folder: &Path, disk_bytes: u64, warnings: &mut Warnings) -> Option<Self> {
        let sizes = Sizes::of(disk_bytes);
        if let Err(error) = fs::create_dir_all(folder) {
            warnings.add(About::Writing, cannot_keep(&error));
            return None;
        }
        let path = folder.join(FILE);
        // Without the lock, as in a folder that can't be written to, nothing is moved.
        let lock = take_lock(folder);
        Self::open_file(path, sizes, lock.is_ok(), warnings)
    }

    fn open_file(path: PathBuf, sizes: Sizes, locked: bool, warnings: &mut Warnings) -> Option<Self> {
        let mut opened = Store::open(&path, sizes);
        if let Err(error) = &opened
            && is_corrupt(error)
            && locked
        {
            match set_aside(&path) {
                Ok(aside) => {
                    warnings.add(About::Corrupt, was_corrupt(&path, &aside));
                    opened = Store::open(&path, sizes);
                }
                Err(error) => warnings.add(About::Corrupt, cannot_keep(&error)),
            }
        }
        let store = match opened {
            Ok(store) => store,
            Err(error) => {
                let read_only = path
                    .is_file()
                    .then(|| Store::open_read_only(&path, sizes).ok())
                    .flatten();
                let kept = if read_only.is_some() {
                    "; those that are kept are used"
                } else {
                    ""
                };
                warnings.add(
                    About::Writing,
                    format!("{}{kept}", cannot_keep(&in_file(&path, &error))),
                );
                read_only?
            }
        };
        if store.is_oversized() {
            let limit = sizes.disk_bytes();
            let text = format!(
                "`{}` is larger than the limit of {limit} bytes, and could not be made smaller",
                path.display()
            );
            warnings.add(About::Shrinking, text);
        }
        let identity = identity(&path);
        Some(Self {
            store,
            path,
            sizes,
            identity,
        })
    }

    pub(super) fn file(&self) -> &Path {
        &self.path
    }

    /// Gives the bytes of each row that is there; `wanted` is sorted. Returns what to go on with.
    pub(super) fn get(
        mut self,
        wanted: &[(CacheKey, usize)],
        warnings: &mut Warnings,
        give: impl FnMut(&CacheKey, usize, &[u8]) -> Verdict,
    ) -> Option<Self> {
        let looked = match self.store.get(wanted, give) {
            Ok(looked) => looked,
            Err(error) => return self.after(&error, About::Reading, warnings),
        };
        if !looked.damaged.is_empty() {
            let file = self.path.display();
            warnings.add(
                About::Damaged,
                format!("some answers in `{file}` are damaged; their inputs are asked again"),
            );
        }
        match self.store.tidy(&looked) {
            Ok(()) => Some(self),
            Err(error) => self.after(&error, About::Writing, warnings),
        }
    }

    /// Keeps rows, and says in `first` which were not there. Returns what to go on with.
    pub(super) fn put(
        mut self,
        rows: &[(CacheKey, Vec<u8>)],
        first: &mut [bool],
        warnings: &mut Warnings,
    ) -> Option<Self> {
        match self.store.put(rows, first) {
            Ok(()) => Some(self),
            Err(error) => self.after(&error, About::Writing, warnings),
        }
    }

    /// Goes on after a failure: with another file where this one is corrupt, else with the same one, since a disk that
    /// is full or a lock that is held may not stay so.
    fn after(self, error: &rusqlite::Error, about: About, warnings: &mut Warnings) -> Option<Self> {
        if is_corrupt(error) {
            return self.replace(error, warnings);
        }
        let text = match about {
            About::Reading => format!("the answers in `{}` can't be read: {error}", self.path.display()),
            _ => cannot_keep(&in_file(&self.path, error)),
        };
        warnings.add(about, text);
        Some(self)
    }

    fn replace(self, error: &rusqlite::Error, warnings: &mut Warnings) -> Option<Self> {
        let Self {
            store,
            path,
            sizes,
            identity: seen,
        } = self;
        drop(store);
        let lock = path.parent().map(take_lock);
        if !matches!(lock, Some(Ok(_))) {
            warnings.add(About::Corrupt, cannot_keep(&in_file(&path, error)));
            return None;
        }
        // Where it is another file by now, another process has seen the same and set it aside.
        if identity(&path) == seen {
            match set_aside(&path) {
                Ok(aside) => warnings.add(About::Corrupt, was_corrupt(&path, &aside)),
                Err(error) => {
                    warnings.add(About::Corrupt, cannot_keep(&error));
                    return None;
                }
            }
        }
        Self::open_file(path, sizes, true, warnings)
    }
}

/// Moves a corrupt file away together with its log.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = with_suffix(path, ASIDE);
    for part in ["-wal", "-shm", ""] {
        match fs::rename(with_suffix(path, part), with_suffix(&aside, part)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// The lock is let go when the file is dropped.
fn take_lock(folder: &Path) -> io::Result<fs::File> {
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.file().try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                return Err(io::Error::from(io::ErrorKind::WouldBlock));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

fn was_corrupt(path: &Path, aside: &Path) -> String {
    format!(
        "the answers in `{}` could not be read: the file is corrupt. It was moved to `{}`, and answers are kept anew",
        path.display(),
        aside.display()
    )
}

fn in_file(path: &Path, error: &rusqlite::Error) -> String {
    format!("`{}`: {error}", path.display())
}

fn cannot_keep(why: &dyn std::fmt::Display) -> String {
    format!("answers are not kept for the next run: {why}")
}
