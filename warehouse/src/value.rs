//! Values, columns and relations of a warehouse.

use std::fmt;

use refuel_staging::RelationName;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false. SQLite has no type for them, and gives integers.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number of 64 bits.
    Real(f64),
    /// Text; also what has a type that no other variant holds (dates, times, numbers of many digits, arrays), as the
    /// database writes it.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Text that is JSON, from a column of that type.
    Json(String),
}

impl Value {
    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a value that is text or JSON.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Json(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a value that is a whole number, or that of false (0) and true (1).
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Boolean(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    /// The value as JSON: bytes as hexadecimal digits, a number that JSON can't hold as null.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Boolean(value) => (*value).into(),
            Self::Integer(number) => (*number).into(),
            Self::Real(number) => match single(*number) {
                Some(text) => text.parse().unwrap_or(*number).into(),
                None => (*number).into(),
            },
            Self::Text(text) => text.as_str().into(),
            Self::Bytes(bytes) => hexadecimal(bytes).into(),
            Self::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
        }
    }
}

/// As a person reads it: text as it is, null as nothing.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Boolean(value) => value.fmt(formatter),
            Self::Integer(number) => number.fmt(formatter),
            Self::Real(number) => match single(*number) {
                Some(text) => text.fmt(formatter),
                None => number.fmt(formatter),
            },
            Self::Text(text) | Self::Json(text) => text.fmt(formatter),
            Self::Bytes(bytes) => hexadecimal(bytes).fmt(formatter),
        }
    }
}

/// Digits that a number may have and still be what somebody wrote: from single precision come 14 and more.
const DIGITS: usize = 12;

/// The digits of a number that has come from single precision, such as a confidence. SQLite keeps it in double precision,
/// where it has nine more digits that mean nothing. None for a number whose digits are few enough to mean something.
fn single(number: f64) -> Option<String> {
    let short = number as f32;
    if f64::from(short).to_bits() != number.to_bits() || number.fract() == 0.0 {
        return None;
    }
    let digits = |text: &str| {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits.trim_start_matches('0').len()
    };
    (digits(&number.to_string()) > DIGITS).then(|| short.to_string())
}

/// Two digits a byte.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write as _;

    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
            // Writing to a string can't fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A column of a relation or of a query's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as the database names it, such as `integer` or `numeric(10,2)`; `None` where SQLite doesn't know it
    /// before there are rows, as of an expression.
    pub data_type: Option<String>,
    /// Whether it is declared to have no null.
    pub not_null: bool,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// A table; also one in parts.
    Table,
    /// A view.
    View,
    /// A view that keeps its rows.
    MaterializedView,
    /// A table that lives in another database.
    ForeignTable,
}

impl RelationKind {
    /// The word that SQL has for it, in capitals, as in `DROP TABLE`.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::MaterializedView => "MATERIALIZED VIEW",
            Self::ForeignTable => "FOREIGN TABLE",
        }
    }
}

impl fmt::Display for RelationKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Table => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::ForeignTable => "foreign table",
        })
    }
}

/// A relation that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its name, with its schema where the database has schemas.
    pub name: RelationName,
    /// What it is.
    pub kind: RelationKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_precision_number_is_read_with_its_own_digits() {
        assert_eq!(Value::Real(f64::from(0.358_238_16_f32)).to_string(), "0.35823816");
        assert_eq!(Value::Real(0.1 + 0.2).to_string(), "0.30000000000000004");
        assert_eq!(Value::Real(12.5).to_string(), "12.5");
        assert_eq!(Value::Real(f64::NAN).to_string(), "NaN");
    }

    #[test]
    fn a_confidence_is_the_same_number_in_json_whichever_database_kept_it() {
        let json = |number: f64| Value::Real(number).to_json().to_string();
        assert_eq!(json(f64::from(0.480_283_86_f32)), "0.48028386");
        assert_eq!(json(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(json(12.5), "12.5");
    }

    #[test]
    fn a_number_of_double_precision_keeps_its_digits_where_single_precision_could_hold_it_too() {
        for (number, told) in [(1_099_511_627_776.0, "1099511627776"), (1_234_567.125, "1234567.125")] {
            assert_eq!(Value::Real(number).to_string(), told);
            assert_eq!(Value::Real(number).to_json(), serde_json::json!(number));
        }
    }
}
