//! Reads the rows of a file that a task names.

use std::path::Path;

use serde_json::Value;

use crate::error::{Place, TaskError};
use crate::input::Record;

/// Largest file of rows, in bytes.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;

/// Rows with their places, from CSV (`.csv`, `.tsv`) or JSON lines (`.jsonl`, `.ndjson`). `shown` is what errors call
/// the file, `named_at` is where it was named.
pub(crate) fn read_records(path: &Path, shown: &str, named_at: &Place) -> Result<Vec<(Place, Record)>, TaskError> {
    let mut rows = Vec::new();
    each_record(path, shown, named_at, &mut |place, record| {
        rows.push((place, record));
        Ok(())
    })?;
    Ok(rows)
}

/// The same, a row at a time.
///
/// # Errors
/// What can't be read, and what `take` says of a row.
pub(crate) fn each_record(path: &Path, shown: &str, named_at: &Place, take: &mut Take<'_>) -> Result<(), TaskError> {
    let unreadable = |error: std::io::Error| TaskError::Read {
        place: named_at.clone(),
        path: path.to_owned(),
        error,
    };
    let size = fs_err::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST_FILE {
        return Err(TaskError::Invalid {
            place: named_at.clone(),
            message: format!(
                "\"{shown}\" has {} MB; files of rows have at most {} MB",
                size >> 20,
                LARGEST_FILE >> 20
            ),
            hint: Some("they are held in memory: keep the columns and rows that are needed".to_owned()),
        });
    }
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
        .to_lowercase();
    let read_text = || fs_err::read_to_string(path).map_err(unreadable);
    match extension.as_str() {
        "csv" => read_csv(&read_text()?, b',', shown, take),
        "tsv" => read_csv(&read_text()?, b'\t', shown, take),
        "jsonl" | "ndjson" => read_json_lines(&read_text()?, shown, take),
        _ => Err(TaskError::Invalid {
            place: named_at.clone(),
            message: format!("\"{shown}\" is no kind of file that rows can be read from"),
            hint: Some("it must end in .csv, .tsv, .jsonl or .ndjson".to_owned()),
        }),
    }
}

/// What is done with a row and its place.
pub(crate) type Take<'a> = dyn FnMut(Place, Record) -> Result<(), TaskError> + 'a;

fn read_csv(text: &str, delimiter: u8, shown: &str, take: &mut Take<'_>) -> Result<(), TaskError> {
    // Spreadsheets put a byte order mark in front, which would become part of the first column's name.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let failed = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("this row has {len} fields, the first line has {expected_len}")
            }
            _ => error.to_string().to_lowercase(),
        };
        TaskError::Syntax {
            place: at(shown, line),
            message,
        }
    };
    let headers = reader.headers().map_err(|error| failed(&error))?.clone();
    for row in reader.records() {
        let row = row.map_err(|error| failed(&error))?;
        let line = row.position().map_or(1, csv::Position::line);
        let record = headers
            .iter()
            .zip(&row)
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .collect();
        take(at(shown, line), record)?;
    }
    Ok(())
}

fn read_json_lines(text: &str, shown: &str, take: &mut Take<'_>) -> Result<(), TaskError> {
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let place = at(shown, index as u64 + 1);
        match serde_json::from_str::<Value>(line) {
            Ok(Value::Object(record)) => take(place, record)?,
            Ok(_) => {
                return Err(TaskError::Syntax {
                    place,
                    message: "each line must be one JSON object".to_owned(),
                });
            }
            Err(error) => {
                let place = Place {
                    position: Some((index as u32 + 1, error.column() as u32)),
                    ..place
                };
                return Err(TaskError::Syntax {
                    place,
                    message: format!("not valid JSON: {}", category(&error)),
                });
            }
        }
    }
    Ok(())
}

fn category(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.split(" at line ").next().unwrap_or(&message).to_lowercase()
}

/// A line of a file, without a column.
fn at(shown: &str, line: u64) -> Place {
    Place {
        source: shown.into(),
        position: Some((line as u32, 0)),
        path: String::new(),
    }
}
