//! What the tests share.

use std::path::PathBuf;

use refuel_registry::{Event, ImportOptions, ModelEntry, Registry, RegistryError};
use tempfile::TempDir;

/// The folder of the tiny models.
pub(crate) fn path(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name);
    assert!(path.exists(), "{} is missing", path.display());
    path
}

/// A home folder with nothing in it.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Beside the home folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn registry(&self) -> Registry {
        Registry::open(&self.path()).unwrap()
    }

    pub(crate) fn import(&self, fixture: &str, name: &str) -> Result<ModelEntry, RegistryError> {
        let options = ImportOptions {
            name: Some(name.to_owned()),
            weights: None,
        };
        self.registry().import(&path(fixture), &options, &mut |_| {})
    }

    /// Every file below `models` but locks, with its size: what must not change when something fails.
    pub(crate) fn snapshot(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().join("models")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                let lock = path.extension().is_some_and(|extension| extension == "lock")
                    || path.file_name().is_some_and(|name| name == "lock" || name == ".lock");
                if path.is_dir() {
                    folders.push(path);
                } else if !lock {
                    let size = path.metadata().unwrap().len();
                    found.push((path, size));
                }
            }
        }
        found.sort();
        found
    }
}

/// A listener that keeps what it hears as text.
pub(crate) fn heard(events: &mut Vec<String>) -> impl FnMut(Event<'_>) + '_ {
    |event| events.push(format!("{event:?}"))
}
