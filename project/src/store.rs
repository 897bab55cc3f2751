//! What was made of files before, in one file.
//!
//! The file starts with a line that says what it is for: the version of its format, and the hash of everything but the
//! files themselves that results depend on. Entries follow, each with its length, a checksum and the path of the file
//! that it was made of; a later one outranks an earlier one of the same path. What is new is appended, so that a small
//! change is a small write, and the whole file is written where most of it has become stale. What can't be read counts
//! as not there.

use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// Bytes before the first entry: what the file is for, and the hash of what results depend on.
const HEADER: usize = 32;
/// Bytes in front of an entry: its length with its path, its checksum, and the length of the path.
const FRAME: usize = 4 + 4 + 2;

/// What was made of files before, by the paths of the files.
#[derive(Debug, Default)]
pub struct Store {
    path: Option<PathBuf>,
    header: Vec<u8>,
    /// The file as it is.
    bytes: Vec<u8>,
    /// Where in it the entry of each path is that counts.
    entries: FxHashMap<String, Range<usize>>,
    /// Entries of the file, those that are stale too. None where the file must be written anew.
    stored: Option<usize>,
    /// Entries that the file does not have, as it will have them.
    fresh: Vec<Vec<u8>>,
}

impl Store {
    /// Reads a file. `format` names what it holds, with a version; `depends` is the hash of everything but the files
    /// that results depend on.
    pub fn read(path: &Path, format: [u8; 16], depends: [u8; 16]) -> Self {
        let mut store = Self {
            path: Some(path.to_owned()),
            header: [format, depends].concat(),
            ..Self::default()
        };
        let Ok(bytes) = fs_err::read(path) else {
            return store;
        };
        if !bytes.starts_with(&store.header) {
            return store;
        }
        let (frames, end) = frames(&bytes);
        let sound: Vec<Option<(&str, Range<usize>)>> = frames.par_iter().map(|frame| sound(&bytes, frame)).collect();
        if end == bytes.len() && sound.iter().all(Option::is_some) {
            store.stored = Some(frames.len());
        }
        store.entries.reserve(sound.len());
        // Nothing behind the first entry that is damaged is believed: it may have been written over.
        for (path, entry) in sound.into_iter().map_while(|entry| entry) {
            match store.entries.get_mut(path) {
                Some(known) => *known = entry,
                None => {
                    store.entries.insert(path.to_owned(), entry);
                }
            }
        }
        store.bytes = bytes;
        store
    }

    /// What is kept of a file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.bytes.get(self.entries.get(path)?.clone())
    }

    /// An entry as the file has it, for [`Store::keep`].
    pub fn entry(path: &str, content: &[u8]) -> Option<Vec<u8>> {
        let length = u32::try_from(path.len() + content.len()).ok()?;
        let path_length = u16::try_from(path.len()).ok()?;
        let mut entry = Vec::with_capacity(FRAME + path.len() + content.len());
        entry.extend_from_slice(&length.to_le_bytes());
        entry.extend_from_slice(&[0; 4]);
        entry.extend_from_slice(&path_length.to_le_bytes());
        entry.extend_from_slice(path.as_bytes());
        entry.extend_from_slice(content);
        let checksum = checksum(&entry[8..]);
        entry[4..8].copy_from_slice(&checksum);
        Some(entry)
    }

    /// Keeps an entry that the file does not have, as [`Store::entry`] gives it.
    pub fn keep(&mut self, path: &str, entry: Vec<u8>) {
        if self.path.is_some() {
            self.entries.remove(path);
            self.fresh.push(entry);
        }
    }

    /// Forgets what is kept of files that are gone.
    pub fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.entries.retain(|path, _| is_there(path));
    }

    /// Writes what is new. A store that can't be written costs time, and nothing else.
    pub fn write(self) {
        let Some(path) = &self.path else { return };
        let live = self.entries.len() + self.fresh.len();
        let result = match self.stored {
            Some(stored) if stored + self.fresh.len() <= 2 * live + 64 => append(path, &self.fresh),
            _ if live == 0 => Ok(()),
            _ => self.rewrite(path),
        };
        if let Err(error) = result {
            tracing::debug!("{} was not written: {error}", path.display());
        }
    }

    fn rewrite(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut writer = std::io::BufWriter::with_capacity(1 << 18, file.as_file_mut());
        writer.write_all(&self.header)?;
        for (path, range) in &self.entries {
            // The path is between the frame and the entry.
            let start = range.start - path.len() - FRAME;
            writer.write_all(self.bytes.get(start..range.end).unwrap_or_default())?;
        }
        for entry in &self.fresh {
            writer.write_all(entry)?;
        }
        writer.flush()?;
        drop(writer);
        file.persist(path)?;
        Ok(())
    }
}

/// Adds entries to a file in one write, so that two processes at once don't mix theirs.
fn append(path: &Path, entries: &[Vec<u8>]) -> std::io::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut file = fs_err::OpenOptions::new().append(true).open(path)?;
    file.write_all(&entries.concat())
}

/// Finds damage, not intent.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    crc32fast::hash(bytes).to_le_bytes()
}

/// Where the entries of a file are, with their frames, up to the first whose length can't be right, and where that one
/// starts.
fn frames(bytes: &[u8]) -> (Vec<Range<usize>>, usize) {
    let mut found = Vec::new();
    let mut at = HEADER;
    while let Some(frame) = bytes.get(at..at + FRAME) {
        let mut length = [0; 4];
        length.copy_from_slice(&frame[..4]);
        let end = at + FRAME + u32::from_le_bytes(length) as usize;
        if end > bytes.len() {
            break;
        }
        found.push(at..end);
        at = end;
    }
    (found, at)
}

/// The path of an entry and where its content is, where its checksum is right.
fn sound<'a>(bytes: &'a [u8], frame: &Range<usize>) -> Option<(&'a str, Range<usize>)> {
    let entry = &bytes[frame.clone()];
    if checksum(&entry[8..]) != entry[4..8] {
        return None;
    }
    let length = usize::from(u16::from_le_bytes([entry[8], entry[9]]));
    let path = std::str::from_utf8(entry.get(FRAME..FRAME + length)?).ok()?;
    Some((path, frame.start + FRAME + length..frame.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: [u8; 16] = *b"refuel-a-test-01";

    fn keep(store: &mut Store, path: &str, content: &str) {
        let entry = Store::entry(path, content.as_bytes()).unwrap();
        store.keep(path, entry);
    }

    fn kept(path: &Path, depends: u8) -> Store {
        Store::read(path, FORMAT, [depends; 16])
    }

    #[test]
    fn what_was_kept_is_there_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/cache");
        let mut store = kept(&path, 0);
        keep(&mut store, "a", "one");
        keep(&mut store, "b", "two");
        store.write();
        let mut store = kept(&path, 0);
        assert_eq!((store.get("a"), store.get("b")), (Some(&b"one"[..]), Some(&b"two"[..])));
        assert_eq!(store.get("c"), None);
        keep(&mut store, "a", "three");
        store.write();
        assert_eq!(kept(&path, 0).get("a"), Some(&b"three"[..]), "the later one counts");
        assert_eq!(kept(&path, 1).get("a"), None, "what it depends on is another");
    }

    #[test]
    fn a_file_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        for number in 0..1000 {
            let mut store = kept(&path, 0);
            keep(&mut store, "a", &format!("{number:0100}"));
            store.write();
        }
        assert!(std::fs::metadata(&path).unwrap().len() < 100 * 120);
        let mut store = kept(&path, 0);
        keep(&mut store, "b", "new");
        store.retain(|path| path != "a");
        assert_eq!(store.get("a"), None, "its file is gone");
    }
}
