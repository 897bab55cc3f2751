//! A tree of values that know where they were written, from YAML text or from a JSON value.
//!
//! Every file of a project is read through it, so that whatever is wrong is told with its line and column.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use crate::error::{Place, TaskError};

/// What keeps a text from being a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// The text is not YAML, or nests or holds more than is read.
    #[error("{place}: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// What is wrong.
        message: String,
    },
    /// A map has the same key twice.
    #[error("{place}: the key \"{key}\" is given twice")]
    DuplicateKey {
        /// Where it is given again.
        place: Place,
        /// The key.
        key: String,
    },
}

impl From<YamlError> for TaskError {
    fn from(error: YamlError) -> Self {
        match error {
            YamlError::Syntax { place, message } => Self::Syntax { place, message },
            YamlError::DuplicateKey { place, key } => Self::Invalid {
                place,
                message: format!("the key \"{key}\" is given twice"),
                hint: Some("keep one of the two".to_owned()),
            },
        }
    }
}

/// Deepest nesting that is read. Task files need five levels, properties of models ten; the limit protects the stack.
const DEEPEST: usize = 32;
/// Most nodes that are read: enough for 10,000 labels with descriptions and as many inline examples.
const MOST_NODES: usize = 200_000;

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it was written.
    pub place: Place,
    /// What was written.
    pub content: Content,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// Nothing: `null`, `~`, or no value at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(serde_json::Number),
    /// Any other scalar.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// Keys with their own places, in the order written.
    Map(Vec<(String, Place, Node)>),
}

impl Content {
    /// The text of a scalar that is text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The type in words, with its article.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Node {
    /// Reads one YAML document. `source` is the name that errors show.
    ///
    /// # Errors
    /// [`YamlError`] where the text is not one YAML document, or holds more than is read: 32 levels, 200,000 values.
    pub fn from_yaml(text: &str, source: &str) -> Result<Self, YamlError> {
        let source: &Arc<str> = &source.into();
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: DEEPEST, max_nodes: MOST_NODES, max_documents: 1 },
            // YAML 1.2: `yes`, `no`, `on` and `off` are text. They are common labels.
            strict_booleans: true,
        };
        let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let position = error.location().map(|at| (at.line() as u32, at.column() as u32));
            let place = Place {
                source: source.clone(),
                position,
                path: String::new(),
            };
            match error.without_snippet() {
                serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => YamlError::DuplicateKey {
                    place,
                    key: key.clone(),
                },
                other => YamlError::Syntax {
                    place,
                    message: first_line(&other.render()),
                },
            }
        })?;
        Ok(locate(raw, source, String::new()))
    }

    /// Reads a JSON value, such as a row of a catalog. `source` is the name that errors show.
    ///
    /// # Errors
    /// [`YamlError::Syntax`] where it nests more than 32 levels.
    pub fn from_json(value: &Value, source: &str) -> Result<Self, YamlError> {
        fn convert(value: &Value, source: &Arc<str>, path: String, depth: usize) -> Result<Node, YamlError> {
            let place = Place {
                source: source.clone(),
                position: None,
                path,
            };
            if depth > DEEPEST {
                let message = format!("values are nested more than {DEEPEST} deep");
                return Err(YamlError::Syntax { place, message });
            }
            let content = match value {
                Value::Null => Content::Null,
                Value::Bool(flag) => Content::Bool(*flag),
                Value::Number(number) => Content::Number(number.clone()),
                Value::String(text) => Content::Text(text.clone()),
                Value::Array(items) => Content::List(
                    items
                        .iter()
                        .enumerate()
                        .map(|(index, item)| convert(item, source, item_path(&place.path, index), depth + 1))
                        .collect::<Result<_, _>>()?,
                ),
                Value::Object(entries) => Content::Map(
                    entries
                        .iter()
                        .map(|(key, value)| {
                            let path = key_path(&place.path, key);
                            let node = convert(value, source, path, depth + 1)?;
                            Ok((key.clone(), node.place.clone(), node))
                        })
                        .collect::<Result<_, YamlError>>()?,
                ),
            };
            Ok(Node { place, content })
        }
        convert(value, &source.into(), String::new(), 0)
    }

    /// The same value without places.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(flag) => Value::Bool(*flag),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, _, node)| (key.clone(), node.to_json()))
                    .collect(),
            ),
        }
    }
}

/// Path of an item: `labels[3]`, counted from 1 as people count.
pub fn item_path(parent: &str, index: usize) -> String {
    format!("{parent}[{}]", index + 1)
}

/// Path of a key: `labels.name`.
pub fn key_path(parent: &str, key: &str) -> String {
    if parent.is_empty() {
        key.to_owned()
    } else {
        format!("{parent}.{key}")
    }
}

/// The first line of what the YAML reader says, without the position that our own place shows.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or("not YAML");
    let line = line.strip_prefix("error: ").unwrap_or(line);
    // Values are read as whatever they are, so only a key can be null where text is wanted.
    if line.contains("cannot deserialize null into string") {
        return "not valid YAML: a key is null; put it in quotes".to_owned();
    }
    if let Some((_, breach)) = line.split_once("budget breached: ") {
        return match breach.split(' ').next() {
            Some("Documents") => "there is more than one YAML document; a file is one".to_owned(),
            Some("Depth") => format!("values are nested more than {DEEPEST} deep"),
            _ => format!("the YAML holds too much: at most {MOST_NODES} values are read"),
        };
    }
    let cut = line.find(" at line ").map_or(line, |end| &line[..end]);
    let cut = cut.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ':' || letter == ' ');
    let mut letters = cut.chars();
    let lower = letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect::<String>());
    format!("not valid YAML: {}", lower.unwrap_or_default().trim_end_matches('.'))
}

/// What serde gives us before paths are known.
enum Raw {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn locate(raw: Spanned<Raw>, source: &Arc<str>, path: String) -> Node {
    let content = match raw.value {
        Raw::Null => Content::Null,
        Raw::Bool(flag) => Content::Bool(flag),
        Raw::Number(number) => Content::Number(number),
        Raw::Text(text) => Content::Text(text),
        Raw::List(items) => Content::List(
            items
                .into_iter()
                .enumerate()
                .map(|(index, item)| locate(item, source, item_path(&path, index)))
                .collect(),
        ),
        Raw::Map(entries) => Content::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let path = key_path(&path, &key.value);
                    let key_place = place_of(key.referenced, source, path.clone());
                    (key.value, key_place, locate(value, source, path))
                })
                .collect(),
        ),
    };
    Node {
        place: place_of(raw.referenced, source, path),
        content,
    }
}

fn place_of(location: Location, source: &Arc<str>, path: String) -> Place {
    let position = (location != Location::UNKNOWN).then(|| (location.line() as u32, location.column() as u32));
    Place {
        source: source.clone(),
        position,
        path,
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;

        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
                Raw::deserialize(deserializer)
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(flag))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Raw, E> {
                Ok(Raw::Number(number.into()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Raw, E> {
                Ok(Raw::Number(number.into()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Raw, E> {
                serde_json::Number::from_f64(number)
                    .map(Raw::Number)
                    .ok_or_else(|| de::Error::custom("a number must be finite"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw::Text(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Raw, E> {
                Ok(Raw::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                Ok(Raw::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = access.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Map(entries))
            }
        }

        deserializer.deserialize_any(RawVisitor)
    }
}
