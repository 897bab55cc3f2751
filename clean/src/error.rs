//! What can be wrong with rules, dictionaries and guards.

use thiserror::Error;

/// An error of cleaning, with a stable code and a hint.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CleanError {
    /// A rule that there is not.
    #[error("{place}: no rule \"{name}\"")]
    UnknownRule {
        /// Which of the rules, such as `rules[2]`.
        place: String,
        /// What was asked for.
        name: String,
        /// The nearest rule, where one is near.
        nearest: Option<String>,
    },
    /// An option that a rule does not take.
    #[error("{place}: \"{rule}\" takes no option \"{option}\"")]
    UnknownOption {
        /// Which of the rules, such as `rules[2]`.
        place: String,
        /// The rule.
        rule: &'static str,
        /// What was given.
        option: String,
        /// The options that the rule takes.
        known: &'static [&'static str],
    },
    /// An option of the wrong type, or outside of what it can be.
    #[error("{place}: \"{option}\" must be {expected}, not {found}")]
    Option {
        /// Which of the rules, such as `rules[2]`.
        place: String,
        /// The option.
        option: &'static str,
        /// What it may be, with its article.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A list of rules that is not one.
    #[error("{place} must be {expected}, not {found}")]
    Shape {
        /// Where.
        place: String,
        /// What it must be, with its article.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A rule that stands there twice: each would undo the other, or the second would do nothing.
    #[error("{place}: \"{rule}\" stands there twice")]
    Twice {
        /// Which of the rules, such as `rules[2]`.
        place: String,
        /// The rule.
        rule: &'static str,
    },
    /// A dictionary that nobody knows.
    #[error("{place}: no dictionary \"{name}\"")]
    UnknownDictionary {
        /// Which of the rules, such as `rules[2]`.
        place: String,
        /// What was asked for.
        name: String,
    },
    /// A line of a word list that is no word, or no word and a count.
    #[error("line {line} of the word list: {message}")]
    WordList {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A bound of a guard outside of what it can be.
    #[error("\"max_change\" is {value}, which is no share from 0 to 1")]
    MaxChange {
        /// What it is.
        value: f32,
    },
}

impl CleanError {
    /// The stable code: what `refuel man errors` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownRule { .. } => "RF2001",
            Self::UnknownOption { .. } => "RF2002",
            Self::Option { .. } => "RF2003",
            Self::Shape { .. } => "RF2004",
            Self::Twice { .. } => "RF2005",
            Self::UnknownDictionary { .. } => "RF2006",
            Self::WordList { .. } => "RF2007",
            Self::MaxChange { .. } => "RF2008",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownRule { nearest, .. } => match nearest {
                Some(nearest) => format!("did you mean \"{nearest}\"?"),
                None => format!(
                    "the rules are {}",
                    crate::RuleName::ALL.map(crate::RuleName::name).join(", ")
                ),
            },
            Self::UnknownOption { known: [], rule, .. } => format!("write just \"{rule}\""),
            Self::UnknownOption { option, known, .. } => match nearest(option, known) {
                Some(nearest) => format!("did you mean \"{nearest}\"?"),
                None => format!("its options are {}", known.join(", ")),
            },
            Self::Option { option, expected, .. } => format!("give \"{option}\" as {expected}"),
            Self::Shape { .. } => {
                "write a list, of names of rules and of a name with its options: [html, {casing: {to: title}}]".into()
            }
            Self::Twice { rule, .. } => format!("keep one \"{rule}\""),
            Self::UnknownDictionary { .. } => "give the word list, or \"column\" to learn one from the column".into(),
            Self::WordList { .. } => "write one word a line, with its count after white space where it is known".into(),
            Self::MaxChange { .. } => "give the share of letters that may change, such as 0.2".into(),
        }
    }
}

/// The nearest of some names, where one is near.
pub(crate) fn nearest(name: &str, known: &[&str]) -> Option<String> {
    let distance = |known: &&&str| strsim::damerau_levenshtein(name, known);
    let best = known.iter().min_by_key(distance)?;
    (distance(&best) <= best.len().div_ceil(3)).then(|| (*best).to_owned())
}
