//! Reads the keys of a map one by one, so that whatever is left over or wrong is told with its place.

use crate::error::{Place, TaskError, nearest};
use crate::yaml::{Content, Node};

/// The entries of a map that have not been taken yet.
pub(crate) struct Fields {
    pub(crate) place: Place,
    entries: Vec<(String, Place, Node)>,
}

impl Fields {
    /// Opens a map. `known` are the keys it may have.
    pub(crate) fn open(node: Node, known: &[&str]) -> Result<Self, TaskError> {
        let Content::Map(entries) = node.content else {
            return Err(wrong_type(&node, "a map"));
        };
        let place = node.place;
        let mut seen: Vec<&str> = Vec::with_capacity(entries.len());
        for (key, key_place, _) in &entries {
            if !known.contains(&key.as_str()) {
                return Err(TaskError::UnknownKey {
                    place: key_place.clone(),
                    key: key.clone(),
                    context: within(&place),
                    nearest: nearest(key, known.iter().copied()),
                    known: known.iter().map(|&key| key.to_owned()).collect(),
                });
            }
            if seen.contains(&key.as_str()) {
                return Err(TaskError::Invalid {
                    place: key_place.clone(),
                    message: format!("the key \"{key}\" is given twice"),
                    hint: Some("keep one of the two".to_owned()),
                });
            }
            seen.push(key);
        }
        Ok(Self { place, entries })
    }

    /// Takes the value of a key. A null is the same as leaving the key out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Node> {
        self.take_entry(key).map(|(_, node)| node)
    }

    /// Takes the value of a key, with the place of the key.
    pub(crate) fn take_entry(&mut self, key: &str) -> Option<(Place, Node)> {
        let index = self.entries.iter().position(|(name, ..)| name == key)?;
        let (_, place, node) = self.entries.swap_remove(index);
        (!matches!(node.content, Content::Null)).then_some((place, node))
    }

    /// Whether a key is given as null.
    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.entries
            .iter()
            .any(|(name, _, node)| name == key && matches!(node.content, Content::Null))
    }

    /// The place of a key, where it is given and not null.
    pub(crate) fn place_of(&self, key: &str) -> Option<&Place> {
        self.entries
            .iter()
            .find(|(name, _, node)| name == key && !matches!(node.content, Content::Null))
            .map(|(_, place, _)| place)
    }

    /// Takes the value of a key that must be there.
    pub(crate) fn require(&mut self, key: &str, hint: &str) -> Result<Node, TaskError> {
        self.take(key).ok_or_else(|| TaskError::MissingKey {
            place: self.place.clone(),
            key: key.to_owned(),
            context: within(&self.place),
            hint: hint.to_owned(),
        })
    }

    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, TaskError> {
        self.take(key).map(text).transpose()
    }

    /// One word out of a fixed set.
    pub(crate) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Result<Option<T>, TaskError> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let word = text(node.clone())?;
        match choices.iter().find(|(name, _)| *name == word) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => Err(not_one_of(
                node.place,
                key,
                &word,
                choices.iter().map(|(name, _)| *name),
            )),
        }
    }

    /// A probability.
    pub(crate) fn probability(&mut self, key: &str) -> Result<Option<f32>, TaskError> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let Content::Number(number) = &node.content else {
            return Err(wrong_type(&node, "a number from 0 to 1"));
        };
        match number.as_f64() {
            Some(value) if (0.0..=1.0).contains(&value) => Ok(Some(value as f32)),
            _ => Err(TaskError::Invalid {
                message: format!("\"{key}\" must be from 0 to 1, not {number}"),
                place: node.place,
                hint: Some("it is compared with a probability".to_owned()),
            }),
        }
    }

    /// The text of a key, where it is text.
    pub(crate) fn text_of(&self, key: &str) -> Option<&str> {
        let (.., node) = self.entries.iter().find(|(name, ..)| name == key)?;
        node.content.text()
    }

    /// A whole number within bounds, both included.
    pub(crate) fn whole(&mut self, key: &str, least: u64, most: u64) -> Result<Option<u64>, TaskError> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let Content::Number(number) = &node.content else {
            return Err(wrong_type(&node, "a whole number"));
        };
        match number.as_u64() {
            Some(value) if (least..=most).contains(&value) => Ok(Some(value)),
            _ => Err(TaskError::Invalid {
                message: format!("\"{key}\" must be a whole number from {least} to {most}, not {number}"),
                place: node.place,
                hint: None,
            }),
        }
    }

    pub(crate) fn flag(&mut self, key: &str) -> Result<Option<bool>, TaskError> {
        let Some(node) = self.take(key) else { return Ok(None) };
        match node.content {
            Content::Bool(flag) => Ok(Some(flag)),
            _ => Err(wrong_type(&node, "true or false")),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>, TaskError> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let Content::List(items) = node.content else {
            return Err(wrong_type(&node, "a list of texts"));
        };
        items.into_iter().map(text).collect::<Result<Vec<_>, _>>().map(Some)
    }
}

/// The text of a node.
pub(crate) fn text(node: Node) -> Result<String, TaskError> {
    match node.content {
        Content::Text(text) => Ok(text),
        _ => Err(wrong_type(&node, "text")),
    }
}

/// The error for a value of the wrong type.
pub(crate) fn wrong_type(node: &Node, expected: &str) -> TaskError {
    let written = match &node.content {
        Content::Number(number) => Some(number.to_string()),
        Content::Bool(flag) => Some(flag.to_string()),
        Content::Null => Some("null".to_owned()),
        _ => None,
    };
    let hint = written
        .filter(|_| expected.starts_with("text"))
        .map(|written| format!("put it in quotes: \"{written}\""));
    TaskError::WrongType {
        place: node.place.clone(),
        key: if node.place.path.is_empty() {
            "task".to_owned()
        } else {
            node.place.path.clone()
        },
        expected: expected.to_owned(),
        found: node.content.describe().to_owned(),
        hint,
    }
}

/// The error for a word that is not in its fixed set.
pub(crate) fn not_one_of<'a>(
    place: Place,
    key: &str,
    word: &str,
    words: impl Iterator<Item = &'a str> + Clone,
) -> TaskError {
    let hint = match nearest(word, words.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("it can be {}", words.collect::<Vec<_>>().join(", ")),
    };
    TaskError::Invalid {
        place,
        message: format!("\"{key}\" can't be \"{word}\""),
        hint: Some(hint),
    }
}

/// ` in "examples[2]"`, or nothing at the root.
fn within(place: &Place) -> String {
    if place.path.is_empty() {
        String::new()
    } else {
        format!(" in \"{}\"", place.path)
    }
}
