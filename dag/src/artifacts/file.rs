//! Reading and writing whole files.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use super::error::ArtifactError;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 * 1024;

/// Writes a value as one JSON file. Whoever reads the path sees the earlier file or the whole new one.
///
/// # Errors
/// [`ArtifactError::Write`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ArtifactError> {
    replace(path, |writer| {
        serde_json::to_writer(writer, value).map_err(io::Error::from)
    })
}

/// Reads a JSON file.
///
/// # Errors
/// [`ArtifactError::Read`] and [`ArtifactError::Content`].
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ArtifactError> {
    let bytes = std::fs::read(path).map_err(|source| ArtifactError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|source| ArtifactError::Content {
        path: path.to_owned(),
        source,
    })
}

/// Puts a file in place once all of it is written. Folders are made where they are missing.
///
/// It is not forced to disk: everything in it can be made again.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut std::fs::File>) -> io::Result<()>,
) -> Result<(), ArtifactError> {
    let attempt = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        let mut writer = BufWriter::with_capacity(BUFFER, file.as_file_mut());
        write(&mut writer)?;
        writer.flush()?;
        drop(writer);
        make_readable(file.as_file())?;
        file.persist(path)?;
        Ok(())
    };
    attempt().map_err(|source| ArtifactError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Temporary files are their owner's alone; artifacts are for everybody who may read the folder.
#[cfg(unix)]
fn make_readable(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &std::fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target/deep/values.json");
        write_json(&path, &[1, 2]).unwrap();
        assert_eq!(read_json::<Vec<u8>>(&path).unwrap(), [1, 2]);
        let failed = replace(&path, |writer| {
            writer.write_all(b"[3")?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(failed.unwrap_err().code(), "RF1260");
        assert_eq!(
            read_json::<Vec<u8>>(&path).unwrap(),
            [1, 2],
            "the earlier file is there"
        );
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing else is left"
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run_results.json");
        let missing = read_json::<Vec<u8>>(&path).unwrap_err();
        assert_eq!(missing.code(), "RF1261");
        assert!(
            missing
                .hint()
                .unwrap()
                .starts_with("`run_results.json` is made by a run")
        );
        std::fs::write(&path, "{").unwrap();
        assert_eq!(read_json::<Vec<u8>>(&path).unwrap_err().code(), "RF1262");
    }
}
