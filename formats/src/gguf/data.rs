//! Where a GGUF file's bytes are.

use std::io::{Read, Result};
use std::path::Path;

use crate::error::FormatError;
use crate::files::PlacedFile;

/// A file on disk, or one that is in memory already.
#[derive(Debug)]
pub(super) enum Data {
    File(PlacedFile),
    Memory(Vec<u8>),
}

impl Data {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::File(file) => file.length(),
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Fills `into` from the place `offset`, in bytes.
    pub(super) fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> std::result::Result<(), FormatError> {
        match self {
            Self::File(file) => file.read_at(offset, into),
            Self::Memory(bytes) => {
                let part = usize::try_from(offset)
                    .ok()
                    .and_then(|offset| bytes.get(offset..)?.get(..into.len()));
                let part = part.ok_or_else(|| FormatError::Io {
                    path: path.to_owned(),
                    source: std::io::ErrorKind::UnexpectedEof.into(),
                })?;
                into.copy_from_slice(part);
                Ok(())
            }
        }
    }

    /// Reads from the beginning.
    pub(super) fn front(&self) -> Front<'_> {
        Front {
            data: self,
            position: 0,
        }
    }
}

/// The bytes one after the other.
pub(super) struct Front<'a> {
    data: &'a Data,
    position: u64,
}

impl Read for Front<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(self.data.length() - self.position).unwrap_or(usize::MAX);
        let count = into.len().min(left);
        self.data
            .read_at(Path::new(""), self.position, &mut into[..count])
            .map_err(|error| match error {
                FormatError::Io { source, .. } => source,
                other => std::io::Error::other(other),
            })?;
        self.position += count as u64;
        Ok(count)
    }
}
