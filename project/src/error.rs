//! What can be wrong with the files of a project, and what to do about it.

use std::path::PathBuf;

use refuel_task::yaml::YamlError;
use refuel_task::{Place, TaskError};

/// An error of this crate. The message says what and where; [`ProjectError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is no project where one was looked for.
    #[error("no refuel_project.yml in `{}` or in a folder above it", start.display())]
    NoProject {
        /// The folder that was looked at first.
        start: PathBuf,
    },
    /// A file or folder can't be read.
    #[error("{place}: can't read `{}`: {}", path.display(), reason(error))]
    Read {
        /// What named it, or the file itself.
        place: Place,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// The text is not YAML, or has a key twice.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// What is wrong.
        message: String,
        /// What to do, where it can be told.
        hint: Option<String>,
    },
    /// A key that has no meaning where it stands.
    #[error("{place}: unknown key \"{key}\" in {context}")]
    UnknownKey {
        /// Where the key is.
        place: Place,
        /// The key.
        key: String,
        /// What it was found in, such as `a model`.
        context: String,
        /// What to do: the nearest key that would be right, or all of them.
        hint: String,
    },
    /// A value of the wrong type.
    #[error("{place}: \"{key}\" must be {expected}, not {found}")]
    WrongType {
        /// Where the value is.
        place: Place,
        /// Path of keys to the value, such as `models[2].columns`.
        key: String,
        /// What it must be, with its article.
        expected: String,
        /// What it is, with its article.
        found: String,
        /// What to do, where it can be told.
        hint: Option<String>,
    },
    /// A key that must be there is not.
    #[error("{place}: missing key \"{key}\" in {context}")]
    MissingKey {
        /// The map that lacks it.
        place: Place,
        /// The key.
        key: String,
        /// What lacks it, such as `a model`.
        context: String,
        /// What to write.
        hint: String,
    },
    /// A value of the right type that makes no sense.
    #[error("{place}: {message}")]
    Invalid {
        /// Where.
        place: Place,
        /// What is wrong.
        message: String,
        /// What to do, where it can be told.
        hint: Option<String>,
    },
    /// Two things of one name.
    #[error("{place}: {what} is there already: {first}")]
    Duplicate {
        /// Where the second one is.
        place: Place,
        /// What it is, such as `a model named "orders"`.
        what: String,
        /// Where the first one is.
        first: Place,
        /// What to do.
        hint: String,
    },
    /// A name of something that isn't there.
    #[error("{place}: there is no {what} \"{name}\"")]
    UnknownName {
        /// Where the name is written.
        place: Place,
        /// What it should be, such as `model`.
        what: &'static str,
        /// The name.
        name: String,
        /// What to do: the nearest name, or all of them.
        hint: String,
    },
    /// An environment variable that a value needs is not set.
    #[error("{place}: the environment variable {name} is not set")]
    NotSet {
        /// The value that needs it.
        place: Place,
        /// The variable.
        name: String,
    },
    /// A task file is wrong.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A new project would write over what is there.
    #[error("`{}` is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file of a new project can't be written.
    #[error("can't write `{}`: {}", path.display(), reason(error))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
}

impl ProjectError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoProject { .. } => "RF1101",
            Self::Read { .. } => "RF1102",
            Self::Syntax { .. } => "RF1103",
            Self::UnknownKey { .. } => "RF1104",
            Self::WrongType { .. } => "RF1105",
            Self::MissingKey { .. } => "RF1106",
            Self::Invalid { .. } => "RF1107",
            Self::Duplicate { .. } => "RF1108",
            Self::UnknownName { .. } => "RF1109",
            Self::NotSet { .. } => "RF1110",
            Self::Exists { .. } => "RF1111",
            Self::Write { .. } => "RF1112",
            Self::Task(error) => error.code(),
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoProject { .. } => Some(
                "run it inside of a project, name one with --project-dir, or make one: refuel init NAME".to_owned(),
            ),
            Self::Read { .. } => Some("check the path and that it can be read".to_owned()),
            Self::Syntax { hint, .. } | Self::WrongType { hint, .. } | Self::Invalid { hint, .. } => hint.clone(),
            Self::UnknownKey { hint, .. }
            | Self::MissingKey { hint, .. }
            | Self::Duplicate { hint, .. }
            | Self::UnknownName { hint, .. } => Some(hint.clone()),
            Self::NotSet { name, .. } => Some(format!(
                "set {name}, or give a default: {{{{ env_var('{name}', 'default') }}}}"
            )),
            Self::Exists { .. } => Some("give another folder; nothing is written over".to_owned()),
            Self::Write { .. } => Some("check that the folder can be written to".to_owned()),
            Self::Task(error) => error.hint(),
        }
    }

    /// Where the error is, for those that are in a file.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Read { place, .. }
            | Self::Syntax { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::WrongType { place, .. }
            | Self::MissingKey { place, .. }
            | Self::Invalid { place, .. }
            | Self::Duplicate { place, .. }
            | Self::UnknownName { place, .. }
            | Self::NotSet { place, .. } => Some(place),
            Self::Task(error) => error.place(),
            Self::NoProject { .. } | Self::Exists { .. } | Self::Write { .. } => None,
        }
    }
}

impl From<YamlError> for ProjectError {
    fn from(error: YamlError) -> Self {
        match error {
            YamlError::Syntax { place, message } => Self::Syntax {
                place,
                message,
                hint: None,
            },
            YamlError::DuplicateKey { place, key } => Self::Syntax {
                place,
                message: format!("the key \"{key}\" is given twice"),
                hint: Some("keep one of the two".to_owned()),
            },
        }
    }
}

/// The system's reason without the path and the operation, which our own message has.
fn reason(error: &std::io::Error) -> String {
    let message = error.to_string();
    let reason = message
        .rsplit_once("`: ")
        .map_or(message.as_str(), |(_, reason)| reason);
    let reason = reason.split(" (os error").next().unwrap_or(reason);
    reason.to_lowercase()
}
