//! What a task file can say, from its JSON Schema.

use serde_json::Value;

/// A task as a beginner would write it.
const EXAMPLE: &str = "\
name: ticket_topic
kind: label
guidelines: Say what the customer writes about.
input: body
labels:
  refund: wants money back
  delivery: asks where an order is
  other:
threshold: 0.6
fallback: other
";

/// The text, as Markdown.
pub(super) fn task() -> String {
    let schema = refuel_task::schema();
    let mut text = format!(
        "# Task files\n\nA task is a YAML file that says what is asked of each row. Unknown keys are errors. \
         `refuel task check FILE` finds mistakes, `refuel man --schema task` prints the JSON Schema for an editor.\n\n\
         ```yaml\n{EXAMPLE}```\n\n## Kinds\n\n| kind | what it returns |\n|---|---|\n"
    );
    for kind in refuel_task::Kind::all() {
        text.push_str(&format!("| `{kind}` | {} |\n", kind.about()));
    }
    text.push_str("\n## Keys\n\n| key | for | type | what it says |\n|---|---|---|---|\n");
    let mut keys: Vec<Key> = Vec::new();
    // What the root says of a key holds for every kind.
    for kind in refuel_task::Kind::all() {
        add_keys(&schema, &schema, "", 0, kind.name(), &mut keys);
    }
    for kind in refuel_task::Kind::all() {
        if let Some(definition) = schema.pointer(&format!("/$defs/{kind}")) {
            add_keys(&schema, definition, "", 0, kind.name(), &mut keys);
        }
    }
    for key in keys {
        let takers = takers(&key.kinds);
        let about = key.about.trim().replace('|', "\\|");
        text.push_str(&format!("| `{}` | {takers} | {} | {about} |\n", key.name, key.values));
    }
    text
}

/// The kinds that take a key, in few words: where most do, those that don't.
fn takers(kinds: &[&'static str]) -> String {
    let names = refuel_task::Kind::all().map(refuel_task::Kind::name);
    let others: Vec<&str> = names.filter(|name| !kinds.contains(name)).collect();
    match others.as_slice() {
        [] => "all".to_owned(),
        few if few.len() < 4 => format!("all but {}", few.join(", ")),
        _ => kinds.join(", "),
    }
}

/// A key as a row of the table.
struct Key {
    name: String,
    /// The kinds that take it.
    kinds: Vec<&'static str>,
    values: String,
    about: String,
}

/// Most levels of keys within keys.
const DEPTH: usize = 3;

fn add_keys(root: &Value, schema: &Value, prefix: &str, depth: usize, kind: &'static str, keys: &mut Vec<Key>) {
    let schema = resolve(root, schema);
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (key, own) in properties {
        let value = resolve(root, own);
        let name = format!("{prefix}{key}");
        // What a key takes may differ from kind to kind, as `kind` itself does.
        let values = kind_of(root, value);
        let is_kind = name == "kind";
        let same = keys
            .iter_mut()
            .find(|there| there.name == name && (is_kind || there.values == values));
        if let Some(there) = same {
            if !there.kinds.contains(&kind) {
                there.kinds.push(kind);
            }
        } else {
            let told = |part: &str| own.get(part).or_else(|| value.get(part));
            let mut about = told("description")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .replace('\n', " ");
            if required.contains(&key.as_str()) {
                about = format!("Must be there. {about}");
            }
            if let Some(default) = told("default").filter(|default| !default.is_null()) {
                about = format!("{} Unless told: `{}`.", about.trim_end(), plain(default));
            }
            let kinds = vec![kind];
            keys.push(Key {
                name: name.clone(),
                kinds,
                values,
                about,
            });
        }
        if depth + 1 < DEPTH {
            for (within, mark) in below(root, value) {
                add_keys(root, within, &format!("{name}{mark}."), depth + 1, kind, keys);
            }
        }
    }
}

/// Schemas of objects within a value, with what stands behind the key's name for them.
fn below<'a>(root: &'a Value, schema: &'a Value) -> Vec<(&'a Value, &'static str)> {
    let mut found = Vec::new();
    if schema.get("properties").is_some() {
        found.push((schema, ""));
    }
    if let Some(items) = schema.get("items").map(|items| resolve(root, items)) {
        found.extend(below(root, items).into_iter().map(|(within, _)| (within, "[]")));
    }
    for key in ["anyOf", "oneOf"] {
        for choice in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
            found.extend(below(root, resolve(root, choice)));
        }
    }
    found
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.strip_prefix('#'))
        .and_then(|path| root.pointer(path))
        .unwrap_or(schema)
}

/// The type in words.
fn kind_of(root: &Value, schema: &Value) -> String {
    in_words(root, schema, &|_| None)
}

/// The type in words. `named` may give the words for a definition, by its name.
pub(super) fn in_words(root: &Value, schema: &Value, named: &dyn Fn(&str) -> Option<String>) -> String {
    let reference = schema.get("$ref").and_then(Value::as_str);
    if let Some(words) = reference.and_then(|path| named(path.trim_start_matches("#/$defs/"))) {
        return words;
    }
    let schema = resolve(root, schema);
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values = values.iter().filter(|value| !value.is_null());
        return values
            .map(|value| format!("`{}`", plain(value)))
            .collect::<Vec<String>>()
            .join(", ");
    }
    if let Some(value) = schema.get("const") {
        if value.is_null() {
            return "null".to_owned();
        }
        return format!("`{}`", plain(value));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = schema.get(key).and_then(Value::as_array) {
            let mut kinds: Vec<String> = Vec::new();
            for choice in choices {
                // A choice may be one of choices itself.
                for kind in in_words(root, choice, named).split(" or ") {
                    if kind != "null" && !kinds.iter().any(|known| known == kind) {
                        kinds.push(kind.to_owned());
                    }
                }
            }
            return kinds.join(" or ");
        }
    }
    // What an object holds may depend on one of its keys.
    let branches = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let branches: Vec<String> = branches
        .filter_map(|branch| branch.get("then"))
        .map(|then| in_words(root, then, named))
        .collect();
    if !branches.is_empty() {
        return branches.join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(_)) if schema.get("maxProperties").and_then(Value::as_u64) == Some(1) => {
            "a map of one of them".to_owned()
        }
        Some(Value::String(kind)) if kind == "array" => {
            let items = schema
                .get("items")
                .map_or_else(|| "anything".to_owned(), |items| in_words(root, items, named));
            format!("list of {items}")
        }
        Some(Value::String(_)) if schema.get("properties").is_none() && schema["additionalProperties"].is_object() => {
            format!("map of {}", in_words(root, &schema["additionalProperties"], named))
        }
        Some(Value::String(kind)) => word(kind).to_owned(),
        Some(Value::Array(kinds)) => {
            let kinds: Vec<&str> = kinds
                .iter()
                .filter_map(Value::as_str)
                .filter(|kind| *kind != "null")
                .map(word)
                .collect();
            kinds.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn word(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "integer" => "whole number",
        "object" => "keys",
        "boolean" => "`true`, `false`",
        other => other,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_example_is_a_task() {
        let task = refuel_task::Task::from_yaml(EXAMPLE, "example", Path::new(".")).unwrap();
        assert_eq!(task.labels.len(), 3);
    }

    #[test]
    fn every_key_is_said_with_the_kinds_that_take_it() {
        let text = task();
        assert!(text.contains("| `labels` | label, multilabel |"), "{text}");
        assert!(text.contains("| `name` | all |"), "{text}");
        assert!(text.contains("| `input` | answer, match | keys |"), "{text}");
        assert!(text.contains("| `threshold` | resolve, repair | number |"), "{text}");
        assert_eq!(text.matches("| `kind` |").count(), 1, "{text}");
        assert!(!text.contains("|  |"), "no cell is empty: {text}");
    }
}
