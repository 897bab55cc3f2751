//! Where the home folder is.

use std::path::{Path, PathBuf};

use crate::error::CliError;

/// The home folder: the one asked for, else `$XDG_DATA_HOME/refuel`, else `~/.local/share/refuel`.
///
/// A relative `XDG_DATA_HOME` is passed over, as the XDG Base Directory Specification asks.
pub(crate) fn resolve(asked: Option<&Path>) -> Result<PathBuf, CliError> {
    if let Some(path) = asked {
        return std::path::absolute(path).map_err(|source| CliError::NoHome { source: Some(source) });
    }
    if let Some(data) = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
    {
        return Ok(data.join("refuel"));
    }
    std::env::home_dir()
        .filter(|home| home.is_absolute())
        .map(|home| home.join(".local/share/refuel"))
        .ok_or(CliError::NoHome { source: None })
}
