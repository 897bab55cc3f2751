//! JSON Schemas of the files of a project.

use serde_json::{Value, json};

use crate::profile::PROFILES;
use crate::properties::FILE;
use crate::settings::PROJECT;
use crate::shape::{Definitions, Shape, schema_of};

/// Names of the schemas, with what the files say that each is the schema of.
pub const SCHEMAS: [(&str, &str); 3] = [
    (
        "project",
        "What a project is called, where its files are, and how they are run",
    ),
    ("profiles", "The databases that a project can work on"),
    (
        "properties",
        "What is said of models, seeds, sources and tests, in the .yml files beside them",
    ),
];

static PROJECT_SHAPE: Shape = Shape::Object(&PROJECT);
static PROPERTIES_SHAPE: Shape = Shape::Object(&FILE);

/// The JSON Schema (draft 2020-12) of a kind of file, by a name out of [`SCHEMAS`]. It says what the reader takes; what
/// a schema can't say, such as that a name is there once, the reader checks alone.
pub fn schema(name: &str) -> Option<Value> {
    let (_, about) = SCHEMAS.iter().find(|(known, _)| *known == name)?;
    let shape = match name {
        "project" => &PROJECT_SHAPE,
        "profiles" => &PROFILES,
        _ => &PROPERTIES_SHAPE,
    };
    let mut definitions = Definitions::new();
    let root = schema_of(shape, &mut definitions);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!(
            "https://raw.githubusercontent.com/refuel-sql/refuel/main/docs/reference/{name}.schema.json"
        ),
        "title": format!("Refuel {name}"),
        "description": format!("{about}."),
    });
    for (word, value) in root.as_object().into_iter().flatten() {
        schema[word] = value.clone();
    }
    schema["$defs"] = json!(definitions);
    Some(schema)
}
