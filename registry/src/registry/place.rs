//! Putting a finished model in its place.

use std::path::{Path, PathBuf};

use fs_err as fs;
use jiff::Timestamp;
use refuel_compiler::ModelDescription;

use super::{FOLDER_DIGITS, Registry};
use crate::error::RegistryError;
use crate::event::{Event, Listener, Step};
use crate::hash;
use crate::manifest::{MANIFEST_FILE, Manifest, ModelEntry, ModelFile, Origin, SCHEMA_VERSION};
use crate::staging::Staging;

/// The folder of a model among those in `models`.
pub(super) fn folder_of(models: &Path, manifest: &Manifest) -> PathBuf {
    let digits = manifest.digest.trim_start_matches("sha256:");
    models
        .join(&manifest.name)
        .join(digits.get(..FOLDER_DIGITS).unwrap_or(digits))
}

/// What is known of a finished model besides its files.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) name: String,
    pub(crate) licence: String,
    pub(crate) source: Origin,
    pub(crate) description: ModelDescription,
}

impl Registry {
    /// Hashes the files in `folder`, a finished model in `staging`, and moves them to their place: the model is there as
    /// a whole, or not at all.
    pub(crate) fn place(
        &self,
        staging: &Staging,
        folder: &Path,
        finished: Finished,
        listener: Listener<'_>,
    ) -> Result<ModelEntry, RegistryError> {
        let files = hash_files(folder, &finished.name, listener)?;
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            name: finished.name,
            digest: hash::digest(&files),
            licence: finished.licence,
            source: finished.source,
            installed_at: Timestamp::now(),
            compiler: env!("CARGO_PKG_VERSION").to_owned(),
            files,
            description: finished.description,
        };
        manifest.write(folder)?;
        let place = folder_of(&self.folder(), &manifest);
        let moved = |source| RegistryError::io("write", &place, source);
        let _lock = self.lock()?;
        if let Some(by_name) = place.parent() {
            fs::create_dir_all(by_name).map_err(moved)?;
        }
        if place.exists() {
            // The same digest was here before. Its files are, or should be, the same; where they are, only the manifest
            // is new, and a model that is being read stays where it is.
            let whole = super::read(&place).is_ok_and(|entry| {
                super::verify::differences(&entry, &mut |_| {}).is_ok_and(|differences| differences.is_empty())
            });
            if whole {
                manifest.write(&place)?;
                let dir = place;
                return Ok(ModelEntry { manifest, dir });
            }
            fs::rename(&place, staging.path("damaged")).map_err(moved)?;
        }
        fs::rename(folder, &place).map_err(moved)?;
        if let Some(by_name) = place.parent() {
            // Brings the new name itself to disk.
            fs::File::open(by_name)
                .and_then(|folder| folder.sync_all())
                .map_err(moved)?;
        }
        Ok(ModelEntry { manifest, dir: place })
    }
}

/// The files in a model's folder but for the manifest, in the order of their names, each brought to disk.
fn hash_files(folder: &Path, name: &str, listener: Listener<'_>) -> Result<Vec<ModelFile>, RegistryError> {
    let read = |source| RegistryError::io("read", folder, source);
    let mut paths = Vec::new();
    let mut total = 0;
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        if entry.file_name() != MANIFEST_FILE {
            total += entry.metadata().map_err(read)?.len();
            paths.push(entry.path());
        }
    }
    paths.sort();
    listener(Event::Begin {
        step: Step::Hash(name),
        total: Some(total),
        done: 0,
    });
    let mut done = 0;
    let mut files = Vec::new();
    for path in paths {
        let (size, sha256) = hash::file(&path, &mut |bytes| {
            done += bytes;
            listener(Event::Done(done));
        })?;
        fs::File::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(|source| RegistryError::io("write", &path, source))?;
        let path = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push(ModelFile { path, size, sha256 });
    }
    Ok(files)
}
