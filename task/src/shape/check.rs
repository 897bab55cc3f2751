//! Checks a value that somebody gives as an extracted record.

use serde_json::{Map, Number, Value};

use super::{Field, Shape};
use crate::error::nearest;
use crate::kinds::Problem;

/// The record in its own form: fields in their order, null where there is nothing, and left out where null may not stay.
///
/// A record may come as text, in JSON, as tables hold it. Numbers and truth values may come as text too.
pub(crate) fn check(fields: &[Field], value: &Value) -> Result<Value, Problem> {
    let parsed;
    let value = match value {
        Value::String(text) => {
            parsed = serde_json::from_str::<Value>(text).map_err(|error| {
                Problem::new(
                    format!("\"{text}\" is not a JSON object: {error}"),
                    "write {\"field\": value}",
                )
            })?;
            &parsed
        }
        other => other,
    };
    record(fields, value, "")
}

/// The value in the form of its shape; `name` is what errors call it.
pub(crate) fn checked(shape: &Shape, value: &Value, name: &str) -> Result<Value, Problem> {
    let parsed;
    let value = match (shape, value) {
        // Tables hold lists and objects as text, in JSON.
        (Shape::List { .. } | Shape::Object(_), Value::String(text)) => {
            parsed = serde_json::from_str(text).unwrap_or_else(|_| value.clone());
            &parsed
        }
        _ => value,
    };
    checked_value(shape, value, name)
}

/// The same. None where it doesn't fit.
pub(crate) fn typed(shape: &Shape, value: &Value) -> Option<Value> {
    checked(shape, value, "").ok()
}

/// The record as a model writes it: every field is there.
pub(crate) fn filled(fields: &[Field], value: &Value) -> Value {
    let fill = |field: &Field| {
        let own = value.get(&field.name).unwrap_or(&Value::Null);
        (field.name.clone(), filled_value(&field.shape, own))
    };
    Value::Object(fields.iter().map(fill).collect())
}

fn filled_value(shape: &Shape, value: &Value) -> Value {
    match (shape, value) {
        (Shape::Object(fields), Value::Object(_)) => filled(fields, value),
        (Shape::List { items, .. }, Value::Array(values)) => {
            values.iter().map(|value| filled_value(items, value)).collect()
        }
        _ => value.clone(),
    }
}

fn record(fields: &[Field], value: &Value, at: &str) -> Result<Value, Problem> {
    let Value::Object(given) = value else {
        return Err(wrong(at, "a JSON object", value));
    };
    // A kind that is asked without its task takes any record.
    if fields.is_empty() {
        return Ok(value.clone());
    }
    if let Some(unknown) = given.keys().find(|key| fields.iter().all(|field| field.name != **key)) {
        let names = fields.iter().map(|field| field.name.as_str());
        let hint = match nearest(unknown, names.clone()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("the fields are {}", names.collect::<Vec<_>>().join(", ")),
        };
        return Err(Problem::new(
            format!("\"{}\" is no field of the task", path(at, unknown)),
            hint,
        ));
    }
    let mut checked = Map::with_capacity(fields.len());
    for field in fields {
        let at = path(at, &field.name);
        let value = match given.get(&field.name) {
            None | Some(Value::Null) if field.takes_null() => Value::Null,
            None | Some(Value::Null) => {
                return Err(Problem::new(
                    format!("\"{at}\" is missing"),
                    "give its value, or make the field one that may be null: required: false",
                ));
            }
            Some(value) => checked_value(&field.shape, value, &at)?,
        };
        if field.nullable || !value.is_null() {
            checked.insert(field.name.clone(), value);
        }
    }
    Ok(Value::Object(checked))
}

fn checked_value(shape: &Shape, value: &Value, at: &str) -> Result<Value, Problem> {
    match shape {
        Shape::Text(shape) => match value {
            Value::String(text) if shape.most.is_none_or(|most| text.chars().count() <= most as usize) => {
                Ok(value.clone())
            }
            Value::String(text) => Err(Problem::new(
                format!(
                    "\"{at}\" has {} characters; {} are the most",
                    text.chars().count(),
                    shape.most.unwrap_or_default()
                ),
                "raise max_length, or shorten it",
            )),
            _ => Err(wrong(at, "text", value)),
        },
        Shape::Choice(choices) => match value {
            Value::String(text) if choices.contains(text) => Ok(value.clone()),
            Value::String(text) => {
                let hint = match nearest(text, choices.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("it can be {}", choices.join(", ")),
                };
                Err(Problem::new(format!("\"{at}\" can't be \"{text}\""), hint))
            }
            _ => Err(wrong(at, "text", value)),
        },
        Shape::Number { least, most } => {
            let number = number(value).ok_or_else(|| wrong(at, "a number", value))?;
            let given = number.as_f64().unwrap_or(f64::NAN);
            if least.is_some_and(|least| given < least) || most.is_some_and(|most| given > most) {
                return Err(outside(at, &number));
            }
            Ok(Value::Number(number))
        }
        Shape::Integer { least, most } => {
            let number = number(value)
                .filter(|number| number.is_i64() || number.is_u64())
                .ok_or_else(|| wrong(at, "a whole number", value))?;
            let given = number.as_i64().unwrap_or(i64::MAX);
            if least.is_some_and(|least| given < least) || most.is_some_and(|most| given > most) {
                return Err(outside(at, &number));
            }
            Ok(Value::Number(number))
        }
        Shape::Boolean => match value {
            Value::Bool(_) => Ok(value.clone()),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true.into()),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false.into()),
            _ => Err(wrong(at, "true or false", value)),
        },
        Shape::Object(fields) => record(fields, value, at),
        Shape::List { items, most } => {
            let Value::Array(values) = value else {
                return Err(wrong(at, "a list", value));
            };
            if most.is_some_and(|most| values.len() > most as usize) {
                return Err(Problem::new(
                    format!(
                        "\"{at}\" has {} items; {} are the most",
                        values.len(),
                        most.unwrap_or_default()
                    ),
                    "raise max_items, or leave some out",
                ));
            }
            let items = values
                .iter()
                .enumerate()
                .map(|(index, value)| checked_value(items, value, &format!("{at}[{index}]")));
            items.collect::<Result<_, _>>().map(Value::Array)
        }
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => match serde_json::from_str(text.trim()).ok()? {
            Value::Number(number) => Some(number),
            _ => None,
        },
        _ => None,
    }
}

fn path(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

fn wrong(at: &str, expected: &str, value: &Value) -> Problem {
    let name = if at.is_empty() {
        "it".to_owned()
    } else {
        format!("\"{at}\"")
    };
    Problem {
        message: format!("{name} must be {expected}, not {value}"),
        hint: None,
    }
}

fn outside(at: &str, number: &Number) -> Problem {
    Problem {
        message: format!("\"{at}\" can't be {number}: it is outside the bounds of the field"),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::TextShape;
    use super::*;

    fn field(name: &str, shape: Shape) -> Field {
        Field {
            name: name.to_owned(),
            description: None,
            shape,
            required: false,
            nullable: true,
        }
    }

    fn fields() -> Vec<Field> {
        let text = || Shape::Text(TextShape::default());
        vec![
            Field {
                required: true,
                nullable: false,
                ..field("brand", text())
            },
            field(
                "price",
                Shape::Number {
                    least: Some(0.0),
                    most: None,
                },
            ),
            Field {
                nullable: false,
                ..field("condition", Shape::Choice(vec!["new".to_owned(), "used".to_owned()]))
            },
            field(
                "parts",
                Shape::List {
                    items: Box::new(Shape::Object(vec![field("name", text())])),
                    most: Some(2),
                },
            ),
        ]
    }

    fn read(value: &Value) -> Result<Value, String> {
        check(&fields(), value).map_err(|problem| {
            problem
                .hint
                .map_or(problem.message.clone(), |hint| format!("{}; {hint}", problem.message))
        })
    }

    #[test]
    fn a_record_takes_its_own_form() {
        assert_eq!(
            read(&json!({"price": "12.50", "brand": "Sony"})),
            Ok(json!({"brand": "Sony", "price": 12.5, "parts": null})),
            "what may not be null is left out"
        );
        assert_eq!(
            read(&json!("{\"brand\": \"Sony\", \"condition\": \"new\", \"parts\": [{}]}")),
            Ok(json!({"brand": "Sony", "price": null, "condition": "new", "parts": [{"name": null}]}))
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_path() {
        let told = [
            json!({"brnd": "Sony"}),
            json!({}),
            json!({"brand": 1}),
            json!({"brand": "a", "price": -1}),
            json!({"brand": "a", "condition": "nwe"}),
            json!({"brand": "a", "parts": [{}, {}, {}]}),
            json!({"brand": "a", "parts": [{"name": 4}]}),
            json!([1]),
        ]
        .map(|value| read(&value).expect_err("it is wrong"));
        insta::assert_snapshot!(told.join("\n"), @r#"
        "brnd" is no field of the task; did you mean "brand"?
        "brand" is missing; give its value, or make the field one that may be null: required: false
        "brand" must be text, not 1
        "price" can't be -1: it is outside the bounds of the field
        "condition" can't be "nwe"; did you mean "new"?
        "parts" has 3 items; 2 are the most; raise max_items, or leave some out
        "parts[0].name" must be text, not 4
        it must be a JSON object, not [1]
        "#);
    }

    #[test]
    fn every_field_is_there_as_a_model_writes_it() {
        assert_eq!(
            filled(&fields(), &json!({"brand": "Sony", "parts": [{}]})),
            json!({"brand": "Sony", "price": null, "condition": null, "parts": [{"name": null}]})
        );
    }
}
