//! Rows with their right answers.

use std::collections::BTreeMap;

use refuel_tables::{Chunk, Reader};
use refuel_task::{RenderedInput, Task};
use serde_json::Value;

use crate::commands::label::plain;
use crate::error::Failure;
use crate::words;

/// Rows that are read together.
const ROWS: usize = 2048;

/// Values that can't be right answers, which are listed one by one.
const MOST_LISTED: usize = 1000;

/// Characters of an input that are kept to be shown.
const SHOWN: usize = 300;

/// A row with its right answer.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Where it is in the table.
    pub(crate) place: String,
    /// What the model reads, or why it can't.
    pub(crate) input: Result<RenderedInput, String>,
    /// The right answer in the form of the task's kind.
    pub(crate) expected: Value,
    /// Values of the columns that rows are told apart by.
    pub(crate) slices: Vec<String>,
}

impl Case {
    /// What of the input is shown.
    pub(crate) fn shown(&self) -> String {
        match &self.input {
            Ok(input) => words::one_line(&input.text, SHOWN),
            Err(reason) => format!("({reason})"),
        }
    }
}

/// Rows with their right answers, and what was left out.
#[derive(Debug, Default)]
pub(crate) struct Cases {
    /// The rows.
    pub(crate) rows: Vec<Case>,
    /// Rows whose expected value is none that the task can answer with, by value, with what is wrong with it.
    pub(crate) unusable: BTreeMap<String, (u64, String)>,
    /// All rows of that sort.
    pub(crate) unusable_rows: u64,
    /// Rows that the prompt shows with their answer, so that they would prove nothing.
    pub(crate) shown_rows: u64,
}

/// What is read of a table.
pub(crate) struct Wanted {
    /// Every column, each once.
    pub(crate) columns: Vec<String>,
    expected: usize,
    slices: Vec<usize>,
}

impl Wanted {
    /// The task's columns, that of the right answers, and those that rows are told apart by.
    pub(crate) fn new(task: &Task, expected: &str, slices: &[String]) -> Self {
        let mut columns = task.columns();
        let mut place = |name: &str| {
            columns.iter().position(|column| column == name).unwrap_or_else(|| {
                columns.push(name.to_owned());
                columns.len() - 1
            })
        };
        let expected = place(expected);
        let slices = slices.iter().map(|name| place(name)).collect();
        Self {
            columns,
            expected,
            slices,
        }
    }
}

/// Whether a column was written by `refuel label`, which shows in the columns that it writes beside it. Where rows have
/// their own keys and can be read only once, that can't be told.
pub(crate) fn are_own_answers(reader: &dyn Reader, expected: &str) -> Result<bool, Failure> {
    let schema = reader.whole_schema()?;
    Ok(schema.is_some_and(|schema| {
        ["status", "model"]
            .iter()
            .all(|what| schema.column_with_name(&format!("{expected}_{what}")).is_some())
    }))
}

/// Reads rows with their right answers. `variants` are the tasks that will be asked.
pub(crate) fn read(
    reader: &mut dyn Reader,
    wanted: &Wanted,
    variants: &[&Task],
    limit: Option<u64>,
) -> Result<Cases, Failure> {
    let mut found = Cases::default();
    let mut left = limit.unwrap_or(u64::MAX);
    while left > 0 {
        let rows = usize::try_from(left).unwrap_or(ROWS).min(ROWS);
        let Some(chunk) = reader.next_chunk(rows)? else { break };
        left -= (chunk.rows() as u64).min(left);
        for row in 0..chunk.rows() {
            add(&mut found, &chunk, row, wanted, variants);
        }
    }
    Ok(found)
}

fn add(found: &mut Cases, chunk: &Chunk, row: usize, wanted: &Wanted, variants: &[&Task]) {
    let input = || match chunk.fault(row) {
        Some(fault) => Err(fault.to_owned()),
        None => {
            RenderedInput::or_nothing(variants[0].render_input(&chunk.record(row))).map_err(|error| error.to_string())
        }
    };
    let slices = || {
        let columns = wanted.slices.iter();
        columns.map(|column| plain(&chunk.value(row, *column))).collect()
    };
    let (place, value) = (chunk.place(row), chunk.value(row, wanted.expected));
    found.add(place, &value, input, slices, variants);
}

impl Cases {
    /// Takes in the rows of others.
    pub(crate) fn join(&mut self, others: Self) {
        self.rows.extend(others.rows);
        for (value, (rows, reason)) in others.unusable {
            self.unusable.entry(value).or_insert((0, reason)).0 += rows;
        }
        self.unusable_rows += others.unusable_rows;
        self.shown_rows += others.shown_rows;
    }

    /// Takes a row, or counts why it is left out. `variants` are the tasks that will be asked.
    pub(super) fn add(
        &mut self,
        place: String,
        value: &Value,
        input: impl FnOnce() -> Result<RenderedInput, String>,
        slices: impl FnOnce() -> Vec<String>,
        variants: &[&Task],
    ) {
        let task = variants[0];
        let expected = match task.normalize_expected(value) {
            Ok(expected) => expected,
            Err(reason) => return self.leave_out(value, reason),
        };
        let input = input();
        let is_shown = |task: &&Task, input: &RenderedInput| {
            task.examples
                .as_ref()
                .is_some_and(|examples| !examples.by_row() && examples.contains(input))
        };
        if let Ok(input) = &input
            && variants.iter().any(|task| is_shown(task, input))
        {
            self.shown_rows += 1;
            return;
        }
        self.rows.push(Case {
            place,
            input,
            expected,
            slices: slices(),
        });
    }

    /// Counts a row that can't be evaluated, under its value.
    pub(super) fn leave_out(&mut self, value: &Value, reason: String) {
        self.unusable_rows += 1;
        let text = words::one_line(&plain(value), 80);
        if self.unusable.len() < MOST_LISTED || self.unusable.contains_key(&text) {
            self.unusable.entry(text).or_insert((0, reason)).0 += 1;
        }
    }
}
