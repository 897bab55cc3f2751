//! Checkpoints and GGUF files from a hub of models in the manner of Hugging Face: `ENDPOINT/ORG/NAME/resolve/REVISION/FILE`.
//!
//! The hub tells the commit (`X-Repo-Commit`), the size and the hash of a file in the headers of its first answer, before
//! it redirects to where the bytes are: SHA-256 for large files (`X-Linked-ETag`), Git's own name for small ones (`ETag`).

use std::collections::BTreeSet;
use std::path::{Component, Path};

use fs_err as fs;
use serde::Deserialize;

use super::Fetched;
use super::client::{Client, Failed};
use super::file::{self, Checksum, Wanted};
use crate::error::RegistryError;
use crate::event::Listener;
use crate::manifest::{ModelFile, read_small};

/// Files beside the weights that a checkpoint may have.
const OPTIONAL: [&str; 7] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "modules.json",
    "README.md",
];
/// Most files that the weights can be cut into.
const MOST_SHARDS: usize = 4096;

pub(super) fn fetch(
    client: &Client,
    repository: &str,
    revision: &str,
    file: Option<&str>,
    folder: &Path,
    listener: Listener<'_>,
) -> Result<Fetched, RegistryError> {
    let mut hub = Hub {
        client,
        repository,
        revision: revision.to_owned(),
        folder,
        commit: None,
        files: Vec::new(),
    };
    if let Some(file) = file {
        hub.required(file, listener)?;
        return Ok(hub.fetched(vec![folder.join(file)]));
    }
    hub.required("config.json", listener)?;
    for name in OPTIONAL {
        hub.optional(name, listener)?;
    }
    for name in pooling_configs(folder)? {
        hub.required(&name, listener)?;
    }
    hub.required("tokenizer.json", listener)?;
    if !hub.optional("model.safetensors", listener)? {
        hub.required("model.safetensors.index.json", listener)?;
        for shard in shards(folder)? {
            hub.required(&shard, listener)?;
        }
    }
    Ok(hub.fetched(vec![folder.to_owned()]))
}

struct Hub<'a> {
    client: &'a Client,
    repository: &'a str,
    /// What was asked for, then the commit that it is.
    revision: String,
    folder: &'a Path,
    commit: Option<String>,
    files: Vec<ModelFile>,
}

impl Hub<'_> {
    fn fetched(self, paths: Vec<std::path::PathBuf>) -> Fetched {
        Fetched {
            paths,
            files: self.files,
            revision: self.commit,
        }
    }

    fn required(&mut self, name: &str, listener: Listener<'_>) -> Result<(), RegistryError> {
        let url = self.url(name);
        self.file(name, &url, listener).map_err(|error| match error {
            RegistryError::NotFound { url, .. } => RegistryError::NotFound {
                what: format!("{name} of {}", self.repository),
                url,
            },
            other => other,
        })
    }

    /// Whether the file is there.
    fn optional(&mut self, name: &str, listener: Listener<'_>) -> Result<bool, RegistryError> {
        let url = self.url(name);
        match self.file(name, &url, listener) {
            Ok(()) => Ok(true),
            Err(RegistryError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn url(&self, name: &str) -> String {
        let endpoint = self.client.servers.hugging_face.trim_end_matches('/');
        format!("{endpoint}/{}/resolve/{}/{name}", self.repository, self.revision)
    }

    fn file(&mut self, name: &str, url: &str, listener: Listener<'_>) -> Result<(), RegistryError> {
        let token = self.client.servers.hugging_face_token.clone();
        let about = self.client.patiently(|| self.about(url, token.as_deref()))?;
        if self.commit.is_none() && about.commit.is_some() {
            // From here on all files are of one commit, whatever happens to the branch meanwhile.
            self.commit.clone_from(&about.commit);
            self.revision = about.commit.clone().unwrap_or_default();
        }
        let wanted = Wanted {
            url: url.to_owned(),
            name: name.to_owned(),
            size: about.size,
            checksum: about.checksum,
            token,
        };
        let (_, size, sha256) = file::fetch(self.client, &wanted, self.folder, listener)?;
        let path = name.to_owned();
        self.files.push(ModelFile { path, size, sha256 });
        Ok(())
    }

    fn about(&self, url: &str, token: Option<&str>) -> Result<About, Failed> {
        let mut url = url.to_owned();
        // A repository that has another name now redirects there, and says nothing of the file yet.
        for _ in 0..3 {
            let response = self.client.head(&url, token)?;
            let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
            let about = About::read(&header);
            let moved = header("location").filter(|location| location.starts_with('/') && about.checksum.is_none());
            let Some(location) = moved.filter(|_| response.status().is_redirection()) else {
                return Ok(about);
            };
            let next = url::Url::parse(&url).and_then(|url| url.join(location));
            url = next.map_or_else(|_| url.clone(), |next| next.to_string());
        }
        Err(Failed::lasting(RegistryError::Answer {
            url,
            what: "it redirects again and again".to_owned(),
        }))
    }
}

/// What the hub says of a file.
struct About {
    commit: Option<String>,
    size: Option<u64>,
    checksum: Option<Checksum>,
}

impl About {
    fn read<'a>(header: &impl Fn(&str) -> Option<&'a str>) -> Self {
        let hexadecimal =
            |text: &str, digits: usize| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let tag = header("x-linked-etag").or_else(|| header("etag")).unwrap_or_default();
        let tag = tag.trim_start_matches("W/").trim_matches('"');
        let checksum = match tag.len() {
            64 if hexadecimal(tag, 64) => Some(Checksum::Sha256(tag.to_owned())),
            40 if hexadecimal(tag, 40) => Some(Checksum::GitBlob(tag.to_owned())),
            _ => None,
        };
        // Without a hash the answer may be about a redirect, and so may its length.
        let length = header("content-length").filter(|_| header("location").is_none());
        Self {
            commit: header("x-repo-commit")
                .filter(|commit| hexadecimal(commit, 40))
                .map(str::to_owned),
            size: header("x-linked-size").or(length).and_then(|size| size.parse().ok()),
            checksum,
        }
    }
}

/// The weights' files that the index names.
fn shards(folder: &Path) -> Result<BTreeSet<String>, RegistryError> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let path = folder.join("model.safetensors.index.json");
    let wrong = |what: String| RegistryError::NotAModel {
        path: path.clone(),
        what,
    };
    let index: Index = serde_json::from_slice(&read_large(&path)?).map_err(|error| wrong(error.to_string()))?;
    let shards: BTreeSet<String> = index.weight_map.into_values().collect();
    if shards.len() > MOST_SHARDS {
        return Err(wrong(format!(
            "it names {} files; {MOST_SHARDS} is the most",
            shards.len()
        )));
    }
    match shards.iter().find(|shard| {
        let weights = Path::new(shard)
            .extension()
            .is_some_and(|extension| extension == "safetensors");
        !is_below(shard) || shard.contains('/') || !weights
    }) {
        Some(shard) => Err(wrong(format!("`{shard}` is not the name of a file of weights"))),
        None => Ok(shards),
    }
}

/// The configurations of the pooling modules that `modules.json` names.
fn pooling_configs(folder: &Path) -> Result<Vec<String>, RegistryError> {
    #[derive(Deserialize)]
    struct Module {
        #[serde(rename = "type")]
        kind: String,
        path: String,
    }
    let path = folder.join("modules.json");
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let wrong = |what: String| RegistryError::NotAModel {
        path: path.clone(),
        what,
    };
    let modules: Vec<Module> = serde_json::from_slice(&read_small(&path)?).map_err(|error| wrong(error.to_string()))?;
    let poolings = modules.into_iter().filter(|module| module.kind.ends_with("Pooling"));
    poolings
        .map(|module| {
            if is_below(&module.path) {
                Ok(format!("{}/config.json", module.path))
            } else {
                Err(wrong(format!("`{}` leads out of the repository", module.path)))
            }
        })
        .collect()
}

fn read_large(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let size = fs::metadata(path)
        .map_err(|source| RegistryError::io("read", path, source))?
        .len();
    if size > 256 << 20 {
        return Err(RegistryError::io("read", path, std::io::ErrorKind::FileTooLarge.into()));
    }
    fs::read(path).map_err(|source| RegistryError::io("read", path, source))
}

/// Whether a name leads to a file below a folder, by plain names.
pub(crate) fn is_below(name: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-/+".contains(character);
    let parts = Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    !name.is_empty()
        && parts
        && name.chars().all(plain)
        && Path::new(name).extension().is_none_or(|extension| extension != "part")
}
