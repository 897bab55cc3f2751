//! Every key that a table has is read, and none other is; and schemas take what the check takes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use proptest::prelude::*;
use refuel_task::yaml::Node;
use serde_json::{Value, json};

use super::{Definitions, Object, Shape, check, schema_of};
use crate::profile::{Environment, PROFILE};
use crate::properties::FILE;
use crate::settings::PROJECT;
use crate::{LoadOptions, Project};

/// Keys that readers asked for, with the titles of their objects: two objects may have one name.
static TAKEN: Mutex<BTreeSet<(&str, &str)>> = Mutex::new(BTreeSet::new());

/// Notes that a reader asks for a key. One that the table lacks is a mistake of ours.
pub(super) fn note_taken(object: &'static Object, key: &str) {
    let found = object.keys.iter().find(|known| known.name == key);
    let found = found.unwrap_or_else(|| panic!("{} has no key {key}", object.title));
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    taken.insert((object.title, found.name));
}

/// Every object that a shape reaches.
fn objects(shape: &'static Shape, found: &mut Vec<&'static Object>) {
    let mut reach = |object: &'static Object| {
        if !found.iter().any(|known| std::ptr::eq(*known, object)) {
            found.push(object);
            object.keys.iter().for_each(|key| objects(&key.shape, found));
        }
    };
    match shape {
        Shape::Object(object) | Shape::Folders(object) => reach(object),
        Shape::Named(inner) | Shape::Typed(inner) => inner.iter().for_each(|object| reach(object)),
        Shape::List(inner) | Shape::OneOrMore(inner) | Shape::Map(inner) | Shape::Templated(inner) => {
            objects(inner, found);
        }
        Shape::Either(inner) => inner.iter().for_each(|shape| objects(shape, found)),
        _ => {}
    }
}

static ROOTS: [(&str, Shape); 3] = [
    ("refuel_project.yml", Shape::Object(&PROJECT)),
    ("profiles.yml", Shape::Map(&Shape::Object(&PROFILE))),
    ("models/models.yml", Shape::Object(&FILE)),
];

fn full() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/full")
}

#[test]
fn every_key_of_every_table_is_read() {
    for target in ["dev", "prod"] {
        let env = [("PGHOST", "db"), ("PGPASSWORD", "secret")];
        let options = LoadOptions {
            target: Some(target.to_owned()),
            env: Environment::Fixed(env.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            ..LoadOptions::default()
        };
        Project::load(&full(), &options).unwrap_or_else(|errors| panic!("{errors:#?}"));
    }
    let mut known = Vec::new();
    ROOTS.iter().for_each(|(_, shape)| objects(shape, &mut known));
    let known: BTreeSet<(&str, &str)> = known
        .iter()
        .flat_map(|object| object.keys.iter().map(|key| (object.title, key.name)))
        .collect();
    let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let forgotten: Vec<_> = known.difference(&taken).collect();
    assert!(forgotten.is_empty(), "keys that no reader asks for: {forgotten:?}");
}

/// A document that is right, with its shape and the schema of the shape.
struct Document {
    value: Value,
    shape: &'static Shape,
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Document {
    fn of(path: &str, shape: &'static Shape) -> Self {
        let text = fs_err::read_to_string(full().join(path)).expect("a file");
        let value = Node::from_yaml(&text, path).expect("YAML").to_json();
        let mut definitions = Definitions::new();
        let mut schema = schema_of(shape, &mut definitions);
        schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        schema["$defs"] = json!(definitions);
        let mut schemas = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        compiler.add_resource("schema.json", schema).expect("a schema");
        let index = compiler.compile("schema.json", &mut schemas).expect("a schema");
        Self {
            value,
            shape,
            schemas,
            index,
        }
    }

    fn schema_says(&self, value: &Value) -> Result<(), String> {
        self.schemas
            .validate(value, self.index)
            .map_err(|error| format!("{error:#}"))
    }

    fn check_says(&self, value: &Value) -> Result<(), String> {
        let mut problems = Vec::new();
        check(
            &Node::from_json(value, "file.yml").expect("a tree"),
            self.shape,
            &mut problems,
        );
        match problems.as_slice() {
            [] => Ok(()),
            problems => Err(format!("{problems:#?}")),
        }
    }
}

static DOCUMENTS: LazyLock<Vec<Document>> = LazyLock::new(|| {
    let mut documents: Vec<Document> = ROOTS.iter().map(|(path, shape)| Document::of(path, shape)).collect();
    let properties = ["models/staging/staging.yml", "seeds/seeds.yml", "tests/unit/orders.yml"];
    documents.extend(properties.map(|path| Document::of(path, &ROOTS[2].1)));
    documents
});

#[test]
fn schemas_take_what_is_right() {
    for document in DOCUMENTS.iter() {
        assert_eq!(document.check_says(&document.value), Ok(()));
        assert_eq!(document.schema_says(&document.value), Ok(()));
    }
}

/// Every place of a value, as JSON pointers.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                let key = key.replace('~', "~0").replace('/', "~1");
                pointers(value, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

/// What is done to a right document.
#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    Remove,
    Rename(String),
    Add(String, Value),
}

fn change() -> impl Strategy<Value = Change> {
    let values = prop::sample::select(vec![
        Value::Null,
        json!("x"),
        json!("view"),
        json!("-"),
        json!("> 0.5"),
        json!("ref('x')"),
        json!("5m"),
        json!(true),
        json!(0),
        json!(-1),
        json!(3),
        json!(0.5),
        json!(1e300),
        json!([]),
        json!([null]),
        json!(["x"]),
        json!({}),
        json!({"name": "x"}),
        json!({"x": 1}),
        json!({"unique": null, "not_null": null}),
    ]);
    let words = prop::sample::select(vec![
        "name",
        "zzz",
        "tests",
        "data_tests",
        "config",
        "+tags",
        "+zzz",
        "tags",
        "type",
        "model-paths",
        "model_paths",
        "path",
        "external",
        "values",
        "rows",
    ])
    .prop_map(ToOwned::to_owned);
    prop_oneof![
        4 => values.clone().prop_map(Change::Replace),
        2 => Just(Change::Remove),
        2 => words.clone().prop_map(Change::Rename),
        2 => (words, values).prop_map(|(key, value)| Change::Add(key, value)),
    ]
}

fn apply(mut value: Value, pointer: &str, change: Change) -> Value {
    let (above, last) = pointer.rsplit_once('/').unwrap_or_default();
    let key = last.replace("~1", "/").replace("~0", "~");
    match change {
        Change::Replace(new) => {
            if let Some(place) = value.pointer_mut(pointer) {
                *place = new;
            }
        }
        Change::Add(word, new) => {
            if let Some(Value::Object(entries)) = value.pointer_mut(pointer) {
                entries.insert(word, new);
            }
        }
        Change::Remove | Change::Rename(_) => {
            if let Some(Value::Object(entries)) = value.pointer_mut(above)
                && let Some(old) = entries.shift_remove(&key)
                && let Change::Rename(word) = change
            {
                entries.insert(word, old);
            }
        }
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is done to a file, its schema says of it what the reader says.
    #[test]
    fn schemas_say_what_the_check_says(
        which in 0..6usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), change()), 1..4),
    ) {
        let document = &DOCUMENTS[which];
        let mut value = document.value.clone();
        for (index, change) in changes {
            let mut places = Vec::new();
            pointers(&value, "", &mut places);
            let place: &String = index.get(places.as_slice());
            value = apply(value, place, change);
        }
        // An empty file is told by the reader itself.
        prop_assume!(!value.is_null());
        let (schema, reader) = (document.schema_says(&value), document.check_says(&value));
        prop_assert_eq!(schema.is_ok(), reader.is_ok(), "{}\nschema: {:?}\nreader: {:?}", value, schema, reader);
    }
}
