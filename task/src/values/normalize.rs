//! How raw values are made canonical.

use std::sync::Arc;

use refuel_normalize::{Format, Outcome, Refusal, Settings, vocabulary};
use serde_json::{Value, json};

use super::vocabulary::Terms;
use crate::kinds::Problem;
use crate::task::ModelName;

/// An entry with at least this score that is ahead by [`SURE_AHEAD`] is the one that is meant.
const SURE: f32 = 0.9;
/// How far ahead of the next one it has to be.
const SURE_AHEAD: f32 = 0.02;
/// The least score of an entry that is answered where nobody else is asked. What is less alike says nothing.
const LEAST: f32 = 0.5;
/// The most entries that a model chooses among.
const MOST_CANDIDATES: usize = 8;

/// How raw values are made canonical.
#[derive(Debug, Clone)]
pub enum Normalization {
    /// To the one form of a sort of value.
    Format {
        /// The sort.
        format: Format,
        /// What the raw values don't say by themselves.
        settings: Box<Settings>,
    },
    /// To an entry of a list or a table.
    Vocabulary {
        /// The entries.
        terms: Arc<Terms>,
        /// The model whose embeddings say which entry is meant where letters don't. None where they are not asked.
        embeddings: Option<ModelName>,
    },
}

/// What comes of a raw value.
#[derive(Debug, Clone, PartialEq)]
pub enum Normalized {
    /// The canonical value, and how sure it is, from 0 to 1.
    Sure(String, f32),
    /// What it may be, the likeliest first, each with how sure it is; of a vocabulary, identifiers.
    Open {
        /// The values. Empty where nothing was found.
        candidates: Vec<(String, f32)>,
        /// Whether the first is right more often than not, so that it is the answer where nobody else is asked.
        is_likely: bool,
        /// Why there is not one.
        reason: String,
    },
}

impl Normalization {
    /// The canonical value of a raw one.
    pub fn of(&self, raw: &str) -> Normalized {
        match self {
            Self::Format { format, settings } => of_outcome(*format, format.normalize(raw, settings)),
            Self::Vocabulary { terms, .. } => of_candidates(&terms.lookup(raw, MOST_CANDIDATES)),
        }
    }

    /// The entries of a vocabulary that a raw value may mean, the likeliest first, each with its identifier and its name.
    /// Those that have the same name are there once: nobody could choose between them. None for a format.
    pub fn choices(&self, raw: &str) -> Vec<(String, String)> {
        let Self::Vocabulary { terms, .. } = self else {
            return Vec::new();
        };
        let mut choices: Vec<(String, String)> = Vec::new();
        for candidate in terms.lookup(raw, MOST_CANDIDATES) {
            if choices.iter().all(|(_, name)| *name != candidate.name) {
                choices.push((candidate.id, candidate.name));
            }
        }
        choices
    }

    /// The entries that an input shows a model, in their order, each with its identifier and its name: the lines of
    /// [`RenderedInput::choosing`](crate::RenderedInput::choosing). Entries may have the same name; of these it is the one
    /// that is most like the raw value.
    pub fn choices_shown(&self, raw: &str, lines: &str) -> Vec<(String, String)> {
        let Self::Vocabulary { terms, .. } = self else {
            return Vec::new();
        };
        let alike = self.choices(raw);
        let of_line = |line: &str| {
            let known = alike.iter().find(|(_, name)| is_line(name, line)).cloned();
            known.or_else(|| {
                let entry = terms.with_value(line)?;
                Some((entry.id.to_string(), entry.value.to_string()))
            })
        };
        lines.lines().filter_map(of_line).collect()
    }

    /// The canonical form of what a model wrote: it must be one that is read without doubt.
    pub fn of_written(&self, written: &str) -> Option<String> {
        match self {
            Self::Format { format, settings } => match format.normalize(written, settings) {
                Outcome::Canonical(canonical) => Some(canonical.value),
                Outcome::Ambiguous { .. } | Outcome::Refused { .. } => None,
            },
            Self::Vocabulary { terms, .. } => terms.id_of(written).map(str::to_owned),
        }
    }

    /// Checks a value that somebody gives as canonical, and puts it into its own form.
    pub(crate) fn read(&self, value: &Value) -> Result<Value, Problem> {
        let text = match value {
            Value::Null => return Ok(Value::Null),
            Value::String(text) if text.trim().is_empty() => return Ok(Value::Null),
            Value::String(text) => text.trim().to_owned(),
            // Numbers and truth values come without quotes.
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            other => {
                return Err(Problem {
                    message: format!("it must be text, not {other}"),
                    hint: None,
                });
            }
        };
        match self {
            Self::Format { format, .. } => match self.of_written(&text) {
                Some(canonical) => Ok(canonical.into()),
                None => Err(Problem::new(
                    format!("\"{text}\" can't be read as {}", format_word(*format)),
                    "write it in its canonical form",
                )),
            },
            Self::Vocabulary { terms, .. } => match terms.id_of(&text) {
                Some(id) => Ok(id.into()),
                None => Err(Problem::new(
                    format!("\"{text}\" is not in the vocabulary"),
                    match terms.lookup(&text, 1).first() {
                        Some(near) => format!("did you mean \"{}\"?", near.name),
                        None => "write the value of an entry, its identifier, or one of its aliases".to_owned(),
                    },
                )),
            },
        }
    }

    /// What is hashed.
    pub(super) fn canonical(&self) -> Value {
        match self {
            Self::Format { format, settings } => json!(["format", format, settings]),
            Self::Vocabulary {
                terms,
                embeddings: None,
            } => json!(["vocabulary", terms.hash()]),
            Self::Vocabulary {
                terms,
                embeddings: Some(model),
            } => json!(["vocabulary", terms.hash(), "embeddings", model.to_string()]),
        }
    }
}

/// Whether a name stands on a line, where white space is one blank.
pub(super) fn is_line(name: &str, line: &str) -> bool {
    name == line || name.split_whitespace().eq(line.split_whitespace())
}

fn of_outcome(format: Format, outcome: Outcome) -> Normalized {
    let word = format_word(format);
    let open = |candidates: Vec<(String, f32)>, reason: String| Normalized::Open {
        candidates,
        is_likely: false,
        reason,
    };
    match outcome {
        Outcome::Canonical(canonical) => Normalized::Sure(canonical.value, canonical.confidence),
        Outcome::Ambiguous { candidates, reason } => open(
            candidates
                .into_iter()
                .map(|canonical| (canonical.value, canonical.confidence))
                .collect(),
            format!("ambiguous: {reason}"),
        ),
        Outcome::Refused { reason } => open(
            Vec::new(),
            match reason {
                Refusal::Empty => "there is nothing but space".to_owned(),
                Refusal::NotFound => format!("{word} was not found"),
                Refusal::Invalid => format!("it reads like {word} and can't be one"),
                Refusal::NeedsReference => {
                    "it is told from now, and the task's format has no \"reference\" that says when that is".to_owned()
                }
            },
        ),
    }
}

fn of_candidates(found: &[vocabulary::Candidate]) -> Normalized {
    let Some(best) = found.first() else {
        return Normalized::Open {
            candidates: Vec::new(),
            is_likely: false,
            reason: "nothing in the vocabulary is like it".to_owned(),
        };
    };
    let ahead = vocabulary::margin(found);
    if best.score >= SURE && ahead >= SURE_AHEAD {
        return Normalized::Sure(best.id.clone(), best.score);
    }
    Normalized::Open {
        candidates: found
            .iter()
            .map(|candidate| (candidate.id.clone(), candidate.score))
            .collect(),
        is_likely: best.score >= LEAST && ahead > 0.0,
        reason: if best.score < LEAST {
            "no entry of the vocabulary is alike enough".to_owned()
        } else if ahead < SURE_AHEAD {
            "several entries of the vocabulary are alike".to_owned()
        } else {
            "the entry that is most like it may not be the one that is meant".to_owned()
        },
    }
}

/// A format in words, with its article.
pub fn format_word(format: Format) -> &'static str {
    match format {
        Format::Date => "a date",
        Format::Time => "a time",
        Format::Datetime => "a date with a time",
        Format::Duration => "a duration",
        Format::Phone => "a telephone number",
        Format::Amount => "an amount of money",
        Format::Number => "a number",
        Format::Quantity => "a quantity with a unit",
        Format::Country => "a country",
        Format::Language => "a language",
        Format::Boolean => "a truth value",
        Format::Email => "an e-mail address",
        Format::Url => "a URL",
        Format::Person => "a person's name",
        Format::Company => "a company's name",
        Format::Address => "a postal address",
    }
}
