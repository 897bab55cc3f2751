//! Reading files whose size nobody vouches for.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::FormatError;

/// Largest JSON or text file that is read whole, in bytes. The largest published `tokenizer.json` has 33 MB.
const MOST_BYTES: u64 = 256 << 20;

/// Reads a whole small file. None where there is no such file.
///
/// # Errors
/// [`FormatError::Malformed`] for a file of more than 256 MiB, [`FormatError::Io`] for the rest.
pub(crate) fn read_small(path: &Path) -> Result<Option<Vec<u8>>, FormatError> {
    let io = |source| FormatError::Io {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mut bytes = Vec::new();
    // The limit holds for files that grow and for devices, whose length is not known, too.
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MOST_BYTES {
        let what = format!("has more than {MOST_BYTES} bytes");
        return Err(FormatError::Malformed {
            path: path.to_owned(),
            what,
        });
    }
    Ok(Some(bytes))
}

/// A file that is read at given places, by several threads at once.
///
/// Weights are read this way rather than mapped into memory: each byte is needed once, a mapped file that someone
/// shortens kills the process, and pages of a mapped file count as the process's memory.
#[derive(Debug)]
pub(crate) struct PlacedFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl PlacedFile {
    pub(crate) fn open(path: &Path) -> Result<Self, FormatError> {
        let io = |source| FormatError::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
        })
    }

    /// Length in bytes when it was opened.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `into` from the place `offset`, in bytes.
    pub(crate) fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), FormatError> {
        self.file.read_exact_at(into, offset).map_err(|source| FormatError::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// An error about this file.
    pub(crate) fn malformed(&self, what: impl Into<String>) -> FormatError {
        FormatError::Malformed {
            path: self.path.clone(),
            what: what.into(),
        }
    }
}
