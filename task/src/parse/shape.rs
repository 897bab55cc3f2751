//! Reads what an `extract` task reads out of a text: `fields`, our own form, or `schema`, a part of JSON Schema.

use super::fields::{Fields, not_one_of, text, wrong_type};
use crate::error::{Place, TaskError};
use crate::shape::{DEEPEST_SHAPE, Field, Format, MOST_CHOICES, MOST_FIELDS, Shape, TextShape};
use crate::yaml::{Content, Node};

/// Keys of a field that is written as a map.
pub(crate) const FIELD_KEYS: [&str; 13] = [
    "name",
    "description",
    "type",
    "enum",
    "format",
    "span",
    "minimum",
    "maximum",
    "max_length",
    "max_items",
    "items",
    "fields",
    "required",
];
/// The last key of a field: it is apart because lists of items do not have it, as they do not have `name`.
pub(crate) const NULLABLE: &str = "nullable";

/// Words for types.
pub(crate) const TYPES: [&str; 6] = ["string", "number", "integer", "boolean", "object", "array"];

/// `fields`: names, a map of names with descriptions or maps, or a list of maps.
pub(super) fn read_fields(node: Node) -> Result<Vec<Field>, TaskError> {
    read_list(node, 0)
}

fn read_list(node: Node, depth: usize) -> Result<Vec<Field>, TaskError> {
    let place = node.place.clone();
    let mut fields: Vec<(Place, Field)> = Vec::new();
    match node.content {
        Content::List(items) => {
            for item in items {
                let place = item.place.clone();
                let field = match item.content {
                    Content::Text(name) => plain(name, None),
                    _ => read_field(item, None, depth)?,
                };
                fields.push((place, field));
            }
        }
        Content::Map(entries) => {
            for (name, place, value) in entries {
                let field = match value.content {
                    Content::Null => plain(name, None),
                    Content::Text(description) => {
                        no_type(&description, &name, &value.place)?;
                        plain(name, Some(description))
                    }
                    _ => read_field(value, Some(name), depth)?,
                };
                fields.push((place, field));
            }
        }
        _ => return Err(wrong_type(&node, "a map of fields, or a list of them")),
    }
    checked(fields, &place)
}

/// That a description is more than the name of a type: whoever writes `ok: boolean` means the type.
fn no_type(description: &str, name: &str, place: &Place) -> Result<(), TaskError> {
    let word = description.trim().to_lowercase();
    let meant = match word.as_str() {
        "bool" => "boolean",
        "int" => "integer",
        "float" | "decimal" => "number",
        "str" => "string",
        "list" => "array",
        "map" | "record" => "object",
        other => other,
    };
    if !TYPES.contains(&meant) {
        return Ok(());
    }
    Err(TaskError::Invalid {
        place: place.clone(),
        message: format!(
            "\"{}\" is the name of a type where the description of \"{name}\" stands",
            description.trim()
        ),
        hint: Some(match meant {
            "object" => format!("write {name}: {{fields: [...]}}"),
            "array" => format!("write {name}: {{items: string}}"),
            meant => format!("write {name}: {{type: {meant}}}, or say in more words what it is"),
        }),
    })
}

fn plain(name: String, description: Option<String>) -> Field {
    Field {
        name,
        description: description.filter(|text| !text.trim().is_empty()),
        shape: Shape::Text(TextShape {
            span: true,
            ..TextShape::default()
        }),
        required: false,
        nullable: true,
    }
}

fn checked(fields: Vec<(Place, Field)>, place: &Place) -> Result<Vec<Field>, TaskError> {
    let invalid = |place: &Place, message: String, hint: &str| TaskError::Invalid {
        place: place.clone(),
        message,
        hint: Some(hint.to_owned()),
    };
    if fields.is_empty() || fields.len() > MOST_FIELDS {
        let message = if fields.is_empty() {
            "there are no fields".to_owned()
        } else {
            format!("there are {} fields; {MOST_FIELDS} are the most", fields.len())
        };
        return Err(invalid(place, message, "name what is read out: fields: [brand, model]"));
    }
    let mut seen: Vec<Field> = Vec::with_capacity(fields.len());
    for (place, field) in fields {
        let name = &field.name;
        if name.trim() != name || name.is_empty() || name.chars().any(char::is_control) {
            return Err(invalid(
                &place,
                format!("{name:?} can't be the name of a field"),
                "it needs a letter at least, and no white space at its ends",
            ));
        }
        if seen.iter().any(|earlier| earlier.name == *name) {
            return Err(invalid(
                &place,
                format!("the field \"{name}\" is given twice"),
                "each field must be there once",
            ));
        }
        seen.push(field);
    }
    Ok(seen)
}

/// A field that is written as a map; `name` is the key that it stands under.
fn read_field(node: Node, name: Option<String>, depth: usize) -> Result<Field, TaskError> {
    let known: Vec<&str> = FIELD_KEYS
        .into_iter()
        .chain([NULLABLE])
        .filter(|key| name.is_none() || *key != "name")
        .collect();
    if !matches!(node.content, Content::Map(_)) {
        return Err(wrong_type(
            &node,
            "text that describes the field, or a map with \"type\"",
        ));
    }
    let mut keys = Fields::open(node, &known)?;
    let name = match name {
        Some(name) => name,
        None => text(keys.require("name", "give the field a name")?)?,
    };
    let description = keys.text("description")?.filter(|text| !text.trim().is_empty());
    let required = keys.flag("required")?.unwrap_or(false);
    let nullable = keys.flag(NULLABLE)?.unwrap_or(!required);
    Ok(Field {
        name,
        description,
        shape: read_shape(&mut keys, depth)?,
        required,
        nullable,
    })
}

fn read_shape(keys: &mut Fields, depth: usize) -> Result<Shape, TaskError> {
    if depth >= DEEPEST_SHAPE {
        return Err(TaskError::Invalid {
            place: keys.place.clone(),
            message: format!("fields are nested more than {DEEPEST_SHAPE} deep"),
            hint: Some("read parts of the text out by tasks of their own".to_owned()),
        });
    }
    let unless_told = if keys.place_of("fields").is_some() {
        "object"
    } else if keys.place_of("items").is_some() {
        "array"
    } else {
        "string"
    };
    let kind = match keys.take("type") {
        None => unless_told.to_owned(),
        Some(node) => {
            let place = node.place.clone();
            let word = text(node)?;
            if !TYPES.contains(&word.as_str()) {
                return Err(not_one_of(place, "type", &word, TYPES.into_iter()));
            }
            word
        }
    };
    let only_for = [
        ("enum", "string"),
        ("format", "string"),
        ("span", "string"),
        ("max_length", "string"),
        ("fields", "object"),
        ("items", "array"),
        ("max_items", "array"),
    ];
    for (key, needed) in only_for {
        if let Some(place) = keys.place_of(key).filter(|_| kind != needed) {
            return Err(no_use(
                place,
                key,
                &format!("the type is {kind}, and only \"{needed}\" has it"),
            ));
        }
    }
    for key in ["minimum", "maximum"] {
        if let Some(place) = keys.place_of(key).filter(|_| kind != "number" && kind != "integer") {
            return Err(no_use(place, key, &format!("the type is {kind}, which is no number")));
        }
    }
    Ok(match kind.as_str() {
        "number" | "integer" => read_number(keys, kind == "integer")?,
        "boolean" => Shape::Boolean,
        "object" => Shape::Object(read_list(
            keys.require("fields", "name the fields of the object: fields: [name, price]")?,
            depth + 1,
        )?),
        "array" => {
            let items = match keys.take("items") {
                None => plain(String::new(), None).shape,
                Some(node) => read_items(node, depth + 1)?,
            };
            Shape::List {
                items: Box::new(items),
                most: keys.whole("max_items", 1, 10_000)?.map(|most| most as u32),
            }
        }
        _ => read_text(keys)?,
    })
}

/// What stands in a list: a word for its type, or a map without a name.
fn read_items(node: Node, depth: usize) -> Result<Shape, TaskError> {
    if let Content::Text(_) = node.content {
        let place = node.place.clone();
        let word = text(node)?;
        return match word.as_str() {
            "string" => Ok(plain(String::new(), None).shape),
            "number" => Ok(Shape::Number {
                least: None,
                most: None,
            }),
            "integer" => Ok(Shape::Integer {
                least: None,
                most: None,
            }),
            "boolean" => Ok(Shape::Boolean),
            _ => Err(not_one_of(place, "items", &word, TYPES.into_iter().take(4))),
        };
    }
    let known: Vec<&str> = FIELD_KEYS
        .into_iter()
        .filter(|key| !["name", "required", "description"].contains(key))
        .collect();
    let mut keys = Fields::open(node, &known)?;
    read_shape(&mut keys, depth)
}

fn read_text(keys: &mut Fields) -> Result<Shape, TaskError> {
    if let Some(node) = keys.take("enum") {
        for key in ["format", "span", "max_length"] {
            if let Some(place) = keys.place_of(key) {
                return Err(no_use(place, key, "the values are listed"));
            }
        }
        return choices(node).map(Shape::Choice);
    }
    let format = keys.choice("format", &Format::WORDS)?;
    let span_place = keys.place_of("span").cloned();
    let span = keys.flag("span")?.unwrap_or(format.is_none());
    if let (Some(place), Some(_), true) = (span_place, format, span) {
        return Err(no_use(&place, "span", "a text with a format is written in that format"));
    }
    Ok(Shape::Text(TextShape {
        span,
        format,
        most: keys.whole("max_length", 1, 100_000)?.map(|most| most as u32),
    }))
}

fn choices(node: Node) -> Result<Vec<String>, TaskError> {
    let place = node.place.clone();
    let Content::List(items) = node.content else {
        return Err(wrong_type(&node, "a list of texts"));
    };
    let choices = items.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let problem = if choices.is_empty() || choices.len() > MOST_CHOICES {
        Some(format!(
            "\"enum\" has {} values; it takes 1 to {MOST_CHOICES}",
            choices.len()
        ))
    } else {
        let mut sorted: Vec<&String> = choices.iter().collect();
        sorted.sort_unstable();
        sorted
            .windows(2)
            .find(|pair| pair[0] == pair[1])
            .map(|pair| format!("\"{}\" is given twice", pair[0]))
    };
    match problem {
        None => Ok(choices),
        Some(message) => Err(TaskError::Invalid {
            place,
            message,
            hint: None,
        }),
    }
}

fn bound(keys: &mut Fields, key: &str) -> Result<Option<f64>, TaskError> {
    let Some(node) = keys.take(key) else { return Ok(None) };
    match &node.content {
        Content::Number(number) => Ok(number.as_f64()),
        _ => Err(wrong_type(&node, "a number")),
    }
}

/// A number between two bounds, of which there must be one.
fn read_number(keys: &mut Fields, is_integer: bool) -> Result<Shape, TaskError> {
    let place = keys.place_of("minimum").cloned();
    let written = (bound(keys, "minimum")?, bound(keys, "maximum")?);
    let (least, most) = if is_integer {
        (written.0.map(f64::ceil), written.1.map(f64::floor))
    } else {
        written
    };
    if let (Some(low), Some(high), Some(place)) = (written.0, written.1, place)
        && least > most
    {
        let word = if is_integer { "whole number" } else { "number" };
        return Err(TaskError::Invalid {
            place,
            message: format!("no {word} is {low} or more and {high} or less"),
            hint: Some("\"minimum\" must not be above \"maximum\"".to_owned()),
        });
    }
    Ok(if is_integer {
        Shape::Integer {
            least: least.map(|bound| bound as i64),
            most: most.map(|bound| bound as i64),
        }
    } else {
        Shape::Number { least, most }
    })
}

fn no_use(place: &Place, key: &str, why: &str) -> TaskError {
    TaskError::Invalid {
        place: place.clone(),
        message: format!("\"{key}\" has no use here: {why}"),
        hint: Some("take it out".to_owned()),
    }
}

/// The words of JSON Schema that are read.
pub(crate) const SCHEMA_KEYS: [&str; 18] = [
    "$schema",
    "$id",
    "title",
    "description",
    "type",
    "enum",
    "const",
    "format",
    "span",
    "minimum",
    "maximum",
    "maxLength",
    "maxItems",
    "items",
    "properties",
    "required",
    "nullable",
    "additionalProperties",
];

/// `schema`: a JSON Schema whose root is an object. Of its words those are read that say what a field can be; a word that
/// would be passed over is an error.
pub(super) fn read_schema(node: Node) -> Result<Vec<Field>, TaskError> {
    let place = node.place.clone();
    let (field, _) = schema_of(node, String::new(), 0)?;
    match field.shape {
        Shape::Object(fields) => Ok(fields),
        _ => Err(TaskError::Invalid {
            place,
            message: "the schema's root must be an object".to_owned(),
            hint: Some("write type: object, and the fields as properties".to_owned()),
        }),
    }
}

/// A field without `required`, which stands beside it, and where it was written.
fn schema_of(node: Node, name: String, depth: usize) -> Result<(Field, Place), TaskError> {
    if depth > DEEPEST_SHAPE {
        return Err(TaskError::Invalid {
            place: node.place,
            message: format!("fields are nested more than {DEEPEST_SHAPE} deep"),
            hint: Some("read parts of the text out by tasks of their own".to_owned()),
        });
    }
    let mut keys = Fields::open(node, &SCHEMA_KEYS)?;
    let place = keys.place.clone();
    for ignored in ["$schema", "$id", "title"] {
        keys.text(ignored)?;
    }
    if let Some(node) = keys.take("additionalProperties")
        && !matches!(node.content, Content::Bool(false))
    {
        return Err(TaskError::Invalid {
            place: node.place,
            message: "\"additionalProperties\" must be false: only fields that are named are read out".to_owned(),
            hint: Some("take it out".to_owned()),
        });
    }
    let description = keys.text("description")?.filter(|text| !text.trim().is_empty());
    let (kind, or_null) = schema_type(&mut keys)?;
    let nullable = keys.flag("nullable")?.unwrap_or(false) || or_null;
    let shape = match kind.as_str() {
        "object" => Shape::Object(schema_properties(&mut keys, depth)?),
        "array" => {
            let node = keys.require("items", "say what stands in the list: items: {type: string}")?;
            Shape::List {
                items: Box::new(schema_of(node, String::new(), depth + 1)?.0.shape),
                most: keys.whole("maxItems", 1, 10_000)?.map(|most| most as u32),
            }
        }
        "number" | "integer" => read_number(&mut keys, kind == "integer")?,
        "boolean" => Shape::Boolean,
        _ => schema_text(&mut keys)?,
    };
    for key in SCHEMA_KEYS {
        if let Some(place) = keys.place_of(key) {
            return Err(no_use(place, key, &format!("the type is {kind}")));
        }
    }
    let field = Field {
        name,
        description,
        shape,
        required: false,
        nullable,
    };
    Ok((field, place))
}

/// The type, and whether null is one beside it.
fn schema_type(keys: &mut Fields) -> Result<(String, bool), TaskError> {
    let Some(node) = keys.take("type") else {
        let unless_told = if keys.place_of("properties").is_some() {
            "object"
        } else {
            "string"
        };
        return Ok((unless_told.to_owned(), false));
    };
    let place = node.place.clone();
    let words = match node.content {
        Content::List(items) => items
            .into_iter()
            .map(|item| match item.content {
                Content::Null => Ok("null".to_owned()),
                _ => text(item),
            })
            .collect::<Result<Vec<_>, _>>()?,
        _ => vec![text(node)?],
    };
    let mut types: Vec<&String> = words.iter().filter(|word| *word != "null").collect();
    match (types.pop(), types.is_empty()) {
        (Some(word), true) if TYPES.contains(&word.as_str()) => Ok((word.clone(), words.len() > 1)),
        (Some(word), true) => Err(not_one_of(place, "type", word, TYPES.into_iter())),
        _ => Err(TaskError::Invalid {
            place,
            message: "\"type\" must be one type, and null beside it where there may be nothing".to_owned(),
            hint: Some("write type: string, or type: [string, \"null\"]".to_owned()),
        }),
    }
}

fn schema_properties(keys: &mut Fields, depth: usize) -> Result<Vec<Field>, TaskError> {
    let node = keys.require("properties", "name the fields: properties: {brand: {type: string}}")?;
    let required_place = keys.place_of("required").cloned();
    let required = keys.texts("required")?.unwrap_or_default();
    let at = node.place.clone();
    let Content::Map(entries) = node.content else {
        return Err(wrong_type(&node, "a map of fields"));
    };
    let mut fields = Vec::with_capacity(entries.len());
    for (name, place, value) in entries {
        let is_required = required.contains(&name);
        let (field, _) = schema_of(value, name, depth + 1)?;
        fields.push((
            place,
            Field {
                required: is_required,
                ..field
            },
        ));
    }
    let fields = checked(fields, &at)?;
    let unknown = required
        .iter()
        .find(|name| fields.iter().all(|field| field.name != **name));
    if let (Some(name), Some(place)) = (unknown, required_place) {
        let names = fields.iter().map(|field| field.name.as_str());
        return Err(TaskError::Invalid {
            place,
            message: format!("\"required\" names \"{name}\", which is no field"),
            hint: crate::error::nearest(name, names).map(|near| format!("did you mean \"{near}\"?")),
        });
    }
    Ok(fields)
}

fn schema_text(keys: &mut Fields) -> Result<Shape, TaskError> {
    if let Some(node) = keys.take("const") {
        return Ok(Shape::Choice(vec![text(node)?]));
    }
    if let Some(node) = keys.take("enum") {
        return choices(node).map(Shape::Choice);
    }
    let format = keys.choice("format", &Format::WORDS)?;
    Ok(Shape::Text(TextShape {
        span: keys.flag("span")?.unwrap_or(format.is_none()) && format.is_none(),
        format,
        most: keys.whole("maxLength", 1, 100_000)?.map(|most| most as u32),
    }))
}
