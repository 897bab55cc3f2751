//! CSV and TSV.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::sync::Arc;

use csv::{ByteRecord, ErrorKind, StringRecord, Terminator};
use refuel_task::Answer;
use serde_json::{Map, Value};

use crate::answers::{source_word, status_word};
use crate::arrow_values::json_value;
use crate::chunk::{Body, DelimitedRow, Fault, plain_text};
use crate::json_columns::{JsonColumns, object};
use crate::quotes::Quotes;
use crate::{
    AnswerColumns, CHUNK_BYTES, Chunk, Continue, Input, IoError, Output, Reader, Writer, positions, refuse_duplicates,
};

/// Bytes read and written at a time.
const BUFFER: usize = 1 << 18;

/// Reads CSV or TSV with a header.
pub(crate) struct DelimitedReader {
    input: Input,
    reader: csv::Reader<Quotes<BufReader<Box<dyn Read + Send>>>>,
    delimiter: u8,
    /// Added to the reader's line numbers: it counts a line as begun before the second byte of a Windows line end.
    extra_line: u64,
    columns: Arc<[String]>,
    wanted: Arc<[String]>,
    positions: Arc<[usize]>,
    row: u64,
}

impl DelimitedReader {
    /// Opens a table and reads its header. A byte order mark at the start is passed over.
    pub(crate) fn open(input: &Input, delimiter: u8, wanted: &[String]) -> Result<Self, IoError> {
        let mut bytes = BufReader::with_capacity(BUFFER, input.open()?);
        let start = bytes.fill_buf().map_err(|source| input.unreadable(source))?;
        crate::foreign::refuse(input, start)?;
        let line_end = memchr::memchr(b'\n', start);
        let extra_line = u64::from(line_end.is_some_and(|at| at > 0 && start[at - 1] == b'\r'));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .buffer_capacity(BUFFER)
            .from_reader(Quotes::new(bytes, delimiter));
        let header = reader.headers().map_err(|error| fault(input, &error, 0))?;
        let columns: Vec<String> = header.iter().map(ToOwned::to_owned).collect();
        let end = reader.position().byte();
        if let Some(quotes) = reader.get_mut().fault(0..end) {
            return Err(IoError::Malformed {
                input: input.to_string(),
                place: "the header".to_owned(),
                what: quotes.to_owned(),
                hint: "close the quote, or double it where it is part of a name".to_owned(),
            });
        }
        if columns.is_empty() {
            return Err(IoError::Empty {
                input: input.to_string(),
            });
        }
        refuse_duplicates(&input.to_string(), &columns)?;
        let positions = positions(&input.to_string(), &columns, wanted)?.into();
        Ok(Self {
            input: input.clone(),
            reader,
            delimiter,
            extra_line,
            columns: columns.into(),
            wanted: wanted.into(),
            positions,
            row: 0,
        })
    }
}

impl Reader for DelimitedReader {
    fn columns(&self) -> Option<&[String]> {
        Some(&self.columns)
    }

    fn next_chunk(&mut self, rows: usize) -> Result<Option<Chunk>, IoError> {
        let mut records = Vec::with_capacity(rows.min(8192));
        let mut bytes = 0;
        while records.len() < rows && bytes < CHUNK_BYTES {
            // Each row gets room for one like the row before, so that few of them grow.
            let mut record = match records.last() {
                Some(DelimitedRow { record, .. }) => ByteRecord::with_capacity(record.as_slice().len(), record.len()),
                None => ByteRecord::new(),
            };
            let there = self
                .reader
                .read_byte_record(&mut record)
                .map_err(|error| fault(&self.input, &error, self.extra_line))?;
            if !there {
                break;
            }
            bytes += record.as_slice().len();
            let end = self.reader.position().byte();
            let start = record.position().map_or(end, csv::Position::byte);
            let quotes = self.reader.get_mut().fault(start..end);
            records.push(row(record, self.columns.len(), self.delimiter, quotes));
        }
        if records.is_empty() {
            return Ok(None);
        }
        let first_row = self.row;
        self.row += records.len() as u64;
        let body = Body::Delimited {
            header: Arc::clone(&self.columns),
            records,
            extra_line: self.extra_line,
            positions: Arc::clone(&self.positions),
        };
        Ok(Some(Chunk {
            first_row,
            wanted: Arc::clone(&self.wanted),
            body,
        }))
    }

    fn skip(&mut self, rows: u64) -> Result<u64, IoError> {
        let mut record = ByteRecord::new();
        for done in 0..rows {
            if !self
                .reader
                .read_byte_record(&mut record)
                .map_err(|error| fault(&self.input, &error, self.extra_line))?
            {
                return Ok(done);
            }
            self.row += 1;
        }
        Ok(rows)
    }
}

/// Gives a row as many fields as the header has, and text for its bytes, and says what it took.
fn row(record: ByteRecord, columns: usize, delimiter: u8, quotes: Option<&str>) -> DelimitedRow {
    let count = record.len();
    let mut reason = None;
    let mut record = record;
    if count != columns {
        let surplus = record.iter().skip(columns);
        // A spreadsheet may pad some of its rows with empty cells, which say nothing.
        if count < columns {
            reason = Some(format!(
                "{count} fields, where the header has {columns}; the missing ones are left empty"
            ));
        } else if surplus.clone().any(|field| !field.is_empty()) {
            reason = Some(format!(
                "{count} fields, where the header has {columns}; the surplus is kept in the last column"
            ));
        }
        let mut even = ByteRecord::with_capacity(record.as_slice().len() + count, columns);
        even.set_position(record.position().cloned());
        record
            .iter()
            .take(columns.saturating_sub(1))
            .for_each(|field| even.push_field(field));
        let last: Vec<&[u8]> = if reason.is_some() {
            record.iter().skip(columns.saturating_sub(1)).collect()
        } else {
            record.iter().skip(columns.saturating_sub(1)).take(1).collect()
        };
        if columns <= count {
            even.push_field(&last.join(&delimiter));
        }
        while even.len() < columns {
            even.push_field(b"");
        }
        record = even;
    }
    // Quotes that are not closed are why the number of fields is wrong, where it is.
    if let Some(quotes) = quotes {
        reason = Some(quotes.to_owned());
    }
    match StringRecord::from_byte_record(record) {
        Ok(record) => DelimitedRow {
            record,
            fault: reason.map(|reason| Box::new(Fault { reason, bytes: None })),
        },
        Err(error) => {
            let field = error.utf8_error().field() + 1;
            let bytes = error.into_byte_record();
            let mut record = StringRecord::from_byte_record_lossy(bytes.clone());
            record.set_position(bytes.position().cloned());
            let not_text = format!("field {field} isn't UTF-8");
            let reason = reason.map_or_else(|| not_text.clone(), |reason| format!("{reason}; {not_text}"));
            DelimitedRow {
                record,
                fault: Some(Box::new(Fault {
                    reason,
                    bytes: Some(bytes),
                })),
            }
        }
    }
}

/// Says what is wrong with a CSV file, and where.
fn fault(input: &Input, error: &csv::Error, extra_line: u64) -> IoError {
    let line = error.position().map_or_else(
        || "the header".to_owned(),
        |position| format!("line {}", position.line() + extra_line),
    );
    match error.kind() {
        ErrorKind::Io(source) => {
            let source = source
                .raw_os_error()
                .map_or_else(|| source.kind().into(), std::io::Error::from_raw_os_error);
            IoError::Read {
                input: input.to_string(),
                source,
            }
        }
        ErrorKind::Utf8 { err, .. } => IoError::Malformed {
            input: input.to_string(),
            place: line,
            what: format!("field {} isn't UTF-8", err.field() + 1),
            hint: "convert the file first, for example with `iconv -f WINDOWS-1252 -t UTF-8`".to_owned(),
        },
        _ => IoError::Malformed {
            input: input.to_string(),
            place: line,
            what: error.to_string(),
            hint: "check the file with the program that wrote it".to_owned(),
        },
    }
}

/// Writes CSV or TSV with a header.
pub(crate) struct DelimitedWriter {
    output: Output,
    writer: csv::Writer<Counted>,
    /// Columns of the input; unknown until the first rows where it is JSON Lines that can be read only once.
    columns: Option<Vec<String>>,
    answers: AnswerColumns,
    number: String,
}

impl DelimitedWriter {
    /// Begins a table, or goes on with one whose header is written.
    pub(crate) fn create(
        output: &Output,
        delimiter: u8,
        columns: Option<&[String]>,
        answers: AnswerColumns,
        going_on: Option<Continue>,
    ) -> Result<Self, IoError> {
        let keep = going_on.and_then(|going_on| going_on.bytes).filter(|bytes| *bytes > 0);
        let mut columns = columns.map(<[String]>::to_vec);
        if let (Some(_), None, Output::File(path)) = (keep, &columns, output) {
            // The first rows chose the columns in the earlier run, and its header says which.
            columns = Some(written_columns(path, delimiter, &answers)?);
        }
        let inner = Counted {
            inner: BufWriter::with_capacity(BUFFER, output.open(keep)?),
            bytes: keep.unwrap_or(0),
        };
        let writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .terminator(Terminator::Any(b'\n'))
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_writer(inner);
        let mut created = Self {
            output: output.clone(),
            writer,
            columns,
            answers,
            number: String::new(),
        };
        if keep.is_none() && created.columns.is_some() {
            created.header()?;
        }
        Ok(created)
    }

    fn header(&mut self) -> Result<(), IoError> {
        let names = self.columns.iter().flatten().chain(&self.answers.names);
        let written = self.writer.write_record(names);
        written.map_err(|error| broken(&self.output, error))
    }

    fn write_answer(&mut self, answer: &Answer) -> Result<(), csv::Error> {
        use std::fmt::Write as _;

        self.writer.write_field(plain_text(&answer.value).as_ref())?;
        for number in [answer.confidence, answer.raw_confidence] {
            self.number.clear();
            if let Some(number) = number {
                // Writing to a string can't fail.
                let _ = write!(self.number, "{number}");
            }
            self.writer.write_field(&self.number)?;
        }
        self.writer.write_field(status_word(answer.status))?;
        self.writer.write_field(answer.reason.as_deref().unwrap_or_default())?;
        self.writer.write_field(source_word(answer.source))?;
        self.writer.write_field(&answer.model)?;
        for told in self.answers.told(answer) {
            let told = told.map_or_else(String::new, |told| told.to_string());
            self.writer.write_field(&told)?;
        }
        self.writer.write_record(None::<&[u8]>)
    }

    fn write_rows(&mut self, chunk: &Chunk, answers: &[Answer]) -> Result<(), RowFault> {
        match &chunk.body {
            Body::Delimited { records, .. } => {
                for (row, answer) in records.iter().zip(answers) {
                    match row.fault.as_ref().and_then(|fault| fault.bytes.as_ref()) {
                        None => row.record.iter().try_for_each(|field| self.writer.write_field(field))?,
                        // What isn't text goes out as it came in.
                        Some(bytes) => bytes.iter().try_for_each(|field| self.writer.write_field(field))?,
                    }
                    self.write_answer(answer)?;
                }
            }
            Body::Json(lines) => {
                for (line, answer) in lines.iter().zip(answers) {
                    let object: Map<String, Value> = object(&line.text);
                    let columns = self.columns.take().unwrap_or_default();
                    let unknown = line.unknown_key(&object, |key| columns.iter().any(|column| column == key));
                    let written = unknown.map_or(Ok(()), |key| {
                        let what = format!("its key `{key}` was in none of the first rows");
                        Err(RowFault::Unfitting {
                            place: format!("line {}", line.number),
                            what,
                        })
                    });
                    let written = written.and_then(|()| {
                        for column in &columns {
                            let text = object.get(column).map(plain_text).unwrap_or_default();
                            self.writer.write_field(text.as_ref())?;
                        }
                        Ok(())
                    });
                    self.columns = Some(columns);
                    written?;
                    self.write_answer(answer)?;
                }
            }
            Body::Columnar { batch, .. } => {
                for (row, answer) in answers.iter().enumerate() {
                    for column in batch.columns() {
                        self.writer
                            .write_field(plain_text(&json_value(column.as_ref(), row)).as_ref())?;
                    }
                    self.write_answer(answer)?;
                }
            }
        }
        Ok(())
    }
}

/// Why a row can't be written.
enum RowFault {
    Csv(csv::Error),
    Unfitting { place: String, what: String },
}

impl From<csv::Error> for RowFault {
    fn from(error: csv::Error) -> Self {
        Self::Csv(error)
    }
}

impl Writer for DelimitedWriter {
    fn write(&mut self, chunk: &Chunk, answers: &[Answer]) -> Result<(), IoError> {
        if self.columns.is_none() {
            if let Body::Json(lines) = &chunk.body {
                let columns = JsonColumns::of(lines.iter().map(|line| line.text.as_str())).names();
                self.answers.refuse_clash(&columns)?;
                self.columns = Some(columns);
            }
            self.header()?;
        }
        self.write_rows(chunk, answers).map_err(|fault| match fault {
            RowFault::Csv(error) => broken(&self.output, error),
            RowFault::Unfitting { place, what } => IoError::Unfitting {
                place,
                output: self.output.to_string(),
                what,
            },
        })
    }

    fn checkpoint(&mut self) -> Result<Option<u64>, IoError> {
        self.writer.flush().map_err(|source| self.output.unwritable(source))?;
        Ok(Some(self.writer.get_ref().bytes))
    }

    fn finish(mut self: Box<Self>) -> Result<(), IoError> {
        if self.columns.is_none() {
            // No row came, so no keys are known; the answers' columns alone make a valid table.
            self.header()?;
        }
        self.checkpoint().map(|_| ())
    }
}

/// Counts what goes through.
struct Counted {
    inner: BufWriter<Box<dyn Write + Send>>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

fn broken(output: &Output, error: csv::Error) -> IoError {
    match error.into_kind() {
        ErrorKind::Io(source) => output.unwritable(source),
        other => output.unwritable(std::io::Error::other(format!("{other:?}"))),
    }
}

/// The input's columns in the header of a table that an earlier run began.
fn written_columns(path: &std::path::Path, delimiter: u8, answers: &AnswerColumns) -> Result<Vec<String>, IoError> {
    let input = Input::File(path.to_owned());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .from_reader(input.open()?);
    let header = reader.headers().map_err(|error| fault(&input, &error, 0))?;
    Ok(header
        .iter()
        .filter(|name| !answers.names.iter().any(|answer| answer == name))
        .map(ToOwned::to_owned)
        .collect())
}
