//! Reads `examples`: a list, or a file with the way in which they are chosen.

use std::path::Path;

use serde_json::Value;

use super::fields::{Fields, text, wrong_type};
use super::{input, task};
use crate::error::{Place, TaskError, nearest};
use crate::examples::{EMBEDDING_MODEL, Example, ExampleSet, MOST_SHOWN, SHOWN_UNLESS_TOLD, Selection, read_records};
use crate::input::{InputSpec, Record, RenderedInput};
use crate::kinds::{Kind, Known, Problem};
use crate::task::ModelName;
use crate::yaml::{Content, Node};

/// Keys of an example, beside the one that holds its answer.
pub(crate) const EXAMPLE_KEYS: [&str; 1] = ["input"];
/// Keys of a set of examples, beside the one that names the column of the answers.
pub(crate) const SET_KEYS: [&str; 7] = ["from", "items", "select", "count", "balance", "input", "model"];

/// What examples are read with.
pub(super) struct Context<'a> {
    pub(super) kind: Kind,
    pub(super) answer_key: &'static str,
    pub(super) known: Known<'a>,
    pub(super) input: &'a InputSpec,
    /// Where files are looked for. None where a task may name none.
    pub(super) folder: Option<&'a Path>,
}

impl Context<'_> {
    pub(super) fn read(&self, node: Node) -> Result<ExampleSet, TaskError> {
        match node.content {
            Content::List(items) => {
                let place = node.place;
                let items = self.read_items(items, self.input)?;
                check_shown(items.len(), &place)?;
                let count = items.len();
                Ok(ExampleSet {
                    items,
                    select: Selection::Fixed,
                    count,
                    balance: false,
                    model: None,
                })
            }
            Content::Map(_) => self.read_set(node),
            _ => Err(wrong_type(&node, "a list of examples, or a map with \"from\"")),
        }
    }

    fn read_set(&self, node: Node) -> Result<ExampleSet, TaskError> {
        let known: Vec<&str> = SET_KEYS.iter().copied().chain([self.answer_key]).collect();
        let mut fields = Fields::open(node, &known)?;
        let place = fields.place.clone();
        let spec = fields
            .take("input")
            .map(|node| input::read(node, self.kind))
            .transpose()?;
        let spec = spec.as_ref().unwrap_or(self.input);
        let answer_column = fields
            .text(self.answer_key)?
            .unwrap_or_else(|| self.answer_key.to_owned());
        let (from, list) = (fields.take("from"), fields.take("items"));
        if from.is_none() && list.is_none() {
            return Err(TaskError::MissingKey {
                place,
                key: "from".to_owned(),
                context: " or \"items\" in \"examples\"".to_owned(),
                hint: "name a file of examples: examples: {from: examples.csv}".to_owned(),
            });
        }
        // Those that stand in the task come first: whoever writes them there means them to be shown.
        let mut items = match list {
            None => Vec::new(),
            Some(Node {
                content: Content::List(items),
                ..
            }) => self.read_items(items, spec)?,
            Some(list) => return Err(wrong_type(&list, "a list of examples")),
        };
        if let Some(from) = from {
            items.extend(self.read_file(from, spec, &answer_column)?);
        }
        let select = fields.choice("select", &Selection::WORDS)?.unwrap_or_default();
        let count = fields
            .whole("count", 1, MOST_SHOWN as u64)?
            .map_or(SHOWN_UNLESS_TOLD, |count| count as usize);
        let balance_place = fields.place_of("balance").cloned();
        let balance = fields.flag("balance")?;
        let model_place = fields.place_of("model").cloned();
        let model = fields.take("model").map(task::read_model).transpose()?;
        if let (Some(place), Selection::Fixed) = (&model_place, select) {
            return Err(not_for(
                place,
                "model",
                "\"fixed\" needs no embedding model",
                "take it out, or select: similar",
            ));
        }
        if let (Some(place), Selection::Similar) = (&balance_place, select) {
            return Err(not_for(
                place,
                "balance",
                "\"similar\" goes by the row alone",
                "take it out",
            ));
        }
        let model = (select != Selection::Fixed).then(|| {
            model.unwrap_or(ModelName {
                name: EMBEDDING_MODEL.to_owned(),
                digest: None,
            })
        });
        // Free text has no answers that could take turns.
        let balance = select != Selection::Similar && balance.unwrap_or(self.kind != Kind::COMPLETE);
        Ok(ExampleSet {
            items,
            select,
            count,
            balance,
            model,
        })
    }

    fn read_items(&self, items: Vec<Node>, spec: &InputSpec) -> Result<Vec<Example>, TaskError> {
        items.into_iter().map(|item| self.read_item(item, spec)).collect()
    }

    fn read_item(&self, item: Node, spec: &InputSpec) -> Result<Example, TaskError> {
        let known: Vec<&str> = EXAMPLE_KEYS.iter().copied().chain([self.answer_key]).collect();
        if !matches!(item.content, Content::Map(_)) {
            return Err(wrong_type(
                &item,
                &format!("a map with \"input\" and \"{}\"", self.answer_key),
            ));
        }
        let mut fields = Fields::open(item, &known)?;
        let given = fields.require("input", "write what the model reads, or the row's columns")?;
        let place = given.place.clone();
        let answer = if self.kind.rules().takes_null() && fields.is_null(self.answer_key) {
            Value::Null
        } else {
            let answer = fields.require(self.answer_key, "write the right answer")?;
            self.check_answer(&answer.to_json(), &answer.place)?
        };
        let input = self.render(given, spec).map_err(|error| in_place(error, &place))?;
        Ok(Example { input, answer })
    }

    /// An inline input is the text itself, or the row that the task's input is made of; for two sides also the texts under
    /// the names of the sides: `{a: text, b: text}`.
    fn render(&self, given: Node, spec: &InputSpec) -> Result<RenderedInput, TaskError> {
        if let Content::Text(_) = given.content {
            if let Some([first, second]) = self.kind.rules().sides() {
                return Err(wrong_type(
                    &given,
                    &format!("a map with the columns of both sides, or with \"{first}\" and \"{second}\""),
                ));
            }
            let given = text(given)?;
            if self.kind.rules().reads_record() {
                return spec.render_text(&given);
            }
            let input = RenderedInput::text(&given);
            return if input.text.is_empty() {
                Err(TaskError::EmptyInput { side: String::new() })
            } else {
                Ok(input)
            };
        }
        if !matches!(given.content, Content::Map(_)) {
            return Err(wrong_type(&given, "text, or a map of columns"));
        }
        let Value::Object(record) = given.to_json() else {
            return Ok(RenderedInput::text(""));
        };
        if let Some(sides) = self.kind.rules().sides()
            && let Some(input) = direct_sides(&record, spec, sides)
        {
            return Ok(input);
        }
        spec.render(&record)
    }

    fn read_file(&self, from: Node, spec: &InputSpec, answer_column: &str) -> Result<Vec<Example>, TaskError> {
        let named_at = from.place.clone();
        let shown = text(from)?;
        let Some(folder) = self.folder else {
            return Err(TaskError::Invalid {
                place: named_at,
                message: format!(
                    "the task names the file \"{shown}\", and a task in a catalog holds its examples itself"
                ),
                hint: Some("put the solved rows into the task: examples: {items: [...]}".to_owned()),
            });
        };
        let records = read_records(&folder.join(&shown), &shown, &named_at)?;
        records
            .into_iter()
            .map(|(place, record)| {
                let input = spec.render(&record).map_err(|error| in_place(error, &place))?;
                let answer = record.get(answer_column).ok_or_else(|| TaskError::MissingKey {
                    place: place.clone(),
                    key: answer_column.to_owned(),
                    context: String::new(),
                    hint: match nearest(answer_column, record.keys().map(String::as_str)) {
                        Some(near) => format!("did you mean \"{near}\"? \"{}\" names the column", self.answer_key),
                        None => format!("name the column of the answers: {}: COLUMN", self.answer_key),
                    },
                })?;
                let answer = self.check_answer(answer, &place)?;
                Ok(Example { input, answer })
            })
            .collect()
    }

    fn check_answer(&self, answer: &Value, place: &Place) -> Result<Value, TaskError> {
        self.kind
            .rules()
            .read_answer(answer, self.known)
            .map_err(|Problem { message, hint }| TaskError::Label {
                place: place.clone(),
                message: format!("the example's {message}", message = message.trim_start()),
                hint,
            })
    }
}

/// The texts under the names of the sides, where these are not the columns that the task reads.
fn direct_sides(record: &Record, spec: &InputSpec, [first, second]: [&str; 2]) -> Option<RenderedInput> {
    let are_columns = spec.columns().iter().all(|column| record.contains_key(column));
    match (record.get(first), record.get(second)) {
        (Some(Value::String(a)), Some(Value::String(b))) if record.len() == 2 && !are_columns => {
            Some(RenderedInput::two(a, b))
        }
        _ => None,
    }
}

/// Gives an error of a row the place of the example.
fn in_place(error: TaskError, place: &Place) -> TaskError {
    match error {
        TaskError::MissingColumn { .. } | TaskError::EmptyInput { .. } => TaskError::Invalid {
            place: place.clone(),
            hint: match &error {
                TaskError::EmptyInput { .. } => Some("take the example out".to_owned()),
                other => other.hint(),
            },
            message: format!("the example's {error}").replacen(
                "the example's no column",
                "the example has no column",
                1,
            ),
        },
        TaskError::Template { message, hint, .. } => TaskError::Template {
            place: place.clone(),
            message,
            hint,
        },
        other => other,
    }
}

fn not_for(place: &Place, key: &str, why: &str, hint: &str) -> TaskError {
    TaskError::Invalid {
        place: place.clone(),
        message: format!("\"{key}\" has no use here: {why}"),
        hint: Some(hint.to_owned()),
    }
}

fn check_shown(count: usize, place: &Place) -> Result<(), TaskError> {
    if count <= MOST_SHOWN {
        return Ok(());
    }
    Err(TaskError::Invalid {
        place: place.clone(),
        message: format!("{count} examples are too many to show; {MOST_SHOWN} are the most"),
        hint: Some("let some be chosen: examples: {items: [...], select: similar, count: 8}".to_owned()),
    })
}
