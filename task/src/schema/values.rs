//! The schemas of the rules of `normalize`, `clean` and `enrich`.

use refuel_clean::RuleName;
use refuel_normalize::Format;
use serde_json::{Map, Value, json};

use super::{keyed, object};
use crate::kinds::{Kind, KindRules};
use crate::parse::{DICTIONARY_FILES, ENTRY_KEYS, REFERENCE_KEYS, SETTING_KEYS, VOCABULARY_KEYS};
use crate::values::{KEEP_WORDS, MAX_CHANGE};

/// Whether the schema of a key is here.
pub(super) fn takes(rules: &dyn KindRules, key: &str) -> bool {
    matches!(
        (rules.name(), key),
        ("normalize", "format" | "vocabulary" | "embeddings")
            | ("clean", "rules" | "dictionary" | "max_change" | "keep")
            | ("enrich", "reference")
    )
}

/// The schema of a key that [`takes`] says is here.
pub(super) fn property(key: &str) -> Value {
    match key {
        "format" => format(),
        "vocabulary" => vocabulary(),
        "embeddings" => json!({
            "$ref": "#/$defs/model",
            "description": "The model whose embeddings tell which entry of the vocabulary, of three or more, is meant where \
             letters don't, such as all-minilm-l6-v2. Unless told, none is asked.",
        }),
        "rules" => rules(),
        "dictionary" => json!({
            "oneOf": [
                {"type": "string", "pattern": format!("\\{DICTIONARY_FILES}$")},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                {"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer", "minimum": 0}},
            ],
            "description": "Words, for the rule `spelling`: a file with one a line, each with how often it occurs behind it \
             where that is known; or such lines as a list; or a map of words with how often they occur.",
        }),
        "max_change" => json!({
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": MAX_CHANGE,
            "description": "The share of letters that a model may change. An edit that changes more is rejected.",
        }),
        "keep" => json!({
            "type": "array",
            "items": {"enum": KEEP_WORDS},
            "uniqueItems": true,
            "default": KEEP_WORDS,
            "description": "What an edit of a model must leave as it is. One that doesn't is rejected.",
        }),
        "reference" => reference(),
        other => unreachable!("the key {other} has no schema"),
    }
}

fn format() -> Value {
    let options = keyed(&SETTING_KEYS, |key| match key {
        "region" => json!({
            "type": "string",
            "pattern": "^[A-Za-z]{2}$",
            "description": "Country of values that don't say: two letters of ISO 3166-1. It tells the order of dates and the mark \
             before decimals too.",
        }),
        "day_first" => json!({"type": "boolean", "description": "Whether 03/04 is the third of April."}),
        "reference" => json!({
            "type": "string",
            "description": "Now, for `tomorrow` and for dates without a year: 2026-11-26, or 2026-11-26T09:30:00.",
        }),
        "decimal" => json!({"enum": [".", ","], "description": "The mark before decimals."}),
        "currency" => json!({
            "type": "string",
            "pattern": "^[A-Za-z]{3}$",
            "description": "Currency of amounts that don't say: three letters of ISO 4217.",
        }),
        "units" => json!({
            "enum": ["written", "si"],
            "default": "written",
            "description": "Whether quantities keep their units, or come in those of the SI.",
        }),
        other => unreachable!("the option {other} has no schema"),
    });
    let names = Format::ALL.map(Format::name);
    let with_options: Map<String, Value> = Format::ALL
        .into_iter()
        .map(|format| {
            let own = |(key, _): &(&String, &Value)| format.settings().contains(&key.as_str());
            let own = options.iter().filter(own);
            let own: Map<String, Value> = own.map(|(key, schema)| (key.clone(), schema.clone())).collect();
            let mut options = object(&own, &[]);
            options["description"] = comes_out(format).into();
            (format.name().to_owned(), options)
        })
        .collect();
    json!({
        "oneOf": [
            {"enum": names},
            {
                "type": "object",
                "properties": with_options,
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ],
        "description": "What the values are: a name, or a map of the name with options.",
        "examples": ["phone", {"phone": {"region": "DE"}}],
    })
}

/// What a value of a format is made into.
fn comes_out(format: Format) -> &'static str {
    match format {
        Format::Date => "A day: `2024-03-05`.",
        Format::Time => "A time of day: `15:30:00`.",
        Format::Datetime => "A time of a day: `2024-03-05T15:30:00`.",
        Format::Duration => "How long something lasts: `PT1H30M`.",
        Format::Phone => "A telephone number as in E.164: `+4930901820`.",
        Format::Amount => "An amount of money: `EUR 1234.50`.",
        Format::Number => "A number in digits: `-1234.5`. A percentage is a fraction.",
        Format::Quantity => "A number with a unit: `2.5 kg`.",
        Format::Country => "A country, by two letters of ISO 3166-1: `DE`.",
        Format::Language => "A language, by two letters of ISO 639-1, or by three where it has no two: `de`.",
        Format::Boolean => "`true` or `false`.",
        Format::Email => "An e-mail address, with its domain in lower case.",
        Format::Url => "A URL as the URL standard writes it.",
        Format::Person => "A person's name: `Jane Q. Doe Jr.`",
        Format::Company => "A company's name with its legal form: `Acme GmbH`.",
        Format::Address => "A postal address in one line.",
    }
}

/// What a rule mends.
fn mends(rule: RuleName) -> &'static str {
    match rule {
        RuleName::Unicode => "Brings characters into one form of Unicode.",
        RuleName::Mojibake => "Mends text that was decoded with the wrong character set.",
        RuleName::Invisible => "Takes out control characters and others that nobody sees.",
        RuleName::Whitespace => "Makes one blank of white space, and none of it at the ends.",
        RuleName::Html => "Takes out HTML.",
        RuleName::Casing => "Changes capitals and small letters.",
        RuleName::Quotes => "Writes quotation marks and apostrophes in one way.",
        RuleName::Dashes => "Writes hyphens and dashes in one way.",
        RuleName::Punctuation => "Makes one mark of repeated ones.",
        RuleName::Spelling => "Corrects words that the dictionary does not have.",
    }
}

fn vocabulary() -> Value {
    let scalar = || json!({"type": ["string", "number"]});
    let aliases = || json!({"oneOf": [scalar(), {"type": "array", "items": scalar()}]});
    let entry = keyed(&ENTRY_KEYS, |key| {
        let (mut schema, description) = match key {
            "value" => (scalar(), "The name of the entry."),
            "id" => (scalar(), "What is answered instead of the name."),
            "aliases" => (aliases(), "Other names."),
            other => unreachable!("the key {other} of an entry has no schema"),
        };
        schema["description"] = description.into();
        schema
    });
    let file = keyed(&VOCABULARY_KEYS, |key| match key {
        "from" => json!({
            "type": "string",
            "description": "A file of entries (.csv, .tsv, .jsonl, .ndjson), from the folder of the task file.",
        }),
        "value" => json!({"type": "string", "default": "value", "description": "The column of the names."}),
        "id" => json!({
            "type": "string",
            "description": "The column of the identifiers, where these are answered. Rows with the same are one entry.",
        }),
        "aliases" => json!({
            "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "description": "The columns of other names: lists, or texts with `;` between the names.",
        }),
        other => unreachable!("the key {other} of a vocabulary has no schema"),
    });
    let mut entries = aliases();
    entries["oneOf"]
        .as_array_mut()
        .into_iter()
        .for_each(|types| types.push(json!({"type": "null"})));
    json!({
        "oneOf": [
            {"type": "array", "minItems": 1, "items": {"oneOf": [scalar(), object(&entry, &["value"])]}},
            object(&file, &["from"]),
            {"type": "object", "minProperties": 1, "not": {"required": ["from"]}, "additionalProperties": entries},
        ],
        "description": "What the values are entries of: a list, a map of names with their aliases, or a file.",
        "examples": [["Germany", "France"], {"Germany": ["Deutschland", "BRD"]}, {"from": "countries.csv", "value": "name", "id": "code"}],
    })
}

fn rules() -> Value {
    let options = |name: RuleName| {
        let flag = |description: &str| json!({"type": "boolean", "default": true, "description": description});
        let word = |words: &[&str]| json!({"enum": words, "default": words[0]});
        match name {
            RuleName::Unicode => json!({"form": word(&["nfc", "nfkc"])}),
            RuleName::Whitespace => json!({"lines": flag("Whether lines stay lines.")}),
            RuleName::Html => json!({
                "tags": flag("Whether tags go."),
                "entities": flag("Whether character references become characters."),
            }),
            RuleName::Casing => json!({
                "to": {"enum": ["lower", "upper", "sentence", "title"], "description": "How it is written."},
            }),
            RuleName::Quotes => json!({"to": word(&["straight", "curly"])}),
            RuleName::Dashes => json!({"to": word(&["hyphen", "dash"])}),
            RuleName::Spelling => json!({
                "least_confidence": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.8},
                "names": {"type": "boolean", "default": false, "description": "Whether words that may be names are corrected too."},
            }),
            RuleName::Mojibake | RuleName::Invisible | RuleName::Punctuation => json!({}),
        }
    };
    let with_options: Map<String, Value> = RuleName::ALL
        .into_iter()
        .map(|name| {
            let schema = json!({
                "type": ["object", "null"],
                "properties": options(name),
                "additionalProperties": false,
                "description": mends(name),
            });
            (name.name().to_owned(), schema)
        })
        .collect();
    json!({
        "type": "array",
        "items": {
            "oneOf": [
                {"enum": RuleName::ALL.map(RuleName::name)},
                {
                    "type": "object",
                    "properties": with_options,
                    "additionalProperties": false,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ],
        },
        "default": ["mojibake", "html", "unicode", "invisible", "whitespace"],
        "description": "Rules in their order: names, or maps of a name with its options. With a dictionary `spelling` comes last \
         unless told.",
        "examples": [["html", "whitespace", {"casing": {"to": "title"}}]],
    })
}

fn reference() -> Value {
    let keys = keyed(&REFERENCE_KEYS, |key| match key {
        "from" => json!({
            "type": "string",
            "description": "A file of rows (.csv, .tsv, .jsonl, .ndjson), from the folder of the task file. Its columns are called \
             as the fields are.",
        }),
        "items" => json!({"type": "array", "items": {"type": "object"}, "description": "Rows, instead of a file."}),
        "key" => json!({
            "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
            "description": "The columns that a row is found by, of the record and of the table.",
        }),
        other => unreachable!("the key {other} of a reference table has no schema"),
    });
    let mut schema = object(&keys, &["key"]);
    schema["oneOf"] = json!([{"required": ["from"]}, {"required": ["items"]}]);
    schema["description"] = "A table that missing fields are taken from before anybody else is asked.".into();
    schema
}

/// A whole task of one of these kinds.
pub(super) fn example(kind: Kind) -> Value {
    match kind.name() {
        "normalize" => json!({
            "name": "phone",
            "kind": "normalize",
            "input": "contact",
            "format": {"phone": {"region": "DE"}},
        }),
        "clean" => json!({
            "name": "clean_comment",
            "kind": "clean",
            "input": "comment",
            "rules": ["mojibake", "html", "whitespace", {"quotes": {"to": "straight"}}],
        }),
        _ => json!({
            "name": "company_facts",
            "kind": "enrich",
            "input": ["name", "city", "country"],
            "fields": {
                "country": "two letters of ISO 3166-1",
                "industry": {"enum": ["software", "retail", "other"]},
            },
            "reference": {"items": [{"name": "Acme GmbH", "country": "DE"}], "key": "name"},
            "model": "smollm2-135m-instruct",
        }),
    }
}
