//! The models of one home folder.

mod place;
mod verify;

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;

use crate::catalog::Catalog;
use crate::error::RegistryError;
use crate::lock::Lock;
use crate::manifest::{Manifest, ModelEntry};
use crate::name::{self, Reference};
use crate::staging::Staging;

pub(crate) use place::Finished;
pub use verify::{Difference, Problem};

/// Hexadecimal digits of a digest in the name of a model's folder.
const FOLDER_DIGITS: usize = 16;
/// How near a name must be to be suggested, from 0 to 1.
const NEAR: f64 = 0.6;

/// A model that can be removed, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removable {
    /// `name@digest`, the digest by its first 12 hexadecimal digits.
    pub reference: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its folder.
    pub folder: PathBuf,
}

/// The models of one home folder.
///
/// A model is in `HOME/models/NAME/DIGEST`, the digest by its first 16 digits. Folders come and go whole, by renaming, so
/// that a reader never sees a part of one; `HOME/models/.staging` holds those that are being made, and `HOME/downloads`
/// what was fetched for them.
#[derive(Debug, Clone)]
pub struct Registry {
    home: PathBuf,
}

impl Registry {
    /// The registry of a home folder. Nothing is made or written by looking into it; the folder need not exist.
    ///
    /// # Errors
    /// Where `HOME/models` is no folder.
    pub fn open(home: &Path) -> Result<Self, RegistryError> {
        let registry = Self { home: home.to_owned() };
        let folder = registry.folder();
        match fs::metadata(&folder) {
            Ok(metadata) if !metadata.is_dir() => Err(RegistryError::io(
                "read",
                &folder,
                std::io::ErrorKind::NotADirectory.into(),
            )),
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(RegistryError::io("read", &folder, source))
            }
            _ => Ok(registry),
        }
    }

    /// The folder that holds the models.
    pub fn folder(&self) -> PathBuf {
        self.home.join("models")
    }

    /// The folder that holds what is being fetched.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.home.join("downloads")
    }

    pub(crate) fn staging(&self) -> Result<Staging, RegistryError> {
        Staging::new(&self.folder().join(".staging"))
    }

    /// Held while a folder comes or goes.
    fn lock(&self) -> Result<Lock, RegistryError> {
        Lock::wait(&self.folder().join(".lock"), &mut || {})
    }

    /// The model that `name`, `name@digest` (six digits or more) or a name of the catalog stands for. Of several models
    /// of one name the one that was pulled or imported last is meant.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`], [`RegistryError::Ambiguous`] for a digest that is too short,
    /// [`RegistryError::Damaged`].
    pub fn get(&self, name: &str) -> Result<ModelEntry, RegistryError> {
        let mut found = self.find(name)?;
        found.sort_by_key(|entry| entry.manifest.installed_at);
        let Some(latest) = found.pop() else {
            return Err(self.unknown(name));
        };
        let digest_given = Reference::parse(name)?.digest.is_some();
        if digest_given && !found.is_empty() {
            return Err(ambiguous(name, found.iter().chain([&latest])));
        }
        Ok(latest)
    }

    /// Every model that a name stands for.
    fn find(&self, name: &str) -> Result<Vec<ModelEntry>, RegistryError> {
        let asked = Reference::parse(name)?;
        for name in meant(&asked)? {
            let mut found = Vec::new();
            let mut damaged = None;
            for folder in folders(&self.folder().join(&name))? {
                match read(&folder) {
                    Ok(entry) if matches(&entry, asked.digest.as_deref()) => found.push(entry),
                    Ok(_) => {}
                    Err(error) => damaged = Some(error),
                }
            }
            match damaged {
                // A whole model next to a damaged one is still what was asked for.
                Some(error) if found.is_empty() => return Err(error),
                Some(error) => tracing::warn!(code = error.code(), "{error}"),
                None => {}
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// Every model, by name, the latest of a name first. Damaged ones are left out; [`Registry::survey`] has them.
    ///
    /// # Errors
    /// Where the folder can't be read.
    pub fn list(&self) -> Result<Vec<ModelEntry>, RegistryError> {
        let (entries, damaged) = self.survey()?;
        for error in damaged {
            tracing::warn!(code = error.code(), "{error}");
        }
        Ok(entries)
    }

    /// Every model, by name, the latest of a name first, and what is wrong with each damaged one.
    ///
    /// # Errors
    /// Where the folder can't be read.
    pub fn survey(&self) -> Result<(Vec<ModelEntry>, Vec<RegistryError>), RegistryError> {
        let (mut entries, mut damaged) = (Vec::new(), Vec::new());
        for by_name in folders(&self.folder())? {
            for folder in folders(&by_name)? {
                match read(&folder) {
                    Ok(entry) => entries.push(entry),
                    Err(error) => damaged.push(error),
                }
            }
        }
        entries.sort_by(|left: &ModelEntry, right: &ModelEntry| {
            let (left, right) = (&left.manifest, &right.manifest);
            left.name
                .cmp(&right.name)
                .then(right.installed_at.cmp(&left.installed_at))
        });
        Ok((entries, damaged))
    }

    /// The only folder that a name stands for, whether the model in it is whole or damaged.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`]; [`RegistryError::Ambiguous`] where there are several of the name.
    pub fn only(&self, name: &str) -> Result<Removable, RegistryError> {
        let asked = Reference::parse(name)?;
        for name in meant(&asked)? {
            let mut found = Vec::new();
            for folder in folders(&self.folder().join(&name))? {
                let digits = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                // A digest can be given with more digits than a folder's name has.
                let meant = asked.digest.as_ref().is_none_or(|digest| {
                    let shared = digits.len().min(digest.len());
                    digits.get(..shared) == digest.get(..shared)
                });
                if meant {
                    let reference = format!("{name}@{}", digits.get(..12).unwrap_or(&digits));
                    let bytes = bytes_in(&folder);
                    found.push(Removable {
                        reference,
                        bytes,
                        folder,
                    });
                }
            }
            match found.len() {
                0 => {}
                1 => return Ok(found.swap_remove(0)),
                _ => {
                    return Err(RegistryError::Ambiguous {
                        name: asked.name,
                        candidates: found.into_iter().map(|removable| removable.reference).collect(),
                    });
                }
            }
        }
        Err(self.unknown(name))
    }

    /// Removes the model that a name stands for, damaged ones too.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`]; [`RegistryError::Ambiguous`] where there are several of the name.
    pub fn remove(&self, name: &str) -> Result<Removable, RegistryError> {
        // Nothing is made in a home folder for a name that isn't there.
        self.only(name)?;
        let staging = self.staging()?;
        let _lock = self.lock()?;
        let removable = self.only(name)?;
        let folder = &removable.folder;
        let away = staging.path("removed");
        fs::rename(folder, &away).map_err(|source| RegistryError::io("remove", folder, source))?;
        if let Some(by_name) = folder.parent() {
            // Only where nothing else is in it.
            let _ = fs::remove_dir(by_name);
        }
        Ok(removable)
    }

    /// What to say of a name that no model has.
    fn unknown(&self, name: &str) -> RegistryError {
        let hint = self.hint(name).unwrap_or_else(|| {
            "`refuel model ls` shows what is there, `refuel model ls --catalog` what can be had".to_owned()
        });
        RegistryError::Unknown {
            name: name.to_owned(),
            hint,
        }
    }

    fn hint(&self, name: &str) -> Option<String> {
        let asked = Reference::parse(name).ok()?;
        let catalog = Catalog::get().ok()?;
        let here = self.list().unwrap_or_default();
        if asked.digest.is_some() {
            let canonical = catalog
                .find(&asked.name)
                .map_or(asked.name.as_str(), |model| &model.name);
            let others = here.iter().filter(|entry| entry.manifest.name == canonical);
            let others: Vec<String> = others.map(|entry| entry.manifest.reference()).collect();
            if !others.is_empty() {
                return Some(format!("of this name there is {}", others.join(", ")));
            }
        }
        if let Some(model) = catalog.find(&asked.name) {
            return Some(format!("`refuel model pull {}` fetches it", model.name));
        }
        let names = here.iter().map(|entry| entry.manifest.name.as_str());
        let names = names.chain(catalog.models().iter().map(|model| model.name.as_str()));
        let near = names
            .map(|known| (strsim::normalized_damerau_levenshtein(known, &asked.name), known))
            .filter(|(likeness, known)| *likeness >= NEAR || known.starts_with(asked.name.as_str()))
            .max_by(|left, right| left.0.total_cmp(&right.0))?;
        let known = near.1;
        Some(if here.iter().any(|entry| entry.manifest.name == known) {
            format!("did you mean `{known}`?")
        } else {
            format!("did you mean `{known}`? `refuel model pull {known}` fetches it")
        })
    }
}

fn ambiguous<'a>(name: &str, entries: impl Iterator<Item = &'a ModelEntry>) -> RegistryError {
    let mut candidates: Vec<String> = entries.map(|entry| entry.manifest.reference()).collect();
    candidates.sort();
    RegistryError::Ambiguous {
        name: name.to_owned(),
        candidates,
    }
}

fn matches(entry: &ModelEntry, digest: Option<&str>) -> bool {
    let digits = entry.manifest.digest.trim_start_matches("sha256:");
    digest.is_none_or(|digest| digits.starts_with(digest))
}

/// The names that may be meant: the one that was given, and that of the catalog's model which goes by it.
fn meant(asked: &Reference) -> Result<impl Iterator<Item = String> + use<>, RegistryError> {
    let canonical = Catalog::get()?.find(&asked.name).map(|model| model.name.clone());
    let names = [Some(asked.name.clone()), canonical].into_iter().flatten();
    Ok(names.filter(|name| name::check(name).is_ok()))
}

/// Reads the model in a folder, and checks that it is where it belongs.
fn read(folder: &Path) -> Result<ModelEntry, RegistryError> {
    let manifest = Manifest::read(folder)?;
    if folder != place::folder_of(folder.ancestors().nth(2).unwrap_or(folder), &manifest) {
        return Err(RegistryError::Damaged {
            path: folder.to_owned(),
            what: format!("its manifest is that of {}", manifest.reference()),
        });
    }
    Ok(ModelEntry {
        manifest,
        dir: folder.to_owned(),
    })
}

/// The folders in a folder, in the order of their names, without hidden ones. None where it isn't there.
fn folders(path: &Path) -> Result<Vec<PathBuf>, RegistryError> {
    let read = |source| RegistryError::io("read", path, source);
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read(error)),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(read)?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.path().is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// Bytes of the files in a folder; those that can't be looked at count nothing.
fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}
