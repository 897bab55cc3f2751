//! Checkpoints that models were compiled of, and those that are made of them.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::download::{self, Client, Servers};
use crate::error::RegistryError;
use crate::event::{Event, Listener};
use crate::import::{Content, UNKNOWN_LICENCE, build, recognize};
use crate::lock::Lock;
use crate::manifest::{ModelEntry, Origin};
use crate::name;
use crate::pull::{content, key, lock_path};
use crate::registry::{Finished, Registry};
use crate::source::Request;

impl Registry {
    /// Lets `used` work with the folder of the checkpoint that a model was compiled of: a compiled graph does not hold its
    /// weights in a form that can be trained. Where it was imported from a folder of this machine, that is read; else it is
    /// fetched again, and kept for the next time.
    ///
    /// # Errors
    /// [`RegistryError::NotAModel`] where the model was compiled of something else; those of fetching.
    pub fn with_checkpoint<T>(
        &self,
        entry: &ModelEntry,
        servers: &Servers,
        listener: Listener<'_>,
        used: impl FnOnce(&Path) -> T,
    ) -> Result<T, RegistryError> {
        let location = entry.manifest.source.location.as_str();
        let no_checkpoint = |path: PathBuf| RegistryError::NotAModel {
            path,
            what: "it is no checkpoint, which alone can be trained".to_owned(),
        };
        let staging = self.staging()?;
        let here = Path::new(location);
        if here.is_absolute() {
            return match recognize(here, &staging, listener)? {
                Content::Checkpoint { folder, .. } => Ok(used(&folder)),
                _ => Err(no_checkpoint(here.to_owned())),
            };
        }
        let request = Request::parse(location)?;
        let place = request.places.first().ok_or_else(|| no_checkpoint(here.to_owned()))?;
        let folder = self.downloads().join(key(place));
        let lock = Lock::wait(&lock_path(&folder), &mut || {
            listener(Event::Note(&format!(
                "another process fetches {location}; waiting for it"
            )));
        })?;
        fs::create_dir_all(&folder).map_err(|source| RegistryError::io("make", &folder, source))?;
        let fetched = download::fetch(&Client::new(servers.clone()), place, &folder, listener)?;
        match content(&fetched, &staging, listener)?.0 {
            Content::Checkpoint { folder: checkpoint, .. } => {
                // What was unpacked is this process's own, and whoever else wants the download need not wait for its use.
                if !checkpoint.starts_with(&folder) {
                    drop(lock);
                }
                Ok(used(&checkpoint))
            }
            _ => Err(no_checkpoint(here.to_owned())),
        }
    }

    /// Compiles a checkpoint that was made here, and puts it in place. `location` says in words what it was made of.
    ///
    /// # Errors
    /// As [`Registry::import`].
    pub fn add_checkpoint(
        &self,
        folder: &Path,
        name: &str,
        location: &str,
        licence: Option<&str>,
        listener: Listener<'_>,
    ) -> Result<ModelEntry, RegistryError> {
        name::check(name)?;
        let staging = self.staging()?;
        let made = recognize(folder, &staging, listener)?;
        let out = staging.folder("model")?;
        let built = build(&made, name, None, &out, listener)?;
        let finished = Finished {
            name: name.to_owned(),
            licence: licence.unwrap_or(UNKNOWN_LICENCE).to_owned(),
            source: Origin {
                location: location.to_owned(),
                revision: None,
                files: Vec::new(),
            },
            description: built.description,
        };
        self.place(&staging, &out, finished, listener)
    }
}
