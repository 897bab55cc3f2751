//! The schema of tasks over whole tables.

use serde_json::{Map, Value, json};

use super::{keyed, object};
use crate::kinds::{Kind, KindRules, TABLE_KEYS};
use crate::parse::{MOST_BLOCKING_RULES, MOST_NEIGHBOURS, SOLVED_KEYS};
use crate::tables::{ColumnRole, LinkMode, MOST_SOLVED};

/// Whether a key of a task over a whole table is described here.
pub(super) fn takes(key: &str) -> bool {
    !TABLE_KEYS.contains(&key)
}

/// The schema of one key.
pub(super) fn property(rules: &dyn KindRules, key: &str) -> Value {
    let resolves = rules.name() == Kind::RESOLVE.name();
    match key {
        "key" => column("The column that names a row. Without one, a row is named by its place, from 1."),
        "columns" if resolves => json!({
            "oneOf": [
                columns(),
                {
                    "type": "object",
                    "additionalProperties": {"enum": words(&ColumnRole::WORDS).chain([Value::Null]).collect::<Vec<_>>()},
                    "description": "Names with what is in the column, which decides how it is compared. Null: it is found out.",
                },
            ],
            "description": "The columns that are compared. All but the key where it is left out.",
        }),
        "columns" => described(
            columns(),
            "The columns that are looked at. All but the key where it is left out.",
        ),
        "ignore" => json!({
            "oneOf": [{"$ref": "#/$defs/column"}, columns()],
            "description": "Columns that are left out.",
        }),
        "mode" => json!({
            "enum": words(&LinkMode::WORDS).collect::<Vec<_>>(),
            "description": "Where matches are looked for: within a table, between two tables that have nothing twice, or \
             both. Of one table `deduplicate`, of two `link` where it is left out.",
        }),
        "blocking" => blocking(),
        "max_pairs" => json!({
            "type": "integer",
            "minimum": 1,
            "maximum": u32::MAX,
            "default": 10_000_000,
            "description": "How many pairs are compared at most. Those that the fewest rules found are left out first.",
        }),
        "model" => json!({
            "$ref": "#/$defs/model",
            "description": "An embedding model: records that mean the same are paired, and how near their meanings are counts.",
        }),
        "threshold" if resolves => json!({
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "description": "Above this probability a pair speaks for being one thing, below it against.",
        }),
        "threshold" => json!({
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "description": "The least confidence of a proposal.",
        }),
        "unknown" => json!({
            "type": "boolean",
            "default": true,
            "description": "Whether cells are named that look wrong where nothing can be proposed.",
        }),
        "canonical" => canonical(),
        "examples" => examples(resolves),
        other => unreachable!("the key {other} of a task over a whole table has no schema"),
    }
}

fn words<T: 'static>(words: &'static [(&'static str, T)]) -> impl Iterator<Item = Value> {
    words.iter().map(|(word, _)| Value::from(*word))
}

/// The schema with a description.
fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

fn column(description: &str) -> Value {
    json!({"$ref": "#/$defs/column", "description": description})
}

fn columns() -> Value {
    json!({"type": "array", "items": {"$ref": "#/$defs/column"}, "uniqueItems": true})
}

fn count(description: &str) -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": MOST_NEIGHBOURS, "description": description})
}

/// The rules of blocking, each a map with one key.
fn blocking() -> Value {
    let part = keyed(&["column", "first", "last", "digits"], |key| match key {
        "column" => column("The column."),
        "first" => count("So many letters or digits from its beginning."),
        "last" => count("So many letters or digits from its end."),
        _ => json!({"type": "boolean", "description": "Its digits alone."}),
    });
    let part = json!({"oneOf": [{"$ref": "#/$defs/column"}, object(&part, &["column"])]});
    let sorted = keyed(&["column", "window"], |key| match key {
        "column" => column("The column; each in turn that has many values where it is left out."),
        _ => count("How many neighbours on either side."),
    });
    let hashes = keyed(&["bands", "rows"], |key| match key {
        "bands" => count("How many chances a pair has."),
        _ => count("How many hashes must agree in one of them."),
    });
    let rules: Vec<Value> = [
        (
            "words",
            count("For each record, so many that share most words with it, rare ones first."),
        ),
        (
            "trigrams",
            count("For each record, so many that share most runs of three characters with it."),
        ),
        (
            "embeddings",
            count("For each record, so many whose meanings are nearest. Needs `model`."),
        ),
        (
            "sorted",
            json!({
                "oneOf": [count("How many neighbours on either side."), object(&sorted, &[])],
                "description": "Records that stand next to each other when sorted, forwards or from the end.",
            }),
        ),
        (
            "key",
            json!({
                "oneOf": [part, {"type": "array", "items": part, "minItems": 1}],
                "description": "Records that have the same key, made of columns or parts of them; case and accents aside.",
            }),
        ),
        (
            "min_hash",
            described(
                object(&hashes, &[]),
                "Records whose runs of three characters are probably much the same: for long copies.",
            ),
        ),
    ]
    .into_iter()
    .map(|(name, schema)| object(&Map::from_iter([(name.to_owned(), schema)]), &[name]))
    .collect();
    json!({
        "type": "array",
        "items": {"oneOf": rules},
        "minItems": 1,
        "maxItems": MOST_BLOCKING_RULES,
        "description": "Which pairs are compared: those that any of these rules finds. Words, trigrams, neighbours in \
         order and, where there is a model, embeddings, where it is left out.",
    })
}

fn canonical() -> Value {
    let latest = column("The value of the record with the latest date in this column.");
    let source = json!({
        "type": "array",
        "items": {"type": "integer", "minimum": 1},
        "minItems": 1,
        "description": "The value of the record whose table comes first in this list of numbers of tables, from 1.",
    });
    let only = |name: &str, schema: Value| object(&Map::from_iter([(name.to_owned(), schema)]), &[name]);
    json!({
        "type": "object",
        "additionalProperties": {
            "oneOf": [{"enum": ["vote", "longest"]}, only("latest", latest), only("source", source)],
        },
        "description": "How the value of a column is chosen for the one record of an entity: what most say (`vote`), the \
         longest, the latest, or that of the most trusted table. Long texts by length and all else by vote where it is \
         left out.",
    })
}

/// Labelled pairs, or rows that were put right.
fn examples(resolves: bool) -> Value {
    let side = json!({
        "type": ["string", "number", "object"],
        "description": "The key of a record, or a record.",
    });
    let item = if resolves {
        json!({
            "type": "object",
            "properties": {"left": side, "right": side, "match": {
                "type": ["boolean", "string", "number"],
                "description": "Whether they are the same thing.",
            }},
            "required": ["match"],
            "description": "A pair: `left` and `right`, or their columns as `left_name`, `right_name` and so on.",
        })
    } else {
        json!({"type": "object", "description": "A row as it should be, with its key. Columns that it lacks are right."})
    };
    let mut set = keyed(&SOLVED_KEYS, |key| match key {
        "from" => json!({
            "type": "string",
            "description": "A file of solved examples (.csv, .tsv, .jsonl, .ndjson), from the folder of the task file.",
        }),
        _ => json!({"type": "array", "items": item, "maxItems": MOST_SOLVED, "description": "Solved examples."}),
    });
    if resolves {
        set.insert(
            "match".to_owned(),
            json!({
                "type": "string",
                "default": "match",
                "description": "The column that says whether a pair is the same.",
            }),
        );
    }
    let mut set = object(&set, &[]);
    set["oneOf"] = json!([{"required": ["from"]}, {"required": ["items"]}]);
    json!({
        "oneOf": [{"type": "array", "items": item, "maxItems": MOST_SOLVED}, set],
        "description": if resolves {
            "Pairs of which it is known whether they are the same. A classifier is trained on them; without any, weights \
             are estimated from the table itself."
        } else {
            "Rows that a person put right. They show which evidence to trust, and how values are written."
        },
    })
}

/// A whole task of one of these kinds.
pub(super) fn example(kind: Kind) -> Value {
    if kind == Kind::RESOLVE {
        return json!({
            "name": "same_vendor",
            "kind": "resolve",
            "key": "vendor_id",
            "columns": {"name": "name", "city": null, "phone": "code"},
            "blocking": [{"words": 20}, {"key": ["city", {"column": "name", "first": 4}]}],
            "threshold": 0.6,
            "canonical": {"name": "longest", "phone": {"latest": "updated_at"}},
            "examples": [{"left": 17, "right": 45, "match": true}],
        });
    }
    json!({
        "name": "mend_beers",
        "kind": "repair",
        "key": "id",
        "ignore": ["note"],
        "threshold": 0.8,
        "examples": [{"id": 7, "style": "American IPA", "ounces": "12.0"}],
    })
}
