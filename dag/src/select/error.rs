//! What can be wrong with a selection.

use super::missing::Unmatched;

/// An error of node selection. Columns count characters from 1 within the text that was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The text is not in the selection syntax.
    #[error("column {column} of `{text}`: {message}")]
    Syntax {
        /// The text.
        text: String,
        /// Where in it.
        column: usize,
        /// What is wrong.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// A method that there is not.
    #[error("column {column} of `{text}`: unknown method `{method}:`")]
    UnknownMethod {
        /// The text.
        text: String,
        /// Where in it.
        column: usize,
        /// What stood before the colon.
        method: String,
        /// The nearest method.
        nearest: Option<String>,
    },
    /// A value that the method does not take.
    #[error("column {column} of `{text}`: `{method}:` takes no `{value}`")]
    UnknownValue {
        /// The text.
        text: String,
        /// Where in it.
        column: usize,
        /// The method.
        method: String,
        /// The value.
        value: String,
        /// The nearest value.
        nearest: Option<String>,
        /// Every value that the method takes.
        known: Vec<&'static str>,
    },
    /// No node is chosen.
    #[error("nothing is selected: {}", reasons(unmatched, *excluded, *other))]
    Nothing {
        /// The parts that no node matches.
        unmatched: Vec<Unmatched>,
        /// How many nodes were chosen and then excluded.
        excluded: usize,
        /// How many nodes were chosen that are of none of the types asked for.
        other: usize,
    },
    /// `state:` is asked of a project that nothing is known of.
    #[error("`{criterion}` compares with an earlier state of the project, and there is none")]
    NoPrevious {
        /// The part that asks.
        criterion: String,
    },
    /// `result:` is asked where no run is known.
    #[error("`{criterion}` reads the results of an earlier run, and there is none")]
    NoResults {
        /// The part that asks.
        criterion: String,
    },
}

impl SelectError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "RF1250",
            Self::UnknownMethod { .. } => "RF1251",
            Self::UnknownValue { .. } => "RF1252",
            Self::Nothing { .. } => "RF1253",
            Self::NoPrevious { .. } => "RF1254",
            Self::NoResults { .. } => "RF1255",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { hint, .. } => hint.clone(),
            Self::UnknownMethod {
                nearest: Some(nearest), ..
            } => Some(format!("did you mean `{nearest}:`?")),
            Self::UnknownMethod { .. } => Some(format!("the methods are {}", super::syntax::METHODS.join(", "))),
            Self::UnknownValue {
                nearest: Some(nearest),
                method,
                ..
            } => Some(format!("did you mean `{method}:{nearest}`?")),
            Self::UnknownValue { known, .. } => Some(format!("it takes {}", known.join(", "))),
            Self::Nothing { unmatched, .. } => {
                let near: Vec<&str> = unmatched.iter().filter_map(|part| part.nearest.as_deref()).collect();
                Some(if near.is_empty() {
                    "`refuel ls` shows what there is; `--allow-empty-selection` makes nothing of it".to_owned()
                } else {
                    format!("did you mean `{}`?", near.join(" "))
                })
            }
            Self::NoPrevious { .. } => Some("`refuel build` remembers the state that it built".to_owned()),
            Self::NoResults { .. } => Some("`refuel build` leaves the results of its run".to_owned()),
        }
    }
}

fn reasons(unmatched: &[Unmatched], excluded: usize, other: usize) -> String {
    let mut reasons: Vec<String> = unmatched.iter().map(ToString::to_string).collect();
    if excluded > 0 {
        reasons.push(format!("{} excluded", those_chosen(excluded)));
    }
    if other > 0 {
        reasons.push(format!("{} of another type", those_chosen(other)));
    }
    if reasons.is_empty() {
        reasons.push("no node is in all of what is intersected".to_owned());
    }
    reasons.join("; ")
}

fn those_chosen(number: usize) -> String {
    match number {
        1 => "the one node that was chosen is".to_owned(),
        many => format!("the {many} nodes that were chosen are"),
    }
}
