//! Guards for edits of a whole text that something else made, such as a model.

mod diff;
mod facts;

use std::fmt;

pub use diff::{Diff, Hunk};

use rustc_hash::FxHashMap;

use crate::{CleanError, Result};
use facts::{contacts, count_negations, names, numbers};

/// What an edit must leave as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each of them is told by itself")]
pub struct Keep {
    /// Numbers: the same ones, as often, whatever separates their thousands.
    pub numbers: bool,
    /// Names: words with a capital inside a sentence, words in capitals, and words that mix both.
    pub names: bool,
    /// Negations: as many as there were; and the words that say when something is so, whether it can or has to be, and how much of it
    /// is: no fewer.
    pub negation: bool,
    /// Addresses of mail and web, and handles: letter for letter.
    pub contacts: bool,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            numbers: true,
            names: true,
            negation: true,
            contacts: true,
        }
    }
}

/// How far an edit may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    max_change: f32,
    keep: Keep,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            max_change: 0.25,
            keep: Keep::default(),
        }
    }
}

/// One way in which an edit goes too far.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// Nothing is left of the text.
    Empty,
    /// More changed than may.
    TooMuch {
        /// The share of letters that changed, from 0 to 1.
        share: f32,
        /// The share that may.
        most: f32,
    },
    /// A number is gone.
    NumberGone(String),
    /// A number came.
    NumberCame(String),
    /// A name is gone.
    NameGone(String),
    /// The number of negations changed.
    Negation {
        /// How many there were.
        before: usize,
        /// How many there are.
        after: usize,
    },
    /// A word that says when something is so, whether it can or has to be, or how much of it is, is gone.
    SenseGone(String),
    /// An address or a handle is gone.
    ContactGone(String),
    /// An address or a handle came.
    ContactCame(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing is left of the text"),
            Self::TooMuch { share, most } => {
                write!(
                    f,
                    "{:.0} % of the letters changed, and {:.0} % may",
                    share * 100.0,
                    most * 100.0
                )
            }
            Self::NumberGone(number) => write!(f, "the number {number} is gone"),
            Self::NumberCame(number) => write!(f, "the number {number} was not there before"),
            Self::NameGone(name) => write!(f, "the name \"{name}\" is gone"),
            Self::Negation { before, after } => write!(f, "{before} negations became {after}"),
            Self::SenseGone(word) => write!(f, "the word \"{word}\" is gone"),
            Self::ContactGone(contact) => write!(f, "\"{contact}\" is gone"),
            Self::ContactCame(contact) => write!(f, "\"{contact}\" was not there before"),
        }
    }
}

/// An edit that goes too far.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// Why: at least one reason.
    pub why: Vec<Reason>,
    /// What it would have changed.
    pub diff: Diff,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, reason) in self.why.iter().enumerate() {
            write!(f, "{}{reason}", if at > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejected {}

impl Guard {
    /// A guard that lets the share `max_change` of letters change, from 0 to 1, and keeps what it is told.
    ///
    /// # Errors
    /// [`CleanError::MaxChange`].
    pub fn new(max_change: f32, keep: Keep) -> Result<Self> {
        if (0.0..=1.0).contains(&max_change) {
            Ok(Self { max_change, keep })
        } else {
            Err(CleanError::MaxChange { value: max_change })
        }
    }

    /// Judges an edit: what it changes, or why it goes too far.
    ///
    /// ```
    /// let guard = refuel_clean::Guard::default();
    /// let diff = guard.check("teh price is 20 EUR", "the price is 20 EUR").unwrap();
    /// assert_eq!(diff.to_string(), "[-teh-]{+the+} price is 20 EUR");
    /// let rejected = guard.check("the price is 20 EUR", "the price is 30 EUR").unwrap_err();
    /// assert_eq!(rejected.to_string(), "the number 20 is gone; the number 30 was not there before");
    /// ```
    ///
    /// # Errors
    /// [`Rejected`], with every reason.
    pub fn check(&self, before: &str, after: &str) -> std::result::Result<Diff, Rejected> {
        let diff = Diff::of(before, after);
        let mut why = Vec::new();
        if after.trim().is_empty() && !before.trim().is_empty() {
            why.push(Reason::Empty);
        }
        if diff.share() > self.max_change {
            why.push(Reason::TooMuch {
                share: diff.share(),
                most: self.max_change,
            });
        }
        if self.keep.numbers {
            let (gone, came) = differences(&numbers(before), &numbers(after));
            why.extend(gone.into_iter().map(Reason::NumberGone));
            why.extend(came.into_iter().map(Reason::NumberCame));
        }
        if self.keep.contacts {
            let (gone, came) = differences(&contacts(before), &contacts(after));
            why.extend(gone.into_iter().map(Reason::ContactGone));
            why.extend(came.into_iter().map(Reason::ContactCame));
        }
        if self.keep.names {
            let there = facts::words(after);
            let gone = names(before)
                .into_iter()
                .filter(|name| !there.contains(&name.to_lowercase()));
            why.extend(gone.map(Reason::NameGone));
        }
        if self.keep.negation {
            why.extend(facts::senses_gone(before, after).into_iter().map(Reason::SenseGone));
            let (before, after) = (count_negations(before), count_negations(after));
            if before != after {
                why.push(Reason::Negation { before, after });
            }
        }
        if why.is_empty() {
            Ok(diff)
        } else {
            Err(Rejected { why, diff })
        }
    }
}

/// What is in one list alone, counted as often as it is there, in order of place.
fn differences(before: &[String], after: &[String]) -> (Vec<String>, Vec<String>) {
    let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
    for item in after {
        *counts.entry(item).or_default() += 1;
    }
    let mut take = |item: &String| match counts.get_mut(item.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    let gone: Vec<String> = before.iter().filter(|item| take(item)).cloned().collect();
    // What is left over came; of those that are alike the last ones did.
    let mut came: Vec<String> = Vec::new();
    for item in after.iter().rev() {
        if let Some(count) = counts.get_mut(item.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            came.push(item.clone());
        }
    }
    came.reverse();
    (gone, came)
}

#[cfg(test)]
mod tests {
    use super::{Guard, Keep};

    fn why(before: &str, after: &str) -> String {
        match Guard::new(0.5, Keep::default()).unwrap().check(before, after) {
            Ok(_) => String::new(),
            Err(rejected) => rejected.to_string(),
        }
    }

    #[test]
    fn what_mends_is_let_through() {
        assert_eq!(
            why(
                "i dont recieve  mails from mr Smith",
                "I don't receive mails from Mr Smith"
            ),
            ""
        );
        assert_eq!(why("costs 1,200 EUR", "Costs 1200 EUR."), "");
        assert_eq!(
            why(
                "the lamps is brocken, evry one wsa",
                "the lamps are broken, every one was"
            ),
            ""
        );
        assert_eq!(
            why("write to a.b@example.com pls", "Write to a.b@example.com, please"),
            ""
        );
    }

    #[test]
    fn what_changes_meaning_is_not() {
        assert_eq!(why("it is not working", "it is now working"), "1 negations became 0");
        assert_eq!(why("the page is slow", "the page was slow"), "the word \"is\" is gone");
        assert_eq!(why("all lamps broke", "some lamps broke"), "the word \"all\" is gone");
        assert_eq!(
            why("the parcel will come on friday", "the parcel can come on friday"),
            "the word \"will\" is gone"
        );
        assert_eq!(
            why("we met Karlsson there", "we met Carlson there"),
            "the name \"Karlsson\" is gone"
        );
        assert_eq!(
            why("room 12", "room 21"),
            "the number 12 is gone; the number 21 was not there before"
        );
        assert_eq!(
            why("see http://a.example/x now", "see http://b.example/x now"),
            "\"http://a.example/x\" is gone; \"http://b.example/x\" was not there before"
        );
        assert_eq!(
            why("gone", ""),
            "nothing is left of the text; 100 % of the letters changed, and 50 % may"
        );
    }
}
