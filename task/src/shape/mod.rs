//! What an extracted value may be: the fields of a record, and the shape of each.

mod check;
mod read;
mod write;

pub(crate) use check::{check, checked, filled, typed};
pub use write::spaced;
pub(crate) use write::{spec, written_types};

/// Most fields of a record.
pub const MOST_FIELDS: usize = 200;
/// Deepest nesting of records and lists.
pub const DEEPEST_SHAPE: usize = 8;
/// Most values of an `enum`.
pub const MOST_CHOICES: usize = 1_000;

/// One field of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name, the key in JSON.
    pub name: String,
    /// What it is, for the model to read.
    pub description: Option<String>,
    /// What its value may be.
    pub shape: Shape,
    /// The value must be there: null stands for nothing otherwise.
    pub required: bool,
    /// Null may stay in the answer. A field that is neither required nor nullable is left out where there is nothing.
    pub nullable: bool,
}

impl Field {
    /// Whether the model may write null.
    pub fn takes_null(&self) -> bool {
        self.nullable || !self.required
    }
}

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Text.
    Text(TextShape),
    /// One of these texts.
    Choice(Vec<String>),
    /// A number.
    Number {
        /// The least.
        least: Option<f64>,
        /// The most.
        most: Option<f64>,
    },
    /// A whole number.
    Integer {
        /// The least.
        least: Option<i64>,
        /// The most.
        most: Option<i64>,
    },
    /// True or false.
    Boolean,
    /// A record.
    Object(Vec<Field>),
    /// A list of values of one shape.
    List {
        /// The shape of each.
        items: Box<Shape>,
        /// The most that there may be.
        most: Option<u32>,
    },
}

/// What a text may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextShape {
    /// It is a piece of the input, as it is written there. Its words are whole.
    pub span: bool,
    /// The form that it has.
    pub format: Option<Format>,
    /// The most characters.
    pub most: Option<u32>,
}

/// A form of text: the formats of JSON Schema (draft 2020-12, Validation, section 7.3) that are written with letters of
/// ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `2026-11-26T09:30:00Z` (RFC 3339).
    DateTime,
    /// `2026-11-26`.
    Date,
    /// `09:30:00Z`.
    Time,
    /// `P3DT4H` (ISO 8601).
    Duration,
    /// `mary@example.org`.
    Email,
    /// `www.example.org`.
    Hostname,
    /// `192.0.2.1`.
    Ipv4,
    /// `2001:db8::1`.
    Ipv6,
    /// `https://example.org/a`.
    Uri,
    /// `f81d4fae-7dec-11d0-a765-00a0c91e6bf6`.
    Uuid,
}

impl Format {
    /// Every form with its word in task files.
    pub(crate) const WORDS: [(&'static str, Self); 10] = [
        ("date-time", Self::DateTime),
        ("date", Self::Date),
        ("time", Self::Time),
        ("duration", Self::Duration),
        ("email", Self::Email),
        ("hostname", Self::Hostname),
        ("ipv4", Self::Ipv4),
        ("ipv6", Self::Ipv6),
        ("uri", Self::Uri),
        ("uuid", Self::Uuid),
    ];

    /// The word in task files, which is that of JSON Schema.
    pub fn name(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, format)| *format == self)
            .map_or("", |(name, _)| name)
    }
}
