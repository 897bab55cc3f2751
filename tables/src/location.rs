//! Files and standard streams, and the format that their name tells.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::IoError;

/// Formats of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values with a header (RFC 4180)
    Csv,
    /// Tab-separated values with a header
    Tsv,
    /// One JSON object a line
    Jsonl,
    /// Apache Parquet
    Parquet,
}

impl Format {
    /// The format that a file name tells.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "csv" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "jsonl" | "ndjson" => Self::Jsonl,
            "parquet" | "pq" => Self::Parquet,
            _ => return None,
        })
    }
}

/// Where a table is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Input {
    /// `-` is standard input, everything else a path.
    pub fn new(path: &Path) -> Self {
        if path == Path::new("-") {
            Self::Stdin
        } else {
            Self::File(path.to_owned())
        }
    }

    /// The format: the one asked for, else the one that the name tells.
    pub fn format(&self, asked: Option<Format>) -> Result<Format, IoError> {
        let told = match self {
            Self::File(path) => Format::of(path),
            Self::Stdin => None,
        };
        asked.or(told).ok_or_else(|| IoError::UnknownFormat {
            what: self.to_string(),
            option: "--input-format",
        })
    }

    /// Opens it for reading.
    pub fn open(&self) -> Result<Box<dyn Read + Send>, IoError> {
        match self {
            Self::File(path) => Ok(Box::new(self.open_file(path)?)),
            Self::Stdin => Ok(Box::new(io::stdin())),
        }
    }

    pub(crate) fn open_file(&self, path: &Path) -> Result<std::fs::File, IoError> {
        let file = fs::File::open(path)
            .map_err(|source| self.unreadable(source))?
            .into_parts()
            .0;
        // A folder can be opened on Unix, and fails at the first read with a message that puzzles.
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(self.unreadable(io::ErrorKind::IsADirectory.into()));
        }
        Ok(file)
    }

    /// The error of a failed read.
    pub(crate) fn unreadable(&self, source: io::Error) -> IoError {
        IoError::Read {
            input: self.to_string(),
            source: plain(source),
        }
    }
}

/// The operating system's own message: `fs_err` puts the path in, and the error's first line names it already.
fn plain(source: io::Error) -> io::Error {
    match source.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => match source.get_ref() {
            Some(inner) => match inner.source().and_then(|below| below.downcast_ref::<io::Error>()) {
                Some(below) => below
                    .raw_os_error()
                    .map_or_else(|| io::Error::from(below.kind()), io::Error::from_raw_os_error),
                None => source,
            },
            None => source,
        },
    }
}

impl fmt::Display for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Stdin => formatter.write_str("standard input"),
        }
    }
}

/// Where a table is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A file.
    File(PathBuf),
    /// Standard output.
    Stdout,
}

impl Output {
    /// `-` is standard output, everything else a path.
    pub fn new(path: &Path) -> Self {
        if path == Path::new("-") {
            Self::Stdout
        } else {
            Self::File(path.to_owned())
        }
    }

    /// The format: the one asked for, else the one that the name tells, else that of the input.
    pub fn format(&self, asked: Option<Format>, of_input: Format) -> Result<Format, IoError> {
        match self {
            Self::File(path) => asked
                .or_else(|| Format::of(path))
                .ok_or_else(|| IoError::UnknownFormat {
                    what: self.to_string(),
                    option: "--output-format",
                }),
            Self::Stdout => Ok(asked.unwrap_or(of_input)),
        }
    }

    /// Begins the file anew, or goes on behind its first `keep` bytes.
    pub(crate) fn open(&self, keep: Option<u64>) -> Result<Box<dyn Write + Send>, IoError> {
        match (self, keep) {
            (Self::File(path), None) => {
                let file = fs::File::create(path).map_err(|source| self.unwritable(source))?;
                Ok(Box::new(file.into_parts().0))
            }
            (Self::File(path), Some(bytes)) => {
                let go_on = || {
                    let file = fs::OpenOptions::new().write(true).open(path)?;
                    file.set_len(bytes)?;
                    let mut file = file.into_parts().0;
                    io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
                    Ok(file)
                };
                Ok(Box::new(go_on().map_err(|source| self.unwritable(source))?))
            }
            (Self::Stdout, _) => Ok(Box::new(io::stdout())),
        }
    }

    /// The error of a failed write.
    pub(crate) fn unwritable(&self, source: io::Error) -> IoError {
        IoError::Write {
            output: self.to_string(),
            source: plain(source),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Stdout => formatter.write_str("standard output"),
        }
    }
}
