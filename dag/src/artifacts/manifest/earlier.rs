//! Entries of the manifest that was written before, which are copied where they would be the same again.
//!
//! Beside the manifest is an index: where each entry is, and what it was made from. It counts only for the very file
//! that it was written with, and for the same build of the program.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::MANIFEST_FILE;
use crate::fingerprint::{Fingerprint, Hasher};

/// The index, in the folder of the manifest.
const INDEX: &str = "cache/manifest";

/// Where an entry is: its first byte, and its length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) length: u64,
}

impl Span {
    /// The first byte behind it.
    pub(super) fn end(self) -> u64 {
        self.start + self.length
    }
}

/// What tells a file from another that took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    length: u64,
    /// Nanoseconds since 1970.
    modified: u64,
    number: u64,
}

impl Identity {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let age = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let number = 0;
        Ok(Self {
            length: metadata.len(),
            modified: age.as_nanos() as u64,
            number,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Index {
    writer: Fingerprint,
    file: Identity,
    entries: Vec<(Fingerprint, Span)>,
}

/// The manifest that was written before.
#[derive(Default)]
pub(super) struct Earlier {
    file: Option<File>,
    entries: FxHashMap<Fingerprint, Span>,
}

impl Earlier {
    /// The manifest of a folder, where its entries are known; or else one without entries.
    pub(super) fn read(folder: &Path, compiled: bool) -> Self {
        Self::open(folder, compiled).unwrap_or_default()
    }

    fn open(folder: &Path, compiled: bool) -> Option<Self> {
        let index = std::fs::read(folder.join(INDEX)).ok()?;
        let index: Index = postcard::from_bytes(&index).ok()?;
        let file = File::open(folder.join(MANIFEST_FILE)).ok()?;
        let is_same = index.writer == writer(compiled)? && index.file == Identity::of(&file).ok()?;
        is_same.then(|| Self {
            file: Some(file),
            entries: index.entries.into_iter().collect(),
        })
    }

    /// Its bytes; none where its entries aren't known.
    pub(super) fn length(&self) -> u64 {
        let metadata = self.file.as_ref().and_then(|file| file.metadata().ok());
        metadata.map_or(0, |metadata| metadata.len())
    }

    /// Where the entry is that was made from this.
    pub(super) fn span(&self, origin: Fingerprint) -> Option<Span> {
        self.entries.get(&origin).copied()
    }

    /// Copies a part of the file to where another one stands.
    pub(super) fn copy(&self, span: Span, to: &mut File) -> io::Result<()> {
        let Some(mut file) = self.file.as_ref() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        file.seek(SeekFrom::Start(span.start))?;
        let copied = io::copy(&mut file.take(span.length), to)?;
        if copied == span.length {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

/// The index of a manifest that is written.
pub(super) struct NewIndex {
    writer: Fingerprint,
    path: PathBuf,
    pub(super) entries: Vec<(Fingerprint, Span)>,
}

impl NewIndex {
    /// None where it could not be told which program wrote it.
    pub(super) fn new(folder: &Path, compiled: bool) -> Option<Self> {
        Some(Self {
            writer: writer(compiled)?,
            path: folder.join(INDEX),
            entries: Vec::new(),
        })
    }

    /// Writes the index of a manifest that is complete. One that can't be written costs time, and nothing else.
    pub(super) fn write(self, manifest: &File) {
        let attempt = || {
            let index = Index {
                writer: self.writer,
                file: Identity::of(manifest)?,
                entries: self.entries,
            };
            let bytes = postcard::to_stdvec(&index).map_err(io::Error::other)?;
            let folder = self.path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&bytes)?;
            file.persist(&self.path)?;
            io::Result::Ok(())
        };
        if let Err(error) = attempt() {
            tracing::debug!("the index of the manifest was not written: {error}");
        }
    }
}

/// The program that writes: another build of it may write other words. `compiled`: whether SQL is in it.
fn writer(compiled: bool) -> Option<Fingerprint> {
    let program = File::open(std::env::current_exe().ok()?).ok()?;
    let identity = Identity::of(&program).ok()?;
    let mut hasher = Hasher::new("manifest index 1");
    for number in [identity.length, identity.modified, u64::from(compiled)] {
        hasher.bytes(&number.to_le_bytes());
    }
    Some(hasher.finish())
}
