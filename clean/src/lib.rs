//! Mending of text: ordered rules, and guards for edits that a model makes.
//!
//! [`Rules`] are applied in order, again and again until nothing changes, so that what is clean stays as it is (but
//! for what was escaped, see [`Html`]). What they did is told as [`Edit`]s of the text as it was given. [`Guard`] judges an
//! edit of a whole text that something else made: how much it changes, and whether numbers, names and negations are still
//! there.
//!
//! Everything here is pure. A dictionary for spelling is given as words and counts, or learned from the column itself.

mod edit;
mod error;
mod guard;
mod mojibake;
mod rules;
mod spelling;

pub use edit::{Cleaned, Edit};
pub use error::CleanError;
pub use guard::{Diff, Guard, Hunk, Keep, Reason, Rejected};
pub use rules::{Case, DashStyle, Html, QuoteStyle, Rule, RuleName, Rules, UnicodeForm, Whitespace};
pub use spelling::{Dictionary, Speller, Suggestion};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, CleanError>;
