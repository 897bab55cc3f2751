//! What is wrong with a request for a cache. What goes wrong in a cache that is open is a warning instead.

use std::path::PathBuf;

use thiserror::Error;

use super::LEAST_DISK_BYTES;

/// Why a cache can't be had as it was asked for.
#[derive(Debug, Error)]
pub enum CacheError {
    /// Where the folder should be, there is something else.
    #[error("answers can't be kept in `{}`: it is not a folder", folder.display())]
    NotAFolder {
        /// What was named.
        folder: PathBuf,
    },
    /// The limit leaves no room for answers.
    #[error("answers can't be kept in {limit_bytes} bytes; at least {LEAST_DISK_BYTES} are needed")]
    LimitTooSmall {
        /// The limit.
        limit_bytes: u64,
    },
}

impl CacheError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAFolder { .. } => "RF0520",
            Self::LimitTooSmall { .. } => "RF0521",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotAFolder { folder } => {
                Some(format!("move `{}` away, or use another home folder", folder.display()))
            }
            Self::LimitTooSmall { .. } => Some("raise the limit, or keep no answers on disk".to_owned()),
        }
    }
}
