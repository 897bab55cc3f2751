//! Reading SQL.

mod read;
mod room;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sqlparser::ast::Query;

use crate::scopes::mentions::{Mentions, mentions};
use crate::stage::{AnswerTables, Plan, Staging};
use crate::{Call, Columns, Dialect, Lineage, Position, RelationName, Result};

/// A query that was read and whose calls are sound.
#[derive(Debug, Clone)]
pub struct Analyzed {
    /// Always there, until it is dropped.
    query: Option<Box<Query>>,
    dialect: Dialect,
    mentions: Mentions,
    /// Length of the text in bytes.
    length: usize,
}

impl Drop for Analyzed {
    fn drop(&mut self) {
        let query = self.query.take();
        room::within(self.length, || drop(query));
    }
}

/// What is worth keeping of a query, without its tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// BLAKE3 of [`Analyzed::canonical`], as 64 hexadecimal digits: the same for queries that differ in comments and
    /// layout alone.
    pub canonical_hash: String,
    /// The calls, in the order of the text.
    pub calls: Vec<Call>,
    /// The relations that are read, each once, in the order of the text, with the place of the first mention. Names of
    /// common table expressions and functions are none.
    pub relations: Vec<(RelationName, Position)>,
}

impl Analyzed {
    /// Reads a query, and checks its calls.
    pub fn parse(sql: &str, dialect: Dialect) -> Result<Self> {
        room::within(sql.len(), || {
            let query = read::query(sql, dialect)?;
            let mentions = mentions(&query, dialect)?;
            Ok(Self {
                query: Some(query),
                dialect,
                mentions,
                length: sql.len(),
            })
        })
    }

    /// What is worth keeping of a query; its tree is let go.
    pub fn facts(sql: &str, dialect: Dialect) -> Result<Facts> {
        let mut analyzed = Self::parse(sql, dialect)?;
        let Mentions { calls, relations, .. } = std::mem::take(&mut analyzed.mentions);
        Ok(Facts {
            canonical_hash: analyzed.canonical_hash(),
            calls,
            relations,
        })
    }

    /// The dialect that it was read in.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The query written anew, in one line: comments and layout are gone, parentheses and names stay as they are.
    pub fn canonical(&self) -> String {
        self.with(ToString::to_string)
    }

    /// The query written anew over several lines, for people.
    pub fn pretty(&self) -> String {
        self.with(|query| format!("{query:#}"))
    }

    /// Does something with the query.
    fn with<R: Default>(&self, what: impl FnOnce(&Query) -> R) -> R {
        match &self.query {
            Some(query) => room::within(self.length, || what(query)),
            None => R::default(),
        }
    }

    /// See [`Facts::canonical_hash`].
    pub fn canonical_hash(&self) -> String {
        // A query is written in many small pieces, of which each would cost a hasher more than it does a text.
        let mut text = String::with_capacity(self.length);
        self.with(|query| {
            // Writing to a text can't fail.
            let _ = write!(text, "{query}");
        });
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }

    /// The calls, in the order of the text.
    pub fn calls(&self) -> &[Call] {
        &self.mentions.calls
    }

    /// The calls on whole relations, each with its relation.
    pub fn computed(&self) -> &[(Call, RelationName)] {
        &self.mentions.computed
    }

    /// The relations that are read; see [`Facts::relations`].
    pub fn relations(&self) -> &[(RelationName, Position)] {
        &self.mentions.relations
    }

    /// The stages of the query: every call whose answers are in a table becomes a lookup.
    ///
    /// # Errors
    ///
    /// A call where no lookup can stand, such as in the recursive part of a recursive query or in `LIMIT`, and what only
    /// the extension has, such as `refuel_detail`.
    pub fn stage(&self, tables: &dyn AnswerTables) -> Result<Plan> {
        match &self.query {
            Some(query) => room::within(self.length, || Staging::plan(query, self.dialect, tables)),
            None => unreachable!("the query is there until it is dropped"),
        }
    }

    /// Where each column comes from.
    pub fn lineage(&self, columns: &dyn Columns) -> Lineage {
        self.with(|query| crate::lineage::of(query, self.dialect, columns))
    }
}
