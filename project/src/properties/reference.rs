//! References in properties: `ref('orders')`, `source('shop', 'orders')`.

use std::fmt;

use serde::Serialize;

/// What a model, seed or source is named by, outside of SQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// `ref('orders')`: a model or a seed. `ref('orders.accepted')` is the part of a model that its gates let through.
    Model {
        /// Name, with `.accepted`, `.review` or `.rejected` where it is a part.
        name: String,
    },
    /// `source('shop', 'orders')`: a table of a source.
    Source {
        /// Name of the source.
        source: String,
        /// Name of the table.
        table: String,
    },
}

impl Reference {
    /// Reads `ref('orders')` or `source('shop', 'orders')`, in single or double quotes, with `{{ }}` around it or not.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text
            .strip_prefix("{{")
            .and_then(|text| text.strip_suffix("}}"))
            .unwrap_or(text)
            .trim();
        let (function, arguments) = text.strip_suffix(')')?.split_once('(')?;
        let arguments: Vec<String> = arguments.split(',').map(quoted).collect::<Option<_>>()?;
        match (function.trim(), arguments.as_slice()) {
            ("ref", [name]) => Some(Self::Model { name: name.clone() }),
            ("source", [source, table]) => Some(Self::Source {
                source: source.clone(),
                table: table.clone(),
            }),
            _ => None,
        }
    }
}

/// The text between single or double quotes, where there is any and it has no quote in it.
fn quoted(text: &str) -> Option<String> {
    let text = text.trim();
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.is_empty() && !inner.contains(['\'', '"'])).then(|| inner.to_owned())
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model { name } => write!(f, "ref('{name}')"),
            Self::Source { source, table } => write!(f, "source('{source}', '{table}')"),
        }
    }
}

impl Serialize for Reference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
