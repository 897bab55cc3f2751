//! Reading and writing whole files.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use super::error::ArtifactError;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 * 1024;

/// Bytes from which on room is reserved before a file is written.
#[cfg(target_os = "linux")]
const LARGE: u64 = 1 << 20;

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
        put(file, path)
    };
    attempt().map_err(|source| ArtifactError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Reserves room for a file: a large one is written faster then. Whoever writes it sets its length at the end, which gives
/// back what was too much. Says whether room was reserved.
#[cfg(target_os = "linux")]
pub(super) fn reserve(file: &std::fs::File, length: u64) -> bool {
    use rustix::fs::FallocateFlags;
    length >= LARGE && rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, length).is_ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn reserve(_file: &std::fs::File, _length: u64) -> bool {
    false
}

/// Gives a file its name. Where there is another of that name they change places first, and the other one is removed:
/// file systems force to disk what is renamed over another file (`auto_da_alloc` of ext4), which takes longer than writing it.
fn put(file: NamedTempFile, path: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, file.path(), CWD, path, RenameFlags::EXCHANGE).is_ok() {
            return file.close();
        }
    }
    file.persist(path)?;
    Ok(())
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
