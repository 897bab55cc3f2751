//! Whether files changed.

use std::path::PathBuf;
use std::time::SystemTime;

/// Remembers how files were when somebody last looked.
#[derive(Debug, Default)]
pub struct Watch {
    files: Vec<(PathBuf, Option<(SystemTime, u64)>)>,
}

impl Watch {
    /// Looks at files for the first time.
    pub fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            files: files.into_iter().map(|file| (file.clone(), stamp(&file))).collect(),
        }
    }

    /// Whether a file was written, made or taken away since the last look.
    pub fn changed(&mut self) -> bool {
        let mut changed = false;
        for (file, before) in &mut self.files {
            let now = stamp(file);
            changed |= now != *before;
            *before = now;
        }
        changed
    }
}

fn stamp(file: &PathBuf) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_made_or_removed_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("refuel_project.yml");
        let mut watch = Watch::new([file.clone()]);
        assert!(!watch.changed());
        std::fs::write(&file, "a").unwrap();
        assert!(watch.changed());
        assert!(!watch.changed());
        std::fs::write(&file, "ab").unwrap();
        assert!(watch.changed());
        std::fs::remove_file(&file).unwrap();
        assert!(watch.changed());
        assert!(!watch.changed());
    }
}
