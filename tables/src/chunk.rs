//! Rows in the form that they were read in.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use csv::{ByteRecord, StringRecord};
use serde_json::{Map, Value};

use crate::arrow_values::{is_not_finite, json_value};
use crate::json_columns::UNPARSED;

/// Rows in the form that they were read in.
#[derive(Debug)]
pub struct Chunk {
    /// Number of the first row in the input, counted from 0.
    pub first_row: u64,
    /// The columns that were wanted, by name.
    pub(crate) wanted: Arc<[String]>,
    /// The rows.
    pub(crate) body: Body,
}

/// The rows, by format.
#[derive(Debug)]
pub(crate) enum Body {
    /// Fields of CSV or TSV; `header` names them, `positions` are those of the wanted columns.
    Delimited {
        header: Arc<[String]>,
        records: Vec<DelimitedRow>,
        /// Added to the line numbers that the records carry.
        extra_line: u64,
        positions: Arc<[usize]>,
    },
    /// Lines of JSON.
    Json(Vec<JsonLine>),
    /// Columns of Parquet; `positions` are those of the wanted columns.
    Columnar {
        batch: RecordBatch,
        positions: Arc<[usize]>,
    },
}

/// One row of CSV or TSV, with as many fields as the header has.
#[derive(Debug)]
pub(crate) struct DelimitedRow {
    /// The fields. Bytes that aren't UTF-8 are replaced by U+FFFD.
    pub(crate) record: StringRecord,
    /// What is wrong with the row.
    pub(crate) fault: Option<Box<Fault>>,
}

/// What is wrong with a row of CSV or TSV.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What to tell.
    pub(crate) reason: String,
    /// The fields as they came, where they aren't UTF-8.
    pub(crate) bytes: Option<ByteRecord>,
}

/// One line of JSON.
#[derive(Debug)]
pub(crate) struct JsonLine {
    /// An object, known to be well-formed: the line without surrounding white space, or an object that has it under
    /// [`UNPARSED`] where the line isn't one. Bytes that aren't UTF-8 are replaced by U+FFFD.
    pub(crate) text: String,
    /// The line as it came, where it is an object but not UTF-8.
    pub(crate) bytes: Option<Box<[u8]>>,
    /// Number of the line, counted from 1.
    pub(crate) number: u64,
    /// Values of the wanted columns; `None` where the line has no such key.
    pub(crate) values: Vec<Option<Value>>,
    /// What is wrong with the line.
    pub(crate) fault: Option<String>,
}

impl JsonLine {
    /// A key of the line's object that `known` doesn't know. The text of a line that is faulty anyway needs no column:
    /// the row says what is wrong.
    pub(crate) fn unknown_key<'a>(
        &self,
        object: &'a Map<String, Value>,
        known: impl Fn(&str) -> bool,
    ) -> Option<&'a String> {
        object
            .keys()
            .find(|key| !(known(key) || self.fault.is_some() && key.as_str() == UNPARSED))
    }
}

impl Chunk {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match &self.body {
            Body::Delimited { records, .. } => records.len(),
            Body::Json(lines) => lines.len(),
            Body::Columnar { batch, .. } => batch.num_rows(),
        }
    }

    /// Value of the wanted column number `column` in row `row` of this chunk. A key that a JSON line lacks is null.
    pub fn value(&self, row: usize, column: usize) -> Value {
        match &self.body {
            Body::Delimited { records, positions, .. } => records[row]
                .record
                .get(positions[column])
                .map_or(Value::Null, |text| Value::String(text.to_owned())),
            Body::Json(lines) => lines[row].values[column].clone().unwrap_or(Value::Null),
            Body::Columnar { batch, positions } => json_value(batch.column(positions[column]).as_ref(), row),
        }
    }

    /// Text of the wanted column number `column` in row `row`, where the row holds it as text.
    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        match &self.body {
            Body::Delimited { records, positions, .. } => records[row].record.get(positions[column]),
            Body::Json(lines) => lines[row].values[column].as_ref()?.as_str(),
            Body::Columnar { .. } => None,
        }
    }

    /// Whether a cell holds a number that is not finite, such as NaN, for which [`Chunk::value`] has null.
    pub fn is_not_finite(&self, row: usize, column: usize) -> bool {
        match &self.body {
            Body::Delimited { .. } | Body::Json(_) => false,
            Body::Columnar { batch, positions } => is_not_finite(batch.column(positions[column]).as_ref(), row),
        }
    }

    /// Whether the format tells numbers from text, and an empty text from none.
    pub fn has_types(&self) -> bool {
        !matches!(self.body, Body::Delimited { .. })
    }

    /// Why a row can't be used, though it is kept: it has more or fewer fields than the header or a quote that is never
    /// closed, isn't a JSON object, or isn't UTF-8.
    pub fn fault(&self, row: usize) -> Option<&str> {
        match &self.body {
            Body::Delimited { records, .. } => records[row].fault.as_ref().map(|fault| fault.reason.as_str()),
            Body::Json(lines) => lines[row].fault.as_deref(),
            Body::Columnar { .. } => None,
        }
    }

    /// The wanted columns of a row, by name.
    pub fn record(&self, row: usize) -> Map<String, Value> {
        self.wanted
            .iter()
            .enumerate()
            .map(|(column, name)| (name.clone(), self.value(row, column)))
            .collect()
    }

    /// Where a row of this chunk is in the input, for messages.
    pub fn place(&self, row: usize) -> String {
        match &self.body {
            Body::Delimited {
                records, extra_line, ..
            } => match records[row].record.position() {
                Some(position) => format!("line {}", position.line() + extra_line),
                None => format!("row {}", self.first_row + row as u64 + 1),
            },
            Body::Json(lines) => format!("line {}", lines[row].number),
            Body::Columnar { .. } => format!("row {}", self.first_row + row as u64 + 1),
        }
    }
}

/// The text of a value in a format without types: strings as they are, null as nothing, the rest as JSON.
pub(crate) fn plain_text(value: &Value) -> std::borrow::Cow<'_, str> {
    match value {
        Value::Null => "".into(),
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    }
}
