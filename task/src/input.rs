//! What of a row the model reads, and the hash that two equal inputs share.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Serde, Value as TemplateValue};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value;

use crate::error::{Place, TaskError};

/// One row: column names with their values.
pub type Record = serde_json::Map<String, Value>;

/// Most work that one rendering of a task's template may do, in minijinja's units: room for a row of some megabytes.
const TEMPLATE_FUEL: u64 = 1_000_000;
const TEMPLATE_NAME: &str = "input";

/// How one text is made of a row.
#[derive(Debug, Clone)]
pub enum Part {
    /// The value of a column.
    Column(String),
    /// `name: value`, a line a column. Columns that are null or blank are left out.
    Columns(Vec<String>),
    /// A template over the columns.
    Template(InputTemplate),
    /// A JSON object of columns. Those that are null or blank are left out.
    Record(Vec<String>),
    /// The JSON object that a column holds, with its keys in their order by name. What is null or blank in it is left out.
    Object(String),
}

/// What of a row the model reads.
#[derive(Debug, Clone)]
pub enum InputSpec {
    /// One text.
    One(Part),
    /// Two texts: those that are compared, for tasks of kind `match`; a context and a question, for `answer`.
    Two {
        /// The first.
        a: Part,
        /// The second.
        b: Part,
    },
}

/// A compiled template over the columns of a row.
#[derive(Clone)]
pub struct InputTemplate {
    source: String,
    columns: Vec<String>,
    environment: Arc<Environment<'static>>,
}

impl fmt::Debug for InputTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InputTemplate").field(&self.source).finish()
    }
}

/// What the model reads of one row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RenderedInput {
    /// The text, without white space at the ends. For two sides it is both, one below the other, under headings.
    pub text: String,
    /// The two sides of a `match`, or context and question of an `answer`.
    pub sides: Option<[String; 2]>,
}

/// Hash of a rendered input: BLAKE3, cut to 128 bits.
///
/// With the 2^64 birthday bound of 128 bits, 10^12 different inputs collide with a probability of about 10^-15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputHash(pub [u8; 16]);

impl fmt::Display for InputHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl RenderedInput {
    /// One text, trimmed.
    pub fn text(text: &str) -> Self {
        Self {
            text: text.trim().to_owned(),
            sides: None,
        }
    }

    /// Nothing to read. What it is answered is known without asking: [`crate::Task::answer_to_nothing`].
    pub fn nothing() -> Self {
        Self::text("")
    }

    /// Whether there is nothing to read.
    pub fn is_nothing(&self) -> bool {
        self.text.is_empty()
    }

    /// What was rendered of a row, and [nothing](Self::nothing) where the row, or a side of it, is null or blank: a row like
    /// any other to whoever answers it, and none to whoever learns from it or shows it.
    ///
    /// # Errors
    /// Those of the rendering but for [`TaskError::EmptyInput`].
    pub fn or_nothing(rendered: Result<Self, TaskError>) -> Result<Self, TaskError> {
        match rendered {
            Err(TaskError::EmptyInput { .. }) => Ok(Self::nothing()),
            rendered => rendered,
        }
    }

    /// Two texts to be compared, trimmed.
    pub fn two(a: &str, b: &str) -> Self {
        let (a, b) = (a.trim(), b.trim());
        Self {
            text: crate::prompt::layout::two_sides(a, b),
            sides: Some([a.to_owned(), b.to_owned()]),
        }
    }

    /// Hash of what the model reads. Equal inputs have equal hashes wherever they come from.
    pub fn hash(&self) -> InputHash {
        let mut hasher = blake3::Hasher::new();
        match &self.sides {
            None => {
                hasher.update(self.text.as_bytes());
            }
            Some([a, b]) => {
                // The length keeps ("ab", "c") and ("a", "bc") apart. No task has both one-sided and two-sided inputs.
                hasher.update(&(a.len() as u64).to_le_bytes());
                hasher.update(a.as_bytes());
                hasher.update(b.as_bytes());
            }
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        InputHash(hash)
    }
}

impl InputSpec {
    /// The columns that are read, each once.
    pub fn columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = Vec::new();
        let parts = match self {
            Self::One(part) => vec![part],
            Self::Two { a, b } => vec![a, b],
        };
        for column in parts.into_iter().flat_map(Part::columns) {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        columns
    }

    /// Whether there are two sides.
    pub fn is_two(&self) -> bool {
        matches!(self, Self::Two { .. })
    }

    /// What the model reads of a row. See [`crate::Task::render_input`].
    pub fn render(&self, record: &Record) -> Result<RenderedInput, TaskError> {
        match self {
            Self::One(part) => one(&part.render(record)?),
            Self::Two { a, b } => two(&a.render(record)?, &b.render(record)?),
        }
    }

    /// What the model reads of a lone text. See [`crate::Task::render_text`].
    pub fn render_text(&self, text: &str) -> Result<RenderedInput, TaskError> {
        let Self::One(part) = self else {
            return Err(self.needs_row("one text"));
        };
        one(&part.render_alone(text).ok_or_else(|| self.needs_row("one text"))??)
    }

    /// What the model reads of two texts that are compared. See [`crate::Task::render_pair`].
    pub fn render_pair(&self, a: &str, b: &str) -> Result<RenderedInput, TaskError> {
        let Self::Two { a: first, b: second } = self else {
            return Err(self.needs_row("two texts"));
        };
        let needs_row = || self.needs_row("two texts");
        two(
            &first.render_alone(a).ok_or_else(needs_row)??,
            &second.render_alone(b).ok_or_else(needs_row)??,
        )
    }

    fn needs_row(&self, given: &'static str) -> TaskError {
        TaskError::NeedsRow {
            given,
            columns: self.columns(),
        }
    }
}

fn one(text: &str) -> Result<RenderedInput, TaskError> {
    filled(text, "")?;
    Ok(RenderedInput::text(text))
}

fn two(a: &str, b: &str) -> Result<RenderedInput, TaskError> {
    filled(a, " on side \"a\"")?;
    filled(b, " on side \"b\"")?;
    Ok(RenderedInput::two(a, b))
}

fn filled(text: &str, side: &str) -> Result<(), TaskError> {
    if text.trim().is_empty() {
        Err(TaskError::EmptyInput { side: side.to_owned() })
    } else {
        Ok(())
    }
}

impl Part {
    /// The text that is made of a row in which `text` stands in the only column that is read. None where there are
    /// several.
    fn render_alone<'a>(&self, text: &'a str) -> Option<Result<Cow<'a, str>, TaskError>> {
        match self {
            Self::Column(_) => return Some(Ok(Cow::Borrowed(text))),
            Self::Record(columns) => {
                let record = object_of(&Value::from(text));
                return Some(record.map(|record| Cow::Owned(written(&chosen(columns, &record)))));
            }
            Self::Object(_) => return Some(object_of(&Value::from(text)).map(|record| Cow::Owned(written(&record)))),
            Self::Columns(_) | Self::Template(_) => {}
        }
        let [column] = self.columns() else { return None };
        let record = Record::from_iter([(column.clone(), Value::from(text))]);
        Some(self.render(&record).map(|text| Cow::Owned(text.into_owned())))
    }

    fn columns(&self) -> &[String] {
        match self {
            Self::Column(column) | Self::Object(column) => std::slice::from_ref(column),
            Self::Columns(columns) | Self::Record(columns) => columns,
            Self::Template(template) => &template.columns,
        }
    }

    fn render<'a>(&self, record: &'a Record) -> Result<Cow<'a, str>, TaskError> {
        match self {
            Self::Column(column) => Ok(text_of(value_of(record, column)?)),
            Self::Columns(columns) => {
                let mut lines = String::new();
                for column in columns {
                    let text = text_of(value_of(record, column)?);
                    let text = text.trim();
                    if text.is_empty() {
                        continue;
                    }
                    if !lines.is_empty() {
                        lines.push('\n');
                    }
                    lines.push_str(column);
                    lines.push_str(": ");
                    lines.push_str(text);
                }
                Ok(Cow::Owned(lines))
            }
            Self::Template(template) => template.render(record).map(Cow::Owned),
            Self::Record(columns) => {
                // Of a row of a table all columns are there; of a JSON object those that are missing may be left out.
                let known = columns.iter().any(|column| record.contains_key(column));
                match columns.first().filter(|_| !known) {
                    Some(column) => Err(missing_column(record, column)),
                    None => Ok(Cow::Owned(written(&chosen(columns, record)))),
                }
            }
            Self::Object(column) => Ok(Cow::Owned(written(&object_of(value_of(record, column)?)?))),
        }
    }
}

/// Some columns of a record, in the order of their names here.
fn chosen(columns: &[String], record: &Record) -> Record {
    let there = columns.iter().filter_map(|column| Some((column, record.get(column)?)));
    there.map(|(column, value)| (column.clone(), value.clone())).collect()
}

/// The object that a value is, or that stands in it as text, with its keys in the order of their names: a database sorts
/// them in ways of its own. Null and blank text are an object without anything.
fn object_of(value: &Value) -> Result<Record, TaskError> {
    let not_one = |reason: String| TaskError::NoRecord { reason };
    let mut record = match value {
        Value::Object(record) => record.clone(),
        Value::Null => Record::new(),
        Value::String(text) if text.trim().is_empty() => Record::new(),
        Value::String(text) => {
            serde_json::from_str(text).map_err(|error| not_one(format!("\"{text}\" is no JSON object: {error}")))?
        }
        other => return Err(not_one(format!("{other} is no JSON object"))),
    };
    record.sort_keys();
    Ok(record)
}

/// What is there of a record, as JSON. Nothing where nothing is.
fn written(record: &Record) -> String {
    let there = crate::values::present(record);
    if there.is_empty() {
        String::new()
    } else {
        Value::Object(there).to_string()
    }
}

fn value_of<'a>(record: &'a Record, column: &str) -> Result<&'a Value, TaskError> {
    record.get(column).ok_or_else(|| missing_column(record, column))
}

fn missing_column(record: &Record, column: &str) -> TaskError {
    TaskError::MissingColumn {
        column: column.to_owned(),
        present: record.keys().cloned().collect(),
    }
}

/// A value as text: null is nothing, lists and maps are JSON.
pub(crate) fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

impl InputTemplate {
    /// Compiles a template. `place` is where it was written.
    ///
    /// Python's string methods work (`body.strip()`), null is rendered as nothing, and a column that a row lacks is an
    /// error unless the template asks first (`{% if subject is defined %}`).
    pub fn new(source: &str, place: &Place) -> Result<Self, TaskError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_fuel(Some(TEMPLATE_FUEL));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_formatter(|output, state, value| {
            let value = if value.is_none() {
                &TemplateValue::from("")
            } else {
                value
            };
            minijinja::escape_formatter(output, state, value)
        });
        environment
            .add_template_owned(TEMPLATE_NAME, source.to_owned())
            .map_err(|error| TaskError::Template {
                place: place.clone(),
                message: format!(
                    "the template is not valid{}: {}",
                    error
                        .line()
                        .map(|line| format!(" in its line {line}"))
                        .unwrap_or_default(),
                    error.detail().unwrap_or("syntax error")
                ),
                hint: Some("columns are written as {{ name }}".to_owned()),
            })?;
        let used = environment
            .get_template(TEMPLATE_NAME)
            .map(|template| template.undeclared_variables(false))
            .unwrap_or_default();
        // `undeclared_variables` is a set: the order of first mention keeps messages and projections stable.
        let mut columns: Vec<String> = used.into_iter().filter(|name| !is_global(&environment, name)).collect();
        columns.sort_by_key(|name| (source.find(name.as_str()), name.clone()));
        if columns.is_empty() {
            return Err(TaskError::Template {
                place: place.clone(),
                message: "the template reads no column".to_owned(),
                hint: Some("columns are written as {{ name }}".to_owned()),
            });
        }
        Ok(Self {
            source: source.to_owned(),
            columns,
            environment: Arc::new(environment),
        })
    }

    /// The template as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    fn render(&self, record: &Record) -> Result<String, TaskError> {
        let failed = |error: &minijinja::Error| TaskError::Template {
            place: Place::of("input template"),
            message: error
                .detail()
                .map_or_else(|| error.kind().to_string(), ToOwned::to_owned),
            hint: (error.kind() == ErrorKind::OutOfFuel)
                .then(|| "the template does too much work for one row".to_owned()),
        };
        let template = self
            .environment
            .get_template(TEMPLATE_NAME)
            .map_err(|error| failed(&error))?;
        template.render(TemplateValue::from(Serde(record))).map_err(|error| {
            let missing = self.columns.iter().find(|column| !record.contains_key(*column));
            match (error.kind(), missing) {
                (ErrorKind::UndefinedError, Some(column)) => missing_column(record, column),
                _ => failed(&error),
            }
        })
    }
}

fn is_global(environment: &Environment<'_>, name: &str) -> bool {
    environment.globals().any(|(global, _)| global == name)
}
