//! Writes shapes: for a model to read, and as task files have them.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Value, json};

use super::{Field, Shape};

/// JSON on one line with a space after each `:` and `,`, which language models have seen most.
pub fn spaced(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    // Writing a value that is JSON already into memory can't fail.
    if value.serialize(&mut serializer).is_err() {
        return value.to_string();
    }
    String::from_utf8(bytes).unwrap_or_else(|_| value.to_string())
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// What each field is, a line each, nested ones indented: `- price (number): what it costs`.
pub(crate) fn written_types(fields: &[Field]) -> String {
    let mut lines = Vec::new();
    write_fields(fields, 0, &mut lines);
    lines.join("\n")
}

fn write_fields(fields: &[Field], depth: usize, lines: &mut Vec<String>) {
    for field in fields {
        let mut line = format!("{}- {}", "  ".repeat(depth), field.name);
        if let Some(words) = words(&field.shape) {
            line.push_str(&format!(" ({words})"));
        }
        if let Some(description) = &field.description {
            line.push_str(": ");
            line.push_str(&description.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        lines.push(line);
        let mut shape = &field.shape;
        while let Shape::List { items, .. } = shape {
            shape = items;
        }
        if let Shape::Object(fields) = shape {
            write_fields(fields, depth + 1, lines);
        }
    }
}

/// A shape in words. None for plain text.
fn words(shape: &Shape) -> Option<String> {
    Some(match shape {
        Shape::Text(text) => text.format?.name().to_owned(),
        Shape::Choice(choices) => choices.join(" or "),
        Shape::Number { .. } => "number".to_owned(),
        Shape::Integer { .. } => "whole number".to_owned(),
        Shape::Boolean => "true or false".to_owned(),
        Shape::Object(_) => "object".to_owned(),
        Shape::List { items, .. } => match words(items) {
            Some(words) => format!("list of {words}"),
            None => "list".to_owned(),
        },
    })
}

/// Fields as the list of a task file, from which the same fields are read. Nothing that can be left out is there.
pub(crate) fn spec(fields: &[Field]) -> Value {
    fields.iter().map(|field| Value::Object(field_spec(field))).collect()
}

fn field_spec(field: &Field) -> Map<String, Value> {
    let mut keys = Map::new();
    keys.insert("name".to_owned(), json!(field.name));
    if let Some(description) = &field.description {
        keys.insert("description".to_owned(), json!(description));
    }
    keys.extend(shape_spec(&field.shape));
    if field.required {
        keys.insert("required".to_owned(), json!(true));
    }
    if field.nullable == field.required {
        keys.insert("nullable".to_owned(), json!(field.nullable));
    }
    keys
}

fn shape_spec(shape: &Shape) -> Map<String, Value> {
    let mut keys = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            keys.insert(key.to_owned(), value);
        }
    };
    match shape {
        Shape::Text(text) => {
            put("type", json!("string"));
            put("format", json!(text.format.map(super::Format::name)));
            put("max_length", json!(text.most));
            if text.span == text.format.is_some() {
                put("span", json!(text.span));
            }
        }
        Shape::Choice(choices) => {
            put("type", json!("string"));
            put("enum", json!(choices));
        }
        Shape::Number { least, most } => {
            put("type", json!("number"));
            put("minimum", json!(least));
            put("maximum", json!(most));
        }
        Shape::Integer { least, most } => {
            put("type", json!("integer"));
            put("minimum", json!(least));
            put("maximum", json!(most));
        }
        Shape::Boolean => put("type", json!("boolean")),
        Shape::Object(fields) => {
            put("type", json!("object"));
            put("fields", spec(fields));
        }
        Shape::List { items, most } => {
            put("type", json!("array"));
            put("items", Value::Object(shape_spec(items)));
            put("max_items", json!(most));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_with_spaces() {
        let value = json!({"a": [1, "x\n\"y\" ü"], "b": {}, "c": [], "d": null});
        insta::assert_snapshot!(spaced(&value), @r#"{"a": [1, "x\n\"y\" ü"], "b": {}, "c": [], "d": null}"#);
    }
}
