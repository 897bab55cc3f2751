//! Whether a model's files are still what was installed.

use fs_err as fs;
use serde::Serialize;

use super::Registry;
use crate::error::RegistryError;
use crate::event::{Event, Listener, Step};
use crate::hash;
use crate::manifest::{MANIFEST_FILE, ModelEntry, UNFINISHED};

/// How a file differs from what was installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// It isn't there, or is no file.
    Missing,
    /// It has another number of bytes.
    Size,
    /// It has as many bytes, but not the same.
    Hash,
    /// It was not installed.
    Unexpected,
}

/// A file that isn't what was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name in the model's folder.
    pub path: String,
    /// How it differs.
    pub problem: Problem,
}

impl Registry {
    /// Reads every file of a model and tells which aren't what was installed.
    ///
    /// # Errors
    /// Where a file that is there can't be read.
    pub fn verify(&self, entry: &ModelEntry, listener: Listener<'_>) -> Result<Vec<Difference>, RegistryError> {
        listener(Event::Begin {
            step: Step::Hash(&entry.manifest.name),
            total: Some(entry.manifest.size()),
            done: 0,
        });
        differences(entry, listener)
    }
}

pub(super) fn differences(entry: &ModelEntry, listener: Listener<'_>) -> Result<Vec<Difference>, RegistryError> {
    let mut found = Vec::new();
    let mut done = 0;
    for file in &entry.manifest.files {
        let path = entry.dir.join(&file.path);
        let problem = match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(Problem::Missing),
            Err(source) => return Err(RegistryError::io("read", &path, source)),
            Ok(metadata) if !metadata.is_file() => Some(Problem::Missing),
            Ok(metadata) if metadata.len() != file.size => Some(Problem::Size),
            Ok(_) => {
                let (_, sha256) = hash::file(&path, &mut |bytes| {
                    done += bytes;
                    listener(Event::Done(done));
                })?;
                (sha256 != file.sha256).then_some(Problem::Hash)
            }
        };
        found.extend(problem.map(|problem| Difference {
            path: file.path.clone(),
            problem,
        }));
    }
    let read = |source| RegistryError::io("read", &entry.dir, source);
    for there in fs::read_dir(&entry.dir).map_err(read)? {
        let path = there.map_err(read)?.file_name().to_string_lossy().into_owned();
        let own = path == MANIFEST_FILE || path.starts_with(UNFINISHED);
        let known = own || entry.manifest.files.iter().any(|file| file.path == path);
        if !known {
            let problem = Problem::Unexpected;
            found.push(Difference { path, problem });
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}
