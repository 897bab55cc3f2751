//! What is kept of a file.
//!
//! The format is not self-describing, so what is kept has types of its own: those of other crates leave fields out when
//! they are written as JSON.

use std::sync::Arc;

use refuel_project::{Stamp, Store};
use refuel_staging::{Asked as AskedOfModel, Call, Facts, Function, Position, RelationName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::render::{Asked, Uses};

/// What an entry is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A file of SQL.
    Sql,
    /// A seed.
    Seed,
}

/// What can be kept of a file.
pub(crate) trait Keep: Serialize + DeserializeOwned {
    /// What it is kept of.
    const KIND: Kind;
}

impl Keep for Kept {
    const KIND: Kind = Kind::Sql;
}

impl Keep for KeptSeed {
    const KIND: Kind = Kind::Seed;
}

/// What stands in front of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    kind: Kind,
    /// Hash of what is kept, so that it need not be made again.
    pub(crate) made: Fingerprint,
    /// What told the file from others when it was read, where that is enough to tell.
    pub(crate) stamp: Option<Stamp>,
}

/// An entry as the file has it, and the hash of what is kept. None where it can't be written.
pub(crate) fn to_bytes<T: Keep>(kept: &T, stamp: Option<Stamp>, path: &str) -> Option<(Vec<u8>, Fingerprint)> {
    let rest = postcard::to_stdvec(kept).ok()?;
    let head = Head {
        kind: T::KIND,
        made: Fingerprint::of(&rest),
        stamp,
    };
    let mut content = postcard::to_stdvec(&head).ok()?;
    content.extend_from_slice(&rest);
    Some((Store::entry(path, &content)?, head.made))
}

/// What an entry keeps; None where it is of another kind, or damaged.
pub(crate) fn from_bytes<T: Keep>(entry: &[u8]) -> Option<(T, Head)> {
    let (head, rest) = postcard::take_from_bytes::<Head>(entry).ok()?;
    let kept = (head.kind == T::KIND).then(|| postcard::from_bytes(rest).ok())?;
    Some((kept?, head))
}

/// What was made of a file of SQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Hash of its text.
    pub(crate) text: Fingerprint,
    /// What rendering looked at.
    pub(crate) uses: Uses,
    /// What `config(...)` said, as a JSON object.
    pub(crate) config: Option<String>,
    /// For a full build. None where the file says that its node is disabled.
    pub(crate) full: Option<KeptText>,
    /// For an incremental build, where it is another.
    pub(crate) incremental: Option<KeptText>,
    /// What `log()` said.
    pub(crate) messages: Vec<(String, bool)>,
    /// What `exceptions.warn()` said.
    pub(crate) warnings: Vec<String>,
}

/// A rendered text with what was found in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptText {
    pub(crate) text: String,
    pub(crate) asked: Vec<Asked>,
    hash: [u8; 32],
    calls: Vec<(Function, KeptAsked, u32, u32)>,
    relations: Vec<(Option<String>, String, u32, u32)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum KeptAsked {
    Task(String, Option<u32>),
    Embed(String),
    Complete(String, Option<String>),
}

/// The hash of a seed's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptSeed {
    /// BLAKE3 of its content.
    pub(crate) hash: [u8; 32],
}

impl KeptText {
    pub(crate) fn new(text: String, asked: Vec<Asked>, facts: Facts) -> Self {
        let hash = blake3::Hash::from_hex(&facts.canonical_hash).map_or_else(
            |_| *blake3::hash(facts.canonical_hash.as_bytes()).as_bytes(),
            |hash| *hash.as_bytes(),
        );
        let asked_of_model = |asked| match asked {
            AskedOfModel::Task { name, version } => KeptAsked::Task(name, version),
            AskedOfModel::Embed { model } => KeptAsked::Embed(model),
            AskedOfModel::Complete { model, options } => KeptAsked::Complete(model, options),
        };
        Self {
            text,
            asked,
            hash,
            calls: facts
                .calls
                .into_iter()
                .map(|call| {
                    let Position { line, column } = call.position;
                    (call.function, asked_of_model(call.asked), line, column)
                })
                .collect(),
            relations: facts
                .relations
                .into_iter()
                .map(|(relation, at)| (relation.schema, relation.name, at.line, at.column))
                .collect(),
        }
    }

    pub(crate) fn into_parts(self) -> (Arc<str>, Vec<Asked>, Facts) {
        let asked_of_model = |asked| match asked {
            KeptAsked::Task(name, version) => AskedOfModel::Task { name, version },
            KeptAsked::Embed(model) => AskedOfModel::Embed { model },
            KeptAsked::Complete(model, options) => AskedOfModel::Complete { model, options },
        };
        let facts = Facts {
            canonical_hash: blake3::Hash::from_bytes(self.hash).to_hex().to_string(),
            calls: self
                .calls
                .into_iter()
                .map(|(function, asked, line, column)| Call {
                    function,
                    asked: asked_of_model(asked),
                    position: Position { line, column },
                })
                .collect(),
            relations: self
                .relations
                .into_iter()
                .map(|(schema, name, line, column)| (RelationName { schema, name }, Position { line, column }))
                .collect(),
        };
        (self.text.into(), self.asked, facts)
    }
}
