//! Spelling against a dictionary of words with counts.

mod dictionary;
mod index;
mod misspelling;
mod speller;

pub use dictionary::{Dictionary, Suggestion};
pub use speller::Speller;
