//! Files with the output of attempts.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::error::ScheduleError;

/// The folder of the logs in a home folder.
const FOLDER: &str = "schedule-logs";

/// The most that is read of a log to show its end.
const MOST_SHOWN: u64 = 256 * 1024;

/// Where an attempt's output goes: `schedule-logs/PROJECT.JOB/RUN-NUMBER.log`.
pub(crate) fn path(home: &Path, project: &str, job: &str, run: i64, number: u32) -> PathBuf {
    let folder = home.join(FOLDER).join(plain(&format!("{project}.{job}")));
    folder.join(format!("{run}-{number}.log"))
}

/// A name as one folder can have it.
fn plain(name: &str) -> String {
    let plain = name.chars().map(|character| {
        if character.is_alphanumeric() || "-_.".contains(character) {
            character
        } else {
            '_'
        }
    });
    plain.collect::<String>().trim_start_matches('.').to_owned()
}

/// Opens a log to write at its end, for its owner alone.
pub(crate) fn open(path: &Path) -> Result<std::fs::File, ScheduleError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |what| {
        move |source| ScheduleError::Io {
            what,
            path: path.to_owned(),
            source,
        }
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed("make the folder of"))?;
    }
    let mut options = std::fs::OpenOptions::new();
    let options = options.create(true).append(true).mode(0o600);
    options.open(path).map_err(failed("write to"))
}

/// The last lines of a log; nothing where it is gone. Bytes that are no text are replaced.
pub fn tail(path: &Path, lines: usize) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST_SHOWN))).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST_SHOWN).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    Some(all[all.len().saturating_sub(lines)..].join("\n"))
}

/// Takes logs away, and folders that are empty then.
pub(crate) fn remove(logs: &[PathBuf]) {
    for log in logs {
        // A log that is gone already, or that can't be taken away, is no reason to stop: it is named nowhere any more.
        let _ = fs::remove_file(log);
        if let Some(folder) = log.parent() {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_logs_are_plain_and_their_ends_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let log = path(folder.path(), "shop", "../a b", 7, 1);
        assert_eq!(log, folder.path().join("schedule-logs/shop..._a_b/7-1.log"));
        std::io::Write::write_all(&mut open(&log).unwrap(), b"one\ntwo\nthr\xffee\n").unwrap();
        assert_eq!(tail(&log, 2).as_deref(), Some("two\nthr\u{fffd}ee"));
        assert_eq!(tail(&log, 0).as_deref(), Some(""));
        remove(std::slice::from_ref(&log));
        assert_eq!(tail(&log, 2), None);
        assert!(!log.parent().unwrap().exists());
    }
}
