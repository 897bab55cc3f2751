//! The schema says of a task what the reader says of it.

use std::path::{Path, PathBuf};

use refuel_task::{Task, schema};
use regex::Regex;
use serde_json::{Value, json};

use crate::read;

/// Why a value does not fit a schema. Knows the words that our schema uses, and fails on any other.
fn problems(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let Some(schema) = schema.as_object() else {
        return if schema == &Value::Bool(false) {
            vec![format!("{at}: nothing fits")]
        } else {
            Vec::new()
        };
    };
    let mut found = Vec::new();
    let fits = |schema: &Value| problems(root, schema, value, at).is_empty();
    let number = |bound: &Value| bound.as_f64().expect("a number");
    for (word, wanted) in schema {
        let ok = match word.as_str() {
            "$schema"
            | "$id"
            | "$defs"
            | "title"
            | "description"
            | "default"
            | "examples"
            | "then"
            | "required"
            | "additionalProperties"
            | "properties" => true,
            "$ref" => {
                let name = wanted
                    .as_str()
                    .and_then(|path| path.strip_prefix("#/$defs/"))
                    .expect("a path");
                found.extend(problems(root, &root["$defs"][name], value, at));
                true
            }
            "const" => value == wanted || value.as_f64().is_some_and(|number| Some(number) == wanted.as_f64()),
            "enum" => wanted.as_array().expect("words").contains(value),
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|name| is_of_type(value, name)),
                name => is_of_type(value, name),
            },
            "minimum" => value.as_f64().is_none_or(|value| value >= number(wanted)),
            "maximum" => value.as_f64().is_none_or(|value| value <= number(wanted)),
            "exclusiveMinimum" => value.as_f64().is_none_or(|value| value > number(wanted)),
            "exclusiveMaximum" => value.as_f64().is_none_or(|value| value < number(wanted)),
            "minLength" => value
                .as_str()
                .is_none_or(|text| text.chars().count() as f64 >= number(wanted)),
            "maxLength" => value
                .as_str()
                .is_none_or(|text| text.chars().count() as f64 <= number(wanted)),
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as f64 >= number(wanted)),
            "maxItems" => value
                .as_array()
                .is_none_or(|items| items.len() as f64 <= number(wanted)),
            "minProperties" => value.as_object().is_none_or(|map| map.len() as f64 >= number(wanted)),
            "maxProperties" => value.as_object().is_none_or(|map| map.len() as f64 <= number(wanted)),
            "uniqueItems" => value
                .as_array()
                .is_none_or(|items| (1..items.len()).all(|end| !items[..end].contains(&items[end]))),
            "pattern" => {
                let pattern = Regex::new(wanted.as_str().expect("a pattern")).expect("a pattern");
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "not" => !fits(wanted),
            "oneOf" => {
                wanted
                    .as_array()
                    .expect("schemas")
                    .iter()
                    .filter(|schema| fits(schema))
                    .count()
                    == 1
            }
            "anyOf" => wanted.as_array().expect("schemas").iter().any(fits),
            "allOf" => {
                for part in wanted.as_array().expect("schemas") {
                    found.extend(problems(root, part, value, at));
                }
                true
            }
            "if" => {
                if fits(wanted) {
                    found.extend(problems(root, &schema["then"], value, at));
                }
                true
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(problems(root, wanted, item, &format!("{at}[{}]", index + 1)));
                }
                true
            }
            "propertyNames" => {
                for key in value.as_object().into_iter().flat_map(|map| map.keys()) {
                    found.extend(problems(root, wanted, &json!(key), &format!("{at}: key {key}")));
                }
                true
            }
            other => panic!("the schema uses the word {other}"),
        };
        if !ok {
            found.push(format!("{at}: {word} {wanted}"));
        }
    }
    let Some(map) = value.as_object() else { return found };
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !map.contains_key(key.as_str().expect("a key")) {
            found.push(format!("{at}: lacks {key}"));
        }
    }
    for (key, value) in map {
        let at = format!("{at}.{key}");
        match (
            schema.get("properties").and_then(|properties| properties.get(key)),
            schema.get("additionalProperties"),
        ) {
            (Some(wanted), _) | (None, Some(wanted)) => found.extend(problems(root, wanted, value, &at)),
            (None, None) => {}
        }
    }
    found
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match name.as_str().expect("a type") {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("the schema uses the type {other}"),
    }
}

fn fits(value: &Value) -> Result<(), String> {
    let schema = schema();
    let found = problems(&schema, &schema, value, "task");
    if found.is_empty() {
        Ok(())
    } else {
        Err(found.join("\n"))
    }
}

/// A YAML text as a JSON value.
fn value(text: &str) -> Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).expect("YAML")
}

const RIGHT: &[&str] = &[
    "kind: label\ninput: body\nlabels: [a, b]",
    "kind: label\ninput: [a, b]\nlabels: {a: x, b: }\nthreshold: 1\nfallback: later\ncalibration: contextual",
    "kind: label\ninput: {template: '{{ a }}'}\nlabels: [{name: a, aliases: [c]}, b]\nmodel: m@abcdef\nversion: 2",
    "kind: label\ninput: a\nlabels: [a, b]\nexamples: [{input: x, label: a}, {input: {a: y}, label: b}]",
    "kind: label\ninput: a\nlabels: [a, b]\nexamples: {items: [{input: x, label: a}], select: diverse, count: 2}",
    "kind: multilabel\ninput: a\nlabels: [a, b]\nlabel_threshold: 0.3\nexamples: [{input: x, labels: []}]",
    "kind: multilabel\ninput: a\nlabels: [a, b]\nexamples: [{input: x, labels: a; b}]\nfallback: [a]",
    "kind: match\ninput: {a: x, b: [y, z]}\nexamples: [{input: {a: p, b: q}, match: no}]\nfallback: false",
    "kind: embed\ninput: body\nname: t-1_x\ntags: [x]\non_error: null\ntruncate: tail\nowner: me",
    "kind: complete\ninput: body\nstop: x\nmax_tokens: 9\ntemperature: 0\nexamples: [{input: x, output: y}]",
    "kind: label\ninput: a\nlabels: [a, b]\nthreshold: auto\ntarget_precision: 0.9\ncalibrated: {model: abcdef, rows: 40, \
     map: {method: isotonic, corners: [[0.2, 0.1], [0.9, 1]]}, threshold: {value: 0.5, target: 0.9}}",
    "kind: extract\ninput: a\nfields: [a, b]\ncalibrated: {map: {method: none}, fields: {a: {method: temperature, temperature: 2}}}",
    "kind: complete\ninput: body\nstop: [x, y]\nconfidence: raw\nguidelines: |\n  Two\n  lines",
];

const WRONG: &[&str] = &[
    "input: body",
    "kind: labels\ninput: body",
    "kind: label\ninput: body",
    "kind: label\ninput: body\nlabels: [a]",
    "kind: label\ninput: body\nlabels: [a, 2]",
    "kind: label\ninput: body\nlabels: [a, b]\nguidlines: x",
    "kind: label\ninput: body\nlabels: [a, b]\nmax_tokens: 3",
    "kind: label\ninput: body\nlabels: [a, {nam: b}]",
    "kind: label\ninput: body\nlabels: [a, ' b']",
    "kind: label\ninput: '{{ body }}'\nlabels: [a, b]",
    "kind: label\ninput: []\nlabels: [a, b]",
    "kind: label\ninput: [x, x]\nlabels: [a, b]",
    "kind: label\ninput: body\nlabels: [a, b]\nthreshold: 2",
    "kind: label\ninput: body\nlabels: [a, b]\nname: 1x",
    "kind: label\ninput: body\nlabels: [a, b]\nmodel: a b",
    "kind: label\ninput: body\nlabels: [a, b]\nexamples: [{input: x}]",
    "kind: label\ninput: body\nlabels: [a, b]\nexamples: {count: 3}",
    "kind: label\ninput: body\nlabels: [a, b]\nthreshold: automatic",
    "kind: label\ninput: body\nlabels: [a, b]\nthreshold: auto\ntarget_precision: 1",
    "kind: label\ninput: body\nlabels: [a, b]\ncalibrated: {map: {method: steps}}",
    "kind: label\ninput: body\nlabels: [a, b]\ncalibrated: {rows: 3}",
    "kind: label\ninput: body\nlabels: [a, b]\ncalibrated: {map: {method: platt, slope: -1, intercept: 0}}",
    "kind: match\ninput: body",
    "kind: match\ninput: {a: x}",
    "kind: embed\ninput: body\nlabels: [a, b]",
    "kind: complete\ninput: body\ntemperature: 0.5",
    "kind: complete\ninput: body\nmax_tokens: 0",
    "kind: complete\ninput: body\nstop: ''",
    "kind: complete\ninput: body\ntruncate: start",
];

#[test]
fn what_the_reader_takes_fits_the_schema() {
    for text in RIGHT {
        read(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        fits(&value(text)).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    }
}

#[test]
fn what_the_reader_refuses_does_not_fit_the_schema() {
    for text in WRONG {
        assert!(read(text).is_err(), "{text}");
        assert!(fits(&value(text)).is_err(), "{text}");
    }
}

#[test]
fn the_examples_of_the_schema_fit_it() {
    let schema = schema();
    let examples = schema["examples"].as_array().expect("examples");
    assert_eq!(examples.len(), refuel_task::Kind::all().count());
    for example in examples {
        fits(example).unwrap_or_else(|problems| panic!("{problems}\n{example}"));
    }
}

/// Every YAML file under the repository that says what kind of task it is; what fuzzers start from need not be right.
fn task_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" && name != "fuzz" {
            task_files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yml" || extension == "yaml")
            && fs_err::read_to_string(&path).is_ok_and(|text| text.lines().any(|line| line.starts_with("kind: ")))
        {
            found.push(path);
        }
    }
}

#[test]
fn every_task_file_of_the_repository_is_read_and_fits() {
    let mut files = Vec::new();
    task_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut files);
    for path in files {
        let text = fs_err::read_to_string(&path).expect("text");
        fits(&value(&text)).unwrap_or_else(|problems| panic!("{}: {problems}", path.display()));
        // What the benchmark of quality reads beside its tasks it makes itself; a file of examples may not be in the repository.
        let is_of_quality = path.components().any(|part| part.as_os_str() == "quality");
        let has_shared = path.parent().is_some_and(|folder| folder.join("../shared").exists());
        if !is_of_quality && (!text.contains("from: ../") || has_shared) {
            Task::from_file(&path).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
