//! Tables in and out: CSV, TSV, JSON Lines and Parquet, from files or standard streams.
//!
//! Rows are read in [`Chunk`]s that keep their original form. Only the columns that a task needs are turned into
//! values; the others go from reader to writer as they came, so that nothing is lost on the way (numbers of any size,
//! nested values, Parquet types) and nothing is paid for what nobody looks at.

mod answers;
mod arrow_values;
mod chunk;
mod column_type;
mod columnar;
mod columnar_write;
mod delimited;
mod error;
mod foreign;
mod json_columns;
mod jsonl;
mod location;
mod names;
pub mod panic;
mod quotes;
mod rows;
mod survey;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

pub use answers::{AnswerColumns, ValueType, fields_of, source_word, status_word};
pub use chunk::Chunk;
pub use column_type::{ColumnType, column_types};
pub use columnar_write::earlier_path;
pub use error::IoError;
pub use location::{Format, Input, Output};
pub use names::nearest;
pub use rows::{RowType, behind_links, leads_elsewhere, write_rows};
pub use survey::Survey;

/// Bytes of text after which a chunk is full, however few its rows are, so that long rows don't fill the memory.
const CHUNK_BYTES: usize = 4 << 20;

/// How a table is laid out in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The format.
    pub format: Format,
    /// What separates fields, where the format has separators.
    pub delimiter: u8,
}

impl Layout {
    /// A format with its usual delimiter, or the one asked for.
    pub fn new(format: Format, delimiter: Option<u8>) -> Self {
        let usual = if format == Format::Tsv { b'\t' } else { b',' };
        Self {
            format,
            delimiter: delimiter.unwrap_or(usual),
        }
    }
}

/// A table that is being read.
pub trait Reader: Send {
    /// Names of the columns in order, where the format says them before the first row.
    fn columns(&self) -> Option<&[String]>;

    /// Columns with their types, text where the format has no types.
    fn schema(&self) -> Option<SchemaRef> {
        let columns = self.columns()?;
        let fields: Vec<Field> = columns
            .iter()
            .map(|name| Field::new(name, DataType::Utf8, true))
            .collect();
        Some(Arc::new(Schema::new(fields)))
    }

    /// The columns with their types as a table that names them at its start needs them. Where the format doesn't say
    /// them, this looks over the whole input; `None` when that can be read only once.
    fn whole_schema(&self) -> Result<Option<SchemaRef>, IoError> {
        Ok(self.schema())
    }

    /// Reads the next rows, at most `rows` of them and about 4 MiB; `None` when there are no more.
    fn next_chunk(&mut self, rows: usize) -> Result<Option<Chunk>, IoError>;

    /// Passes over rows that an earlier run has done. Returns how many there were, at most `rows`.
    fn skip(&mut self, rows: u64) -> Result<u64, IoError>;
}

/// A table that is being written.
pub trait Writer: Send {
    /// Writes the first `answers.len()` rows of a chunk, each with its answer.
    fn write(&mut self, chunk: &Chunk, answers: &[refuel_task::Answer]) -> Result<(), IoError>;

    /// Hands everything written so far to the operating system. Returns the size of the valid part in bytes, or
    /// `None` where the format can't be cut and continued by bytes.
    fn checkpoint(&mut self) -> Result<Option<u64>, IoError>;

    /// Completes the table.
    fn finish(self: Box<Self>) -> Result<(), IoError>;
}

/// Opens a table to read `wanted` columns of.
///
/// # Errors
/// When it can't be opened, has no header, has two columns of one name, or lacks a wanted column.
pub fn open(input: &Input, layout: Layout, wanted: &[String]) -> Result<Box<dyn Reader>, IoError> {
    Ok(match layout.format {
        Format::Csv | Format::Tsv => Box::new(delimited::DelimitedReader::open(input, layout.delimiter, wanted)?),
        Format::Jsonl => Box::new(jsonl::JsonlReader::open(input, wanted)?),
        Format::Parquet => Box::new(columnar::ParquetReader::open(input, wanted)?),
    })
}

/// Where a writer goes on in a table that an earlier run began.
#[derive(Debug, Clone, Copy)]
pub struct Continue {
    /// Size of the valid part in bytes, for formats that are cut and continued by bytes.
    pub bytes: Option<u64>,
}

/// Begins a table that has the columns of `reader` and those of the answers, or goes on with one.
///
/// # Errors
/// When the columns clash, or the output can't be opened.
pub fn create(
    output: &Output,
    layout: Layout,
    reader: &dyn Reader,
    answers: AnswerColumns,
    going_on: Option<Continue>,
) -> Result<Box<dyn Writer>, IoError> {
    // A table that is gone on with says itself which columns were chosen for it.
    let schema = match layout.format {
        Format::Csv | Format::Tsv | Format::Parquet if going_on.is_none() => reader.whole_schema()?,
        _ => reader.schema(),
    };
    let columns: Option<Vec<String>> = schema
        .as_ref()
        .map(|schema| schema.fields().iter().map(|field| field.name().clone()).collect());
    let columns = columns.as_deref();
    if let Some(columns) = columns {
        answers.refuse_clash(columns)?;
    }
    Ok(match layout.format {
        Format::Csv | Format::Tsv => Box::new(delimited::DelimitedWriter::create(
            output,
            layout.delimiter,
            columns,
            answers,
            going_on,
        )?),
        Format::Jsonl => Box::new(jsonl::JsonlWriter::create(output, columns, answers, going_on)?),
        Format::Parquet => Box::new(columnar_write::ParquetWriter::create(
            output,
            schema.as_deref(),
            answers,
            going_on.is_some(),
        )?),
    })
}

/// Finds each wanted column among those there are.
fn positions(name: &str, columns: &[String], wanted: &[String]) -> Result<Vec<usize>, IoError> {
    wanted
        .iter()
        .map(|column| {
            columns
                .iter()
                .position(|there| there == column)
                .ok_or_else(|| IoError::missing_column(name, column, columns))
        })
        .collect()
}

/// Refuses a header that has a name twice, since a column could not be told by its name then.
fn refuse_duplicates(name: &str, columns: &[String]) -> Result<(), IoError> {
    let mut seen = HashSet::new();
    match columns.iter().find(|column| !seen.insert(column.as_str())) {
        Some(column) => Err(IoError::DuplicateColumn {
            input: name.to_owned(),
            column: column.clone(),
        }),
        None => Ok(()),
    }
}
