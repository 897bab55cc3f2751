//! A review as a table that a person fills in: pure, from verdicts to CSV and back.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use csv::StringRecord;
use jiff::Timestamp;
use refuel_state::{Guess, Input, Review, Verdict};
use refuel_task::{InputHash, Task};
use serde_json::Value;

use super::error::ReviewError;
use super::queue::Tasks;
use super::session::{Item, shown_input};
use crate::words;

/// The cell of a row where nothing that could be answered is right. No label is likely to be called so.
const REJECT: &str = "!reject";

/// The column that says which input a row is about.
const HASH: &str = "input_hash";

const COLUMNS: [&str; 7] = ["task", HASH, "input", "guess", "confidence", "verdict", "note"];

/// What is known of an input that somebody decided on.
pub(super) struct Known {
    pub(super) input: Input,
    pub(super) guess: Option<Guess>,
}

/// Verdicts that were read.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) reviews: Vec<Review>,
    /// Rows without a verdict.
    pub(super) undecided: u64,
}

/// Writes what waits, with an empty column for verdicts.
pub(super) fn write_waiting(items: &[Item], to: impl Write) -> csv::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(COLUMNS)?;
    for item in items {
        let pending = &item.pending;
        let guess = item.guess().map(cell_of).unwrap_or_default();
        let confidence = match item.guess() {
            Some(_) => pending.answer.confidence.map_or(String::new(), |sure| sure.to_string()),
            None => String::new(),
        };
        let (hash, input) = (pending.hash.to_string(), shown_input(&pending.input, &item.task));
        writer.write_record([
            pending.task.as_str(),
            &hash,
            &guarded(&input),
            &guarded(&guess),
            &confidence,
            "",
            "",
        ])?;
    }
    writer.flush()?;
    Ok(())
}

/// Writes what was decided, in the same columns.
pub(super) fn write_decided(reviews: &[Review], tasks: &Tasks, to: impl Write) -> csv::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(COLUMNS)?;
    for review in reviews {
        let verdict = match &review.verdict {
            Verdict::Value(value) => cell_of(value),
            Verdict::Reject => REJECT.to_owned(),
        };
        let guess = review.guess.as_ref();
        let input = match (tasks.get(&review.task), &review.input) {
            (Some(task), input) => shown_input(input, task),
            (None, Input::One(text)) => text.clone(),
            (None, Input::Two(a, b)) => format!("{a}\n{b}"),
        };
        writer.write_record([
            review.task.as_str(),
            &review.hash.to_string(),
            &guarded(&input),
            &guarded(&guess.map(|guess| cell_of(&guess.value)).unwrap_or_default()),
            &guess
                .and_then(|guess| guess.confidence)
                .map_or(String::new(), |sure| sure.to_string()),
            &guarded(&verdict),
            &guarded(review.note.as_deref().unwrap_or_default()),
        ])?;
    }
    writer.flush()?;
    Ok(())
}

/// A value as it stands in a cell, so that `normalize_expected` reads it back.
fn cell_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => items.iter().map(cell_of).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

/// What a spreadsheet would run as a formula begins with one of these (OWASP, CSV Injection).
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Whether a text begins as a formula does, behind the marks that say that it is none.
fn is_like_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

/// A text as a cell that no spreadsheet runs: behind a `'` where it would.
fn guarded(text: &str) -> Cow<'_, str> {
    if is_like_formula(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text of such a cell.
fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'')
        .filter(|text| is_like_formula(text))
        .unwrap_or(cell)
}

/// What stands between the cells of a table: spreadsheets write what the country is used to. It is what sets the column
/// `input_hash` apart; a comma where nothing does.
fn separator(text: &str) -> u8 {
    let is_set_apart = |separator: &u8| {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(*separator)
            .trim(csv::Trim::Headers)
            .from_reader(text.as_bytes());
        reader
            .headers()
            .is_ok_and(|headers| headers.len() > 1 && headers.iter().any(|name| name == HASH))
    };
    [b',', b';', b'\t'].into_iter().find(is_set_apart).unwrap_or(b',')
}

/// Counts lines of a text up to one place after the other, as an editor does.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the row that is read from this byte on. It begins behind line ends: the reader stops before the second
    /// half of `\r\n`, and passes over empty lines.
    fn of_row(&mut self, byte: u64) -> u64 {
        let mut to = usize::try_from(byte)
            .unwrap_or(usize::MAX)
            .clamp(self.at, self.text.len());
        while matches!(self.text.get(to), Some(b'\r' | b'\n')) {
            to += 1;
        }
        for at in self.at..to {
            let is_end = match self.text[at] {
                b'\n' => true,
                b'\r' => self.text.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += u64::from(is_end);
        }
        self.at = to;
        self.line
    }
}

/// Reads verdicts. `known` tells what is known of an input; `path` is what errors call the table.
///
/// # Errors
/// Everything that is wrong with any row, so that none is taken where one can't be.
pub(super) fn read<E: From<ReviewError>>(
    text: &str,
    path: &Path,
    tasks: &Tasks,
    (reviewer, now): (&str, Timestamp),
    mut known: impl FnMut(&str, InputHash) -> Result<Option<Known>, E>,
) -> Result<Taken, E> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(text))
        .trim(csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let mut lines = Lines {
        text: text.as_bytes(),
        at: 0,
        line: 1,
    };
    let broken = |error: &csv::Error, lines: &mut Lines<'_>| ReviewError::Sheet {
        path: path.to_owned(),
        line: lines.of_row(error.position().map_or(0, csv::Position::byte)),
        reason: match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("this row has {len} fields, the first line has {expected_len}")
            }
            _ => error.to_string(),
        },
    };
    let headers = reader.headers().map_err(|error| broken(&error, &mut lines))?;
    let columns = Columns::find(headers, path, tasks)?;
    let mut taken = Taken::default();
    let mut problems = Vec::new();
    let mut seen: HashMap<(String, InputHash), u64> = HashMap::new();
    for row in reader.records() {
        let row = row.map_err(|error| broken(&error, &mut lines))?;
        let line = lines.of_row(row.position().map_or(0, csv::Position::byte));
        let verdict = unguarded(row.get(columns.verdict).unwrap_or_default().trim());
        if verdict.is_empty() {
            taken.undecided += 1;
            continue;
        }
        let mut refuse = |reason: String| problems.push(format!("line {line}: {reason}"));
        let (task, hash) = match columns.named(&row, tasks) {
            Ok(named) => named,
            Err(reason) => {
                refuse(reason);
                continue;
            }
        };
        let verdict = match read_verdict(verdict, task) {
            Ok(verdict) => verdict,
            Err(reason) => {
                refuse(reason);
                continue;
            }
        };
        if let Some(first) = seen.insert((task.name.clone(), hash), line) {
            refuse(format!("line {first} decides on the same input"));
            continue;
        }
        let Some(Known { input, guess }) = known(&task.name, hash)? else {
            refuse(format!(
                "the task `{}` was never asked the input {hash} here",
                task.name
            ));
            continue;
        };
        let note = columns
            .note
            .and_then(|at| row.get(at))
            .map(|note| unguarded(note.trim()))
            .unwrap_or_default();
        taken.reviews.push(Review {
            task: task.name.clone(),
            hash,
            input,
            verdict,
            reviewer: reviewer.to_owned(),
            at: now,
            note: Some(note.to_owned()).filter(|note| !note.is_empty()),
            guess,
        });
    }
    if problems.is_empty() {
        Ok(taken)
    } else {
        let path = path.to_owned();
        Err(ReviewError::SheetRows { path, problems }.into())
    }
}

/// Where the columns stand.
struct Columns {
    /// None where there is one task alone.
    task: Option<usize>,
    hash: usize,
    verdict: usize,
    note: Option<usize>,
}

impl Columns {
    fn find(headers: &StringRecord, path: &Path, tasks: &Tasks) -> Result<Self, ReviewError> {
        let place = |name: &str| headers.iter().position(|there| there == name);
        let need = |column: &'static str| {
            place(column).ok_or_else(|| ReviewError::SheetColumn {
                path: path.to_owned(),
                column,
                present: headers.iter().map(|name| format!("`{name}`")).collect(),
            })
        };
        let task = match tasks.0.as_slice() {
            [_] => place("task"),
            _ => Some(need("task")?),
        };
        Ok(Self {
            task,
            hash: need(HASH)?,
            verdict: need("verdict")?,
            note: place("note"),
        })
    }

    /// The task and the input that a row is about.
    fn named<'a>(&self, row: &StringRecord, tasks: &'a Tasks) -> Result<(&'a Task, InputHash), String> {
        let task = match (self.task, tasks.0.as_slice()) {
            (None, [task]) => task,
            (column, all) => {
                let name = column.and_then(|at| row.get(at)).unwrap_or_default().trim();
                tasks.get(name).ok_or_else(|| {
                    let hint = words::nearest(name, all.iter().map(|task| task.name.as_str()));
                    let hint = hint.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                    format!("`{name}` is none of the tasks that are reviewed{hint}")
                })?
            }
        };
        let text = row.get(self.hash).unwrap_or_default().trim();
        let hash = read_hash(text).ok_or_else(|| format!("`{text}` is no hash of an input: 32 hexadecimal digits"))?;
        Ok((task, hash))
    }
}

fn read_hash(text: &str) -> Option<InputHash> {
    let digits = text.as_bytes();
    let mut hash = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = (value(pair[0])? * 16 + value(pair[1])?) as u8;
    }
    Some(InputHash(hash))
}

fn read_verdict(text: &str, task: &Task) -> Result<Verdict, String> {
    if text == REJECT {
        return Ok(Verdict::Reject);
    }
    match task.normalize_expected(&text.into()) {
        Ok(value) => Ok(Verdict::Value(value)),
        Err(reason) => {
            // Of several labels the one that is wrong is asked about.
            let wrong = text
                .split(';')
                .map(str::trim)
                .find(|part| task.label(part).is_none())
                .unwrap_or(text);
            let near = words::nearest(wrong, task.labels.iter().map(|label| label.name.as_str()));
            Err(match near {
                Some(near) => format!("{reason}; did you mean `{near}`?"),
                None => reason,
            })
        }
    }
}

#[cfg(test)]
mod tests;
