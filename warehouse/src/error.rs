//! What can be wrong with a warehouse, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use refuel_staging::RelationName;
use refuel_tables::IoError;
use thiserror::Error;

use crate::contract::Difference;

/// Where something is in the text of a statement, both counted from 1; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Position {
    /// The place behind some characters of a text.
    pub(crate) fn behind(text: &str, characters: usize) -> Self {
        let before = text.chars().take(characters);
        let start = Self { line: 1, column: 1 };
        before.fold(start, |at, character| match character {
            '\n' => Self {
                line: at.line + 1,
                column: 1,
            },
            _ => Self {
                column: at.column + 1,
                ..at
            },
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// What a database said of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// The message, with the database's detail where it gave one.
    pub message: String,
    /// What the database itself advises.
    pub hint: Option<String>,
    /// Where in the statement.
    pub position: Option<Position>,
    /// The code of the SQL standard, of Postgres alone, such as `42P01`.
    pub sql_state: Option<String>,
    /// Whether the same statement may go through later: a deadlock, a serialization failure, too many connections.
    pub is_transient: bool,
}

impl Refusal {
    fn place(&self) -> String {
        self.position
            .map_or_else(String::new, |at| format!(" ({at} of the SQL)"))
    }
}

/// What can be wrong with a warehouse.
#[derive(Debug, Error)]
pub enum WarehouseError {
    /// A file of SQLite can't be opened.
    #[error("target `{target}`: can't open `{}`: {message}", path.display())]
    Open {
        /// The target.
        target: String,
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A server can't be connected to.
    #[error("target `{target}`: can't connect to {server}: {message}")]
    Connect {
        /// The target.
        target: String,
        /// The server, such as `db.example.com:5432`.
        server: String,
        /// Why.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// Whether it may work later.
        is_transient: bool,
    },
    /// The database refuses a statement.
    #[error("target `{target}` refuses the statement: {}{}", refusal.message, refusal.place())]
    Statement {
        /// The target.
        target: String,
        /// What it said.
        refusal: Box<Refusal>,
    },
    /// Another program writes to the file of SQLite, and did not end in time.
    #[error("target `{target}`: another program writes to the database, and did not end within {seconds} s")]
    Busy {
        /// The target.
        target: String,
        /// How long was waited.
        seconds: u64,
    },
    /// Somebody stopped the statement.
    #[error("target `{target}`: the statement was stopped")]
    Cancelled {
        /// The target.
        target: String,
    },
    /// There is no room for what is written.
    #[error("target `{target}`: there is no room left for what is written: {message}")]
    DiskFull {
        /// The target.
        target: String,
        /// What the database said.
        message: String,
    },
    /// The connection to the server has gone.
    #[error("target `{target}`: the connection is lost: {message}")]
    Lost {
        /// The target.
        target: String,
        /// What is known of it.
        message: String,
    },
    /// A relation of the name is there, and the project did not make it.
    #[error("target `{target}`: there is a {kind} `{relation}` already, {by}")]
    NotOurs {
        /// The target.
        target: String,
        /// What it is.
        kind: String,
        /// Its name.
        relation: RelationName,
        /// Who made it, as far as that is known.
        by: String,
    },
    /// Something that the project did not make hangs on a relation that is to be replaced or dropped.
    #[error("target `{target}`: `{relation}` can't be replaced or dropped, since {dependents} depends on it")]
    Dependents {
        /// The target.
        target: String,
        /// The relation.
        relation: RelationName,
        /// What depends on it.
        dependents: String,
    },
    /// A query doesn't give what its contract says.
    #[error("`{relation}` breaks its contract:\n{}", Difference::table(differences))]
    Contract {
        /// The relation.
        relation: RelationName,
        /// Where they differ.
        differences: Vec<Difference>,
    },
    /// An incremental model gives other columns than its table has.
    #[error(
        "`{relation}` has other columns than its query gives:\n{}",
        Difference::table(differences)
    )]
    SchemaChange {
        /// The relation.
        relation: RelationName,
        /// Where they differ.
        differences: Vec<Difference>,
        /// What to do.
        hint: String,
    },
    /// Rows that are to be merged have a key twice.
    #[error("`{relation}`: {rows} of the new rows have the unique key {key}, and only one could be merged")]
    DuplicateKey {
        /// The relation.
        relation: RelationName,
        /// How often the key is there.
        rows: i64,
        /// The key, such as `id = 7`.
        key: String,
    },
    /// A column of the unique key isn't among those of the query.
    #[error("`{relation}`: its unique key names a column `{column}` that the query doesn't give")]
    MissingKey {
        /// The relation.
        relation: RelationName,
        /// The column.
        column: String,
        /// What to do.
        hint: String,
    },
    /// A query gives two columns of one name.
    #[error("`{relation}`: the query gives two columns named `{column}`")]
    DuplicateColumn {
        /// The relation.
        relation: RelationName,
        /// The name.
        column: String,
    },
    /// A file that is to be loaded can't be read.
    #[error("{0}")]
    File(#[from] IoError),
    /// A file that is to be loaded has rows that aren't what its format asks for.
    #[error("{} can't be loaded: {}", path.display(), faults(rows, *count))]
    FaultyRows {
        /// The file.
        path: PathBuf,
        /// The first of them, each with its place and its fault.
        rows: Vec<String>,
        /// How many there are.
        count: u64,
    },
    /// A value of a file isn't of the type that its column is declared to have.
    #[error("{}, {place}: `{column}` is declared {data_type}, and {value} isn't", path.display())]
    Unfitting {
        /// The file.
        path: PathBuf,
        /// The line or the row.
        place: String,
        /// The column.
        column: String,
        /// The declared type.
        data_type: String,
        /// The value, in quotes.
        value: String,
    },
    /// A type is declared for a column that the file doesn't have.
    #[error("{} has no column `{column}`, for which a type is declared", path.display())]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What to do.
        hint: String,
    },
    /// Certificates can't be read, or there are none.
    #[error("target `{target}`: can't use the certificates of {place}: {message}")]
    Certificates {
        /// The target.
        target: String,
        /// Where they were looked for.
        place: String,
        /// Why.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The extension is required, and the database doesn't have it.
    #[error(
        "target `{target}`: the database `{database}` doesn't have the extension refuel, which the profile requires"
    )]
    NoExtension {
        /// The target.
        target: String,
        /// The database.
        database: String,
    },
}

impl WarehouseError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "RF1301",
            Self::Connect { .. } => "RF1302",
            Self::Statement { .. } => "RF1303",
            Self::Busy { .. } => "RF1304",
            Self::Cancelled { .. } => "RF1305",
            Self::DiskFull { .. } => "RF1306",
            Self::Lost { .. } => "RF1307",
            Self::NotOurs { .. } => "RF1308",
            Self::Dependents { .. } => "RF1309",
            Self::Contract { .. } => "RF1310",
            Self::SchemaChange { .. } => "RF1311",
            Self::DuplicateKey { .. } => "RF1312",
            Self::MissingKey { .. } => "RF1313",
            Self::DuplicateColumn { .. } => "RF1314",
            Self::File(_) => "RF1315",
            Self::FaultyRows { .. } => "RF1316",
            Self::Unfitting { .. } => "RF1317",
            Self::UnknownColumn { .. } => "RF1318",
            Self::Certificates { .. } => "RF1319",
            Self::NoExtension { .. } => "RF1320",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Open { hint, .. } | Self::Connect { hint, .. } => return hint.clone(),
            Self::Statement { refusal, .. } => return refusal.hint.clone(),
            Self::Busy { .. } => "end the other program, or try again when it is done".to_owned(),
            Self::Cancelled { .. } => return None,
            Self::DiskFull { .. } => "make room on the disk; what was there before is unharmed".to_owned(),
            Self::Lost { .. } => "check that the server runs, then go on with `refuel retry`".to_owned(),
            Self::NotOurs { .. } => {
                "give the model another `alias` or `schema`, or rename or drop that relation yourself".to_owned()
            }
            Self::Dependents { .. } => {
                "drop what depends on it yourself, or keep the columns of the relation as they are".to_owned()
            }
            Self::Contract { .. } => "change the query, or what the contract declares".to_owned(),
            Self::SchemaChange { hint, .. }
            | Self::MissingKey { hint, .. }
            | Self::UnknownColumn { hint, .. }
            | Self::Certificates { hint, .. } => hint.clone(),
            Self::DuplicateKey { .. } => {
                "make the query give one row a key, or use the strategy `delete+insert`, which keeps them all"
                    .to_owned()
            }
            Self::DuplicateColumn { .. } => "give one of them another name with `AS`".to_owned(),
            Self::File(error) => return error.hint(),
            Self::FaultyRows { .. } => "mend these rows; nothing was loaded".to_owned(),
            Self::Unfitting { .. } => "mend the value, or declare another type in `column_types`".to_owned(),
            Self::NoExtension { .. } => {
                "run `CREATE EXTENSION refuel` there, or say `extension: auto` in the profile".to_owned()
            }
        })
    }

    /// Whether the same may work when it is tried again: the server was busy, restarted, or hard to reach, or another
    /// transaction was in the way.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { is_transient, .. } => *is_transient,
            Self::Statement { refusal, .. } => refusal.is_transient,
            Self::Busy { .. } | Self::Lost { .. } => true,
            _ => false,
        }
    }

    /// Whether the request was wrong, rather than that the work failed.
    pub fn is_request(&self) -> bool {
        match self {
            Self::NotOurs { .. } | Self::MissingKey { .. } | Self::UnknownColumn { .. } | Self::NoExtension { .. } => {
                true
            }
            Self::File(error) => error.is_request(),
            _ => false,
        }
    }

    /// Where in a statement the database found fault.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Statement { refusal, .. } => refusal.position,
            _ => None,
        }
    }

    /// The error of a file that can't be read.
    pub(crate) fn unreadable(path: &std::path::Path, source: io::Error) -> Self {
        Self::File(IoError::Read {
            input: path.display().to_string(),
            source,
        })
    }
}

/// The first faults of a file, and how many more there are.
fn faults(rows: &[String], count: u64) -> String {
    let more = count - rows.len() as u64;
    let mut text = rows.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more rows"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_lines_and_characters() {
        let at = |characters| Position::behind("SELECT é,\n  b", characters);
        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(8), Position { line: 1, column: 9 });
        assert_eq!(at(12), Position { line: 2, column: 3 });
    }
}
