//! What is kept beside an unfinished table, so that a later run can go on with it.
//!
//! The table is `OUT.partial`, and `OUT.partial.json` says how much of it is whole and what it was made from. The latter
//! is replaced after each window of rows is handed to the operating system; bytes behind its count, such as half a line
//! that a killed run left, are cut off before the table is continued.

use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err as fs;
use refuel_tables::{Format, Survey};
use serde::{Deserialize, Serialize};

use crate::error::CliError;

/// Version of the form of this file.
const VERSION: u32 = 1;

/// What an unfinished table was made from. A run goes on with it only when all of it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Path of the input as it was given.
    pub(crate) input: String,
    /// What identifies its content.
    pub(crate) survey: Survey,
    /// How it is read.
    pub(crate) input_format: Format,
    /// What separates its fields.
    pub(crate) delimiter: char,
    /// How the table is written.
    pub(crate) output_format: Format,
    /// What the answers' columns begin with.
    pub(crate) prefix: String,
    /// Name of the task.
    pub(crate) task: String,
    /// Fingerprint of the task.
    pub(crate) fingerprint: String,
    /// What decides whether an answer is used, which is no part of the fingerprint: threshold and fallback.
    pub(crate) gate: String,
    /// `name@digest` of the model.
    pub(crate) model: String,
}

impl Origin {
    /// What differs, in words; `None` when a run of `self` can go on with a table of `other`.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        // The path may differ: the content counts.
        if self.survey.blake3 != other.survey.blake3 {
            return Some("the input's content");
        }
        if (self.input_format, self.delimiter) != (other.input_format, other.delimiter) {
            return Some("the input's format");
        }
        if self.output_format != other.output_format {
            return Some("the output's format");
        }
        if self.prefix != other.prefix {
            return Some("the answers' columns");
        }
        if self.fingerprint != other.fingerprint {
            return Some("the task");
        }
        if self.gate != other.gate {
            return Some("the task's threshold or fallback");
        }
        (self.model != other.model).then_some("the model")
    }
}

/// How far an unfinished table is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    version: u32,
    /// What it was made from.
    pub(crate) origin: Origin,
    /// Rows of the input that are done.
    pub(crate) rows: u64,
    /// Bytes of the table that are whole; `None` for a format that is whole only when it is closed.
    pub(crate) bytes: Option<u64>,
    /// Whether the table was closed in order.
    pub(crate) closed: bool,
}

impl Checkpoint {
    /// A table with `rows` rows.
    pub(crate) fn new(origin: Origin, rows: u64, bytes: Option<u64>, closed: bool) -> Self {
        Self {
            version: VERSION,
            origin,
            rows,
            bytes,
            closed,
        }
    }

    /// Reads what is kept beside `partial`; `None` when nothing usable is there.
    pub(crate) fn read(partial: &Path) -> Result<Option<Self>, CliError> {
        let path = sidecar(partial);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CliError::Read { path, source }),
        };
        // It is replaced as a whole, so that one which can't be read was not written by this version.
        Ok(serde_json::from_slice::<Self>(&text)
            .ok()
            .filter(|checkpoint| checkpoint.version == VERSION))
    }

    /// Replaces what is kept beside `partial`.
    pub(crate) fn write(&self, partial: &Path) -> Result<(), CliError> {
        let path = sidecar(partial);
        let mut temporary = path.clone().into_os_string();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let replace = || {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            drop(file);
            fs::rename(&temporary, &path)
        };
        let replaced: std::io::Result<()> = replace();
        replaced.map_err(|source| CliError::Write { path, source })
    }
}

/// The name of an unfinished table.
pub(crate) fn partial_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// The name of what is kept beside an unfinished table.
pub(crate) fn sidecar(partial: &Path) -> PathBuf {
    let mut name = partial.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

/// Takes away an unfinished table and what is kept beside it.
pub(crate) fn discard(partial: &Path) -> Result<(), CliError> {
    for path in [
        partial.to_owned(),
        sidecar(partial),
        refuel_tables::earlier_path(partial),
    ] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(CliError::Write { path, source: error });
            }
            _ => {}
        }
    }
    Ok(())
}
