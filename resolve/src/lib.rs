//! Which records are the same thing.

mod error;
mod features;
mod profile;
mod record;
mod text;

pub use error::ResolveError;
pub use features::{Comparator, Direction, Feature, Measure, Prepared};
pub use profile::{Column, Profile, Role};
pub use record::Record;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, ResolveError>;
