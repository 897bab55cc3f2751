//! What a text did while it was rendered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fingerprint::{Fingerprint, Hasher};
use crate::nodes::Part;

/// What `ref()`, `source()` or `this` asked for, before it is known whether it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Asked {
    /// `ref('name')`, `ref('project', 'name')`, `ref('name.accepted')`.
    Ref {
        /// The project, where it was named.
        project: Option<String>,
        /// The model or seed.
        name: String,
        /// The part of the model.
        part: Option<Part>,
    },
    /// `source('source', 'table')`.
    Source {
        /// The source.
        source: String,
        /// Its table.
        table: String,
    },
    /// `this`.
    This,
}

/// Values from outside that a text used, by name; in hashes, since they may be secret. None: there was no value, and a
/// default was taken.
pub(crate) type Used = BTreeMap<String, Option<Fingerprint>>;

/// What a text looked at while it was rendered. Where all of it is the same again, so is the result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Uses {
    /// Variables.
    pub(crate) vars: Used,
    /// Environment variables.
    pub(crate) env: Used,
    /// Settings from outside of the file, by `config.get()`.
    pub(crate) config: Used,
    /// Whether it asked `is_incremental()`.
    pub(crate) incremental: bool,
    /// Whether it asked for the time or the id of the run: what is hashed has fixed ones, and what runs is rendered anew.
    pub(crate) volatile: bool,
}

impl Uses {
    /// Adds what another rendering of the same file looked at.
    pub(crate) fn merge(&mut self, other: Self) {
        self.vars.extend(other.vars);
        self.env.extend(other.env);
        self.config.extend(other.config);
        self.incremental |= other.incremental;
        self.volatile |= other.volatile;
    }
}

/// The hash of a value that was used.
pub(crate) fn value_hash(value: &Value) -> Fingerprint {
    Hasher::new("value").text(&value.to_string()).finish()
}

/// The hash of a text that was used.
pub(crate) fn text_hash(text: &str) -> Fingerprint {
    Fingerprint::of(text.as_bytes())
}

/// A rendered text, and what came up meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    /// The text, with marks.
    pub(crate) text: String,
    /// What the marks stand for, by number.
    pub(crate) asked: Vec<Asked>,
    /// What it looked at.
    pub(crate) uses: Uses,
    /// What `config(...)` said.
    pub(crate) config: Option<Map<String, Value>>,
    /// What `log()` said, and whether it is to be shown.
    pub(crate) messages: Vec<(String, bool)>,
    /// What `exceptions.warn()` said.
    pub(crate) warnings: Vec<String>,
}

impl Rendered {
    /// The number of what was asked for; a new one the first time.
    pub(crate) fn number(&mut self, asked: Asked) -> usize {
        if let Some(number) = self.asked.iter().position(|known| *known == asked) {
            return number;
        }
        self.asked.push(asked);
        self.asked.len() - 1
    }
}
