//! Where the table goes, and that nobody else writes it meanwhile.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fs_err as fs;
use refuel_tables::{Output, behind_links, leads_elsewhere};

use super::checkpoint;
use crate::error::CliError;

/// Where the table goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file, which has another name until it is whole.
    File(PathBuf),
    /// Standard output, a pipe or a device. Rows go there as they come, and nothing is kept beside it.
    Stream(Output),
}

impl Target {
    /// Where `output` leads to. A link stays, and the file behind it is the table.
    pub(crate) fn of(output: &Output) -> Self {
        match output {
            Output::File(path) if !leads_elsewhere(path) => Self::File(behind_links(path)),
            stream => Self::Stream(stream.clone()),
        }
    }

    /// Where rows are written to.
    pub(crate) fn written(&self) -> Output {
        match self {
            Self::File(path) => Output::File(checkpoint::partial_path(path)),
            Self::Stream(output) => output.clone(),
        }
    }
}

/// Whether two paths lead to one file.
pub(crate) fn is_same_file(left: &Path, right: &Path) -> bool {
    matches!((fs::canonicalize(left), fs::canonicalize(right)), (Ok(left), Ok(right)) if left == right)
}

/// Refuses what can't be a file with a table.
///
/// # Errors
/// When it is a folder, or there is no folder for it.
pub(crate) fn check(path: &Path) -> Result<(), CliError> {
    if path.is_dir() {
        return Err(CliError::OutputIsFolder { path: path.to_owned() });
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) if !folder.is_dir() => Err(CliError::NoOutputFolder {
            folder: folder.to_owned(),
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Holds the name of a table against other runs, until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Claim {
    path: PathBuf,
    /// Locked (`flock(2)`) for as long as it is open.
    _locked: File,
}

impl Claim {
    /// Takes the name of the table `output`.
    ///
    /// # Errors
    /// When another run has it, or its folder can't be written to.
    pub(crate) fn take(output: &Path) -> Result<Self, CliError> {
        let path = claim_path(output);
        let unwritable = |source| CliError::Write {
            path: path.clone(),
            source,
        };
        loop {
            let file = fs::OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .map_err(unwritable)?;
            let file = file.into_parts().0;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(CliError::OutputBusy {
                        path: output.to_owned(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(unwritable(source)),
            }
            // A run that ended between the two steps took the file away, and the lock on it keeps nobody out.
            if is_at(&file, &path) {
                return Ok(Self { path, _locked: file });
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // One that stays is only litter: it is the lock that counts, and the next run takes that.
        let _ = fs::remove_file(&self.path);
    }
}

/// The name of the file that is locked: none that is renamed or taken away while the table is written.
fn claim_path(output: &Path) -> PathBuf {
    let mut name = checkpoint::partial_path(output).into_os_string();
    name.push(".lock");
    name.into()
}

/// Whether `path` leads to this very file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_the_file_behind_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("sub")).unwrap();
        symlink("sub/second.csv", path("first.csv")).unwrap();
        symlink("table.csv", path("sub/second.csv")).unwrap();
        let target = |name: &str| Target::of(&Output::File(path(name)));
        assert_eq!(
            target("first.csv"),
            Target::File(path("sub/table.csv")),
            "it need not be there"
        );
        fs::write(path("sub/table.csv"), "").unwrap();
        assert_eq!(target("first.csv"), Target::File(path("sub/table.csv")));
        assert_eq!(target("none.csv"), Target::File(path("none.csv")));
        symlink("round.csv", path("round.csv")).unwrap();
        assert_eq!(
            target("round.csv"),
            Target::File(path("round.csv")),
            "a link to itself ends somewhere"
        );
        let device = Output::File(PathBuf::from("/dev/null"));
        assert_eq!(Target::of(&device), Target::Stream(device.clone()));
        symlink("/dev/null", path("null.csv")).unwrap();
        let device = Output::File(path("null.csv"));
        assert_eq!(Target::of(&device), Target::Stream(device.clone()));
    }

    #[test]
    fn a_name_is_held_until_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out.csv");
        let claim = Claim::take(&output).unwrap();
        assert!(matches!(Claim::take(&output), Err(CliError::OutputBusy { .. })));
        drop(claim);
        assert!(!claim_path(&output).exists());
        // What a killed run leaves keeps nobody out.
        fs::write(claim_path(&output), "").unwrap();
        drop(Claim::take(&output).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
