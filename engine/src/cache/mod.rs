//! Answers that are kept, so that no input is asked twice.
//!
//! Memory is in front, with what this process was answered; an SQLite file is behind it. The file is shared with every
//! other process of the same home folder and is a help only: whatever goes wrong with it is told once, and answers are
//! made as if they had never been kept. Answers are kept as the model gave them; each reader gates them anew. Failures
//! are not kept.

mod error;
mod form;
mod key;
mod place;
mod store;
#[cfg(test)]
mod tests;
mod warnings;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use refuel_task::{Answer, Source};

pub use error::CacheError;
pub use key::{CacheKey, TaskKeys};

use form::Found;
use place::Disk;
use store::Verdict;
use warnings::Warnings;

/// The least that a limit on disk can be.
pub const LEAST_DISK_BYTES: u64 = 4 << 20;

/// What an answer in memory takes besides its bytes: its key, and its places in the map and in the queue.
const OVERHEAD: u64 = 96;

/// Answers in memory, for sizing the map: typical bytes of one.
const TYPICAL_BYTES: u64 = 256;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// Bytes of answers in memory.
    pub memory_bytes: u64,
    /// Bytes of files in the folder. A file that is set aside because it is corrupt is not counted.
    pub disk_bytes: u64,
}

/// Whether answers are read with their scores. Most who ask look at the value alone, and scores are most of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scores {
    /// With them.
    Wanted,
    /// Without; there are none in the answer.
    LeftOut,
}

/// Answers that are kept. It is shared by threads.
pub struct AnswerCache {
    front: Cache<CacheKey, Arc<[u8]>, Weight>,
    disk: Mutex<Option<Disk>>,
    warnings: Mutex<Warnings>,
}

/// Weighs an answer in memory, in bytes.
#[derive(Clone)]
struct Weight;

impl Weighter<CacheKey, Arc<[u8]>> for Weight {
    fn weight(&self, _key: &CacheKey, bytes: &Arc<[u8]>) -> u64 {
        bytes.len() as u64 + OVERHEAD
    }
}

impl AnswerCache {
    /// Keeps answers in memory alone.
    pub fn in_memory(memory_bytes: u64) -> Self {
        let items = (memory_bytes / TYPICAL_BYTES) as usize;
        Self {
            front: Cache::with_weighter(items, memory_bytes, Weight),
            disk: Mutex::new(None),
            warnings: Mutex::default(),
        }
    }

    /// Keeps answers in a folder, which is made where it isn't there yet, with memory in front.
    ///
    /// A folder that can't be written to, a full disk and a corrupt file are [warnings](Self::warnings).
    ///
    /// # Errors
    /// When something else is where the folder should be, or when the limit is below [`LEAST_DISK_BYTES`].
    pub fn open(folder: &Path, limits: CacheLimits) -> Result<Self, CacheError> {
        if limits.disk_bytes < LEAST_DISK_BYTES {
            return Err(CacheError::LimitTooSmall {
                limit_bytes: limits.disk_bytes,
            });
        }
        if folder.exists() && !folder.is_dir() {
            return Err(CacheError::NotAFolder {
                folder: folder.to_owned(),
            });
        }
        let mut cache = Self::in_memory(limits.memory_bytes);
        let warnings = cache.warnings.get_mut().unwrap_or_else(PoisonError::into_inner);
        let disk = Disk::open(folder, limits.disk_bytes, warnings);
        *cache.disk.get_mut().unwrap_or_else(PoisonError::into_inner) = disk;
        Ok(cache)
    }

    /// The answers that are kept, in the order of the keys: [`Source::Duplicate`] where this process was given them,
    /// [`Source::Cache`] where they are from earlier.
    pub fn get_many(&self, keys: &[CacheKey], scores: Scores) -> Vec<Option<Answer>> {
        let mut answers = Vec::with_capacity(keys.len());
        let mut missing = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            let found = self.front.get(key).map(|bytes| form::decode(key, &bytes, scores));
            answers.push(if let Some(Found::Answer(mut answer)) = found {
                // Only what this process was answered is in memory.
                answer.source = Source::Duplicate;
                Some(answer)
            } else {
                missing.push((*key, place));
                None
            });
        }
        if missing.is_empty() {
            return answers;
        }
        let mut disk = lock(&self.disk);
        if let Some(open) = disk.take() {
            // In the order of the file, each page is looked at once.
            missing.sort_unstable();
            *disk = open.get(
                &missing,
                &mut lock(&self.warnings),
                |key, place, bytes| match form::decode(key, bytes, scores) {
                    Found::Answer(answer) => {
                        answers[place] = Some(answer);
                        Verdict::Wanted
                    }
                    Found::Other => Verdict::Other,
                    Found::Damaged => Verdict::Damaged,
                },
            );
        }
        answers
    }

    /// Keeps answers. Of several to one key the first stays, whichever process gave it. Failures are left out.
    pub fn put_many(&self, answers: &[(CacheKey, Answer)]) {
        let rows: Vec<(CacheKey, Vec<u8>)> = answers
            .iter()
            .filter_map(|(key, answer)| Some((*key, form::encode(key, answer)?)))
            .collect();
        if rows.is_empty() {
            return;
        }
        let mut disk = lock(&self.disk);
        let mut first = vec![true; rows.len()];
        if let Some(open) = disk.take() {
            *disk = open.put(&rows, &mut first, &mut lock(&self.warnings));
        }
        drop(disk);
        for ((key, bytes), first) in rows.iter().zip(first) {
            // Where another process was first, its answer is read from the file when it is asked for.
            if first && self.front.peek(key).is_none() {
                self.front.insert(*key, Arc::from(bytes.as_slice()));
            }
        }
    }

    /// What went wrong since this was last asked. Nothing is told twice.
    pub fn warnings(&self) -> Vec<String> {
        lock(&self.warnings).take()
    }

    /// The file that answers are kept in. None where they are kept in memory alone.
    pub fn file(&self) -> Option<PathBuf> {
        lock(&self.disk).as_ref().map(|disk| disk.file().to_owned())
    }
}

/// What these guard is whole between calls: a panic in one leaves nothing half-made.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
