//! Parquet out.
//!
//! A Parquet file is readable once its footer is written, so a run that is killed leaves none. A run that is stopped in
//! the ordinary way closes the file, and the next run copies it into a new one and goes on there.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float32Builder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use fs_err as fs;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use refuel_task::Answer;
use serde_json::{Map, Value};

use crate::answers::{source_word, status_word};
use crate::chunk::{Body, plain_text};
use crate::json_columns::{JsonColumns, object};
use crate::{AnswerColumns, Chunk, Input, IoError, Output, ValueType, Writer};

/// Rows in a row group: a compromise between memory while writing and work while reading.
const GROUP: usize = 131_072;

/// Encoded bytes after which a row group is full, however few its rows are: it is held in memory until then.
const GROUP_BYTES: usize = 64 << 20;

type Sink = BufWriter<Box<dyn Write + Send>>;

/// Writes Parquet.
pub(crate) struct ParquetWriter {
    output: Output,
    answers: AnswerColumns,
    /// Begun with the first rows, which say what the columns are.
    writer: Option<ArrowWriter<Sink>>,
    schema: SchemaRef,
    /// What an earlier run wrote, until it is copied.
    earlier: Option<PathBuf>,
}

impl ParquetWriter {
    /// Begins a table, or goes on with one that an earlier run closed.
    ///
    /// `own` are the input's columns with their types, where they are known before the first row.
    pub(crate) fn create(
        output: &Output,
        own: Option<&Schema>,
        answers: AnswerColumns,
        going_on: bool,
    ) -> Result<Self, IoError> {
        let mut created = Self {
            output: output.clone(),
            answers,
            writer: None,
            schema: Arc::new(Schema::empty()),
            earlier: None,
        };
        if let (true, Output::File(path)) = (going_on, output) {
            let earlier = earlier_path(path);
            // A run that was stopped while it copied has left the copy's source, which is the whole one of the two.
            if !earlier.exists() {
                fs::rename(path, &earlier).map_err(|source| output.unwritable(source))?;
            }
            created.copy(&earlier)?;
            created.earlier = Some(earlier);
        } else if let Some(own) = own {
            created.begin_behind(own)?;
        }
        Ok(created)
    }

    fn fault(&self, source: ParquetError) -> IoError {
        let output = self.output.to_string();
        match source {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(source) => self.output.unwritable(*source),
                Err(inner) => IoError::WriteParquet {
                    output,
                    source: ParquetError::External(inner),
                },
            },
            source => IoError::WriteParquet { output, source },
        }
    }

    fn begin(&mut self, schema: SchemaRef) -> Result<(), IoError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .set_created_by(concat!("refuel ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let sink = BufWriter::with_capacity(1 << 18, self.output.open(None)?);
        self.schema = Arc::clone(&schema);
        let writer = ArrowWriter::try_new(sink, schema, Some(properties)).map_err(|source| self.fault(source))?;
        self.writer = Some(writer);
        Ok(())
    }

    /// Begins a table with the columns of the input and those of the answers behind them.
    fn begin_behind(&mut self, own: &Schema) -> Result<(), IoError> {
        let answers = self.answer_columns(&[]).into_iter().map(|(field, _)| Arc::new(field));
        let fields: Vec<Arc<Field>> = own.fields().iter().cloned().chain(answers).collect();
        self.begin(Arc::new(Schema::new(fields).with_metadata(own.metadata().clone())))
    }

    fn write_batch(&mut self, batch: &RecordBatch) -> Result<(), IoError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.write(batch).map_err(|source| self.fault(source))
    }

    fn copy(&mut self, earlier: &Path) -> Result<(), IoError> {
        let input = Input::File(earlier.to_owned());
        let builder = crate::columnar::builder(&input)?;
        self.begin(Arc::clone(builder.schema()))?;
        let mut reader = crate::columnar::guarded(&input, || builder.with_batch_size(8192).build())?;
        while let Some(batch) = crate::columnar::next_batch(&input, &mut reader)? {
            self.write_batch(&batch)?;
        }
        Ok(())
    }

    /// The columns of the input as they are in `chunk`, with their types.
    fn own_columns(&self, chunk: &Chunk, rows: usize) -> Result<Vec<(Field, ArrayRef)>, IoError> {
        match &chunk.body {
            Body::Columnar { batch, .. } => {
                let fields = batch.schema_ref().fields().iter().map(|field| field.as_ref().clone());
                Ok(fields.zip(batch.slice(0, rows).columns().iter().cloned()).collect())
            }
            Body::Delimited { header, records, .. } => {
                let columns = header.iter().enumerate().map(|(column, name)| {
                    let mut builder = StringBuilder::new();
                    records[..rows]
                        .iter()
                        .for_each(|row| builder.append_option(row.record.get(column)));
                    (
                        Field::new(name, DataType::Utf8, true),
                        Arc::new(builder.finish()) as ArrayRef,
                    )
                });
                Ok(columns.collect())
            }
            Body::Json(lines) => {
                let objects: Vec<Map<String, Value>> = lines[..rows].iter().map(|line| object(&line.text)).collect();
                let begun = self.schema.fields();
                let fields: Vec<Field> = if begun.is_empty() {
                    let columns = JsonColumns::of(lines.iter().map(|line| line.text.as_str()));
                    self.answers.refuse_clash(&columns.names())?;
                    let schema = columns.schema();
                    schema.fields().iter().map(|field| field.as_ref().clone()).collect()
                } else {
                    let own = begun.len() - self.answers.names.len();
                    begun.iter().take(own).map(|field| field.as_ref().clone()).collect()
                };
                for (object, line) in objects.iter().zip(lines) {
                    let unknown = line.unknown_key(object, |key| fields.iter().any(|field| field.name() == key));
                    if let Some(key) = unknown {
                        return Err(
                            self.unfitting(line.number, format!("its key `{key}` was in none of the first rows"))
                        );
                    }
                }
                fields
                    .into_iter()
                    .map(|field| {
                        let column = column_of(&field, &objects).map_err(|row| {
                            let kind = field.data_type();
                            let what = format!("`{}` was {kind} in the first rows", field.name());
                            self.unfitting(lines[row].number, what)
                        })?;
                        Ok((field, column))
                    })
                    .collect()
            }
        }
    }

    fn unfitting(&self, line: u64, what: String) -> IoError {
        IoError::Unfitting {
            place: format!("line {line}"),
            output: self.output.to_string(),
            what,
        }
    }

    fn answer_columns(&self, answers: &[Answer]) -> Vec<(Field, ArrayRef)> {
        let texts = |text: &dyn Fn(&Answer) -> Option<String>| -> ArrayRef {
            let mut builder = StringBuilder::new();
            answers.iter().for_each(|answer| builder.append_option(text(answer)));
            Arc::new(builder.finish())
        };
        let numbers = |number: &dyn Fn(&Answer) -> Option<f32>| -> ArrayRef {
            let mut builder = Float32Builder::new();
            answers.iter().for_each(|answer| builder.append_option(number(answer)));
            Arc::new(builder.finish())
        };
        let mut columns: Vec<ArrayRef> = vec![
            value_column(self.answers.value_type, answers),
            numbers(&|answer| answer.confidence),
            numbers(&|answer| answer.raw_confidence),
            texts(&|answer| Some(status_word(answer.status).to_owned())),
            texts(&|answer| answer.reason.clone()),
            texts(&|answer| Some(source_word(answer.source).to_owned())),
            texts(&|answer| Some(answer.model.clone())),
        ];
        for told_at in 0..self.answers.names.len() - columns.len() {
            let told = |answer: &Answer| self.answers.told(answer).swap_remove(told_at);
            columns.push(texts(&|answer| told(answer).map(|told| told.to_string())));
        }
        let fields = self.answers.names.iter().zip(columns);
        fields
            .map(|(name, column)| (Field::new(name, column.data_type().clone(), true), column))
            .collect()
    }
}

/// Where the table of an earlier run is kept while it is copied.
pub fn earlier_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".earlier");
    name.into()
}

/// A key's values as a column, or the number of the row that doesn't fit.
fn column_of(field: &Field, objects: &[Map<String, Value>]) -> Result<ArrayRef, usize> {
    let values = objects
        .iter()
        .map(|object| object.get(field.name()).filter(|value| !value.is_null()))
        .enumerate();
    macro_rules! typed {
        ($builder:expr, $read:expr) => {{
            let mut builder = $builder;
            for (row, value) in values {
                builder.append_option(value.map(|value| $read(value).ok_or(row)).transpose()?);
            }
            Ok(Arc::new(builder.finish()))
        }};
    }
    match field.data_type() {
        DataType::Boolean => typed!(BooleanBuilder::new(), Value::as_bool),
        DataType::Int64 => typed!(Int64Builder::new(), Value::as_i64),
        DataType::Float64 => typed!(Float64Builder::new(), Value::as_f64),
        _ => typed!(StringBuilder::new(), |value| Some(plain_text(value).into_owned())),
    }
}

/// The answers' values in the type that the task's kind gives them.
fn value_column(value_type: ValueType, answers: &[Answer]) -> ArrayRef {
    match value_type {
        ValueType::Text | ValueType::Record => {
            let mut builder = StringBuilder::new();
            for answer in answers {
                builder.append_option((!answer.value.is_null()).then(|| plain_text(&answer.value)));
            }
            Arc::new(builder.finish())
        }
        ValueType::Boolean => {
            let mut builder = BooleanBuilder::new();
            answers
                .iter()
                .for_each(|answer| builder.append_option(answer.value.as_bool()));
            Arc::new(builder.finish())
        }
        ValueType::Texts => {
            let mut builder = ListBuilder::new(StringBuilder::new());
            for answer in answers {
                let texts = answer.value.as_array();
                for text in texts.into_iter().flatten() {
                    builder.values().append_value(plain_text(text));
                }
                builder.append(texts.is_some());
            }
            Arc::new(builder.finish())
        }
        ValueType::Numbers => {
            let mut builder = ListBuilder::new(Float32Builder::new());
            for answer in answers {
                let numbers = answer.value.as_array();
                for number in numbers.into_iter().flatten() {
                    builder
                        .values()
                        .append_option(number.as_f64().map(|number| number as f32));
                }
                builder.append(numbers.is_some());
            }
            Arc::new(builder.finish())
        }
    }
}

impl Writer for ParquetWriter {
    fn write(&mut self, chunk: &Chunk, answers: &[Answer]) -> Result<(), IoError> {
        let mut columns = self.own_columns(chunk, answers.len())?;
        columns.extend(self.answer_columns(answers));
        if self.writer.is_none() {
            let fields: Vec<Field> = columns.iter().map(|(field, _)| field.clone()).collect();
            self.begin(Arc::new(Schema::new(fields)))?;
        }
        let arrays: Vec<ArrayRef> = columns.into_iter().map(|(_, column)| column).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|error| self.fault(ParquetError::ArrowError(error.to_string())))?;
        self.write_batch(&batch)
    }

    fn checkpoint(&mut self) -> Result<Option<u64>, IoError> {
        Ok(None)
    }

    fn finish(mut self: Box<Self>) -> Result<(), IoError> {
        if self.writer.is_none() {
            // No row came: the answers' columns alone make a valid table.
            self.begin_behind(&Schema::empty())?;
        }
        if let Some(writer) = self.writer.take() {
            let mut sink = writer.into_inner().map_err(|source| self.fault(source))?;
            sink.flush().map_err(|source| self.output.unwritable(source))?;
        }
        if let Some(earlier) = self.earlier.take() {
            fs::remove_file(earlier).map_err(|source| self.output.unwritable(source))?;
        }
        Ok(())
    }
}
