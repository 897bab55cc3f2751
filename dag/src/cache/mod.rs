//! What was rendered and parsed before, in a file.
//!
//! The file starts with a line that says what it is for: the version of the format, and the hash of everything but the
//! files themselves that results depend on. Entries follow, each with its length and a checksum; a later one outranks an
//! earlier one of the same path. A compile appends what it rendered anew, so that a small change is a small write, and
//! writes the whole file where most of it has become stale. What can't be read counts as not there.

mod entry;

use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

pub(crate) use entry::{Entry, Kept, KeptSeed, KeptText};

use crate::fingerprint::Fingerprint;

/// What every such file starts with.
const MAGIC: &[u8; 16] = b"refuel-compile-2";
/// Bytes before the first entry: magic and the hash of what results depend on.
const HEADER: usize = 32;
/// Bytes in front of an entry: its length and its checksum.
const FRAME: usize = 4 + 4;

/// What was rendered and parsed before.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    path: Option<PathBuf>,
    header: Vec<u8>,
    /// The file as it is.
    bytes: Vec<u8>,
    /// Where in it the entry of each path is that counts.
    entries: FxHashMap<String, Range<usize>>,
    /// Entries of the file, those that are stale too. None where the file must be written anew.
    stored: Option<usize>,
    /// Entries that the file does not have.
    fresh: Vec<Vec<u8>>,
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
        let paths: Vec<Option<&str>> = frames
            .par_iter()
            .map(|frame| entry::path_of(sound(&bytes, frame)?))
            .collect();
        if end == bytes.len() && paths.iter().all(Option::is_some) {
            cache.stored = Some(frames.len());
        }
        // Nothing behind the first entry that is damaged is believed: it may have been written over.
        for (frame, path) in frames.into_iter().zip(paths.into_iter().map_while(|path| path)) {
            cache.entries.insert(path.to_owned(), frame);
        }
        cache.bytes = bytes;
        cache
    }

    /// What is known of a file with this text.
    pub(crate) fn file(&self, path: &str, text: Fingerprint) -> Option<Kept> {
        match self.entry(path)? {
            Entry::File(kept) if kept.text == text => Some(*kept),
            _ => None,
        }
    }

    /// What is known of a seed with this length and this time of its last change.
    pub(crate) fn seed(&self, path: &str, length: u64, modified: i64) -> Option<KeptSeed> {
        match self.entry(path)? {
            Entry::Seed(kept) if kept.length == length && kept.modified == modified => Some(kept),
            _ => None,
        }
    }

    fn entry(&self, path: &str) -> Option<Entry> {
        let bytes = self.bytes.get(self.entries.get(path)?.clone())?;
        postcard::from_bytes(bytes).ok()
    }

    /// Keeps an entry that the file does not have, as [`Entry::to_bytes`] gives it.
    pub(crate) fn keep(&mut self, path: &str, entry: Vec<u8>) {
        if self.path.is_some() {
            self.entries.remove(path);
            self.fresh.push(entry);
        }
    }

    /// Forgets what is kept of files that are gone.
    pub(crate) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.entries.retain(|path, _| is_there(path));
    }

    /// Writes what is new. A cache that can't be written costs time, and nothing else.
    pub(crate) fn write(&mut self) {
        let Some(path) = self.path.clone() else { return };
        let live = self.entries.len() + self.fresh.len();
        let result = match self.stored {
            Some(stored) if stored + self.fresh.len() <= 2 * live + 64 => append(&path, &self.fresh),
            _ if live == 0 => Ok(()),
            _ => self.rewrite(&path),
        };
        if let Err(error) = result {
            tracing::debug!("the compile cache was not written: {error}");
        }
        // What was read has been used.
        self.bytes = Vec::new();
    }

    fn rewrite(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut writer = std::io::BufWriter::with_capacity(1 << 18, file.as_file_mut());
        writer.write_all(&self.header)?;
        let live = self.entries.values().filter_map(|range| self.bytes.get(range.clone()));
        for entry in live.chain(self.fresh.iter().map(Vec::as_slice)) {
            writer.write_all(&frame_of(entry))?;
            writer.write_all(entry)?;
        }
        writer.flush()?;
        drop(writer);
        file.persist(path)?;
        Ok(())
    }
}

/// Adds entries to a file in one write, so that two compiles at once don't mix theirs.
fn append(path: &Path, entries: &[Vec<u8>]) -> std::io::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&frame_of(entry));
        bytes.extend_from_slice(entry);
    }
    let mut file = fs_err::OpenOptions::new().append(true).open(path)?;
    file.write_all(&bytes)
}

/// What stands in front of an entry.
fn frame_of(entry: &[u8]) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    frame[..4].copy_from_slice(&(entry.len() as u32).to_le_bytes());
    frame[4..].copy_from_slice(&checksum(entry));
    frame
}

/// Finds damage, not intent.
fn checksum(entry: &[u8]) -> [u8; 4] {
    crc32fast::hash(entry).to_le_bytes()
}

/// Where the entries of a file are, up to the first whose length can't be right, and where that one starts.
fn frames(bytes: &[u8]) -> (Vec<Range<usize>>, usize) {
    let mut found = Vec::new();
    let mut at = HEADER;
    while let Some(frame) = bytes.get(at..at + FRAME) {
        let mut length = [0; 4];
        length.copy_from_slice(&frame[..4]);
        let start = at + FRAME;
        let end = start + u32::from_le_bytes(length) as usize;
        if end > bytes.len() {
            break;
        }
        found.push(start..end);
        at = end;
    }
    (found, at)
}

/// The bytes of an entry, where their checksum is right.
fn sound<'a>(bytes: &'a [u8], frame: &Range<usize>) -> Option<&'a [u8]> {
    let entry = &bytes[frame.clone()];
    (checksum(entry) == bytes[frame.start - 4..frame.start]).then_some(entry)
}
