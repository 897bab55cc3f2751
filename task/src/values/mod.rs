//! What tasks of the kinds `normalize`, `clean` and `enrich` say: rules that answer before a model is asked, and that judge
//! what a model writes.

mod clean;
mod enrich;
mod normalize;
mod vocabulary;

use std::sync::Arc;

use serde_json::{Value, json};

pub use clean::{Cleaning, Mended};
pub use enrich::{Enriched, Reference};
pub use normalize::{Normalization, Normalized, format_word};
pub(crate) use vocabulary::MOST_ENTRIES;
pub use vocabulary::{Entry, Terms};

pub(crate) use clean::{KEEP_WORDS, MAX_CHANGE};
pub(crate) use enrich::{is_there, key_of, present};

/// The rules of a task.
#[derive(Debug, Clone)]
pub enum ValueRules {
    /// Kind `normalize`.
    Normalize(Normalization),
    /// Kind `clean`.
    Clean(Cleaning),
    /// Kind `enrich`, where it has a reference table.
    Enrich(Arc<Reference>),
}

impl ValueRules {
    /// What is hashed: all that can change an answer.
    pub(crate) fn canonical(&self) -> Value {
        match self {
            Self::Normalize(normalization) => normalization.canonical(),
            Self::Clean(cleaning) => cleaning.canonical(),
            Self::Enrich(reference) => json!(["reference", reference.key, reference.hash]),
        }
    }
}
