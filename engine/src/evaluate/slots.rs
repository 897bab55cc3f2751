//! Records, by what stands in their fields.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::bootstrap::percentile_interval;
use super::classes::{self, ClassCounts, ClassScore, Classes};
use super::proportion::Interval;

/// How well the fields of records were filled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slots {
    /// Share of the values that were given that is right.
    pub precision: f64,
    /// Share of the values that are right that was given.
    pub recall: f64,
    /// Harmonic mean of the two, over the values of all fields together.
    pub f1: f64,
    /// Its 95 % interval, by bootstrap over the rows.
    pub f1_ci95: Interval,
    /// The F1 of always giving some fields the values that they have most often, with the fields that are best for it.
    pub most_frequent_f1: f64,
    /// Each field, those first that most rows have a value of. A field inside of others is written `parts.name`.
    pub fields: Vec<ClassScore>,
}

/// Where a value stands, and the value.
type Slot = (u32, String);

impl Slots {
    /// From right records and those that came out; None where nothing came out. A field that is null or left out holds
    /// nothing, each item of a list is a value, and texts are compared without white space at their ends and with one blank
    /// for each stretch of it. None where there are no rows, or no fields.
    pub fn of<'a>(rows: impl IntoIterator<Item = (&'a Value, Option<&'a Value>)>) -> Option<Self> {
        let mut names = Classes::default();
        let mut counted: Vec<Vec<(u32, ClassCounts)>> = Vec::new();
        let mut common: HashMap<Slot, u64> = HashMap::new();
        for (expected, given) in rows {
            let expected = slots_of(expected, &mut names);
            let given = given.map(|given| slots_of(given, &mut names)).unwrap_or_default();
            let mut seen = expected.clone();
            seen.sort_unstable();
            seen.dedup();
            seen.into_iter().for_each(|slot| *common.entry(slot).or_default() += 1);
            counted.push(count(&expected, &given));
        }
        if names.is_empty() {
            return None;
        }
        let mut by_field = vec![ClassCounts::default(); names.len()];
        for (field, counts) in counted.iter().flatten() {
            add(&mut by_field[*field as usize], counts, 1);
        }
        let sum = |times: &dyn Fn(usize) -> u64| {
            let mut all = ClassCounts::default();
            for (row, counts) in counted.iter().enumerate() {
                counts.iter().for_each(|(_, counts)| add(&mut all, counts, times(row)));
            }
            all
        };
        let all = sum(&|_| 1);
        Some(Self {
            precision: all.precision(),
            recall: all.recall(),
            f1: all.f1(),
            f1_ci95: percentile_interval(counted.len(), |drawn| sum(&|row| u64::from(drawn[row])).f1())?,
            most_frequent_f1: most_frequent(&common, counted.len() as u64, all.expected),
            fields: classes::scores(&names, &by_field),
        })
    }
}

/// A record in the form in which records are compared: 5 and 5.0 are one number, and the items of a list have no order.
pub fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => Value::from(float as i64),
            _ => value.clone(),
        },
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| (key.clone(), canonical(value)))
                .collect(),
        ),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(canonical).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        other => other.clone(),
    }
}

fn add(to: &mut ClassCounts, counts: &ClassCounts, times: u64) {
    to.expected += times * counts.expected;
    to.given += times * counts.given;
    to.right += times * counts.right;
}

/// What stands in a record, in the order of its fields.
fn slots_of(record: &Value, names: &mut Classes) -> Vec<Slot> {
    fn walk(value: &Value, path: &str, names: &mut Classes, found: &mut Vec<Slot>) {
        match value {
            Value::Null => {}
            Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                walk(value, &path, names, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| walk(item, path, names, found)),
            leaf => found.push((names.number(path), text_of(leaf))),
        }
    }
    let mut found = Vec::new();
    if record.is_object() {
        walk(record, "", names, &mut found);
    }
    found
}

fn text_of(leaf: &Value) -> String {
    match leaf {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        // 5 and 5.0 are one number.
        Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

/// The counts of one row, by field. A value is right as often as it is expected.
fn count(expected: &[Slot], given: &[Slot]) -> Vec<(u32, ClassCounts)> {
    let mut counts: HashMap<u32, ClassCounts> = HashMap::new();
    let mut left: HashMap<&Slot, u64> = HashMap::new();
    for slot in expected {
        counts.entry(slot.0).or_default().expected += 1;
        *left.entry(slot).or_default() += 1;
    }
    for slot in given {
        let counts = counts.entry(slot.0).or_default();
        counts.given += 1;
        if let Some(left) = left.get_mut(slot).filter(|left| **left > 0) {
            *left -= 1;
            counts.right += 1;
        }
    }
    counts.into_iter().collect()
}

/// The best F1 of always giving fields their most frequent values: those first that are right most often, and of those
/// beginnings the best, which finds the best of all sets of fields.
fn most_frequent(common: &HashMap<Slot, u64>, rows: u64, expected: u64) -> f64 {
    let mut best: HashMap<u32, u64> = HashMap::new();
    for ((field, _), count) in common {
        let most = best.entry(*field).or_default();
        *most = (*most).max(*count);
    }
    let mut hits: Vec<u64> = best.into_values().collect();
    hits.sort_unstable_by_key(|hits| std::cmp::Reverse(*hits));
    let (mut right, mut given, mut f1) = (0, 0, 0.0f64);
    for hits in hits {
        right += hits;
        given += rows;
        f1 = f1.max(2.0 * right as f64 / (given + expected) as f64);
    }
    f1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn values_are_counted_by_field_and_over_all() {
        let rows = [
            (
                json!({"brand": "Sony", "price": 129, "colors": ["black", "red"]}),
                Some(json!({"brand": " Sony", "price": 129.0, "colors": ["red", "blue"]})),
            ),
            (
                json!({"brand": "Bosch", "price": null, "colors": []}),
                Some(json!({"brand": "Dell", "price": 5, "colors": []})),
            ),
            (json!({"brand": "Bosch", "price": 7, "colors": []}), None),
        ];
        let slots = Slots::of(rows.iter().map(|(expected, given)| (expected, given.as_ref()))).unwrap();
        // Expected 7: brands 3, prices 2, colors 2. Given 6. Right: Sony, 129, red.
        near(slots.precision, 3.0 / 6.0);
        near(slots.recall, 3.0 / 7.0);
        near(slots.f1, 6.0 / 13.0);
        let brand = slots.fields.iter().find(|field| field.label == "brand").unwrap();
        assert_eq!((brand.expected, brand.given, brand.right), (3, 2, 1));
        // Bosch, one of the prices and one of the colors in each of three rows are right four times: 2 * 4 / (9 + 7).
        near(slots.most_frequent_f1, 0.5);
        assert!(slots.f1_ci95.contains(slots.f1));
    }

    #[test]
    fn a_value_is_right_as_often_as_it_is_expected() {
        let expected = json!({"parts": [{"name": "bolt"}, {"name": "bolt"}]});
        let given = json!({"parts": [{"name": "bolt"}, {"name": "bolt"}, {"name": "bolt"}]});
        let slots = Slots::of([(&expected, Some(&given))]).unwrap();
        let name = &slots.fields[0];
        assert_eq!(
            (name.label.as_str(), name.expected, name.given, name.right),
            ("parts.name", 2, 3, 2)
        );
        assert_eq!(Slots::of([(&json!("text"), None)]), None, "it is no record");
        assert_eq!(Slots::of([]), None);
    }
}
