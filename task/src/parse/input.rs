//! Reads `input`: a column, several columns, or a template; for `match` and `answer`, two of them.

use super::fields::{Fields, text, wrong_type};
use crate::error::TaskError;
use crate::input::{InputSpec, InputTemplate, Part};
use crate::kinds::Kind;
use crate::yaml::{Content, Node};

const EXPECTED: &str = "a column, a list of columns, or a map with \"template\"";

/// The input of a task of a kind.
pub(super) fn read(node: Node, kind: Kind) -> Result<InputSpec, TaskError> {
    let place = node.place.clone();
    let spec = read_spec(node, kind.rules().sides())?;
    if !kind.rules().reads_record() {
        return Ok(spec);
    }
    match spec {
        InputSpec::One(Part::Columns(columns)) => Ok(InputSpec::One(Part::Record(columns))),
        InputSpec::One(Part::Column(column)) => Ok(InputSpec::One(Part::Object(column))),
        _ => Err(TaskError::Invalid {
            place,
            message: format!("a template makes no record, which a task of kind \"{kind}\" reads"),
            hint: Some("name the columns of the record: input: [name, city]".to_owned()),
        }),
    }
}

/// `sides` are the names of the two sides, where the kind has two.
fn read_spec(node: Node, sides: Option<[&'static str; 2]>) -> Result<InputSpec, TaskError> {
    let Some([first, second]) = sides else {
        return read_part(node).map(InputSpec::One);
    };
    if !matches!(node.content, Content::Map(_)) {
        return Err(wrong_type(
            &node,
            &format!("a map with \"{first}\" and \"{second}\", the two sides"),
        ));
    }
    let mut fields = Fields::open(node, &[first, second])?;
    let hint = hint_of(sides);
    let a = read_part(fields.require(first, hint)?)?;
    let b = read_part(fields.require(second, hint)?)?;
    Ok(InputSpec::Two { a, b })
}

/// What to write where the input is missing.
pub(super) fn hint_of(sides: Option<[&'static str; 2]>) -> &'static str {
    match sides {
        None => "name the column that the model reads: input: body",
        Some(["context", _]) => "name where the answer stands: input: {context: body, question: question}",
        Some(_) => "name what is compared: input: {a: title, b: other_title}",
    }
}

fn read_part(node: Node) -> Result<Part, TaskError> {
    let place = node.place.clone();
    match node.content {
        Content::Text(ref column) => {
            let column = column.clone();
            check_column(&node, &column)?;
            Ok(Part::Column(column))
        }
        Content::List(items) => {
            let mut columns: Vec<String> = Vec::new();
            for item in items {
                let item_node = item.clone();
                let column = text(item)?;
                check_column(&item_node, &column)?;
                if columns.contains(&column) {
                    return Err(TaskError::Invalid {
                        place: item_node.place,
                        message: format!("the column \"{column}\" is given twice"),
                        hint: Some("name each column once".to_owned()),
                    });
                }
                columns.push(column);
            }
            if columns.is_empty() {
                return Err(TaskError::Invalid {
                    place,
                    message: "the input has no columns".to_owned(),
                    hint: Some("name what the model is to read: input: [subject, body]".to_owned()),
                });
            }
            Ok(Part::Columns(columns))
        }
        Content::Map(_) => {
            let mut fields = Fields::open(node, &["template"])?;
            let template = fields.require("template", "write the template: input: {template: \"{{ body }}\"}")?;
            let place = template.place.clone();
            InputTemplate::new(&text(template)?, &place).map(Part::Template)
        }
        _ => Err(wrong_type(&node, EXPECTED)),
    }
}

fn check_column(node: &Node, column: &str) -> Result<(), TaskError> {
    if column.trim().is_empty() {
        return Err(TaskError::Invalid {
            place: node.place.clone(),
            message: "the input is a column without a name".to_owned(),
            hint: Some("name the column that holds the text: input: body".to_owned()),
        });
    }
    if column.contains("{{") {
        return Err(TaskError::Invalid {
            place: node.place.clone(),
            message: format!("\"{column}\" is not the name of a column"),
            hint: Some("a template is written as input: {template: \"...\"}".to_owned()),
        });
    }
    Ok(())
}
