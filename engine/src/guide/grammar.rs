//! The grammar of a record: JSON of given fields, on one line, a space after each `:` and `,`.

use refuel_task::{Field, Shape, TextShape};
use serde_json::{Value, json};

use super::pieces;

/// Most values of a list that does not say.
const MOST_ITEMS: u32 = 64;
/// Most characters of a text that does not say.
const LONGEST_TEXT: u32 = 1_000;

/// Writes the grammar of a record.
pub(crate) struct RecordGrammar<'a> {
    rules: Vec<String>,
    /// What spans are pieces of.
    input: &'a str,
    /// Names of the kinds of spans, with the most characters of each.
    spans: Vec<(String, Option<u32>)>,
}

/// Whether the grammar of these fields depends on the input.
pub(crate) fn needs_input(fields: &[Field]) -> bool {
    fields.iter().any(|field| shape_needs_input(&field.shape))
}

fn shape_needs_input(shape: &Shape) -> bool {
    match shape {
        Shape::Text(text) => text.span,
        Shape::Object(fields) => needs_input(fields),
        Shape::List { items, .. } => shape_needs_input(items),
        Shape::Choice(_) | Shape::Number { .. } | Shape::Integer { .. } | Shape::Boolean => false,
    }
}

impl<'a> RecordGrammar<'a> {
    /// The grammar, in Lark. `lead` comes before the record; with `or_space`, a space may, too.
    pub(crate) fn write(fields: &[Field], input: &'a str, lead: &str, or_space: bool) -> String {
        let mut grammar = Self {
            rules: Vec::new(),
            input,
            spans: Vec::new(),
        };
        let record = grammar.object(fields);
        let start = start(&record, lead, or_space);
        let mut terminals = String::new();
        if !grammar.spans.is_empty() {
            // What JSON escapes is one piece, as what it stands for is.
            let chunks = pieces(grammar.input).into_iter().map(escaped);
            terminals = pieces_terminal(chunks);
            for (name, most) in &grammar.spans {
                // A span begins and ends with what can be seen. Characters are counted as JSON writes them.
                let inner = match most {
                    None => SEEN_ENDS.to_owned(),
                    Some(1) => r"\S".to_owned(),
                    Some(most) => format!(r"\S((?s:.{{0,{}}})\S)?", most - 2),
                };
                terminals.push_str(&format!("{name}: (\"\\\"\" PIECE \"\\\"\") & /\"{inner}\"/\n"));
            }
        }
        format!("{start}\n{}\n{terminals}", grammar.rules.join("\n"))
    }

    /// Adds a rule, and gives its name.
    fn rule(&mut self, body: &str) -> String {
        let name = format!("v{}", self.rules.len());
        self.rules.push(format!("{name}: {body}"));
        name
    }

    fn object(&mut self, fields: &[Field]) -> String {
        let mut body = String::new();
        for (index, field) in fields.iter().enumerate() {
            let before = if index == 0 { "{" } else { ", " };
            let key = Value::from(field.name.as_str());
            body.push_str(&literal(&format!("{before}{key}: ")));
            body.push(' ');
            let value = self.shape(&field.shape);
            if field.takes_null() {
                body.push_str(&format!("(\"null\" | {value}) "));
            } else {
                body.push_str(&format!("{value} "));
            }
        }
        body.push_str("\"}\"");
        self.rule(&body)
    }

    fn shape(&mut self, shape: &Shape) -> String {
        match shape {
            Shape::Text(text) => self.text(text),
            Shape::Choice(choices) => self.schema(&json!({"enum": choices})),
            Shape::Number {
                least: None,
                most: None,
            } => self.rule(r"/-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?/"),
            Shape::Number { least, most } => self.bounded("number", json!(least), json!(most)),
            Shape::Integer {
                least: None,
                most: None,
            } => self.rule("/-?(0|[1-9][0-9]{0,14})/"),
            Shape::Integer { least, most } => self.bounded("integer", json!(least), json!(most)),
            Shape::Boolean => self.rule(r#""true" | "false""#),
            Shape::Object(fields) => self.object(fields),
            Shape::List { items, most } => {
                let item = self.shape(items);
                let more = most.unwrap_or(MOST_ITEMS) - 1;
                self.rule(&format!(r#""[" "]" | "[" {item} (", " {item}){{0,{more}}} "]""#))
            }
        }
    }

    fn text(&mut self, text: &TextShape) -> String {
        if text.span {
            let name = text
                .most
                .map_or_else(|| "SPAN".to_owned(), |most| format!("SPAN_{most}"));
            if self.spans.iter().all(|(known, _)| *known != name) {
                self.spans.push((name.clone(), text.most));
            }
            return self.rule(&name);
        }
        let mut schema = json!({"type": "string"});
        if let Some(format) = text.format {
            schema["format"] = json!(format.name());
        } else {
            schema["minLength"] = json!(1);
            schema["maxLength"] = json!(text.most.unwrap_or(LONGEST_TEXT));
        }
        self.schema(&schema)
    }

    fn bounded(&mut self, kind: &str, least: Value, most: Value) -> String {
        let mut schema = json!({"type": kind});
        for (key, bound) in [("minimum", least), ("maximum", most)] {
            if !bound.is_null() {
                schema[key] = bound;
            }
        }
        self.schema(&schema)
    }

    fn schema(&mut self, schema: &Value) -> String {
        self.rule(&format!("%json {schema}"))
    }
}

/// The grammar of a piece of `input`, or of `nothing`, in Lark. `lead` and `or_space` are as for a record.
pub(crate) fn piece_grammar(input: &str, nothing: &str, lead: &str, or_space: bool) -> String {
    let chunks = pieces(input).into_iter().map(ToOwned::to_owned);
    format!(
        "{}\npiece: SPAN | {}\n{}SPAN: PIECE & /{SEEN_ENDS}/\n",
        start("piece", lead, or_space),
        literal(nothing),
        pieces_terminal(chunks)
    )
}

/// Text that begins and ends with what can be seen.
const SEEN_ENDS: &str = r"\S((?s:.*)\S)?";

fn start(rule: &str, lead: &str, or_space: bool) -> String {
    match (lead, or_space) {
        ("", false) => format!("start: {rule}"),
        ("", true) => format!("start: {rule} | \" \" {rule}"),
        (lead, _) => format!("start: {} {rule}", literal(lead)),
    }
}

/// Any run of neighbouring chunks.
fn pieces_terminal(chunks: impl Iterator<Item = String>) -> String {
    format!(
        "PIECE: %regex {}\n",
        json!({"substring_chunks": chunks.collect::<Vec<_>>()})
    )
}

/// A text that stands for itself.
fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

/// A piece as it stands inside the quotes of JSON.
fn escaped(piece: &str) -> String {
    let quoted = Value::from(piece).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
