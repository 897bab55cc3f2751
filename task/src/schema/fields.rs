//! The schema of what a task of kind `extract` reads out.

use serde_json::{Map, Value, json};

use super::{keyed, object};
use crate::parse::{FIELD_KEYS, NULLABLE, SCHEMA_KEYS, TYPES};
use crate::shape::{Format, MOST_CHOICES, MOST_FIELDS};

/// Definitions that refer to one another.
pub(super) fn definitions() -> Map<String, Value> {
    let definitions = [
        ("fields", fields()),
        ("field", field(&["name", "required", NULLABLE], &["name"])),
        ("unnamed", field(&["required", NULLABLE], &[])),
        ("item", field(&[], &[])),
        ("schema", json_schema()),
    ];
    definitions
        .map(|(name, schema)| (name.to_owned(), schema))
        .into_iter()
        .collect()
}

fn fields() -> Value {
    json!({
        "oneOf": [
            {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_FIELDS,
                "items": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/field"}]},
                "description": "Names, or maps with a name.",
            },
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": MOST_FIELDS,
                "additionalProperties": {"oneOf": [{"type": ["string", "null"]}, {"$ref": "#/$defs/unnamed"}]},
                "description": "Names with descriptions, or with maps.",
            },
        ],
    })
}

/// A field, or what stands in a list. Of the keys that not all of these have, `own` are there.
fn field(own: &[&str], required: &[&str]) -> Value {
    let is_item = own.is_empty();
    let keys: Vec<&str> = FIELD_KEYS
        .into_iter()
        .chain([NULLABLE])
        .filter(|key| match *key {
            "description" => !is_item,
            "name" | "required" | NULLABLE => own.contains(key),
            _ => true,
        })
        .collect();
    let text = |description: &str| json!({"type": "string", "description": description});
    let number = |description: &str| json!({"type": "number", "description": description});
    let whole = |description: &str| json!({"type": "integer", "minimum": 1, "description": description});
    let properties = keyed(&keys, |key| match key {
        "name" => text("The key in the answer."),
        "description" => text("What the field is, for the model to read."),
        "type" => json!({
            "enum": TYPES,
            "description": "What its value is. Left out, it is `object` where there are `fields`, `array` where there are \
             `items`, and `string` else.",
        }),
        "enum" => json!({
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "maxItems": MOST_CHOICES,
            "uniqueItems": true,
            "description": "The texts that it can be.",
        }),
        "format" => json!({
            "enum": Format::WORDS.map(|(word, _)| word),
            "description": "The form of the text, as in JSON Schema.",
        }),
        "span" => json!({
            "type": "boolean",
            "description": "Whether the text is a piece of the input, as it is written there, whose place is told. True \
             where there is no `format`.",
        }),
        "minimum" => number("The least."),
        "maximum" => number("The most."),
        "max_length" => whole("The most characters."),
        "max_items" => whole("The most values of a list."),
        "items" => json!({
            "oneOf": [{"enum": &TYPES[..4]}, {"$ref": "#/$defs/item"}],
            "description": "What stands in a list: the word of a type, or a map. Pieces of the input unless told.",
        }),
        "fields" => json!({"$ref": "#/$defs/fields", "description": "The fields of an object."}),
        "required" => json!({
            "type": "boolean",
            "default": false,
            "description": "The value must be there. Else it is null where the text does not say.",
        }),
        NULLABLE => json!({
            "type": "boolean",
            "description": "Null may stay in the answer. Where it may not, a field that is not required is left out.",
        }),
        other => unreachable!("the key {other} of a field has no schema"),
    });
    object(&properties, required)
}

/// The part of JSON Schema that is read.
fn json_schema() -> Value {
    let schema = || json!({"$ref": "#/$defs/schema"});
    let types = || TYPES.into_iter().chain(["null"]).collect::<Vec<_>>();
    let properties = keyed(&SCHEMA_KEYS, |key| {
        let (mut schema, description) = match key {
            "$schema" | "$id" | "title" => (json!({"type": "string"}), "Taken, and passed over."),
            "description" => (json!({"type": "string"}), "What the value is, for the model to read."),
            "type" => (
                json!({"oneOf": [{"enum": TYPES}, {"type": "array", "items": {"enum": types()}}]}),
                "What the value is; with `null` beside it, there may be nothing.",
            ),
            "const" => (json!({"type": "string"}), "The one text that it can be."),
            "enum" => (
                json!({"type": "array", "items": {"type": "string"}}),
                "The texts that it can be.",
            ),
            "format" => (
                json!({"enum": Format::WORDS.map(|(word, _)| word)}),
                "The form of the text.",
            ),
            "span" => (
                json!({"type": "boolean"}),
                "Whether the text is a piece of the input. True where there is no `format`. No word of JSON Schema.",
            ),
            "minimum" => (json!({"type": "number"}), "The least."),
            "maximum" => (json!({"type": "number"}), "The most."),
            "maxLength" => (json!({"type": "integer", "minimum": 1}), "The most characters."),
            "maxItems" => (json!({"type": "integer", "minimum": 1}), "The most values of a list."),
            "items" => (schema(), "What stands in a list."),
            "properties" => (
                json!({"type": "object", "minProperties": 1, "additionalProperties": schema()}),
                "The fields of an object.",
            ),
            "required" => (
                json!({"type": "array", "items": {"type": "string"}}),
                "The fields that must be there.",
            ),
            "nullable" => (json!({"type": "boolean"}), "There may be nothing, and null says so."),
            "additionalProperties" => (json!({"const": false}), "Only fields that are named are read out."),
            other => unreachable!("the word {other} has no schema"),
        };
        schema["description"] = json!(description);
        schema
    });
    let mut schema = object(&properties, &[]);
    schema["description"] = json!("A JSON Schema of these words.");
    schema
}
