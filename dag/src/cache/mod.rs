//! What was rendered and parsed before, in a file.

mod entry;

use std::path::Path;

use refuel_project::{Stamp, Store};

use entry::from_bytes;
pub(crate) use entry::{Head, Kept, KeptSeed, KeptText, to_bytes};

use crate::fingerprint::Fingerprint;

/// What such a file holds, and the version of its format.
const FORMAT: [u8; 16] = *b"refuel-compile-4";

/// What was rendered and parsed before.
#[derive(Debug, Default)]
pub(crate) struct Cache(Store);

impl Cache {
    /// Reads a file. `depends` is the hash of everything but the files that results depend on.
    pub(crate) fn read(path: &Path, depends: Fingerprint) -> Self {
        Self(Store::read(path, FORMAT, depends.0))
    }

    /// What is known of the file of SQL that was at a path. Whether the file still is what it was is for the caller to say.
    pub(crate) fn file(&self, path: &str) -> Option<(Kept, Head)> {
        from_bytes(self.0.get(path)?)
    }

    /// What is known of a seed with this stamp.
    pub(crate) fn seed(&self, path: &str, stamp: Stamp) -> Option<KeptSeed> {
        let (kept, head) = from_bytes(self.0.get(path)?)?;
        (head.stamp == Some(stamp)).then_some(kept)
    }

    /// Keeps an entry that the file does not have, as [`to_bytes`] gives it.
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
