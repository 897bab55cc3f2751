//! What comes of a raw value.

use std::ops::Range;

use serde::Serialize;

/// A canonical value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Canonical {
    /// The value, in the one form that its format gives it.
    pub value: String,
    /// What it is made of, by name.
    pub parts: serde_json::Value,
    /// How sure it is that this is what was meant, from 0 to 1. Not calibrated: the task does that on labelled rows.
    pub confidence: f32,
    /// The bytes of the raw value that say it.
    pub span: Range<usize>,
}

/// What comes of a raw value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// One value.
    Canonical(Canonical),
    /// Several values that it may mean, the likeliest first.
    Ambiguous {
        /// The values; none where nothing tells which there are, such as a telephone number of any country.
        candidates: Vec<Canonical>,
        /// What leaves it open.
        reason: &'static str,
    },
    /// No value.
    Refused {
        /// Why not.
        reason: Refusal,
    },
}

impl Outcome {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Canonical(canonical) => Some(&canonical.value),
            _ => None,
        }
    }

    /// The values that it may have.
    pub fn candidates(&self) -> &[Canonical] {
        match self {
            Self::Canonical(canonical) => std::slice::from_ref(canonical),
            Self::Ambiguous { candidates, .. } => candidates,
            Self::Refused { .. } => &[],
        }
    }
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is nothing but space.
    Empty,
    /// Nothing of the sort is in the text.
    NotFound,
    /// It reads like one, and can't be: 30 February, a host without a name.
    Invalid,
    /// It is told from now, and nobody said when that is.
    NeedsReference,
}

/// What was found in a text: where, and what comes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// Bytes in the text.
    pub span: Range<usize>,
    /// What comes of them.
    pub outcome: Outcome,
}

impl Found {
    pub(crate) fn one(value: String, parts: serde_json::Value, confidence: f32, span: Range<usize>) -> Self {
        Self {
            span: span.clone(),
            outcome: Outcome::Canonical(Canonical {
                value,
                parts,
                confidence,
                span,
            }),
        }
    }
}
