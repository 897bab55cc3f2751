//! Functional dependencies that the table itself shows, and what they say of a cell.
//!
//! A dependency `zip code → city` holds approximately where rows of one zip code mostly have one city. Its error is `g3`
//! (Kivinen and Mannila 1995): the least share of rows that would have to go for it to hold. `g3` is zero for every left
//! side that is a key, so that what counts here is how often the *other* rows of a group tell a row's value, against how
//! often the most common value does.

mod discover;
mod votes;

pub use discover::Dependency;
pub(crate) use discover::discover;
pub(crate) use votes::{Fits, Support, Votes};
