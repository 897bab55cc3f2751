//! Values on their way into SQLite and out of it.

use rusqlite::Statement;
use rusqlite::types::{Null, ValueRef};

use crate::Value;

/// A value of SQLite. Text that isn't UTF-8 has U+FFFD for what can't be read.
pub(super) fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// Binds a value to place number `place`, counted from 1. JSON is kept as text.
pub(super) fn bind(statement: &mut Statement<'_>, place: usize, value: &Value) -> rusqlite::Result<()> {
    match value {
        Value::Null => statement.raw_bind_parameter(place, Null),
        Value::Boolean(value) => statement.raw_bind_parameter(place, value),
        Value::Integer(number) => statement.raw_bind_parameter(place, number),
        Value::Real(number) => statement.raw_bind_parameter(place, number),
        Value::Text(text) | Value::Json(text) => statement.raw_bind_parameter(place, text.as_str()),
        Value::Bytes(bytes) => statement.raw_bind_parameter(place, bytes.as_slice()),
    }
}
