//! Takes checked values out of a map by their keys. What was wrong has been said by then, so that a value of the wrong
//! shape counts as left out.

use std::collections::BTreeMap;
use std::time::Duration;

use refuel_task::Place;
use refuel_task::yaml::{Content, Node};
use serde_json::{Map, Value};

use super::{Object, syntax, whole};

/// The entries of a map that have not been taken yet.
#[derive(Debug)]
pub(crate) struct Entries {
    /// Where the map is.
    pub(crate) place: Place,
    object: &'static Object,
    left: Vec<(&'static str, Place, Node)>,
    /// `on_error: null` is a word that YAML reads as nothing.
    nulls: Vec<&'static str>,
}

impl Entries {
    /// Opens a map. None where it is none.
    pub(crate) fn open(node: Node, object: &'static Object) -> Option<Self> {
        let Content::Map(entries) = node.content else {
            return None;
        };
        Some(Self::of(entries, node.place, object))
    }

    /// An object without an entry.
    pub(crate) fn none(place: Place, object: &'static Object) -> Self {
        Self::of(Vec::new(), place, object)
    }

    /// The entries of a map that are of an object; the others are left out.
    pub(crate) fn of(entries: Vec<(String, Place, Node)>, place: Place, object: &'static Object) -> Self {
        let mut nulls = Vec::new();
        let left = entries
            .into_iter()
            .filter_map(|(word, place, node)| {
                let key = object.key(&word)?;
                if matches!(node.content, Content::Null) {
                    nulls.push(key.name);
                    return None;
                }
                Some((key.name, place, node))
            })
            .collect();
        Self {
            place,
            object,
            left,
            nulls,
        }
    }

    /// Takes the value of a key, where it is given and not null.
    pub(crate) fn take(&mut self, key: &str) -> Option<Node> {
        #[cfg(test)]
        super::tests::note_taken(self.object, key);
        let index = self.left.iter().position(|(name, ..)| *name == key)?;
        Some(self.left.swap_remove(index).2)
    }

    /// The place of a key, where it is given and not null.
    pub(crate) fn place_of(&self, key: &str) -> Option<&Place> {
        let found = self.left.iter().find(|(name, ..)| *name == key);
        found.map(|(_, place, _)| place)
    }

    /// Whether a key is given as null.
    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.nulls.contains(&key)
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.take(key).and_then(|node| scalar_text(&node))
    }

    /// Text that says something.
    pub(crate) fn filled(&mut self, key: &str) -> Option<String> {
        self.text(key).filter(|text| !text.trim().is_empty())
    }

    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        match self.take(key)?.content {
            Content::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    pub(crate) fn whole(&mut self, key: &str) -> Option<u64> {
        match self.take(key)?.content {
            Content::Number(number) => whole(&number),
            _ => None,
        }
    }

    pub(crate) fn number(&mut self, key: &str) -> Option<f64> {
        match self.take(key)?.content {
            Content::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    pub(crate) fn duration(&mut self, key: &str) -> Option<Duration> {
        self.text(key).as_deref().and_then(syntax::duration)
    }

    /// One word out of a fixed set.
    pub(crate) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let word = self.text(key)?;
        words.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
    }

    /// A list of texts, or one text.
    pub(crate) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let node = self.take(key)?;
        match &node.content {
            Content::List(items) => Some(items.iter().filter_map(scalar_text).collect()),
            _ => scalar_text(&node).map(|text| vec![text]),
        }
    }

    /// The items of a list; one that stands alone counts as a list of it.
    pub(crate) fn list(&mut self, key: &str) -> Vec<Node> {
        match self.take(key) {
            None => Vec::new(),
            Some(Node {
                content: Content::List(items),
                ..
            }) => items,
            Some(node) => vec![node],
        }
    }

    /// A map of whatever.
    pub(crate) fn map(&mut self, key: &str) -> Option<Map<String, Value>> {
        match self.take(key)?.to_json() {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    /// A map of texts.
    pub(crate) fn text_map(&mut self, key: &str) -> Option<BTreeMap<String, String>> {
        match self.take(key)?.content {
            Content::Map(entries) => Some(
                entries
                    .into_iter()
                    .filter_map(|(name, _, node)| Some((name, scalar_text(&node)?)))
                    .collect(),
            ),
            _ => None,
        }
    }

    /// Takes a key of a map that stays where it is.
    pub(crate) fn within(&mut self, key: &str, object: &'static Object, inner: &str) -> Option<Node> {
        #[cfg(test)]
        {
            super::tests::note_taken(self.object, key);
            super::tests::note_taken(object, inner);
        }
        let (.., node) = self.left.iter_mut().find(|(name, ..)| *name == key)?;
        let Content::Map(entries) = &mut node.content else {
            return None;
        };
        let index = entries
            .iter()
            .position(|(word, ..)| object.key(word).is_some_and(|found| found.name == inner))?;
        let (.., found) = entries.remove(index);
        (!matches!(found.content, Content::Null)).then_some(found)
    }

    /// What the map is, with its article.
    pub(crate) fn title(&self) -> &'static str {
        self.object.title
    }

    /// A map with keys of its own.
    pub(crate) fn object(&mut self, key: &str, object: &'static Object) -> Option<Self> {
        self.take(key).and_then(|node| Self::open(node, object))
    }
}

/// The text of a value that is text, a number or a flag.
pub(crate) fn scalar_text(node: &Node) -> Option<String> {
    match &node.content {
        Content::Text(text) => Some(text.clone()),
        Content::Number(number) => Some(number.to_string()),
        Content::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
