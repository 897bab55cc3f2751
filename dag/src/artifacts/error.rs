//! What can go wrong with files that other tools read.

use std::io;
use std::path::PathBuf;

/// An error of reading or writing an artifact.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The file can't be written.
    #[error("can't write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file can't be read.
    #[error("can't read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("`{}` is not what this version writes", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl ArtifactError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Write { .. } => "RF1260",
            Self::Read { .. } => "RF1261",
            Self::Content { .. } => "RF1262",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Write { .. } => "check that there is space and that the folder can be written to".to_owned(),
            Self::Read { path, source } if source.kind() == io::ErrorKind::NotFound => format!(
                "`{}` is made by a run; name the folder that an earlier one was kept in",
                path.file_name().unwrap_or_default().to_string_lossy()
            ),
            Self::Read { .. } => "check the path and that it can be read".to_owned(),
            Self::Content { .. } => "run the project again with this version to make it anew".to_owned(),
        })
    }
}
