//! `refuel cache`: the answers that are kept from one run to the next.

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;

use crate::answerer;
use crate::cli::{CacheArgs, CacheCommand, OutputFormat};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::table::Grid;
use crate::words;

/// What is kept. The keys are stable.
#[derive(Debug, Serialize)]
pub(crate) struct Kept {
    /// Where.
    folder: PathBuf,
    /// Bytes on disk.
    bytes: u64,
}

impl Kept {
    /// On one line.
    pub(crate) fn in_words(&self) -> String {
        format!("{} in {}", words::bytes(self.bytes), self.folder.display())
    }
}

/// Looks at what is kept under a home folder.
pub(crate) fn kept(home: &Path) -> Result<Kept, Failure> {
    let folder = answerer::cache_folder(home);
    let mut bytes = 0;
    match fs::read_dir(&folder) {
        Ok(entries) => {
            for entry in entries {
                let metadata = entry.and_then(|entry| entry.metadata());
                bytes += metadata.map_or(0, |metadata| metadata.len());
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => return Err(CliError::Read { path: folder, source }.into()),
    }
    Ok(Kept { folder, bytes })
}

/// Runs `refuel cache`.
pub(crate) fn run(arguments: &CacheArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let home = context.home()?;
    match &arguments.command {
        CacheCommand::Ls(format) => {
            let kept = kept(&home)?;
            if format.format == OutputFormat::Json {
                context.printer.json(&kept)?;
            } else {
                let mut grid = Grid::pairs();
                grid.pair("folder", kept.folder.display().to_string());
                grid.pair("size", words::bytes(kept.bytes));
                context.printer.data(grid.render())?;
            }
        }
        CacheCommand::Clear => {
            let bytes = clear(&answerer::cache_folder(&home))?;
            context
                .printer
                .note(format!("forgot {} of answers", words::bytes(bytes)));
        }
    }
    Ok(ExitStatus::Success)
}

/// Takes away every file of the folder, which holds nothing else. Returns their bytes. A run that is under way goes on
/// with what it has open.
fn clear(folder: &Path) -> Result<u64, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(source) => {
            let path = folder.to_owned();
            return Err(CliError::Read { path, source }.into());
        }
    };
    let mut bytes = 0;
    for entry in entries {
        let remove = || {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                fs::remove_file(entry.path())?;
                return Ok(metadata.len());
            }
            Ok(0)
        };
        let removed: std::io::Result<u64> = remove();
        bytes += removed.map_err(|source| CliError::Write {
            path: folder.to_owned(),
            source,
        })?;
    }
    Ok(bytes)
}
