//! Raw values made canonical: dates, telephone numbers, amounts, names and the like by format, and names by vocabulary.
//!
//! [`Format`] says what sort of value a raw value is. [`Format::normalize`] gives the one form of it, or says that it is
//! ambiguous, with the candidates, or why there is none: nothing is guessed. [`Format::find`] gives every value in a
//! text with the bytes that say it, and [`moments`] every expression of time with all that it can mean.
//!
//! ```
//! use refuel_normalize::{Format, Settings};
//!
//! let settings = Settings { region: Some("DE".to_owned()), ..Settings::default() };
//! let outcome = Format::Phone.normalize("Tel.: (030) 901820", &settings);
//! assert_eq!(outcome.value(), Some("+4930901820"));
//!
//! // Without a country nobody knows whose number that is.
//! assert_eq!(Format::Phone.normalize("(030) 901820", &Settings::default()).value(), None);
//! ```
//!
//! Everything is pure: the same text and the same [`Settings`] give the same outcome, and nothing is read from disk.

mod address;
mod amounts;
mod dates;
mod error;
mod fold;
mod format;
mod iso;
mod moment;
mod names;
mod number;
mod outcome;
mod people;
mod phone;
mod placeholder;
mod settings;
mod text;
mod together;
pub mod vocabulary;
mod web;

pub use error::NormalizeError;
pub use format::Format;
pub use moment::{Expression, Kind, Reading};
pub use outcome::{Canonical, Found, Outcome, Refusal};
pub use settings::{Settings, Units};
pub use vocabulary::Vocabulary;

/// The expressions of time in an English text, from left to right, resolved against a reference moment. `day_first`
/// says that 03/04 is the third of April.
pub fn moments(text: &str, reference: jiff::civil::DateTime, day_first: bool) -> Vec<Expression> {
    moment::find(text, &moment::Context { reference, day_first })
}
