//! What can be wrong with what is asked of this crate.

use thiserror::Error;

/// An error of resolving, with a stable code and a hint.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ResolveError {
    /// A declared column that no record has.
    #[error("no column \"{column}\" in the records, which have {}", columns.join(", "))]
    UnknownColumn {
        /// The column.
        column: String,
        /// The columns of the records.
        columns: Vec<String>,
        /// The nearest column, where one is near.
        nearest: Option<String>,
    },
    /// There is nothing to compare.
    #[error("there are no records with a value to compare")]
    NoRecords,
    /// A list that must have an entry for each record does not.
    #[error("{found} {what} for {expected} records")]
    Count {
        /// What is listed, in the plural: `vectors`, `sources`.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many records there are.
        expected: usize,
    },
    /// Vectors whose numbers don't make rows of one width, or whose width is zero.
    #[error("{numbers} numbers do not make {rows} vectors of one width")]
    Vectors {
        /// How many numbers there are.
        numbers: usize,
        /// How many vectors they should make.
        rows: usize,
    },
    /// An option outside of what it can be.
    #[error("{option} is {value}, which is not {expected}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Something names a record that there is not.
    #[error("record {index} is named, and there are {records}, counted from 0")]
    Index {
        /// The index.
        index: usize,
        /// How many records there are.
        records: usize,
    },
    /// A score that is no probability.
    #[error("the pair of records {left} and {right} has the score {score}, which is no probability")]
    Score {
        /// Index of one record.
        left: u32,
        /// Index of the other.
        right: u32,
        /// The score.
        score: f32,
    },
    /// Whoever watches it said to stop.
    #[error("resolving was cancelled")]
    Cancelled,
}

impl ResolveError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownColumn { .. } => "RF1901",
            Self::NoRecords => "RF1902",
            Self::Count { .. } => "RF1903",
            Self::Vectors { .. } => "RF1904",
            Self::Option { .. } => "RF1905",
            Self::Index { .. } => "RF1906",
            Self::Score { .. } => "RF1907",
            Self::Cancelled => "RF1908",
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownColumn {
                nearest: Some(nearest), ..
            } => Some(format!("did you mean \"{nearest}\"?")),
            Self::UnknownColumn { .. } => Some("name one of these columns".to_owned()),
            Self::NoRecords => Some("give at least one record that has a value".to_owned()),
            Self::Count { what, .. } => Some(format!("give {what} for all records or for none")),
            Self::Vectors { .. } => Some("embed all records with one model".to_owned()),
            Self::Option { .. } | Self::Cancelled => None,
            Self::Index { .. } => Some("records are named by their place in the list, from 0".to_owned()),
            Self::Score { .. } => Some("a scorer returns a number from 0 to 1".to_owned()),
        }
    }
}

/// An error that says which columns there are, and which is nearest.
pub(crate) fn unknown_column(column: &str, columns: &[String]) -> ResolveError {
    let nearest = columns
        .iter()
        .map(|name| (strsim::jaro_winkler(&column.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.clone());
    ResolveError::UnknownColumn {
        column: column.to_owned(),
        columns: columns.to_vec(),
        nearest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_column_is_told_its_nearest() {
        let error = unknown_column("nmae", &["name".to_owned(), "city".to_owned()]);
        assert_eq!(
            error.to_string(),
            "no column \"nmae\" in the records, which have name, city"
        );
        assert_eq!(error.hint().as_deref(), Some("did you mean \"name\"?"));
        assert_eq!(error.code(), "RF1901");
        let error = unknown_column("xyz", &["name".to_owned()]);
        assert_eq!(error.hint().as_deref(), Some("name one of these columns"));
    }
}
