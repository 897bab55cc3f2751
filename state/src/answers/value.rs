//! Values of answers in the file: JSON, but for vectors, which are numbers of 4 bytes.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde_json::{Number, Value};

/// A value as it is bound.
pub(crate) struct Bound<'a>(pub(crate) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Array(items) => match vector(items) {
                Some(bytes) => ToSqlOutput::from(bytes),
                None => ToSqlOutput::from(self.0.to_string()),
            },
            other => ToSqlOutput::from(other.to_string()),
        })
    }
}

/// The bytes of numbers, little-endian, where single precision holds each exactly. None where it does not, or where there
/// is none.
fn vector(items: &[Value]) -> Option<Vec<u8>> {
    if items.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(items.len() * 4);
    for item in items {
        // `1` and `1.0` are different values of JSON; only the latter is a coordinate.
        let number = item.as_number().filter(|number| number.is_f64())?.as_f64()?;
        let single = number as f32;
        if f64::from(single).to_bits() != number.to_bits() {
            return None;
        }
        bytes.extend_from_slice(&single.to_le_bytes());
    }
    Some(bytes)
}

/// The value in a column. None where it is not what was written.
pub(crate) fn read(column: ValueRef<'_>) -> Option<Value> {
    match column {
        ValueRef::Null => Some(Value::Null),
        ValueRef::Text(text) => serde_json::from_slice(text).ok(),
        ValueRef::Blob(bytes) => {
            let (numbers, []) = bytes.as_chunks::<4>() else {
                return None;
            };
            let number = |bytes: &[u8; 4]| Number::from_f64(f64::from(f32::from_le_bytes(*bytes))).map(Value::Number);
            numbers
                .iter()
                .map(number)
                .collect::<Option<Vec<Value>>>()
                .map(Value::Array)
        }
        ValueRef::Integer(_) | ValueRef::Real(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn back(value: &Value) -> Option<Value> {
        match Bound(value).to_sql().unwrap() {
            ToSqlOutput::Borrowed(column) => read(column),
            ToSqlOutput::Owned(owned) => read(ValueRef::from(&owned)),
            _ => None,
        }
    }

    #[test]
    fn values_of_every_kind_come_back_as_they_were() {
        for value in [
            json!(null),
            json!(true),
            json!("späte Lieferung"),
            json!(""),
            json!([]),
            json!(["a", "b"]),
            json!([1, 2]),
            json!([0.1, 1.0]),
            json!([0.5, -0.0]),
            json!({"b": 1, "a": [null]}),
        ] {
            assert_eq!(
                format!("{:?}", back(&value)),
                format!("{:?}", Some(value)),
                "to the sign of zero"
            );
        }
    }

    #[test]
    fn a_vector_takes_four_bytes_a_number() {
        let vector = Value::from((0..384).map(|at| (at as f32).sin()).collect::<Vec<f32>>());
        let ToSqlOutput::Owned(rusqlite::types::Value::Blob(bytes)) = Bound(&vector).to_sql().unwrap() else {
            panic!("no bytes")
        };
        assert_eq!(bytes.len(), 384 * 4);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(ValueRef::Blob(&bytes));
            let _ = read(ValueRef::Text(&bytes));
        }
    }
}
