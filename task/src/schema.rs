//! The JSON Schema of task files, for editors and for whoever writes them by program.

use serde_json::{Map, Value, json};

use crate::examples::{EMBEDDING_MODEL, MOST_SHOWN, SHOWN_UNLESS_TOLD, Selection};
use crate::kinds::{Kind, KindRules};
use crate::parse::{CATCH_ALL_SHARE, EXAMPLE_KEYS, LABEL_KEYS, LONGEST_NAME, MOST_STOPS, MOST_TOKENS, SET_KEYS};
use crate::task::{LONGEST_LABEL, MOST_LABELS};

mod fields;
mod strategy;
mod tables;
mod trust;
mod values;

/// The schema of a task file (JSON Schema, draft 2020-12). It says what the reader takes; what a schema can't say, such
/// as that labels differ in more than case, the reader checks alone.
pub fn schema() -> Value {
    let names: Vec<&str> = Kind::all().map(Kind::name).collect();
    let branches: Vec<Value> = names
        .iter()
        .map(|name| {
            json!({
                "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
                "then": {"$ref": format!("#/$defs/{name}")},
            })
        })
        .collect();
    let mut definitions = Map::new();
    for kind in Kind::all() {
        definitions.insert(kind.name().to_owned(), kind_schema(kind));
    }
    definitions.insert("column".to_owned(), column());
    definitions.insert("part".to_owned(), part());
    definitions.insert("name".to_owned(), label_name());
    definitions.insert("labels".to_owned(), labels());
    definitions.extend(fields::definitions());
    definitions.insert("model".to_owned(), model());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://raw.githubusercontent.com/refuel-sql/refuel/main/docs/reference/task.schema.json",
        "title": "Refuel task",
        "description": "A task: a versioned, declarative description of one judgement.",
        "type": "object",
        "properties": {"kind": {"enum": names, "description": "What the task returns."}},
        "required": ["kind"],
        "allOf": branches,
        "examples": Kind::all().map(example).collect::<Vec<_>>(),
        "$defs": definitions,
    })
}

fn kind_schema(kind: Kind) -> Value {
    let rules = kind.rules();
    let mut properties = Map::new();
    for key in rules.common_keys().iter().chain(rules.keys()) {
        properties.insert((*key).to_owned(), property(rules, key));
    }
    let required: Vec<&str> = ["kind", "input"]
        .into_iter()
        .filter(|key| rules.common_keys().contains(key))
        .chain(rules.required().iter().map(|(key, _)| *key))
        .collect();
    json!({
        "description": kind.about(),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "examples": [example(kind)],
    })
}

/// The schema of one key of a task. Every key that a kind takes is here.
fn property(rules: &dyn KindRules, key: &str) -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let words = |words: &[&str], default: &str, description: &str| json!({"enum": words, "default": default, "description": description});
    match key {
        key if values::takes(rules, key) => values::property(key),
        key if rules.is_of_tables() && tables::takes(key) => tables::property(rules, key),
        key if strategy::KEYS.contains(&key) && rules.keys().contains(&"strategy") => strategy::property(rules, key),
        "name" => json!({
            "type": "string",
            "pattern": format!("^[A-Za-z][A-Za-z0-9_-]{{0,{}}}$", LONGEST_NAME - 1),
            "description": "The task's name; the file's where it is left out.",
            "examples": ["ticket_topic"],
        }),
        "version" => json!({
            "type": "integer",
            "minimum": 1,
            "maximum": u32::MAX,
            "description": "A version that people count. What can change an answer is in the fingerprint anyway.",
        }),
        "kind" => json!({"const": rules.name(), "description": rules.about()}),
        "description" => text("What the task is for, for people. The model does not see it."),
        "owner" => text("Who answers for the task."),
        "tags" => json!({
            "type": "array",
            "items": {"type": "string"},
            "description": "Words to find the task by.",
        }),
        "input" => input(rules.sides()),
        "model" => json!({
            "$ref": "#/$defs/model",
            "description": "The model that is asked, by name, and by digest to pin it.",
        }),
        "on_error" => json!({
            "enum": ["fail", "null", null, "capture"],
            "default": "capture",
            "description": "What happens to a row that fails: the run stops; the value is null; or the value is null and the reason is \
             kept beside it.",
        }),
        "truncate" => words(
            &["head", "tail", "middle", "error"],
            "head",
            "The part of an input that is kept where it is longer than the model can read, or `error`: the row fails.",
        ),
        "guidelines" => json!({
            "type": "string",
            "description": "What the model is told: what decides, in plain words.",
            "examples": ["Label what the customer wants. A question about a refund that was promised is `refund`."],
        }),
        "labels" => json!({
            "$ref": "#/$defs/labels",
            "description": "What can be answered, in the order in which the model reads it.",
        }),
        "fields" => json!({
            "$ref": "#/$defs/fields",
            "description": "What is read out, in the order in which the model writes it.",
        }),
        "schema" => json!({
            "$ref": "#/$defs/schema",
            "description": "The same as a JSON Schema, whose root is an object. Instead of `fields`.",
        }),
        "examples" => examples(rules),
        key if trust::KEYS.contains(&key) => trust::property(rules, key),
        "confidence" => words(
            &["normalized", "raw"],
            "normalized",
            "What the threshold is compared with: the probability among what can be answered, or the geometric mean of \
             the probabilities of the answer's tokens.",
        ),
        "fallback" => fallback(rules),
        "calibration" => words(
            &["none", "contextual"],
            "none",
            "`contextual`: what the model says of inputs without content is taken off. Helps some models and harms \
             others: compare on labelled rows.",
        ),
        "label_threshold" => json!({
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "description": "The least probability of a label that is given.",
        }),
        "no_answer_threshold" => json!({
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "description": "The least probability of there being no answer with which none is given.",
        }),
        "max_tokens" => json!({
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_TOKENS,
            "default": rules.max_tokens(),
            "description": "Most tokens that the model writes.",
        }),
        "stop" => json!({
            "oneOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": MOST_STOPS},
            ],
            "description": "Texts that end what the model writes; they are not part of it.",
        }),
        "temperature" => json!({
            "const": 0,
            "description": "Always 0: the same input must give the same answer.",
        }),
        other => unreachable!("the key {other} has no schema"),
    }
}

fn column() -> Value {
    json!({"type": "string", "pattern": "\\S", "not": {"pattern": "\\{\\{"}, "description": "The name of a column."})
}

fn part() -> Value {
    json!({
        "description": "How one text is made of a row.",
        "oneOf": [
            {"$ref": "#/$defs/column"},
            {
                "type": "array",
                "items": {"$ref": "#/$defs/column"},
                "minItems": 1,
                "uniqueItems": true,
                "description": "Columns, read as `name: value`, a line each; blank ones are left out.",
            },
            {
                "type": "object",
                "properties": {"template": {
                    "type": "string",
                    "description": "A template over the columns.",
                    "examples": ["{{ subject }}: {{ body }}"],
                }},
                "required": ["template"],
                "additionalProperties": false,
            },
        ],
    })
}

fn input(sides: Option<[&str; 2]>) -> Value {
    let Some([first, second]) = sides else {
        return json!({
            "$ref": "#/$defs/part",
            "description": "What of a row the model reads: a column, several, or a template.",
        });
    };
    json!({
        "type": "object",
        "properties": {first: {"$ref": "#/$defs/part"}, second: {"$ref": "#/$defs/part"}},
        "required": [first, second],
        "additionalProperties": false,
        "description": if first == "context" {
            "The text that the answer is a piece of, and the question."
        } else {
            "The two sides that are compared."
        },
    })
}

fn label_name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": LONGEST_LABEL, "pattern": "^\\S(.*\\S)?$"})
}

fn labels() -> Value {
    let as_map = keyed(&LABEL_KEYS, |key| match key {
        "name" => json!({"$ref": "#/$defs/name", "description": "What the model answers, verbatim."}),
        "description" => json!({"type": "string", "description": "What the label means, for the model to read."}),
        "aliases" => json!({
            "type": "array",
            "items": {"$ref": "#/$defs/name"},
            "description": "Other spellings that data may use. The model never sees them.",
        }),
        "catch_all" => json!({
            "oneOf": [{"type": "boolean"}, {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}],
            "default": false,
            "description": format!(
                "Whether the label is right where no other is, such as \"other\"; or the share of rows that is expected to have \
                 it, which is {CATCH_ALL_SHARE} unless told. A head learns of it from what the other labels are. For tasks of kind \
                 `label`, and one label at most."
            ),
        }),
        other => unreachable!("the key {other} of a label has no schema"),
    });
    json!({
        "oneOf": [
            {
                "type": "array",
                "minItems": 2,
                "maxItems": MOST_LABELS,
                "items": {"oneOf": [{"$ref": "#/$defs/name"}, object(&as_map, &["name"])]},
                "description": "Names, or maps with a name.",
            },
            {
                "type": "object",
                "minProperties": 2,
                "maxProperties": MOST_LABELS,
                "propertyNames": {"$ref": "#/$defs/name"},
                "additionalProperties": {"type": ["string", "null"]},
                "description": "Names with descriptions.",
            },
        ],
    })
}

fn model() -> Value {
    json!({
        "type": "string",
        "pattern": "^[A-Za-z0-9._/:+=-]{1,200}(@(sha256:)?[0-9a-fA-F]{6,64})?$",
        "examples": ["smollm2-135m-instruct", "smollm2-135m-instruct@3f2a91"],
    })
}

/// The schema of a right answer of this kind.
fn answer(rules: &dyn KindRules) -> Value {
    match rules.answer_key() {
        Some("label") => json!({"type": "string", "description": "The right label, by name or alias."}),
        Some("labels") => json!({
            "oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}],
            "description": "The labels that apply, as a list, or as text with `;` between them.",
        }),
        Some("match") => json!({
            "type": ["boolean", "string", "number"],
            "description": "Whether the two sides are the same thing.",
        }),
        Some("fields") => json!({
            "type": ["object", "string"],
            "description": "The right record; as text, it is JSON.",
        }),
        Some("answer") => json!({
            "type": ["string", "null"],
            "description": "The piece of the text that answers, or null where none does.",
        }),
        Some("value") => json!({
            "type": ["string", "number", "boolean", "null"],
            "description": "The canonical value, of a vocabulary the name of an entry or its identifier; null where there is none.",
        }),
        Some("text") => json!({"type": "string", "description": "The text, mended."}),
        Some("output") => json!({"type": "string", "description": "The text that the model should write."}),
        _ => Value::Bool(false),
    }
}

fn examples(rules: &dyn KindRules) -> Value {
    let Some(answer_key) = rules.answer_key() else {
        return Value::Bool(false);
    };
    let mut solved = keyed(&EXAMPLE_KEYS, |key| match key {
        "input" if rules.two_sided() => json!({
            "type": "object",
            "description": match rules.sides() {
                Some([first, second]) => {
                    format!("Both sides as `{first}` and `{second}`, or the row that the task's input is made of.")
                }
                None => String::new(),
            },
        }),
        "input" => json!({
            "oneOf": [{"type": "string", "pattern": "\\S"}, {"type": "object"}],
            "description": "What the model reads, or the row that the task's input is made of.",
        }),
        other => unreachable!("the key {other} of an example has no schema"),
    });
    solved.insert(answer_key.to_owned(), answer(rules));
    let solved = object(&solved, &["input", answer_key]);
    let mut set = keyed(&SET_KEYS, |key| match key {
        "from" => json!({
            "type": "string",
            "description": "A file of solved rows (.csv, .tsv, .jsonl, .ndjson), from the folder of the task file.",
        }),
        "items" => json!({"type": "array", "items": solved, "description": "Solved rows, before those of the file."}),
        "select" => json!({
            "enum": Selection::WORDS.map(|(word, _)| word),
            "default": Selection::default().name(),
            "description": "Which are shown: the first; those most like the row; or ones that are unlike each other.",
        }),
        "count" => json!({
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_SHOWN,
            "default": SHOWN_UNLESS_TOLD,
            "description": "How many are shown.",
        }),
        "balance" => json!({
            "type": "boolean",
            "description": "For `fixed` and `diverse`: answers take turns, so that each is shown about as often.",
        }),
        "input" => input(rules.sides()),
        "model" => json!({
            "$ref": "#/$defs/model",
            "default": EMBEDDING_MODEL,
            "description": "The embedding model, for `similar` and `diverse`.",
        }),
        other => unreachable!("the key {other} of a set of examples has no schema"),
    });
    set.insert(
        answer_key.to_owned(),
        json!({"type": "string", "default": answer_key, "description": "The column that holds the right answers."}),
    );
    let mut set = object(&set, &[]);
    set["anyOf"] = json!([{"required": ["from"]}, {"required": ["items"]}]);
    json!({
        "description": "Solved rows that the model is shown.",
        "oneOf": [{"type": "array", "items": solved, "maxItems": MOST_SHOWN}, set],
    })
}

fn fallback(rules: &dyn KindRules) -> Value {
    let mut schema = match rules.answer_key() {
        Some("label") => json!({"type": "string"}),
        _ => answer(rules),
    };
    schema["description"] = "The value of an answer that abstains.".into();
    schema
}

/// The schemas of these keys.
fn keyed(keys: &[&str], schema: impl Fn(&str) -> Value) -> Map<String, Value> {
    keys.iter().map(|key| ((*key).to_owned(), schema(key))).collect()
}

fn object(properties: &Map<String, Value>, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// A whole task of this kind.
fn example(kind: Kind) -> Value {
    match kind.name() {
        "label" => json!({
            "name": "ticket_topic",
            "kind": "label",
            "input": ["subject", "body"],
            "guidelines": "What does the customer want?",
            "labels": {"refund": "wants money back", "delivery": "asks where an order is", "other": null},
            "examples": [{"input": "Still no parcel", "label": "delivery"}],
            "model": "smollm2-135m-instruct",
            "threshold": 0.6,
            "fallback": "other",
        }),
        "multilabel" => json!({
            "name": "ticket_tags",
            "kind": "multilabel",
            "input": "body",
            "labels": ["billing", "login", "praise"],
            "examples": [{"input": "Great app, but I can't log in", "labels": ["login", "praise"]}],
            "label_threshold": 0.5,
        }),
        "match" => json!({
            "name": "same_company",
            "kind": "match",
            "input": {"a": "name", "b": "other_name"},
            "guidelines": "Are these the same company?",
            "examples": [{"input": {"a": "ACME Inc.", "b": "Acme Incorporated"}, "match": true}],
        }),
        "extract" => json!({
            "name": "listing_fields",
            "kind": "extract",
            "input": "title",
            "guidelines": "Read the product out of the title of its listing.",
            "fields": {
                "brand": "who makes it",
                "price": {"type": "number", "description": "what it costs, without the currency"},
                "condition": {"enum": ["new", "used", "refurbished"]},
                "colors": {"type": "array", "items": "string"},
            },
            "examples": [{
                "input": "Sony WH-1000XM4, black, used, $129",
                "fields": {"brand": "Sony", "price": 129, "condition": "used", "colors": ["black"]},
            }],
        }),
        "answer" => json!({
            "name": "clause_answer",
            "kind": "answer",
            "input": {"context": "clause", "question": "question"},
            "examples": [
                {
                    "input": {"context": "Either side may leave with 30 days' notice.", "question": "How long is the notice?"},
                    "answer": "30 days",
                },
                {
                    "input": {"context": "Either side may leave with 30 days' notice.", "question": "Who pays the costs?"},
                    "answer": null,
                },
            ],
        }),
        "normalize" | "clean" | "enrich" => values::example(kind),
        "resolve" | "repair" => tables::example(kind),
        "embed" => json!({"name": "ticket_vector", "kind": "embed", "input": "body", "model": EMBEDDING_MODEL}),
        "complete" => json!({
            "name": "ticket_summary",
            "kind": "complete",
            "input": "body",
            "guidelines": "Say in one sentence what the customer wants.",
            "max_tokens": 60,
            "stop": ["\n"],
        }),
        other => unreachable!("the kind {other} has no example"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::task::Task;

    fn keys(schema: &Value) -> BTreeSet<&str> {
        schema["properties"]
            .as_object()
            .expect("properties")
            .keys()
            .map(String::as_str)
            .collect()
    }

    #[test]
    fn the_schema_has_the_keys_that_the_reader_has() {
        let schema = schema();
        for kind in Kind::all() {
            let rules = kind.rules();
            let definition = &schema["$defs"][kind.name()];
            let read: BTreeSet<&str> = rules.common_keys().iter().chain(rules.keys()).copied().collect();
            assert_eq!(keys(definition), read, "{kind}");
            let Some(answer_key) = rules.answer_key() else { continue };
            let choices = &definition["properties"]["examples"]["oneOf"];
            let solved: BTreeSet<&str> = EXAMPLE_KEYS.iter().copied().chain([answer_key]).collect();
            assert_eq!(keys(&choices[0]["items"]), solved, "{kind}");
            let set: BTreeSet<&str> = SET_KEYS.iter().copied().chain([answer_key]).collect();
            assert_eq!(keys(&choices[1]), set, "{kind}");
        }
        let label = &schema["$defs"]["labels"]["oneOf"][0]["items"]["oneOf"][1];
        assert_eq!(keys(label), LABEL_KEYS.into_iter().collect());
    }

    #[test]
    fn every_key_says_what_it_is() {
        for kind in Kind::all() {
            let definition = kind_schema(kind);
            for (key, value) in definition["properties"].as_object().expect("properties") {
                assert!(
                    value["description"].as_str().is_some_and(|text| text.len() > 5),
                    "{kind}: {key}"
                );
            }
        }
    }

    #[test]
    fn the_reader_takes_every_example_of_the_schema() {
        for kind in Kind::all() {
            let task = Task::from_json(&example(kind), "schema", Path::new(".")).expect("a task");
            assert_eq!(task.kind, kind);
        }
    }
}
