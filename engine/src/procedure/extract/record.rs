//! Reads a record out of the tokens that a model wrote: its value, how sure each field is, and where in the input it
//! stands.

use refuel_task::{Field, Scored, Shape};
use serde_json::{Map, Value};

use crate::guide::{Places, WholeNumber};

/// A token of the record.
pub(super) struct Token<'a> {
    /// What it spells.
    pub(super) bytes: &'a [u8],
    /// Natural logarithm of its probability.
    pub(super) among_all: f32,
    /// The same, among the tokens that were allowed. 0 where there was one only.
    pub(super) among_allowed: f32,
}

/// A record.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    pub(super) value: Value,
    /// The smallest confidence of a part, containers included.
    pub(super) confidence: f32,
    pub(super) raw_confidence: f32,
    /// Each value that is no container, in the order written, under its path: `price`, `parts[0].name`.
    pub(super) fields: Vec<Scored>,
}

/// A part of the record: a value with what leads to it, from the colon, bracket or comma before it.
struct Part<'s> {
    path: String,
    shape: &'s Shape,
    start: usize,
    end: usize,
    is_leaf: bool,
}

impl Record {
    /// # Errors
    /// In words, where the tokens are no record of these fields, which a grammar does not let happen.
    pub(super) fn read(fields: &[Field], tokens: &[Token<'_>], input: &str) -> Result<Self, String> {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.bytes).copied().collect();
        let text = std::str::from_utf8(&bytes).map_err(|error| error.to_string())?;
        let root = Shape::Object(fields.to_vec());
        let mut scan = Scan {
            bytes: &bytes,
            at: 0,
            parts: Vec::new(),
        };
        scan.value(&root, "", 0)
            .ok_or_else(|| format!("it is no record of the task: {text}"))?;
        let parts = scan.parts;
        // A token counts for the innermost part that it begins in.
        let mut sums = vec![(0.0_f32, 0.0_f32, 0_usize); parts.len()];
        let mut at = 0;
        for token in tokens {
            let part = parts.iter().rposition(|part| (part.start..part.end).contains(&at));
            at += token.bytes.len();
            // What there was no choice about says nothing.
            if let Some(part) = part
                && (token.among_allowed != 0.0 || token.among_all != 0.0)
            {
                let (allowed, all, count) = &mut sums[part];
                *allowed += token.among_allowed;
                *all += token.among_all;
                *count += 1;
            }
        }
        let places = Places::new(input);
        let whole: Vec<Option<WholeNumber>> = parts.iter().map(|part| whole_number(part, text, &places)).collect();
        let confidences: Vec<(f32, f32)> = sums
            .into_iter()
            .zip(&whole)
            .map(|((allowed, all, count), whole)| {
                let among = whole.as_ref().map_or(1, |whole| whole.among) as f32;
                (allowed.exp() / among, (all / count.max(1) as f32).exp() / among)
            })
            .collect();
        let least = |of: fn(&(f32, f32)) -> f32| confidences.iter().map(of).fold(1.0, f32::min);
        let value = with_whole_numbers(text, &parts, &whole)?;
        let scored = parts
            .iter()
            .zip(&whole)
            .zip(&confidences)
            .filter(|((part, _), _)| part.is_leaf);
        Ok(Self {
            confidence: least(|pair| pair.0),
            raw_confidence: least(|pair| pair.1),
            fields: scored
                .map(|((part, whole), &(confidence, raw_confidence))| Scored {
                    value: part.path.clone(),
                    confidence,
                    raw_confidence,
                    span: match whole {
                        Some(whole) => Some(whole.span),
                        None => span(part, text, &places),
                    },
                })
                .collect(),
            value: tidied(fields, value),
        })
    }
}

/// The record as it is answered: nothing is null that may not be, and spans have no white space at their ends.
fn tidied(fields: &[Field], value: Value) -> Value {
    let Value::Object(mut given) = value else { return value };
    let mut record = Map::with_capacity(fields.len());
    for field in fields {
        let value = given.remove(&field.name).unwrap_or(Value::Null);
        if !value.is_null() || field.nullable {
            record.insert(field.name.clone(), tidied_value(&field.shape, value));
        }
    }
    Value::Object(record)
}

fn tidied_value(shape: &Shape, value: Value) -> Value {
    match (shape, value) {
        (Shape::Text(shape), Value::String(text)) if shape.span => text.trim().into(),
        (Shape::Object(fields), value @ Value::Object(_)) => tidied(fields, value),
        (Shape::List { items, .. }, Value::Array(values)) => {
            values.into_iter().map(|value| tidied_value(items, value)).collect()
        }
        (_, value) => value,
    }
}

/// The number of the input of which a part wrote the beginning only, where the part may have it.
fn whole_number(part: &Part<'_>, text: &str, places: &Places<'_>) -> Option<WholeNumber> {
    let (Shape::Number { .. } | Shape::Integer { .. }) = part.shape else {
        return None;
    };
    let whole = places.whole_number(text.get(part.start..part.end)?.trim())?;
    part.shape.read(&whole.plain).map(|_| whole)
}

/// The record that is written in `text`, with the whole numbers of parts instead of their beginnings.
fn with_whole_numbers(text: &str, parts: &[Part<'_>], whole: &[Option<WholeNumber>]) -> Result<Value, String> {
    let mut written = text.to_owned();
    // From the last to the first, so that places stay what they are.
    for (part, whole) in parts.iter().zip(whole).rev() {
        if let Some(whole) = whole {
            written.replace_range(part.start..part.end, &format!(" {}", whole.plain));
        }
    }
    serde_json::from_str(&written).map_err(|error| format!("{error} in {written}"))
}

/// Where a value stands in the input, in characters, the end not included. None for what is no piece of it.
fn span(part: &Part<'_>, text: &str, places: &Places<'_>) -> Option<[u32; 2]> {
    let written = text.get(part.start..part.end)?.trim();
    match (part.shape, serde_json::from_str(written).ok()?) {
        (Shape::Text(shape), Value::String(text)) if shape.span || shape.format.is_some() => places.find(text.trim()),
        (Shape::Number { .. } | Shape::Integer { .. }, Value::Number(_)) => places.find(written),
        _ => None,
    }
}

/// Follows JSON that is known to be right.
struct Scan<'a, 's> {
    bytes: &'a [u8],
    at: usize,
    parts: Vec<Part<'s>>,
}

impl<'s> Scan<'_, 's> {
    fn next(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.next() == Some(b' ') {
            self.at += 1;
        }
    }

    /// A value whose lead begins at `start`. The part is noted before the parts in it.
    fn value(&mut self, shape: &'s Shape, path: &str, start: usize) -> Option<()> {
        let part = self.parts.len();
        self.skip_spaces();
        let first = self.next()?;
        self.parts.push(Part {
            path: path.to_owned(),
            shape,
            start,
            end: start,
            is_leaf: true,
        });
        match (first, shape) {
            (b'{', Shape::Object(fields)) => {
                self.parts[part].is_leaf = false;
                self.at += 1;
                self.object(fields, path)?;
            }
            (b'[', Shape::List { items, .. }) => {
                self.at += 1;
                self.parts[part].is_leaf = self.list(items, path)? == 0;
            }
            (b'"', _) => {
                self.string()?;
            }
            _ => {
                while self.next().is_some_and(|byte| !b",]}".contains(&byte)) {
                    self.at += 1;
                }
            }
        }
        self.parts[part].end = self.at;
        Some(())
    }

    fn object(&mut self, fields: &'s [Field], path: &str) -> Option<()> {
        loop {
            self.skip_spaces();
            let key = self.string()?;
            self.skip_spaces();
            self.at += 1;
            let field = fields.iter().find(|field| field.name == key)?;
            let path = if path.is_empty() { key } else { format!("{path}.{key}") };
            self.value(&field.shape, &path, self.at)?;
            self.at += 1;
            if self.bytes.get(self.at - 1) != Some(&b',') {
                return Some(());
            }
        }
    }

    /// The items of a list; how many there are.
    fn list(&mut self, items: &'s Shape, path: &str) -> Option<usize> {
        let mut count = 0;
        self.skip_spaces();
        if self.next()? == b']' {
            self.at += 1;
            return Some(count);
        }
        loop {
            self.value(items, &format!("{path}[{count}]"), self.at)?;
            count += 1;
            self.at += 1;
            if self.bytes.get(self.at - 1) != Some(&b',') {
                return Some(count);
            }
        }
    }

    /// A text in quotes.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.next()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_slice(&self.bytes[start..self.at]).ok()
    }
}

#[cfg(test)]
mod tests {
    use refuel_task::TextShape;
    use serde_json::json;

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
        let span = || {
            Shape::Text(TextShape {
                span: true,
                ..TextShape::default()
            })
        };
        vec![
            field("brand", span()),
            field(
                "price",
                Shape::Number {
                    least: None,
                    most: None,
                },
            ),
            Field {
                nullable: false,
                ..field("model", span())
            },
            field(
                "parts",
                Shape::List {
                    items: Box::new(Shape::Object(vec![field("name", span())])),
                    most: None,
                },
            ),
        ]
    }

    /// Tokens, each with its probability among those allowed; half of it among all.
    fn tokens<'a>(written: &[(&'a str, f32)]) -> Vec<Token<'a>> {
        written
            .iter()
            .map(|&(text, probability)| Token {
                bytes: text.as_bytes(),
                among_all: if probability >= 1.0 {
                    0.0
                } else {
                    (probability / 2.0).ln()
                },
                among_allowed: probability.ln(),
            })
            .collect()
    }

    #[test]
    fn each_field_has_the_probability_of_its_tokens_and_its_place() {
        let written = [
            ("{\"", 1.0),
            ("brand\":", 1.0),
            (" \"", 0.9),
            ("Sö", 0.5),
            ("ny", 1.0),
            ("\",", 0.8),
            (" \"price\":", 1.0),
            (" ", 0.7),
            ("12.50", 0.5),
            (", \"model\": ", 0.6),
            ("null", 1.0),
            (", \"parts\": [", 0.9),
            ("{\"name\": ", 1.0),
            ("\"a \\\"b\\\"\"", 0.25),
            ("}]", 0.9),
            ("}", 1.0),
        ];
        let input = "XSöny Söny, 12.50 for a \"b\"";
        let record = Record::read(&fields(), &tokens(&written), input).unwrap();
        assert_eq!(
            record.value,
            json!({"brand": "Söny", "price": 12.5, "parts": [{"name": "a \"b\""}]}),
            "what may not be null is left out"
        );
        let told: Vec<String> = record
            .fields
            .iter()
            .map(|field| {
                let (confidence, raw) = (field.confidence, field.raw_confidence);
                format!("{} {confidence:.3} {raw:.3} {:?}", field.value, field.span)
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        brand 0.360 0.356 Some([6, 10])
        price 0.350 0.296 Some([12, 17])
        model 1.000 1.000 None
        parts[0].name 0.250 0.125 Some([22, 27])
        ");
        assert!((record.confidence - 0.25).abs() < 1e-6);
        assert!((record.raw_confidence - 0.125).abs() < 1e-6);
    }

    #[test]
    fn a_number_does_not_end_inside_of_one_of_the_input() {
        let written = [
            ("{\"brand\": null, \"price\":", 1.0),
            (" 1", 0.9),
            (", \"model\": null, \"parts\": []}", 1.0),
        ];
        let record = Record::read(&fields(), &tokens(&written), "Bose, 1,299.50").unwrap();
        assert_eq!(record.value["price"], json!(1299.5));
        let price = &record.fields[1];
        assert_eq!((price.span, price.confidence), (Some([6, 14]), 0.9));
        let unsure = Record::read(&fields(), &tokens(&written), "1,299 or 1,499").unwrap();
        assert_eq!(unsure.value["price"], json!(1299));
        assert!(unsure.fields[1].confidence < 0.5);
    }

    #[test]
    fn an_empty_list_is_a_value_of_its_own() {
        let written = [
            ("{\"brand\": null, \"price\": null, \"model\": null, \"parts\":", 1.0),
            (" []", 0.5),
            ("}", 1.0),
        ];
        let record = Record::read(&fields(), &tokens(&written), "x").unwrap();
        assert_eq!(record.value, json!({"brand": null, "price": null, "parts": []}));
        assert_eq!(record.fields.last().map(|field| field.value.as_str()), Some("parts"));
    }
}
