//! JSON Lines: one object a line.
//!
//! Lines go from reader to writer as they came, with the answers put in before the closing brace, so that a row's own
//! values are the same to the byte, those that aren't UTF-8 too. Only wanted keys are turned into values. A line that
//! isn't one JSON object can't take answers: it becomes an object that has its text under the key [`UNPARSED`].

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use refuel_task::Answer;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::answers::{source_word, status_word};
use crate::arrow_values::json_value;
use crate::chunk::{Body, JsonLine};
use crate::json_columns::{JsonColumns, UNPARSED, object};
use crate::{AnswerColumns, CHUNK_BYTES, Chunk, Continue, Input, IoError, Output, Reader, Writer};

/// Bytes read and written at a time.
const BUFFER: usize = 1 << 18;

/// Reads JSON Lines. Blank lines are passed over, and lines that aren't one JSON object are faulty rows.
pub(crate) struct JsonlReader {
    input: Input,
    reader: BufReader<Box<dyn Read + Send>>,
    wanted: Arc<[String]>,
    line: u64,
    row: u64,
    /// Whether each wanted column was seen in some line, or is known to be in one.
    seen: Vec<bool>,
}

impl JsonlReader {
    /// Opens a table. Whether the wanted columns are there shows in its first chunk.
    pub(crate) fn open(input: &Input, wanted: &[String]) -> Result<Self, IoError> {
        let mut reader = BufReader::with_capacity(BUFFER, input.open()?);
        let start = reader.fill_buf().map_err(|source| input.unreadable(source))?;
        crate::foreign::refuse(input, start)?;
        Ok(Self {
            input: input.clone(),
            reader,
            wanted: wanted.into(),
            line: 0,
            row: 0,
            seen: vec![false; wanted.len()],
        })
    }

    /// Reads the next line that isn't blank into `bytes`.
    fn next_line(&mut self, bytes: &mut Vec<u8>) -> Result<bool, IoError> {
        loop {
            bytes.clear();
            let read = self
                .reader
                .read_until(b'\n', bytes)
                .map_err(|source| self.input.unreadable(source))?;
            if read == 0 {
                return Ok(false);
            }
            self.line += 1;
            if self.line == 1 && bytes.starts_with(b"\xEF\xBB\xBF") {
                bytes.drain(..3);
            }
            if !bytes.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn parse(&self, bytes: &[u8]) -> JsonLine {
        let bytes = bytes.trim_ascii();
        let text = String::from_utf8_lossy(bytes);
        let is_text = matches!(text, Cow::Borrowed(_));
        let mut values = vec![None; self.wanted.len()];
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        let parsed = WantedKeys {
            wanted: &self.wanted,
            values: &mut values,
        }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
        match parsed {
            Ok(()) => JsonLine {
                bytes: (!is_text).then(|| bytes.into()),
                fault: (!is_text).then(|| "the line isn't UTF-8".to_owned()),
                text: text.into_owned(),
                number: self.line,
                values,
            },
            Err(error) => JsonLine {
                text: Value::from_iter([(UNPARSED, text.as_ref())]).to_string(),
                bytes: None,
                number: self.line,
                values: vec![None; self.wanted.len()],
                // The line is named elsewhere; serde_json counts lines within the text, which is always 1.
                fault: Some(format!(
                    "the line isn't one JSON object: {}",
                    error.to_string().replace(" at line 1 column ", " at column ")
                )),
            },
        }
    }

    /// Looks for wanted columns that the first rows don't have: in the whole input, where that can be read again.
    fn refuse_missing(&mut self, first: &[JsonLine]) -> Result<(), IoError> {
        let missing = |columns: &[String]| self.wanted.iter().find(|column| !columns.contains(column));
        let name = self.input.to_string();
        let columns = self.whole_columns()?;
        let columns = columns.unwrap_or_else(|| JsonColumns::of(first.iter().map(|line| line.text.as_str())));
        let mut columns = columns.names();
        let missing = missing(&columns).cloned();
        columns.retain(|key| key != UNPARSED);
        match (missing, first.first()) {
            (None, _) => {}
            // Nothing is an object: the whole is no JSON Lines, and the first line shows it.
            (Some(_), Some(line)) if columns.is_empty() && line.bytes.is_none() && line.fault.is_some() => {
                return Err(IoError::Malformed {
                    input: name,
                    place: format!("line {}", line.number),
                    what: line.fault.clone().unwrap_or_default(),
                    hint: "each line has to be one JSON object, such as {\"text\": \"hello\"}".to_owned(),
                });
            }
            (Some(column), _) => return Err(IoError::missing_column(&name, &column, &columns)),
        }
        self.seen.fill(true);
        Ok(())
    }

    /// The columns of all lines; `None` where the input can be read only once.
    fn whole_columns(&self) -> Result<Option<JsonColumns>, IoError> {
        let Input::File(path) = &self.input else {
            return Ok(None);
        };
        if !fs_err::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(None);
        }
        let mut all = Self::open(&self.input, &[])?;
        let mut columns = JsonColumns::default();
        let mut bytes = Vec::new();
        while all.next_line(&mut bytes)? {
            columns.add(&object(&String::from_utf8_lossy(bytes.trim_ascii())));
        }
        Ok(Some(columns))
    }
}

impl Reader for JsonlReader {
    fn columns(&self) -> Option<&[String]> {
        None
    }

    fn whole_schema(&self) -> Result<Option<SchemaRef>, IoError> {
        Ok(self.whole_columns()?.map(|columns| Arc::new(columns.schema())))
    }

    fn next_chunk(&mut self, rows: usize) -> Result<Option<Chunk>, IoError> {
        let mut lines = Vec::with_capacity(rows.min(8192));
        let mut bytes = Vec::new();
        let mut size = 0;
        while lines.len() < rows && size < CHUNK_BYTES && self.next_line(&mut bytes)? {
            let line = self.parse(&bytes);
            size += line.text.len();
            for (seen, value) in self.seen.iter_mut().zip(&line.values) {
                *seen |= value.is_some();
            }
            lines.push(line);
        }
        if lines.is_empty() {
            return Ok(None);
        }
        if self.seen.contains(&false) {
            self.refuse_missing(&lines)?;
        }
        let first_row = self.row;
        self.row += lines.len() as u64;
        Ok(Some(Chunk {
            first_row,
            wanted: Arc::clone(&self.wanted),
            body: Body::Json(lines),
        }))
    }

    fn skip(&mut self, rows: u64) -> Result<u64, IoError> {
        let mut bytes = Vec::new();
        for done in 0..rows {
            if !self.next_line(&mut bytes)? {
                return Ok(done);
            }
            self.row += 1;
        }
        // The earlier run looked for these columns, or it would have stopped.
        self.seen.fill(rows > 0);
        Ok(rows)
    }
}

/// Keeps the values of some keys of an object, and checks the syntax of the rest.
struct WantedKeys<'a> {
    wanted: &'a [String],
    values: &'a mut [Option<Value>],
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for WantedKeys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WantedKeys<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key<'_>>()? {
            match self.wanted.iter().position(|wanted| *wanted == key.0) {
                Some(column) => self.values[column] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The keys of an object that is known to be well-formed.
pub(crate) fn keys(text: &str) -> Vec<String> {
    struct Keys;

    impl<'de> Visitor<'de> for Keys {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
            let mut keys = Vec::new();
            while let Some((key, IgnoredAny)) = map.next_entry::<Key<'_>, IgnoredAny>()? {
                keys.push(key.0.into_owned());
            }
            Ok(keys)
        }
    }

    serde_json::Deserializer::from_str(text)
        .deserialize_map(Keys)
        .unwrap_or_default()
}

/// Writes JSON Lines.
pub(crate) struct JsonlWriter {
    output: Output,
    writer: BufWriter<Box<dyn Write + Send>>,
    bytes: u64,
    answers: AnswerColumns,
    /// `"name":` of each column of the answers.
    answer_keys: Vec<Vec<u8>>,
    /// `"name":` of each column of the input, where they are known beforehand.
    column_keys: Vec<Vec<u8>>,
    /// How the names of the answers' columns begin as JSON: a line without it has none of them.
    mark: String,
    line: Vec<u8>,
}

impl JsonlWriter {
    /// Begins a table, or goes on with one.
    pub(crate) fn create(
        output: &Output,
        columns: Option<&[String]>,
        answers: AnswerColumns,
        going_on: Option<Continue>,
    ) -> Result<Self, IoError> {
        let keep = going_on.and_then(|going_on| going_on.bytes);
        let key = |name: &String| {
            let mut key = Value::String(name.clone()).to_string().into_bytes();
            key.push(b':');
            key
        };
        let mut mark = Value::String(answers.names[0].clone()).to_string();
        mark.pop();
        Ok(Self {
            output: output.clone(),
            writer: BufWriter::with_capacity(BUFFER, output.open(keep)?),
            bytes: keep.unwrap_or(0),
            answer_keys: answers.names.iter().map(key).collect(),
            column_keys: columns.unwrap_or_default().iter().map(key).collect(),
            answers,
            mark,
            line: Vec::new(),
        })
    }

    /// Puts a row's own keys into the line, without the closing brace.
    fn own_keys(&mut self, chunk: &Chunk, row: usize) -> Result<(), IoError> {
        self.line.clear();
        match &chunk.body {
            Body::Json(lines) => {
                let JsonLine { text, bytes, .. } = &lines[row];
                // A key may also be written with escapes, which only a parser sees through.
                if text.contains(&self.mark) || text.contains('\\') {
                    self.answers.refuse_clash(&keys(text))?;
                }
                let whole = bytes.as_deref().unwrap_or(text.as_bytes());
                let open = whole.strip_suffix(b"}").unwrap_or(whole);
                self.line.extend_from_slice(open.trim_ascii_end());
            }
            Body::Delimited { records, .. } => {
                self.line.push(b'{');
                for (key, field) in self.column_keys.iter().zip(&records[row].record) {
                    separate(&mut self.line);
                    self.line.extend_from_slice(key);
                    put(&mut self.line, field);
                }
            }
            Body::Columnar { batch, .. } => {
                self.line.push(b'{');
                for (key, column) in self.column_keys.iter().zip(batch.columns()) {
                    separate(&mut self.line);
                    self.line.extend_from_slice(key);
                    put(&mut self.line, &json_value(column.as_ref(), row));
                }
            }
        }
        Ok(())
    }

    fn answer_keys(&mut self, answer: &Answer) {
        let told = self.answers.told(answer);
        for (column, key) in self.answer_keys.iter().enumerate() {
            separate(&mut self.line);
            self.line.extend_from_slice(key);
            match column {
                0 => put(&mut self.line, &answer.value),
                1 => put(&mut self.line, &answer.confidence),
                2 => put(&mut self.line, &answer.raw_confidence),
                3 => put(&mut self.line, status_word(answer.status)),
                4 => put(&mut self.line, &answer.reason),
                5 => put(&mut self.line, source_word(answer.source)),
                6 => put(&mut self.line, &answer.model),
                told_at => put(&mut self.line, &told[told_at - 1 - AnswerColumns::SUFFIXES.len()]),
            }
        }
        self.line.extend_from_slice(b"}\n");
    }
}

/// A comma, unless the object has only begun.
fn separate(line: &mut Vec<u8>) {
    if line.last() != Some(&b'{') {
        line.push(b',');
    }
}

fn put(line: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    let written = serde_json::to_writer(&mut *line, value);
    debug_assert!(
        written.is_ok(),
        "text, numbers and JSON values can always be written to memory"
    );
}

impl Writer for JsonlWriter {
    fn write(&mut self, chunk: &Chunk, answers: &[Answer]) -> Result<(), IoError> {
        for (row, answer) in answers.iter().enumerate() {
            self.own_keys(chunk, row)?;
            self.answer_keys(answer);
            self.writer
                .write_all(&self.line)
                .map_err(|source| self.output.unwritable(source))?;
            self.bytes += self.line.len() as u64;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Option<u64>, IoError> {
        self.writer.flush().map_err(|source| self.output.unwritable(source))?;
        Ok(Some(self.bytes))
    }

    fn finish(mut self: Box<Self>) -> Result<(), IoError> {
        self.checkpoint().map(|_| ())
    }
}
