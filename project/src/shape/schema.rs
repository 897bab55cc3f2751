//! JSON Schemas of shapes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Key, Object, Shape};

/// Definitions of a schema, by name.
pub(crate) type Definitions = BTreeMap<&'static str, Value>;

/// The schema of a shape. Objects in it are put into `definitions`.
pub(crate) fn schema_of(shape: &'static Shape, definitions: &mut Definitions) -> Value {
    match shape {
        Shape::Text => json!({"type": "string"}),
        Shape::Formed(syntax) => {
            let text = json!({
                "type": "string",
                "pattern": syntax.pattern,
                "description": format!("Written as {}.", syntax.example),
            });
            if syntax.numbers {
                json!({"anyOf": [text, {"type": "number", "minimum": 0}]})
            } else {
                text
            }
        }
        Shape::Scalar => json!({"type": ["string", "number", "boolean"]}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Whole { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Shape::Number { least, most } => {
            let mut schema = json!({"type": "number", "minimum": least});
            if most.is_finite() {
                schema["maximum"] = json!(most);
            }
            schema
        }
        Shape::Word(words) => json!({"enum": words}),
        Shape::List(item) => json!({"type": "array", "items": schema_of(item, definitions)}),
        Shape::OneOrMore(item) => {
            let item = schema_of(item, definitions);
            json!({"anyOf": [item, {"type": "array", "items": item}]})
        }
        Shape::Map(value) => json!({"type": "object", "additionalProperties": schema_of(value, definitions)}),
        Shape::Object(object) => reference(object, definitions),
        Shape::Named(objects) => named(objects, definitions),
        Shape::Typed(objects) => typed(objects, definitions),
        Shape::Folders(object) => folders(object, definitions),
        Shape::Either(shapes) => {
            let choices: Vec<Value> = shapes.iter().map(|shape| schema_of(shape, definitions)).collect();
            json!({"anyOf": choices})
        }
        // What is text anyway holds a template as well.
        Shape::Templated(shape @ (Shape::Text | Shape::Scalar)) => schema_of(shape, definitions),
        Shape::Templated(shape) => {
            let schema = schema_of(shape, definitions);
            json!({"anyOf": [schema, {"type": "string", "pattern": "\\{\\{"}]})
        }
        Shape::Anything => json!({}),
    }
}

/// A reference to an object's definition, which is made where it is not there yet.
fn reference(object: &'static Object, definitions: &mut Definitions) -> Value {
    if !definitions.contains_key(object.name) {
        // What an object holds may hold it again.
        definitions.insert(object.name, Value::Null);
        let mut properties = Map::new();
        let mut demands = Vec::new();
        for key in object.keys {
            let schema = schema_of_key(key, definitions);
            let spellings = object.spellings_of(key);
            let given = |spelling: &String| json!({"required": [spelling]});
            if key.required.is_some() {
                demands.push(json!({"anyOf": spellings.iter().map(given).collect::<Vec<_>>()}));
            }
            if let [one, other] = spellings.as_slice() {
                demands.push(json!({"not": {"required": [one, other]}}));
            }
            for spelling in spellings {
                properties.insert(spelling, schema.clone());
            }
        }
        let mut definition = json!({
            "description": sentence(object.title),
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        if !demands.is_empty() {
            definition["allOf"] = Value::Array(demands);
        }
        definitions.insert(object.name, definition);
    }
    json!({"$ref": format!("#/$defs/{}", object.name)})
}

/// The schema of a key's value; null is the same as leaving the key out.
fn schema_of_key(key: &'static Key, definitions: &mut Definitions) -> Value {
    let schema = schema_of(&key.shape, definitions);
    if matches!(key.shape, Shape::Anything) {
        return if key.required.is_some() {
            json!({"description": key.about, "not": {"type": "null"}})
        } else {
            json!({"description": key.about})
        };
    }
    let mut choices = match schema {
        Value::Object(mut choices) if choices.len() == 1 && choices.contains_key("anyOf") => choices
            .remove("anyOf")
            .and_then(|choices| choices.as_array().cloned())
            .unwrap_or_default(),
        schema => vec![schema],
    };
    if key.required.is_none() {
        choices.push(json!({"type": "null"}));
    }
    json!({"description": key.about, "anyOf": choices})
}

fn named(objects: &'static [&'static Object], definitions: &mut Definitions) -> Value {
    let names: Vec<&str> = objects.iter().map(|object| object.name).collect();
    let mut properties = Map::new();
    for object in objects {
        let schema = reference(object, definitions);
        properties.insert(object.name.to_owned(), json!({"anyOf": [schema, {"type": "null"}]}));
    }
    json!({
        "anyOf": [
            {"enum": names},
            {
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ],
    })
}

fn typed(objects: &'static [&'static Object], definitions: &mut Definitions) -> Value {
    let names: Vec<&str> = objects.iter().map(|object| object.name).collect();
    let branches: Vec<Value> = objects
        .iter()
        .map(|object| {
            json!({
                "if": {"properties": {"type": {"const": object.name}}, "required": ["type"]},
                "then": reference(object, definitions),
            })
        })
        .collect();
    json!({
        "type": "object",
        "properties": {"type": {"enum": names}},
        "required": ["type"],
        "allOf": branches,
    })
}

fn folders(object: &'static Object, definitions: &mut Definitions) -> Value {
    let name = object.folders.unwrap_or(object.name);
    if !definitions.contains_key(name) {
        definitions.insert(name, Value::Null);
        let mut properties = Map::new();
        let mut demands = Vec::new();
        for key in object.keys {
            let schema = schema_of_key(key, definitions);
            let spellings: Vec<String> = object.spellings_of(key).iter().map(|word| format!("+{word}")).collect();
            if let [one, other] = spellings.as_slice() {
                demands.push(json!({"not": {"required": [one, other]}}));
            }
            for spelling in spellings {
                properties.insert(spelling, schema.clone());
            }
        }
        let what = object.title.rsplit(' ').next().unwrap_or_default();
        let definition = json!({
            "description": format!(
                "Configuration of a folder of {what}s. Keys with \"+\" are configuration; others are folders in it, or \
                 files without their ending."
            ),
            "type": "object",
            "properties": properties,
            "patternProperties": {"^[^+]": {"anyOf": [{"$ref": format!("#/$defs/{name}")}, {"type": "null"}]}},
            "additionalProperties": false,
            "allOf": demands,
        });
        definitions.insert(name, definition);
    }
    json!({"$ref": format!("#/$defs/{name}")})
}

/// `a model` as a sentence. The name of a file stays as it is.
fn sentence(title: &str) -> String {
    if title.contains('.') {
        return format!("{title}.");
    }
    let mut letters = title.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect::<String>());
    format!("{}.", first.unwrap_or_default())
}
