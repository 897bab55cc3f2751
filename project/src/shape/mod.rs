//! What files may hold, written down as tables of keys. Readers check against the tables, and JSON Schemas are made of
//! them, so that the two can't differ.

mod check;
mod entries;
mod schema;
mod syntax;
#[cfg(test)]
mod tests;

pub(crate) use check::{Problems, check, suggestion, whole};
pub(crate) use entries::Entries;
pub(crate) use schema::{Definitions, schema_of};
pub(crate) use syntax::{
    CHARACTER, COMPARISON, DURATION, NAME, P_VALUE, PROBABILITY_BOUND, PSI, REFERENCE, Syntax, TITLE, at_most,
};

/// The largest whole number where there is no other bound: a float holds it exactly, so that every reader of a file and
/// of a schema sees the same number.
pub(crate) const MOST: u64 = 1_000_000_000_000_000;

/// What a value may be. A null is the same as leaving the key out, wherever it stands.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Text.
    Text,
    /// Text of a certain form.
    Formed(&'static Syntax),
    /// Text, a number or a flag, where quotes would only be in the way.
    Scalar,
    /// `true` or `false`.
    Flag,
    /// A whole number within bounds, both included.
    Whole { least: u64, most: u64 },
    /// A number within bounds, both included.
    Number { least: f64, most: f64 },
    /// One word out of these.
    Word(&'static [&'static str]),
    /// A list.
    List(&'static Shape),
    /// A list, or one item without it.
    OneOrMore(&'static Shape),
    /// A map with any keys.
    Map(&'static Shape),
    /// A map with these keys.
    Object(&'static Object),
    /// The name of one of these objects, or a map of one of the names to the object's keys.
    Named(&'static [&'static Object]),
    /// A map with the keys of the object whose name is the value of the key `type`.
    Typed(&'static [&'static Object]),
    /// A map of folders, whose keys with `+` are those of the object and whose other keys are folders.
    Folders(&'static Object),
    /// The first of these that the value is of the type of.
    Either(&'static [Shape]),
    /// A value of this shape, or text with `{{ env_var('X') }}` in it, which becomes one.
    Templated(&'static Shape),
    /// Anything.
    Anything,
}

/// A map with its keys.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its name among the definitions of a schema.
    pub(crate) name: &'static str,
    /// What it is in a sentence, with its article: `a model`.
    pub(crate) title: &'static str,
    /// Every key that it may have.
    pub(crate) keys: &'static [Key],
    /// Whether keys may be written with `-` for `_`.
    pub(crate) hyphens: bool,
    /// For configuration: the name of the definition of its folders.
    pub(crate) folders: Option<&'static str>,
}

/// A key of a map.
#[derive(Debug)]
pub(crate) struct Key {
    /// The key.
    pub(crate) name: &'static str,
    /// Another spelling of it.
    pub(crate) alias: Option<&'static str>,
    /// What its value may be.
    pub(crate) shape: Shape,
    /// For a key that must be there: what to write.
    pub(crate) required: Option<&'static str>,
    /// What it says, in a sentence.
    pub(crate) about: &'static str,
}

impl Key {
    /// A key that may be left out.
    pub(crate) const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self {
            name,
            alias: None,
            shape,
            required: None,
            about,
        }
    }

    /// The same, for a key that must be there. `hint` says what to write.
    pub(crate) const fn required(mut self, hint: &'static str) -> Self {
        self.required = Some(hint);
        self
    }

    /// The same, with another spelling.
    pub(crate) const fn or(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }
}

impl Object {
    /// An object whose keys are written as they are.
    pub(crate) const fn new(name: &'static str, title: &'static str, keys: &'static [Key]) -> Self {
        Self {
            name,
            title,
            keys,
            hyphens: false,
            folders: None,
        }
    }

    /// The same, whose keys may be written with `-` for `_`.
    pub(crate) const fn with_hyphens(mut self) -> Self {
        self.hyphens = true;
        self
    }

    /// The same, which may also be said by folder. `name` is that of the definition of folders.
    pub(crate) const fn by_folder(mut self, name: &'static str) -> Self {
        self.folders = Some(name);
        self
    }

    /// The key that a word is a spelling of.
    pub(crate) fn key(&self, word: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| {
            key.name == word
                || key.alias == Some(word)
                || (self.hyphens && word.contains('-') && key.name == word.replace('-', "_"))
        })
    }

    /// Every spelling of a key.
    pub(crate) fn spellings_of(&self, key: &Key) -> Vec<String> {
        let mut found = vec![key.name.to_owned()];
        found.extend(key.alias.map(ToOwned::to_owned));
        if self.hyphens && key.name.contains('_') {
            found.push(key.name.replace('_', "-"));
        }
        found
    }
}
