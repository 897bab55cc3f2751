//! The text of a file, which is read when it is needed.

use std::fs::Metadata;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::ProjectError;
use crate::load::text;

/// How long a file must have been left alone before its stamp tells it from what it was: file systems count time in steps
/// of up to two seconds, and a second change in the same step leaves the stamp as it is.
const SETTLED: Duration = Duration::from_secs(3);

/// What tells a file from an earlier state of it without a look at its content, as far as a file system does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    length: u64,
    /// When its content was changed last, in nanoseconds since 1970.
    modified: i64,
    /// When anything of it was changed last, in nanoseconds since 1970: who sets the time above changes this one.
    changed: i64,
    /// The number of the file in its file system.
    number: u64,
}

impl Stamp {
    /// The stamp of a file, by what the file system says at the time `now`. None where the file was changed so lately that another change could leave the same stamp, and where the system
    /// does not tell enough.
    #[cfg(unix)]
    pub fn of(metadata: &Metadata, now: SystemTime) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;

        let nanoseconds = |seconds: i64, rest: i64| seconds.checked_mul(1_000_000_000)?.checked_add(rest);
        let stamp = Self {
            length: metadata.len(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec())?,
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec())?,
            number: metadata.ino(),
        };
        let settled = now.checked_sub(SETTLED)?.duration_since(UNIX_EPOCH).ok()?;
        let settled = i64::try_from(settled.as_nanos()).ok()?;
        (stamp.modified < settled && stamp.changed < settled).then_some(stamp)
    }

    #[cfg(not(unix))]
    pub fn of(_: &Metadata, _: SystemTime) -> Option<Self> {
        None
    }
}

/// The text of a file of SQL. It is read once, when it is first asked for, and is the same from then on.
#[derive(Debug, Clone)]
pub struct SourceText(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: Arc<Path>,
    path: Arc<str>,
    stamp: Option<Stamp>,
    text: OnceLock<Arc<str>>,
}

impl SourceText {
    /// The text of a file that is there, unread.
    pub(crate) fn unread(root: &Arc<Path>, path: &Arc<str>) -> Result<Self, ProjectError> {
        let metadata = std::fs::metadata(root.join(&**path)).map_err(|error| ProjectError::Read {
            place: refuel_task::Place::of(&**path),
            path: (&**path).into(),
            error,
        })?;
        Ok(Self(Arc::new(Inner {
            root: Arc::clone(root),
            path: Arc::clone(path),
            stamp: Stamp::of(&metadata, SystemTime::now()),
            text: OnceLock::new(),
        })))
    }

    /// What tells the file from what it was before; None where only its text does.
    pub fn stamp(&self) -> Option<Stamp> {
        self.0.stamp
    }

    /// The text, without a byte order mark.
    ///
    /// # Errors
    /// [`ProjectError::Read`]; [`ProjectError::Invalid`] where it is no text, or too large.
    pub fn read(&self) -> Result<&Arc<str>, ProjectError> {
        if let Some(text) = self.0.text.get() {
            return Ok(text);
        }
        let read = text(&self.0.root, &self.0.path)?;
        Ok(self.0.text.get_or_init(|| read.into()))
    }

    /// The text for people to look at: empty where the file can't be read any more.
    pub fn shown(&self) -> &str {
        self.read().map_or("", |text| text)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        std::fs::write(&path, "\u{feff}select 1").unwrap();
        let text = SourceText::unread(&Arc::from(folder.path()), &Arc::from("a.sql")).unwrap();
        assert_eq!(&**text.read().unwrap(), "select 1");
        std::fs::write(&path, "select 2").unwrap();
        assert_eq!(text.clone().shown(), "select 1", "what was read counts");
        assert_eq!(
            SourceText::unread(&Arc::from(folder.path()), &Arc::from("a.sql"))
                .unwrap()
                .shown(),
            "select 2"
        );
    }

    #[test]
    fn a_file_that_is_gone_before_it_is_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        std::fs::write(&path, "select 1").unwrap();
        let text = SourceText::unread(&Arc::from(folder.path()), &Arc::from("a.sql")).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(text.read().unwrap_err().code(), "RF1102");
        assert_eq!(text.shown(), "");
        assert!(SourceText::unread(&Arc::from(folder.path()), &Arc::from("a.sql")).is_err());
    }

    /// Two changes in one step of the file system's clock can't be told apart by their times.
    #[test]
    fn a_file_has_a_stamp_once_it_was_left_alone_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        std::fs::write(&path, "select 1").unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        let after = |seconds| Stamp::of(&metadata, SystemTime::now() + Duration::from_secs(seconds));
        assert_eq!(after(0), None);
        assert_eq!(
            SourceText::unread(&Arc::from(folder.path()), &Arc::from("a.sql"))
                .unwrap()
                .stamp(),
            None
        );
        let stamp = after(10);
        assert!(stamp.is_some());
        assert_eq!(after(20), stamp);
    }

    /// `cp --preserve` and `touch -d` set the time of the content's last change.
    #[test]
    fn a_stamp_changes_with_the_content_though_its_time_was_set_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        std::fs::write(&path, "select 1").unwrap();
        let later = SystemTime::now() + Duration::from_mins(1);
        let before = std::fs::metadata(&path).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(&path, "select 2").unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(before.modified().unwrap()).unwrap();
        let after = std::fs::metadata(&path).unwrap();
        assert_eq!(before.modified().unwrap(), after.modified().unwrap());
        assert_ne!(Stamp::of(&before, later), Stamp::of(&after, later));
    }
}
