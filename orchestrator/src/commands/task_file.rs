//! Task files that verbs change.

use std::io::Write;
use std::path::Path;

use fs_err as fs;

use crate::error::{CliError, Failure};

/// The text of a task file.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let unreadable = |source| CliError::Read {
        path: path.to_owned(),
        source,
    };
    Ok(fs::read_to_string(path).map_err(unreadable)?)
}

/// Puts a text in place of a task file: the whole file or none, with the permissions that it has.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let unreadable = |source| CliError::Read {
        path: path.to_owned(),
        source,
    };
    let unwritten = |source| CliError::Write {
        path: path.to_owned(),
        source,
    };
    let permissions = fs::metadata(path).map_err(unreadable)?.permissions();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(unwritten)?;
    file.write_all(text.as_bytes()).map_err(unwritten)?;
    file.as_file().set_permissions(permissions).map_err(unwritten)?;
    file.as_file().sync_all().map_err(unwritten)?;
    file.persist(path).map_err(|error| unwritten(error.error))?;
    Ok(())
}
