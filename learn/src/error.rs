//! Errors of learning.

/// Why nothing could be learned, or what was learned not be used.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// Too few examples for what was asked.
    #[error("{have} examples are too few: {what} needs {need}")]
    TooFewExamples {
        /// What was to be learned.
        what: &'static str,
        /// Examples that it needs.
        need: usize,
        /// Examples that there are.
        have: usize,
    },
    /// Too few questions of one of the two sides that a head on answers tells apart.
    #[error("a head needs {need} questions {side}, and there are {have}: it learns to tell these from the others")]
    OneSided {
        /// Which: `without an answer`, or `with an answer`.
        side: &'static str,
        /// Questions of the side that it needs.
        need: usize,
        /// Questions of the side that there are.
        have: usize,
        /// How such a question is labelled.
        label: &'static str,
    },
    /// Every example has the same label, so that there is nothing to tell apart.
    #[error("every example has the label \"{label}\"")]
    OneLabel {
        /// That label.
        label: String,
    },
    /// Two things that belong together have different sizes.
    #[error("{what}: {found} where {expected} belong")]
    Shape {
        /// What was counted.
        what: &'static str,
        /// How many there have to be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A feature, a target or a confidence that is infinite or not a number.
    #[error("{what} of row {row} holds {value}")]
    NotFinite {
        /// What holds it.
        what: &'static str,
        /// The row, from 0.
        row: usize,
        /// The value.
        value: f32,
    },
    /// An example has a label that is not among the labels.
    #[error("example {row} has label number {label}, and there are {labels} labels")]
    UnknownLabel {
        /// The example, from 0.
        row: usize,
        /// Its label's number.
        label: usize,
        /// How many labels there are.
        labels: usize,
    },
    /// A file that was to hold a trained head holds something else.
    #[error("the trained head can't be read: {message}")]
    Head {
        /// What is wrong with it.
        message: String,
    },
    /// An encoder of a kind that can't be tuned.
    #[error("the encoder can't be tuned: {message}")]
    Encoder {
        /// What it is that stands against it.
        message: String,
    },
    /// Nothing tells when a catch-all label is right: it has no example, and there are too few other labels to keep one of
    /// them from a head.
    #[error(
        "there is no example of the label with `catch_all`, and the others are too few to learn from them when it is right"
    )]
    NoCatchAllRows,
    /// Somebody stopped it.
    #[error("stopped")]
    Stopped,
}

impl LearnError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooFewExamples { .. } => "RF1801",
            Self::OneLabel { .. } => "RF1802",
            Self::Shape { .. } => "RF1803",
            Self::NotFinite { .. } => "RF1804",
            Self::UnknownLabel { .. } => "RF1805",
            Self::Head { .. } => "RF1806",
            Self::Encoder { .. } => "RF1807",
            Self::Stopped => "RF1808",
            Self::NoCatchAllRows => "RF1809",
            Self::OneSided { .. } => "RF1810",
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooFewExamples { need, have, .. } => Some(format!(
                "label {} more rows, and train again",
                need.saturating_sub(*have)
            )),
            Self::OneSided { need, have, label, .. } => {
                let more = need.saturating_sub(*have);
                let questions = if more == 1 { "question" } else { "questions" };
                Some(format!(
                    "label {more} more {questions} {label}; those that the prompt shows do not count"
                ))
            }
            Self::OneLabel { .. } => Some("label rows of at least one other label".to_owned()),
            Self::NoCatchAllRows => Some(
                "give the label with `catch_all` to rows that no other label fits; without any, at least three other labels \
                 need examples"
                    .to_owned(),
            ),
            Self::UnknownLabel { .. } => Some("correct the example's label, or add the label to the task".to_owned()),
            Self::Head { .. } => Some("train the head again".to_owned()),
            Self::Encoder { .. } => Some("train a head without tuning the encoder".to_owned()),
            Self::Shape { .. } | Self::NotFinite { .. } | Self::Stopped => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted_in_the_hint() {
        let error = LearnError::TooFewExamples {
            what: "a head",
            need: 10,
            have: 7,
        };
        assert_eq!(error.to_string(), "7 examples are too few: a head needs 10");
        assert_eq!(error.code(), "RF1801");
        assert_eq!(error.hint().as_deref(), Some("label 3 more rows, and train again"));
    }

    #[test]
    fn the_side_of_questions_that_is_missing_is_told() {
        let error = LearnError::OneSided {
            side: "without an answer",
            need: 5,
            have: 0,
            label: "whose text does not answer them, with an empty answer",
        };
        assert_eq!(
            error.to_string(),
            "a head needs 5 questions without an answer, and there are 0: it learns to tell these from the others"
        );
        assert_eq!(
            error.hint().as_deref(),
            Some(
                "label 5 more questions whose text does not answer them, with an empty answer; those that the prompt \
                 shows do not count"
            )
        );
    }
}
