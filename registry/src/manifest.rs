//! What the registry keeps of a model beside its files: `manifest.json`.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err as fs;
use jiff::Timestamp;
use refuel_compiler::{DESCRIPTION_FILE, ModelDescription};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::RegistryError;
use crate::hash;

/// Name of the file, inside a model's folder, that holds its [`Manifest`].
pub(crate) const MANIFEST_FILE: &str = "manifest.json";
/// What the name of a manifest that is being written begins with. Where the process is killed meanwhile, it stays.
pub(crate) const UNFINISHED: &str = ".manifest-";
/// Version of the manifest's structure.
pub(crate) const SCHEMA_VERSION: u32 = 1;
/// Largest manifest or description, in bytes.
const MOST_BYTES: u64 = 16 << 20;
/// Where the description stands in a manifest that is shown; on disk it is in the model's own `model.json`, whose hash
/// is part of the digest.
const DESCRIPTION_KEY: &str = "description";

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFile {
    /// Name in the model's folder.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, 64 hexadecimal digits.
    pub sha256: String,
}

/// Where a model came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `pypi:PACKAGE==VERSION`, `hf:ORG/NAME`, or the path of what was imported.
    pub location: String,
    /// The commit, for a repository of models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The files that it was made of, each with its hash.
    pub files: Vec<ModelFile>,
}

/// What the registry keeps of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this structure.
    pub schema_version: u32,
    /// Name in the registry.
    pub name: String,
    /// `sha256:` and 64 hexadecimal digits over the names and hashes of [`files`](Self::files): what runs.
    pub digest: String,
    /// Licence, as its source names it; `unknown` where it doesn't.
    pub licence: String,
    /// Where it came from.
    pub source: Origin,
    /// When it was pulled or imported last. Of several models of one name the latest is meant.
    pub installed_at: Timestamp,
    /// Version of refuel that compiled it.
    pub compiler: String,
    /// Its files, in the order of their names.
    pub files: Vec<ModelFile>,
    /// What the engine must know of it, with the format of its weights.
    pub description: ModelDescription,
}

impl Manifest {
    /// Bytes of its files.
    pub fn size(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.size))
    }

    /// The digest's first 12 hexadecimal digits.
    pub fn short_digest(&self) -> &str {
        let digits = self.digest.trim_start_matches("sha256:");
        digits.get(..12).unwrap_or(digits)
    }

    /// `name@digest`, the digest by its first 12 hexadecimal digits.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.name, self.short_digest())
    }

    /// Reads the manifest of the model in `folder`, and the description beside it.
    pub(crate) fn read(folder: &Path) -> Result<Self, RegistryError> {
        let damaged = |what: String| RegistryError::Damaged {
            path: folder.to_owned(),
            what,
        };
        let json = |file: &str| -> Result<Value, RegistryError> {
            let path = folder.join(file);
            let bytes = match read_small(&path) {
                Err(RegistryError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                    return Err(damaged(format!("{file} is missing")));
                }
                other => other?,
            };
            serde_json::from_slice(&bytes).map_err(|error| damaged(format!("{file}: {error}")))
        };
        let mut value = json(MANIFEST_FILE)?;
        let version = value["schema_version"].as_u64();
        if version != Some(SCHEMA_VERSION.into()) {
            return Err(damaged(format!(
                "{MANIFEST_FILE} has schema_version {}, and this version of refuel reads {SCHEMA_VERSION}",
                version.map_or("unknown".to_owned(), |version| version.to_string())
            )));
        }
        value[DESCRIPTION_KEY] = json(DESCRIPTION_FILE)?;
        let manifest: Self =
            serde_json::from_value(value).map_err(|error| damaged(format!("{MANIFEST_FILE}: {error}")))?;
        if manifest.digest != hash::digest(&manifest.files) {
            return Err(damaged(format!(
                "the digest in {MANIFEST_FILE} is not that of its files"
            )));
        }
        Ok(manifest)
    }

    /// Writes the manifest into `folder`: all of it, or nothing.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), RegistryError> {
        let path = folder.join(MANIFEST_FILE);
        let write = || -> std::io::Result<()> {
            let mut value = serde_json::to_value(self)?;
            if let Some(map) = value.as_object_mut() {
                map.remove(DESCRIPTION_KEY);
            }
            // As any other file, not for its owner alone.
            let readable = std::fs::Permissions::from_mode(0o666);
            let mut builder = tempfile::Builder::new();
            let mut file = builder.prefix(UNFINISHED).permissions(readable).tempfile_in(folder)?;
            serde_json::to_writer_pretty(&mut file, &value)?;
            std::io::Write::write_all(&mut file, b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|source| RegistryError::io("write", &path, source))
    }
}

/// A model of the registry.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEntry {
    /// What is known of it.
    pub manifest: Manifest,
    /// Its folder: `model.onnx`, the files of its weights, `model.json`, `tokenizer.json`, `tokenizer_config.json`.
    pub dir: PathBuf,
}

/// Reads a whole small file.
pub(crate) fn read_small(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let read = |source| RegistryError::io("read", path, source);
    let mut bytes = Vec::new();
    fs::File::open(path)
        .map_err(read)?
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(read)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(read(std::io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}
