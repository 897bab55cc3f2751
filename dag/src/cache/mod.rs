//! What was rendered and parsed before, in a file.

mod entry;

use std::path::Path;

use refuel_project::Store;

pub(crate) use entry::{Entry, Kept, KeptSeed, KeptText};

use crate::fingerprint::Fingerprint;

/// What such a file holds, and the version of its format.
const FORMAT: [u8; 16] = *b"refuel-compile-3";

/// What was rendered and parsed before.
#[derive(Debug, Default)]
pub(crate) struct Cache(Store);

impl Cache {
    /// Reads a file. `depends` is the hash of everything but the files that results depend on.
    pub(crate) fn read(path: &Path, depends: Fingerprint) -> Self {
        Self(Store::read(path, FORMAT, depends.0))
    }

    /// What is known of a file with this text, and the hash of that.
    pub(crate) fn file(&self, path: &str, text: Fingerprint) -> Option<(Kept, Fingerprint)> {
        match postcard::from_bytes(self.0.get(path)?).ok()? {
            (made, Entry::File(kept)) if kept.text == text => Some((*kept, made)),
            _ => None,
        }
    }

    /// What is known of a seed with this length and this time of its last change.
    pub(crate) fn seed(&self, path: &str, length: u64, modified: i64) -> Option<KeptSeed> {
        match postcard::from_bytes::<(Fingerprint, Entry)>(self.0.get(path)?).ok()?.1 {
            Entry::Seed(kept) if kept.length == length && kept.modified == modified => Some(kept),
            _ => None,
        }
    }

    /// Keeps an entry that the file does not have, as [`Entry::to_bytes`] gives it.
    pub(crate) fn keep(&mut self, path: &str, entry: Vec<u8>) {
        self.0.keep(path, entry);
    }

    /// Forgets what is kept of files that are gone.
    pub(crate) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(is_there);
    }

    /// Writes what is new. A cache that can't be written costs time, and nothing else.
    pub(crate) fn write(self) {
        self.0.write();
    }
}
