//! What can be wrong with a task, an input or a template, and what to do about it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where something was read: `tickets.yml:4:1` in a file, `labels[3].name` in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// File name as the user gave it, or what stands for it, such as `task`.
    pub source: Arc<str>,
    /// Line and column, both from 1, where the text is known.
    pub position: Option<(u32, u32)>,
    /// Path of keys from the root, such as `labels[3].name`; empty at the root.
    pub path: String,
}

impl Place {
    /// The start of a source.
    pub fn of(source: impl Into<Arc<str>>) -> Self {
        Self {
            source: source.into(),
            position: None,
            path: String::new(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        match self.position {
            Some((line, 0)) => write!(f, ":{line}"),
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None if self.path.is_empty() => Ok(()),
            None => write!(f, ": {}", self.path),
        }
    }
}

/// An error of this crate. The message says what and where; [`TaskError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A file can't be read.
    #[error("{place}: can't read `{}`: {}", path.display(), reason(error))]
    Read {
        /// The task file that named it, or the file itself.
        place: Place,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// The text is not YAML, JSON or CSV at all.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the reader said.
        message: String,
    },
    /// A key that no task has, or that this kind of task does not take.
    #[error("{place}: unknown key \"{key}\"{context}")]
    UnknownKey {
        /// Where the key is.
        place: Place,
        /// The key.
        key: String,
        /// Where it was not expected, such as ` in "input"`; empty at the root.
        context: String,
        /// The nearest key that would be right, where one is near.
        nearest: Option<String>,
        /// Every key that would be right.
        known: Vec<String>,
    },
    /// A value of the wrong type.
    #[error("{place}: \"{key}\" must be {expected}, not {found}")]
    WrongType {
        /// Where the value is.
        place: Place,
        /// Name of what is wrong, such as `labels[2]`.
        key: String,
        /// What it must be, with its article.
        expected: String,
        /// What it is, with its article.
        found: String,
        /// What to do, where it can be told.
        hint: Option<String>,
    },
    /// A key that must be there is not.
    #[error("{place}: missing key \"{key}\"{context}")]
    MissingKey {
        /// The object that lacks it.
        place: Place,
        /// The key.
        key: String,
        /// In what, such as ` in examples[2]`; empty at the root.
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
        /// What to do.
        hint: Option<String>,
    },
    /// A label that is given twice, or that the task does not have.
    #[error("{place}: {message}")]
    Label {
        /// Where.
        place: Place,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A template that is not one, or can't be rendered.
    #[error("{place}: {message}")]
    Template {
        /// Where.
        place: Place,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A row lacks a column that the task reads.
    #[error("no column \"{column}\" in the input, which has {}", quoted_list(present))]
    MissingColumn {
        /// The column.
        column: String,
        /// The columns that are there.
        present: Vec<String>,
    },
    /// Texts without columns were given to a task for which they don't tell enough.
    #[error("the task reads {}, and {given} can't stand for that", quoted_list(columns))]
    NeedsRow {
        /// What was given: `one text`, `two texts`.
        given: &'static str,
        /// The columns that the task reads.
        columns: Vec<String>,
    },
    /// The threshold was chosen on answers of another model than the one that is to answer.
    #[error("the threshold of \"{task}\" was chosen on answers of another model")]
    OtherModel {
        /// The task.
        task: String,
    },
    /// A row has nothing to read.
    #[error("input is empty{side}")]
    EmptyInput {
        /// Which part, such as ` on side "a"`; empty where there is one part.
        side: String,
    },
    /// A row has something else where a record is read.
    #[error("the record can't be read: {reason}")]
    NoRecord {
        /// What is wrong.
        reason: String,
    },
    /// The chat template of a model can't be used.
    #[error("the model's chat template {message}")]
    ChatTemplate {
        /// What is wrong with it.
        message: String,
    },
    /// A row was given to a task that is about whole tables.
    #[error("the task \"{task}\" is of kind \"{kind}\", which is about whole tables and not about rows")]
    OfTables {
        /// Name of the task.
        task: String,
        /// The kind.
        kind: &'static str,
    },
    /// A prompt was asked of a task that has none.
    #[error("a task of kind \"{kind}\" has no prompt")]
    NoPrompt {
        /// The kind.
        kind: &'static str,
    },
}

impl TaskError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "RF0401",
            Self::Syntax { .. } => "RF0402",
            Self::UnknownKey { .. } => "RF0403",
            Self::WrongType { .. } => "RF0404",
            Self::MissingKey { .. } => "RF0405",
            Self::Invalid { .. } => "RF0406",
            Self::Label { .. } => "RF0407",
            Self::Template { .. } => "RF0408",
            Self::MissingColumn { .. } => "RF0409",
            Self::EmptyInput { .. } => "RF0410",
            Self::ChatTemplate { .. } => "RF0411",
            Self::NoPrompt { .. } => "RF0412",
            Self::OfTables { .. } => "RF0419",
            Self::NeedsRow { .. } => "RF0413",
            Self::OtherModel { .. } => "RF0414",
            Self::NoRecord { .. } => "RF0415",
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { place, .. } if place.position.is_some() || !place.path.is_empty() => {
                Some("files are looked for from the folder of the task file".to_owned())
            }
            Self::Read { .. } => Some("check the path and that it can be read".to_owned()),
            Self::Syntax { .. } => None,
            Self::UnknownKey {
                nearest: Some(nearest), ..
            } => Some(format!("did you mean \"{nearest}\"?")),
            Self::UnknownKey { known, .. } => Some(format!("the keys here are {}", known.join(", "))),
            Self::WrongType { hint, .. }
            | Self::Invalid { hint, .. }
            | Self::Label { hint, .. }
            | Self::Template { hint, .. } => hint.clone(),
            Self::MissingKey { hint, .. } => Some(hint.clone()),
            Self::MissingColumn { column, present } => {
                Some(match nearest(column, present.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean \"{near}\"? the task's \"input\" names the columns"),
                    None => "name one of these columns in the task's \"input\"".to_owned(),
                })
            }
            Self::NeedsRow { columns, .. } => Some(format!(
                "pass a row: a JSON object with {}",
                if columns.is_empty() {
                    "the columns".to_owned()
                } else {
                    quoted_list(columns)
                }
            )),
            Self::OtherModel { .. } => {
                Some("choose it anew with this model, by `refuel calibrate`, or let the other one answer".to_owned())
            }
            Self::EmptyInput { .. } => Some(
                "leave empty rows out, or keep them where rows are answered: nobody is asked about them".to_owned(),
            ),
            Self::ChatTemplate { .. } => {
                Some("give the model's folder a chat template that renders system, user and assistant turns".to_owned())
            }
            Self::NoRecord { .. } => Some("a record is a JSON object, such as {\"name\": \"Acme\"}".to_owned()),
            Self::OfTables { kind, .. } => Some(format!(
                "run `refuel {kind} TASK TABLE`, or read `FROM refuel_{kind}(relation, 'task')` in a model"
            )),
            Self::NoPrompt { .. } => Some("an embedding model reads the rendered input as it is".to_owned()),
        }
    }

    /// Where the error is, for those that are in a file or value.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Read { place, .. }
            | Self::Syntax { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::WrongType { place, .. }
            | Self::MissingKey { place, .. }
            | Self::Invalid { place, .. }
            | Self::Label { place, .. }
            | Self::Template { place, .. } => Some(place),
            Self::MissingColumn { .. }
            | Self::EmptyInput { .. }
            | Self::NeedsRow { .. }
            | Self::NoRecord { .. }
            | Self::OtherModel { .. }
            | Self::ChatTemplate { .. }
            | Self::OfTables { .. }
            | Self::NoPrompt { .. } => None,
        }
    }
}

/// The system's reason without the path and the operation, which `fs_err` puts in front of it; our own message has both.
fn reason(error: &std::io::Error) -> String {
    let message = error.to_string();
    let reason = message
        .rsplit_once("`: ")
        .map_or(message.as_str(), |(_, reason)| reason);
    let reason = reason.split(" (os error").next().unwrap_or(reason);
    reason.to_lowercase()
}

/// `"a", "b" and "c"`, cut after twelve.
fn quoted_list(names: &[String]) -> String {
    if names.is_empty() {
        return "no columns".to_owned();
    }
    let mut shown: Vec<String> = names.iter().take(12).map(|name| format!("\"{name}\"")).collect();
    if names.len() > shown.len() {
        shown.push(format!("{} more", names.len() - shown.len()));
    }
    let last = shown.pop().unwrap_or_default();
    if shown.is_empty() {
        last
    } else {
        format!("{} and {last}", shown.join(", "))
    }
}

/// How like two words are that one slip tells apart: a letter too many, missing, wrong, or two that changed places.
const ONE_SLIP: f64 = 0.95;

/// The candidate nearest to `word`, where one is near enough to be what was meant: at least 0.75 alike by Jaro-Winkler,
/// or equal but for case and for `-`, `_` and spaces.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = plain(word);
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let candidate_plain = plain(candidate);
        let mut score = strsim::jaro_winkler(&wanted, &candidate_plain);
        // In a short word two letters that changed places leave little that is alike.
        if wanted.len() > 2 && strsim::damerau_levenshtein(&wanted, &candidate_plain) == 1 {
            score = score.max(ONE_SLIP);
        }
        if score >= 0.75 && best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_changed_places_are_nearer_than_a_like_beginning() {
        assert_eq!(nearest("tga", ["task", "tag", "path"]).as_deref(), Some("tag"));
        assert_eq!(nearest("lable", ["labels", "label"]).as_deref(), Some("label"));
        assert_eq!(
            nearest("ab", ["ac"]),
            None,
            "of two letters nothing is left to be alike"
        );
    }

    #[test]
    fn a_place_is_written_as_editors_read_it() {
        let mut place = Place::of("tickets.yml");
        assert_eq!(place.to_string(), "tickets.yml");
        place.path = "labels[3]".to_owned();
        assert_eq!(place.to_string(), "tickets.yml: labels[3]");
        place.position = Some((4, 1));
        assert_eq!(place.to_string(), "tickets.yml:4:1");
        place.position = Some((4, 0));
        assert_eq!(place.to_string(), "tickets.yml:4");
    }

    #[test]
    fn the_nearest_word_is_found_only_when_near() {
        let keys = ["guidelines", "labels", "on_error", "threshold"];
        assert_eq!(nearest("guidlines", keys).as_deref(), Some("guidelines"));
        assert_eq!(nearest("onError", keys).as_deref(), Some("on_error"));
        assert_eq!(nearest("xyz", keys), None);
    }

    #[test]
    fn a_missing_column_names_those_that_are_there() {
        let error = TaskError::MissingColumn {
            column: "body".to_owned(),
            present: vec!["id".to_owned(), "Body".to_owned()],
        };
        assert_eq!(
            error.to_string(),
            "no column \"body\" in the input, which has \"id\" and \"Body\""
        );
        assert_eq!(error.code(), "RF0409");
        assert_eq!(
            error.hint().as_deref(),
            Some("did you mean \"Body\"? the task's \"input\" names the columns")
        );
    }
}
