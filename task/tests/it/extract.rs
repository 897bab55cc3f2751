//! What a task of kind `extract` reads out, in both forms, and how it is asked.

use std::path::Path;

use proptest::prelude::*;
use refuel_task::{Field, Format, Plan, RenderedInput, Shape, Task, TextShape};
use serde_json::{Value, json};

use crate::{read, task};

const FIELDS: &str = r#"
name: listing
kind: extract
input: title
guidelines: Read the product out.
fields:
  brand: who makes it
  model: null
  price: {type: number, description: "without the\n  currency", minimum: 0}
  sold: {format: date, required: true}
  condition: {enum: [new, used], nullable: false}
  colors: {items: string, max_items: 4}
  seller: {fields: [name, {name: since, type: integer}], required: true, nullable: true}
examples:
  - input: Sony TV, $129
    fields: {price: 129, brand: Sony, sold: "2026-11-26", seller: {}}
"#;

const SCHEMA: &str = r#"
name: listing
kind: extract
input: title
guidelines: Read the product out.
schema:
  $schema: https://json-schema.org/draft/2020-12/schema
  title: A listing
  type: object
  properties:
    brand: {type: [string, "null"], description: who makes it}
    model: {type: [string, "null"]}
    price: {type: number, description: without the currency, minimum: 0, nullable: true}
    sold: {type: string, format: date}
    condition: {enum: [new, used]}
    colors: {type: [array, null], items: {type: string}, maxItems: 4}
    seller:
      type: [object, "null"]
      properties: {name: {type: string, nullable: true}, since: {type: [integer, "null"]}}
  required: [sold, seller]
  additionalProperties: false
"#;

fn field<'a>(task: &'a Task, name: &str) -> &'a Field {
    task.fields.iter().find(|field| field.name == name).expect("the field")
}

#[test]
fn fields_are_read_with_what_is_left_out() {
    let task = task(FIELDS);
    let names: Vec<&str> = task.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(
        names,
        ["brand", "model", "price", "sold", "condition", "colors", "seller"]
    );
    let brand = field(&task, "brand");
    assert_eq!(brand.description.as_deref(), Some("who makes it"));
    assert!(!brand.required && brand.nullable);
    let Shape::Text(text) = &brand.shape else {
        panic!("{brand:?}")
    };
    assert!(text.span, "a text is a piece of the input unless told");
    let sold = Shape::Text(TextShape {
        span: false,
        format: Some(Format::Date),
        most: None,
    });
    assert_eq!(field(&task, "sold").shape, sold);
    assert!(field(&task, "sold").required && !field(&task, "sold").nullable);
}

#[test]
fn a_json_schema_says_the_same() {
    let (fields, schema) = (task(FIELDS), task(SCHEMA));
    let plain = |task: &Task| {
        let mut fields = task.fields.clone();
        for field in &mut fields {
            field.description = field
                .description
                .take()
                .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        fields
    };
    assert_eq!(plain(&schema), plain(&fields));
}

#[test]
fn the_form_of_an_answer_is_that_of_the_task() {
    let task = task(FIELDS);
    let example = &task.examples.as_ref().expect("examples").items[0];
    assert_eq!(
        example.answer,
        json!({
            "brand": "Sony", "model": null, "price": 129, "sold": "2026-11-26", "colors": null,
            "seller": {"name": null, "since": null},
        })
    );
    assert_eq!(
        task.normalize_expected(&json!("{\"sold\": \"2026-11-26\", \"seller\": null}")),
        Ok(json!({"brand": null, "model": null, "price": null, "sold": "2026-11-26", "colors": null, "seller": null}))
    );
    assert!(task.normalize_expected(&json!({"brand": "Sony"})).is_err());
}

#[test]
fn the_model_is_told_what_to_read_out() {
    let task = task(FIELDS);
    let example = &task.examples.as_ref().expect("examples").items[0];
    let plan = Plan::new(&task, None, &[example]).expect("a plan");
    let text = |segments: &[refuel_task::Segment]| segments.iter().map(refuel_task::Segment::text).collect::<String>();
    insta::assert_snapshot!(text(&plan.prefix) + &text(&plan.row(&RenderedInput::text("Bosch drill"))), @r#"
    Read the product out.

    Fields:
    - brand: who makes it
    - model
    - price (number): without the currency
    - sold (date)
    - condition (new or used)
    - colors (list)
    - seller (object)
      - name
      - since (whole number)

    Read these fields out of the text. Answer with one JSON object that has them in this order, copied as they are written, and null for what the text does not say.

    Input: Sony TV, $129
    Answer: {"brand": "Sony", "model": null, "price": 129, "sold": "2026-11-26", "condition": null, "colors": null, "seller": {"name": null, "since": null}}
    Input: Bosch drill
    Answer:
    "#);
}

#[test]
fn what_is_exported_is_read_as_the_same_task() {
    let folder = tempfile::tempdir().expect("a folder");
    for yaml in [FIELDS, SCHEMA] {
        let path = folder.path().join("listing.yml");
        std::fs::write(&path, yaml).expect("it is written");
        let exported = Task::export(&path).expect("it is exported");
        // A catalog sorts keys.
        let sorted: std::collections::BTreeMap<String, Value> = serde_json::from_value(exported).expect("an object");
        let back = Task::from_catalog(&json!(sorted), "catalog").expect("it is read");
        assert_eq!(back.fields, task(yaml).fields);
        assert_eq!(back.fingerprint(), task(yaml).fingerprint());
    }
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    let wrong = [
        "kind: extract\ninput: a",
        "kind: extract\ninput: a\nfields: {}",
        "kind: extract\ninput: a\nfields: [x, x]",
        "kind: extract\ninput: a\nfields: {x: {typ: number}}",
        "kind: extract\ninput: a\nfields: {x: {type: strng}}",
        "kind: extract\ninput: a\nfields: {x: {type: number, enum: [a]}}",
        "kind: extract\ninput: a\nfields: {x: {minimum: 3}}",
        "kind: extract\ninput: a\nfields: {x: boolean, y: null}",
        "kind: extract\ninput: a\nfields: {x: List}",
        "kind: extract\ninput: a\nfields: {x: {type: integer, minimum: 5, maximum: 3}}",
        "kind: extract\ninput: a\nschema: {properties: {x: {type: integer, minimum: 3.2, maximum: 3.8}}}",
        "kind: extract\ninput: a\nfields: {x: {format: date, span: true}}",
        "kind: extract\ninput: a\nfields: {x: {format: dat}}",
        "kind: extract\ninput: a\nfields: {x: {enum: [a, a]}}",
        "kind: extract\ninput: a\nfields: {x: {items: strin}}",
        "kind: extract\ninput: a\nfields: {x: 3}",
        "kind: extract\ninput: a\nfields: {x: null}\nschema: {type: object}",
        "kind: extract\ninput: a\nschema: {type: string}",
        "kind: extract\ninput: a\nschema: {properties: {x: {type: string, pattern: a}}}",
        "kind: extract\ninput: a\nschema: {properties: {x: {type: [string, number]}}}",
        "kind: extract\ninput: a\nschema: {properties: {x: {maximum: 3}}}",
        "kind: extract\ninput: a\nschema: {properties: {x: {}}, required: [y]}",
        "kind: extract\ninput: a\nschema: {properties: {x: {}}, additionalProperties: true}",
        "kind: extract\ninput: a\nfields: {x: null}\nexamples: [{input: q, fields: {y: 1}}]",
        "kind: extract\ninput: a\nfields: {x: null}\nlabels: [a, b]",
        "kind: label\ninput: a\nlabels: [a, b]\nfields: {x: null}",
    ];
    let told: Vec<String> = wrong
        .iter()
        .map(|yaml| {
            let error = read(yaml).expect_err(yaml);
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("{} {error}{hint}", error.code())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// Fields as somebody may write them, some levels deep.
fn shapes() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!({"span": false, "max_length": 9})),
        Just(json!({"format": "email"})),
        Just(json!({"enum": ["a", "b c"]})),
        Just(json!({"type": "number", "minimum": -1.5})),
        Just(json!({"type": "integer", "maximum": 7})),
        Just(json!({"type": "boolean"})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| json!({"items": items, "max_items": 3})),
            prop::collection::vec((inner, any::<bool>(), any::<bool>()), 1..3).prop_map(|fields| {
                let fields: Vec<Value> = fields
                    .into_iter()
                    .enumerate()
                    .map(|(index, (mut field, required, nullable))| {
                        field["name"] = format!("f{index}").into();
                        field["required"] = required.into();
                        field["nullable"] = nullable.into();
                        field
                    })
                    .collect();
                json!({"fields": fields})
            }),
        ]
    })
}

proptest! {
    /// A catalog's form of any fields is read as the same fields.
    #[test]
    fn fields_survive_a_catalog(shape in shapes()) {
        let yaml = json!({"name": "a", "kind": "extract", "input": "b", "fields": {"x": shape}});
        let task = Task::from_json(&yaml, "test", Path::new(".")).expect("a task");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yml");
        std::fs::write(&path, yaml.to_string()).expect("it is written");
        let exported = Task::export(&path).expect("it is exported");
        let back = Task::from_catalog(&exported, "catalog").expect("it is read");
        prop_assert_eq!(back.fields, task.fields);
    }
}
