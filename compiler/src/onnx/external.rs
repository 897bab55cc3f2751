//! The file that holds a model's weights, apart from its graph, so that ONNX Runtime can map it into memory.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err::File;

use super::messages::StringStringEntryProto;
use crate::error::CompileError;

/// Name of the file beside `model.onnx`.
pub(crate) const DATA_FILE: &str = "model.onnx.data";

/// Where tensors begin: at a page's start, which mapping needs.
const ALIGNMENT: u64 = 4096;

/// Space for one tensor in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    offset: u64,
    length: u64,
}

impl Slot {
    /// What a `TensorProto` says of it.
    pub(crate) fn entries(self) -> Vec<StringStringEntryProto> {
        let entry = |key: &str, value: String| StringStringEntryProto {
            key: key.to_owned(),
            value,
        };
        vec![
            entry("location", DATA_FILE.to_owned()),
            entry("offset", self.offset.to_string()),
            entry("length", self.length.to_string()),
        ]
    }
}

/// Writes tensors in pieces, in any order inside a tensor.
#[derive(Debug)]
pub(crate) struct DataWriter {
    path: PathBuf,
    file: File,
    end: u64,
    /// Where the next write goes without seeking.
    at: u64,
}

impl DataWriter {
    /// Makes the file in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self, CompileError> {
        let path = folder.join(DATA_FILE);
        let file = File::create(&path).map_err(|source| CompileError::write(&path, source))?;
        Ok(Self {
            path,
            file,
            end: 0,
            at: 0,
        })
    }

    /// Sets `length` bytes apart.
    pub(crate) fn reserve(&mut self, length: usize) -> Slot {
        let offset = self.end.next_multiple_of(ALIGNMENT);
        let length = length as u64;
        self.end = offset + length;
        Slot { offset, length }
    }

    /// Writes `bytes` at `start` inside `slot`.
    pub(crate) fn write(&mut self, slot: Slot, start: usize, bytes: &[u8]) -> Result<(), CompileError> {
        let start = start as u64;
        debug_assert!(
            start + bytes.len() as u64 <= slot.length,
            "a piece stays inside its tensor"
        );
        let at = slot.offset + start;
        let mut write = || {
            if at != self.at {
                self.file.seek(SeekFrom::Start(at))?;
            }
            self.file.write_all(bytes)
        };
        write().map_err(|source| CompileError::write(&self.path, source))?;
        self.at = at + bytes.len() as u64;
        Ok(())
    }

    /// Makes the file as long as everything that was reserved and brings it to disk.
    pub(crate) fn finish(self) -> Result<(), CompileError> {
        let finish = || {
            self.file.set_len(self.end)?;
            self.file.sync_all()
        };
        finish().map_err(|source| CompileError::write(&self.path, source))
    }
}
