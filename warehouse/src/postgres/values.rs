//! Values as the server writes them in text.

use tokio_postgres::types::{Kind, Type};

use crate::Value;

/// How the text of a column's values is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Boolean,
    Integer,
    Real,
    Numeric,
    Bytes,
    Json,
    Text,
}

impl Reading {
    /// That of a type, and of a domain over it.
    pub(super) fn of(data_type: &Type) -> Self {
        if let Kind::Domain(below) = data_type.kind() {
            return Self::of(below);
        }
        match *data_type {
            Type::BOOL => Self::Boolean,
            Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Self::Integer,
            Type::FLOAT4 | Type::FLOAT8 => Self::Real,
            Type::NUMERIC => Self::Numeric,
            Type::BYTEA => Self::Bytes,
            Type::JSON | Type::JSONB => Self::Json,
            _ => Self::Text,
        }
    }

    /// The value of a text.
    pub(super) fn value(self, text: Option<&str>) -> Value {
        let Some(text) = text else { return Value::Null };
        let read = match self {
            Self::Boolean => Some(Value::Boolean(text == "t")),
            Self::Integer => text.parse().ok().map(Value::Integer),
            Self::Real => text.parse().ok().map(Value::Real),
            Self::Numeric => numeric(text),
            Self::Bytes => bytes(text).map(Value::Bytes),
            Self::Json => Some(Value::Json(text.to_owned())),
            Self::Text => None,
        };
        read.unwrap_or_else(|| Value::Text(text.to_owned()))
    }
}

/// A decimal number as the number that holds all its digits; `None` where none does. 64 bits hold every number of 15
/// significant digits.
fn numeric(text: &str) -> Option<Value> {
    if let Ok(number) = text.parse() {
        return Some(Value::Integer(number));
    }
    let digits = text.trim_start_matches(['-', '0', '.']).bytes();
    let significant = digits.filter(u8::is_ascii_digit).count();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
    (is_plain && significant <= 15).then(|| text.parse().ok().map(Value::Real))?
}

/// The bytes of `\x` and hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_type() {
        let read = |data_type: &Type, text| Reading::of(data_type).value(Some(text));
        assert_eq!(read(&Type::BOOL, "t"), Value::Boolean(true));
        assert_eq!(read(&Type::INT8, "-9223372036854775808"), Value::Integer(i64::MIN));
        assert_eq!(read(&Type::FLOAT8, "Infinity"), Value::Real(f64::INFINITY));
        assert_eq!(read(&Type::NUMERIC, "12"), Value::Integer(12));
        assert_eq!(read(&Type::NUMERIC, "-0.10"), Value::Real(-0.1));
        assert_eq!(
            read(&Type::NUMERIC, "12345678901234567890.5"),
            Value::Text("12345678901234567890.5".to_owned())
        );
        assert_eq!(read(&Type::NUMERIC, "NaN"), Value::Text("NaN".to_owned()));
        assert_eq!(read(&Type::BYTEA, "\\x00ff"), Value::Bytes(vec![0, 255]));
        assert_eq!(read(&Type::JSONB, "[1]"), Value::Json("[1]".to_owned()));
        assert_eq!(read(&Type::DATE, "2024-02-29"), Value::Text("2024-02-29".to_owned()));
        assert_eq!(Reading::Text.value(None), Value::Null);
    }
}
