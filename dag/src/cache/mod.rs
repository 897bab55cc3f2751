//! What was rendered and parsed before, in a file.
//!
//! The file starts with a line that says what it is for: the version of the format, and the hash of everything but the
//! files themselves that results depend on. Entries follow, each with its length and a checksum; a later one outranks an
//! earlier one of the same path. A compile appends what it rendered anew, so that a small change is a small write, and
//! writes the whole file where most of it has become stale. What can't be read counts as not there.

mod entry;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

pub(crate) use entry::{Entry, Kept, KeptSeed, KeptText};

use crate::fingerprint::Fingerprint;

/// What every such file starts with.
const MAGIC: &[u8; 16] = b"refuel-compile-1";
/// Bytes before the first entry: magic and the hash of what results depend on.
const HEADER: usize = 32;
/// Bytes in front of an entry: its length and its checksum.
const FRAME: usize = 4 + 8;

/// What was rendered and parsed before.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    path: Option<PathBuf>,
    header: Vec<u8>,
    files: FxHashMap<String, Kept>,
    seeds: FxHashMap<String, KeptSeed>,
    /// Entries that the file does not have.
    fresh: Vec<Vec<u8>>,
    /// Bytes and entries of the file as it is. None where it must be written anew.
    stored: Option<(u64, usize)>,
}

impl Cache {
    /// Reads a file. `depends` is the hash of everything but the files that results depend on.
    pub(crate) fn read(path: &Path, depends: Fingerprint) -> Self {
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&depends.0);
        let mut cache = Self {
            path: Some(path.to_owned()),
            header,
            ..Self::default()
        };
        let Ok(bytes) = fs_err::read(path) else {
            return cache;
        };
        if !bytes.starts_with(&cache.header) {
            return cache;
        }
        let (frames, end) = frames(&bytes);
        let count = frames.len();
        let entries: Vec<Entry> = frames
            .into_par_iter()
            .filter_map(|entry| postcard::from_bytes(entry).ok())
            .collect();
        if entries.len() == count && end == bytes.len() {
            cache.stored = Some((end as u64, count));
        }
        for entry in entries {
            match entry {
                Entry::File(kept) => {
                    cache.files.insert(kept.path.clone(), *kept);
                }
                Entry::Seed(kept) => {
                    cache.seeds.insert(kept.path.clone(), kept);
                }
            }
        }
        cache
    }

    /// What is known of a file with this text.
    pub(crate) fn file(&self, path: &str, text: Fingerprint) -> Option<Kept> {
        self.files.get(path).filter(|kept| kept.text == text).cloned()
    }

    /// What is known of a seed with this length and this time of its last change.
    pub(crate) fn seed(&self, path: &str, length: u64, modified: i64) -> Option<&KeptSeed> {
        self.seeds
            .get(path)
            .filter(|kept| kept.length == length && kept.modified == modified)
    }

    /// Keeps what was rendered from a file.
    pub(crate) fn keep(&mut self, kept: Kept) {
        self.add(&Entry::File(Box::new(kept)));
    }

    /// Keeps the hash of a seed.
    pub(crate) fn keep_seed(&mut self, kept: KeptSeed) {
        self.add(&Entry::Seed(kept));
    }

    fn add(&mut self, entry: &Entry) {
        if self.path.is_none() {
            return;
        }
        if let Ok(bytes) = postcard::to_stdvec(entry) {
            self.fresh.push(bytes);
        }
        // Stale from here on; written again only where the whole file is.
        match entry {
            Entry::File(kept) => self.files.remove(&kept.path).is_some(),
            Entry::Seed(kept) => self.seeds.remove(&kept.path).is_some(),
        };
    }

    /// Writes what is new. A cache that can't be written costs time, and nothing else.
    pub(crate) fn write(&mut self) {
        let Some(path) = self.path.clone().filter(|_| !self.fresh.is_empty()) else {
            return;
        };
        let live = self.files.len() + self.seeds.len();
        let result = match self.stored {
            Some((_, count)) if (count + self.fresh.len()) <= 2 * (live + self.fresh.len()) + 64 => {
                append(&path, &self.fresh)
            }
            _ => self.rewrite(&path),
        };
        if let Err(error) = result {
            tracing::debug!("the compile cache was not written: {error}");
        }
    }

    fn rewrite(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut writer = std::io::BufWriter::with_capacity(1 << 20, file.as_file_mut());
        writer.write_all(&self.header)?;
        let live = self
            .files
            .values()
            .map(|kept| postcard::to_stdvec(&Entry::File(Box::new(kept.clone()))))
            .chain(self.seeds.values().map(|kept| postcard::to_stdvec(&Entry::Seed(kept.clone()))));
        for entry in live.flatten() {
            writer.write_all(&framed(&entry))?;
        }
        for entry in &self.fresh {
            writer.write_all(&framed(entry))?;
        }
        writer.flush()?;
        drop(writer);
        file.persist(path)?;
        Ok(())
    }
}

/// Adds entries to a file in one write, so that two compiles at once don't mix theirs.
fn append(path: &Path, entries: &[Vec<u8>]) -> std::io::Result<()> {
    let bytes: Vec<u8> = entries.iter().flat_map(|entry| framed(entry)).collect();
    let mut file = fs_err::OpenOptions::new().append(true).open(path)?;
    file.write_all(&bytes)
}

fn framed(entry: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FRAME + entry.len());
    bytes.extend_from_slice(&(entry.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&checksum(entry));
    bytes.extend_from_slice(entry);
    bytes
}

fn checksum(entry: &[u8]) -> [u8; 8] {
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(entry).as_bytes()[..8]);
    first
}

/// The entries of a file up to the first that is damaged, and where that one starts.
fn frames(bytes: &[u8]) -> (Vec<&[u8]>, usize) {
    let mut found = Vec::new();
    let mut at = HEADER;
    while let Some(frame) = bytes.get(at..at + FRAME) {
        let mut length = [0; 4];
        length.copy_from_slice(&frame[..4]);
        let start = at + FRAME;
        let end = start.saturating_add(u32::from_le_bytes(length) as usize);
        let Some(entry) = bytes.get(start..end).filter(|entry| checksum(entry) == frame[4..]) else {
            break;
        };
        found.push(entry);
        at = end;
    }
    (found, at)
}
