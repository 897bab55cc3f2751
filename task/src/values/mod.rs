//! What tasks of the kinds `normalize`, `clean` and `enrich` say: rules that answer before a model is asked, and that judge
//! what a model writes.

mod clean;
mod enrich;
mod normalize;
mod vocabulary;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::input::RenderedInput;
use crate::kinds::Kind;
use crate::task::{ModelName, Task};

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
    /// What the rules are, for people.
    pub fn in_words(&self) -> String {
        match self {
            Self::Normalize(Normalization::Format { format, .. }) => format!("the format {}", format.name()),
            Self::Normalize(Normalization::Vocabulary { terms, .. }) => match terms.entries().len() {
                1 => "a vocabulary of 1 entry".to_owned(),
                entries => format!("a vocabulary of {entries} entries"),
            },
            Self::Clean(cleaning) => {
                let names: Vec<&str> = cleaning.rules.iter().map(|rule| rule.name().name()).collect();
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                }
            }
            Self::Enrich(reference) => match reference.len() {
                1 => "a reference table of 1 row".to_owned(),
                rows => format!("a reference table of {rows} rows"),
            },
        }
    }

    /// All of the rules that can change an answer: a table or a word list by its hash. It is what is hashed.
    pub fn canonical(&self) -> Value {
        match self {
            Self::Normalize(normalization) => normalization.canonical(),
            Self::Clean(cleaning) => cleaning.canonical(),
            Self::Enrich(reference) => json!(["reference", reference.key, reference.hash]),
        }
    }
}

/// Fewest entries of a vocabulary that tell, by how near each comes to the others, how near is near enough.
pub const FEWEST_EMBEDDED: usize = 3;

impl Task {
    /// For `normalize`: the entries that embeddings are compared with, and the model that embeds, where the task names one.
    pub fn embedded_vocabulary(&self) -> Option<(&Arc<Terms>, &ModelName)> {
        match &self.value_rules {
            Some(ValueRules::Normalize(Normalization::Vocabulary {
                terms,
                embeddings: Some(model),
            })) => Some((terms, model)),
            _ => None,
        }
    }

    /// That `embeddings` find nothing in the task's vocabulary, as it is too small. None where they may.
    pub fn too_few_to_embed(&self) -> Option<String> {
        let (terms, _) = self.embedded_vocabulary()?;
        let count = terms.entries().len();
        (count < FEWEST_EMBEDDED).then(|| {
            format!(
                "`embeddings` finds nothing: the vocabulary has {count} {}, and no fewer than {FEWEST_EMBEDDED} tell how near in \
                 meaning a value has to come",
                if count == 1 { "entry" } else { "entries" }
            )
        })
    }

    /// What a model reads of an input that rules come before: a raw value with the entries that it may mean, a text as the
    /// rules mended it, a record with the names of the fields that are missing. Of tasks of other kinds, the input itself.
    #[must_use]
    pub fn behind_rules(&self, input: &RenderedInput) -> RenderedInput {
        match &self.value_rules {
            Some(ValueRules::Normalize(normalization @ Normalization::Vocabulary { .. })) => {
                let choices = normalization.choices(&input.text);
                let entries: Vec<&str> = choices.iter().map(|(_, entry)| entry.as_str()).collect();
                RenderedInput::choosing(&input.text, &entries)
            }
            Some(ValueRules::Clean(cleaning)) => RenderedInput::mending(&input.text, &cleaning.mend(&input.text).text),
            _ if self.kind == Kind::ENRICH => self.enriched(&input.text).map_or_else(
                |_| input.clone(),
                |Enriched { known, missing, .. }| {
                    let names: Vec<&str> = missing.iter().map(|field| field.name.as_str()).collect();
                    RenderedInput::completing(&known, &names)
                },
            ),
            _ => input.clone(),
        }
    }
}
