//! What can be wrong with a request to normalize.

/// An error of this crate. The message says what; [`NormalizeError::hint`] says what to do.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum NormalizeError {
    /// A format that does not exist.
    #[error("unknown format \"{name}\"")]
    UnknownFormat {
        /// As it was written.
        name: String,
        /// The nearest one that exists, where one is near.
        nearest: Option<String>,
    },
    /// A setting whose value makes no sense.
    #[error("\"{key}\" can't be \"{value}\"")]
    Setting {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A vocabulary in which two entries have the same identifier.
    #[error("two entries of the vocabulary have the identifier \"{id}\"")]
    DuplicateEntry {
        /// The identifier.
        id: String,
    },
    /// A vocabulary without entries, or with an entry without a name.
    #[error("{message}")]
    EmptyEntry {
        /// What is empty.
        message: String,
    },
    /// More entries than a vocabulary can hold.
    #[error("a vocabulary has at most {limit} entries")]
    TooManyEntries {
        /// How many it can hold.
        limit: usize,
    },
    /// Bytes that are not a vocabulary, or one of another version.
    #[error("not a vocabulary that this version wrote: {message}")]
    NotAVocabulary {
        /// What the reader said.
        message: String,
    },
}

impl NormalizeError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownFormat { .. } => "RF1701",
            Self::Setting { .. } => "RF1702",
            Self::DuplicateEntry { .. } => "RF1703",
            Self::EmptyEntry { .. } => "RF1704",
            Self::TooManyEntries { .. } => "RF1705",
            Self::NotAVocabulary { .. } => "RF1706",
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownFormat {
                nearest: Some(nearest), ..
            } => format!("did you mean \"{nearest}\"?"),
            Self::UnknownFormat { .. } => {
                let names: Vec<&str> = crate::Format::ALL.into_iter().map(crate::Format::name).collect();
                format!("the formats are {}", names.join(", "))
            }
            Self::Setting { expected, .. } => format!("it must be {expected}"),
            Self::DuplicateEntry { .. } => "give each entry its own identifier, and other names as aliases".to_owned(),
            Self::EmptyEntry { .. } => "leave rows without a name out".to_owned(),
            Self::TooManyEntries { .. } => "split the table, for instance by country".to_owned(),
            Self::NotAVocabulary { .. } => "build it again from its table".to_owned(),
        })
    }
}
