//! The columns that JSON Lines become in formats with columns: each key, with the type that its values have in common.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Map, Value};

/// The key that keeps the text of a line which isn't one JSON object, or has a number or a character that can't be held.
pub(crate) const UNPARSED: &str = "unparsed_line";

/// The object of a line, which is its text under [`UNPARSED`] where it can't be parsed.
pub(crate) fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_else(|_| Map::from_iter([(UNPARSED.to_owned(), Value::from(text))]))
}

/// What the values of a key have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All are null.
    Nothing,
    /// Yes or no.
    Boolean,
    /// Whole numbers of 64 bits.
    Integer,
    /// Numbers.
    Number,
    /// Text, or values of several kinds, which are written as text.
    Text,
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_i64() => Self::Integer,
            Value::Number(_) => Self::Number,
            Value::String(_) | Value::Array(_) | Value::Object(_) => Self::Text,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (one, same) if one == same => one,
            (Self::Nothing, kind) | (kind, Self::Nothing) => kind,
            (Self::Integer, Self::Number) | (Self::Number, Self::Integer) => Self::Number,
            _ => Self::Text,
        }
    }
}

/// The keys of some objects in the order of their first appearance, each with what its values have in common.
#[derive(Debug, Default)]
pub(crate) struct JsonColumns {
    columns: Vec<(String, Kind)>,
    places: HashMap<String, usize>,
}

impl JsonColumns {
    /// Those of some lines.
    pub(crate) fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut columns = Self::default();
        lines.for_each(|line| columns.add(&object(line)));
        columns
    }

    /// Takes an object in.
    pub(crate) fn add(&mut self, object: &Map<String, Value>) {
        for (key, value) in object {
            let kind = Kind::of(value);
            if let Some(&place) = self.places.get(key) {
                let column = &mut self.columns[place].1;
                *column = column.and(kind);
            } else {
                self.places.insert(key.clone(), self.columns.len());
                self.columns.push((key.clone(), kind));
            }
        }
    }

    /// The keys.
    pub(crate) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The columns with their types.
    pub(crate) fn schema(&self) -> Schema {
        let fields = self.columns.iter().map(|(name, kind)| {
            let kind = match kind {
                Kind::Boolean => DataType::Boolean,
                Kind::Integer => DataType::Int64,
                Kind::Number => DataType::Float64,
                Kind::Nothing | Kind::Text => DataType::Utf8,
            };
            Field::new(name, kind, true)
        });
        Schema::new(fields.collect::<Vec<Field>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_type_that_its_values_have_in_common() {
        let lines = [
            r#"{"flag": null, "whole": 1, "number": 1, "mixed": true, "nothing": null}"#,
            r#"{"flag": true, "whole": -2, "number": 0.5, "mixed": 1, "large": 18446744073709551615}"#,
            r#"{"nested": {"a": 1}"#,
        ];
        let schema = JsonColumns::of(lines.into_iter()).schema();
        let kinds: Vec<(&str, &DataType)> = schema
            .fields()
            .iter()
            .map(|field| (field.name().as_str(), field.data_type()))
            .collect();
        let expected = [
            ("flag", &DataType::Boolean),
            ("whole", &DataType::Int64),
            ("number", &DataType::Float64),
            ("mixed", &DataType::Utf8),
            ("nothing", &DataType::Utf8),
            ("large", &DataType::Float64),
            (UNPARSED, &DataType::Utf8),
        ];
        assert_eq!(kinds, expected);
    }
}
