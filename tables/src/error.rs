//! What can be wrong with a table.

use std::io;

use parquet::errors::ParquetError;
use thiserror::Error;

/// What can be wrong with a table, or with the file that it is in.
#[derive(Debug, Error)]
pub enum IoError {
    /// Neither the name nor an option tells the format.
    #[error("can't tell the format of {what}")]
    UnknownFormat {
        /// The file or stream.
        what: String,
        /// The option that says it.
        option: &'static str,
    },
    /// The input can't be opened or read.
    #[error("can't read {input}")]
    Read {
        /// The file or stream.
        input: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A row isn't what its format asks for.
    #[error("{input}, {place}: {what}")]
    Malformed {
        /// The file or stream.
        input: String,
        /// The line or the row.
        place: String,
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
    /// Two columns have one name.
    #[error("{input} has two columns named `{column}`")]
    DuplicateColumn {
        /// The file or stream.
        input: String,
        /// The name.
        column: String,
    },
    /// A column that is needed isn't there.
    #[error("{input} has no column `{column}`")]
    MissingColumn {
        /// The file or stream.
        input: String,
        /// The name.
        column: String,
        /// What to do.
        hint: String,
    },
    /// A column that is to be written is there already.
    #[error("the input has a column `{column}` already, which the answers would be written to")]
    ClashingColumn {
        /// The name.
        column: String,
    },
    /// There is no header, and so there are no columns.
    #[error("{input} is empty")]
    Empty {
        /// The file or stream.
        input: String,
    },
    /// A value doesn't fit into the columns of the output.
    #[error("{place} of the input doesn't fit the columns of {output}: {what}")]
    Unfitting {
        /// The line or the row of the input.
        place: String,
        /// The file or stream.
        output: String,
        /// What doesn't fit.
        what: String,
    },
    /// The output can't be opened or written.
    #[error("can't write to {output}")]
    Write {
        /// The file or stream.
        output: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A Parquet file can't be read.
    #[error("can't read {input} as Parquet")]
    ReadParquet {
        /// The file or stream.
        input: String,
        /// Why it failed.
        source: ParquetError,
    },
    /// A Parquet file can't be written.
    #[error("can't write {output} as Parquet")]
    WriteParquet {
        /// The file or stream.
        output: String,
        /// Why it failed.
        source: ParquetError,
    },
}

impl IoError {
    /// A column that isn't there, with the nearest one that is.
    pub(crate) fn missing_column(input: &str, column: &str, columns: &[String]) -> Self {
        let nearest = crate::nearest(column, columns.iter().map(String::as_str));
        let hint = match nearest {
            Some(there) => format!("did you mean `{there}`?"),
            None if columns.is_empty() => "the input has no columns".to_owned(),
            None => {
                let shown: Vec<String> = columns.iter().take(20).map(|there| format!("`{there}`")).collect();
                let more = if columns.len() > shown.len() { ", ..." } else { "" };
                format!("its columns are {}{more}", shown.join(", "))
            }
        };
        Self::MissingColumn {
            input: input.to_owned(),
            column: column.to_owned(),
            hint,
        }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownFormat { .. } => "RF0610",
            Self::Read { .. } => "RF0611",
            Self::Malformed { .. } => "RF0612",
            Self::DuplicateColumn { .. } => "RF0613",
            Self::MissingColumn { .. } => "RF0614",
            Self::ClashingColumn { .. } => "RF0615",
            Self::Empty { .. } => "RF0616",
            Self::Unfitting { .. } => "RF0617",
            Self::Write { .. } => "RF0618",
            Self::ReadParquet { .. } => "RF0619",
            Self::WriteParquet { .. } => "RF0620",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownFormat { what, option } => {
                if let Some(unpack) = crate::foreign::unpacker(what) {
                    return Some(format!(
                        "it is compressed; unpack it first, for example with `{unpack}`"
                    ));
                }
                format!("end the name in .csv, .tsv, .jsonl or .parquet, or say it with `{option}`")
            }
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "check the path; a relative one starts at the current folder".to_owned(),
                io::ErrorKind::IsADirectory => "name a file, not a folder".to_owned(),
                _ => return None,
            },
            Self::Malformed { hint, .. } | Self::MissingColumn { hint, .. } => hint.clone(),
            Self::DuplicateColumn { .. } => "rename one of them; columns are told by their names".to_owned(),
            Self::ClashingColumn { .. } => "choose another name for the answers with `--prefix NAME`".to_owned(),
            Self::Empty { .. } => "the first line has to name the columns".to_owned(),
            Self::Unfitting { .. } => "write JSON Lines, where each row has its own keys and types".to_owned(),
            Self::Write { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => {
                    "make room on the disk, then go on from what is written with `--resume`".to_owned()
                }
                io::ErrorKind::NotFound => "make the folder first".to_owned(),
                _ => return None,
            },
            Self::ReadParquet { .. } => {
                "check that the file is complete; `--input-format` overrides its name".to_owned()
            }
            Self::WriteParquet { .. } => return None,
        })
    }

    /// Whether the request was wrong, rather than that the work failed.
    pub fn is_request(&self) -> bool {
        match self {
            Self::Write { .. } | Self::WriteParquet { .. } => false,
            Self::Read { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => true,
        }
    }
}
