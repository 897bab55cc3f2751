//! What is told at the end of a run.

use std::fmt::Write as _;
use std::path::Path;

use owo_colors::OwoColorize;
use refuel_tables::{source_word, status_word};
use refuel_task::{Answer, Kind, Status, Task};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::flow::{Ending, Outcome};
use super::tally::{Tally, plain};
use crate::table::{Grid, Side, Text, Tone};
use crate::{memory, words};

/// Values that the table of values shows.
const SHOWN_VALUES: usize = 15;

/// Reasons of failed rows that are shown.
const SHOWN_REASONS: usize = 5;

/// What is told at the end of a run, besides the counts.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// The task.
    pub(crate) task: &'a Task,
    /// `name@digest` of the model.
    pub(crate) model: &'a str,
    /// Seconds until the first answer; `None` where there is none.
    pub(crate) first_answer_seconds: Option<f64>,
    /// How the run ended.
    pub(crate) outcome: &'a Outcome,
    /// Where the table lies now; `None` for standard output.
    pub(crate) table: Option<&'a Path>,
    /// Commands to try next, each with what it does.
    pub(crate) next: Vec<(String, String)>,
}

/// The summary as text.
pub(crate) fn text(tally: &Tally, facts: &Facts<'_>) -> String {
    let mut sections: Vec<String> = Vec::new();
    if !tally.shown.is_empty() {
        sections.push(preview(tally, facts.task));
    }
    let values = tally.values();
    if !values.is_empty() {
        sections.push(by_value(tally, &values, facts));
    }
    sections.push(counts(tally, facts));
    if tally.failed > 0 {
        sections.push(failures(tally));
    }
    if !facts.next.is_empty() {
        let mut next = "Next:".bold().to_string();
        for (what, command) in &facts.next {
            let _ = write!(next, "\n  {}\n    {}", what.dimmed(), command.cyan());
        }
        sections.push(next);
    }
    sections.join("\n\n")
}

fn preview(tally: &Tally, task: &Task) -> String {
    let mut grid = Grid::new([
        ("input", Side::Left),
        ("answer", Side::Left),
        ("confidence", Side::Right),
        ("decided", Side::Left),
    ]);
    for shown in &tally.shown {
        let answer = &shown.answer;
        grid.row([
            words::one_line(&shown.input, 56).into(),
            Text::new(words::one_line(&said(answer, task), 32), Tone::Strong),
            confidence(answer.confidence.map(f64::from)).into(),
            decided(answer),
        ]);
    }
    grid.render()
}

/// The value; for an answer that is not sure enough, what the model would have said.
fn said(answer: &Answer, task: &Task) -> String {
    match (&answer.value, answer.status) {
        (Value::Array(numbers), _) if numbers.first().is_some_and(Value::is_number) => {
            format!("{} numbers", numbers.len())
        }
        // The scores of a record are its fields.
        (Value::Null, Status::Abstained) if task.kind != Kind::EXTRACT => answer
            .scores
            .first()
            .map_or_else(String::new, |best| format!("{}?", best.value)),
        (value, _) => plain(value),
    }
}

fn decided(answer: &Answer) -> Text {
    let tone = match answer.status {
        Status::Ok => Tone::Good,
        Status::Abstained => Tone::Unsure,
        Status::Error => Tone::Bad,
    };
    let word = match answer.status {
        Status::Ok => format!("accepted ({})", source_word(answer.source)),
        Status::Abstained => "not sure enough".to_owned(),
        Status::Error => "failed".to_owned(),
    };
    Text::new(word, tone)
}

fn confidence(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"))
}

fn by_value(tally: &Tally, values: &[(&str, super::tally::Share)], facts: &Facts<'_>) -> String {
    let mut grid = Grid::with_columns([
        (facts.task.name.clone(), Side::Left),
        ("rows".to_owned(), Side::Right),
        ("share".to_owned(), Side::Right),
        ("mean confidence".to_owned(), Side::Right),
    ]);
    for (name, share) in values.iter().take(SHOWN_VALUES) {
        grid.row([
            words::one_line(name, 48).into(),
            words::count(share.rows).into(),
            words::percent(share.rows, tally.rows).into(),
            confidence(share.mean_confidence()).into(),
        ]);
    }
    let mut text = grid.render();
    let hidden = values.len().saturating_sub(SHOWN_VALUES);
    let unused = tally.unused();
    let mut more = Vec::new();
    if hidden > 0 {
        more.push(words::counted(hidden as u64, "more value", "more values"));
    }
    if unused > 0 {
        more.push(format!(
            "{} that no row was given",
            words::counted(unused as u64, "label", "labels")
        ));
    }
    if !more.is_empty() {
        let _ = write!(text, "\n {}", format!("and {}", more.join(", ")).dimmed());
    }
    text
}

fn counts(tally: &Tally, facts: &Facts<'_>) -> String {
    let mut grid = Grid::pairs();
    let part = |rows: u64| format!("{} ({})", words::count(rows), words::percent(rows, tally.rows));
    grid.pair("rows", Text::new(words::count(tally.rows), Tone::Strong));
    grid.pair("  ok", part(tally.ok));
    if tally.abstained > 0 || facts.task.threshold.is_some() {
        let threshold = facts
            .task
            .threshold
            .map(|threshold| format!(", threshold {threshold}"))
            .unwrap_or_default();
        grid.pair(
            "  abstained",
            Text::new(format!("{}{threshold}", part(tally.abstained)), Tone::Unsure),
        );
    }
    let tone = if tally.failed > 0 { Tone::Bad } else { Tone::Plain };
    grid.pair("  failed", Text::new(part(tally.failed), tone));
    if tally.truncated > 0 {
        grid.pair("  cut to fit the model", part(tally.truncated));
    }
    let without = match tally.without_model {
        0 => String::new(),
        rows => format!("{} without a language model, ", words::count(rows)),
    };
    let by = format!(
        "{without}{} asked, {} kept from earlier, {} equal to another row",
        words::count(tally.asked),
        words::count(tally.cached),
        words::count(tally.duplicates)
    );
    grid.pair("answers", by);
    let outcome = facts.outcome;
    let speed = tally.rows as f64 / outcome.seconds.max(1e-9);
    let mut time = format!(
        "{} rows/s over {}",
        words::per_second(speed),
        words::seconds(outcome.seconds)
    );
    if let Some(first) = facts.first_answer_seconds {
        let _ = write!(time, "; first answers after {}", words::seconds(first));
    }
    grid.pair("speed", time);
    if let Some(bytes) = memory::peak() {
        grid.pair("peak memory", words::bytes(bytes));
    }
    grid.pair("model", facts.model);
    if let Some(table) = facts.table {
        let place = table.display().to_string();
        let place = match outcome.ending {
            Ending::Complete => place,
            Ending::Interrupted => format!("{place} ({} so far)", words::counted(outcome.rows, "row", "rows")),
        };
        grid.pair("table", Text::new(place, Tone::Strong));
    }
    grid.render()
}

fn failures(tally: &Tally) -> String {
    let reasons = tally.reasons();
    let mut grid = Grid::new([("why rows failed", Side::Left), ("rows", Side::Right)]);
    for (reason, rows) in reasons.iter().take(SHOWN_REASONS) {
        grid.row([words::one_line(reason, 90).into(), words::count(*rows).into()]);
    }
    let mut text = grid.render();
    if reasons.len() > SHOWN_REASONS {
        let more = format!(
            "and {} other reasons",
            words::count((reasons.len() - SHOWN_REASONS) as u64)
        );
        let _ = write!(text, "\n {}", more.dimmed());
    }
    text
}

/// The summary with stable keys.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    rows: u64,
    ok: u64,
    abstained: u64,
    failed: u64,
    asked: u64,
    without_model: u64,
    cached: u64,
    duplicates: u64,
    truncated: u64,
    input_tokens: u64,
    complete: bool,
    rows_in_table: u64,
    seconds: f64,
    first_answer_seconds: Option<f64>,
    rows_per_second: f64,
    peak_memory_bytes: Option<u64>,
    model: String,
    table: Option<String>,
    values: Map<String, Value>,
    reasons: Map<String, Value>,
    preview: Vec<Value>,
}

/// The summary with stable keys.
pub(crate) fn report(tally: &Tally, facts: &Facts<'_>) -> Report {
    let outcome = facts.outcome;
    let values = tally.values().into_iter().map(|(name, share)| {
        let mean = share.mean_confidence();
        (name.to_owned(), json!({"rows": share.rows, "mean_confidence": mean}))
    });
    let reasons = tally
        .reasons()
        .into_iter()
        .take(100)
        .map(|(reason, rows)| (reason.to_owned(), rows.into()));
    let preview = tally.shown.iter().map(|shown| {
        let answer = &shown.answer;
        json!({
            "input": shown.input,
            "value": answer.value,
            "confidence": answer.confidence,
            "status": status_word(answer.status),
            "source": source_word(answer.source),
        })
    });
    Report {
        rows: tally.rows,
        ok: tally.ok,
        abstained: tally.abstained,
        failed: tally.failed,
        asked: tally.asked,
        without_model: tally.without_model,
        cached: tally.cached,
        duplicates: tally.duplicates,
        truncated: tally.truncated,
        input_tokens: tally.input_tokens,
        complete: outcome.ending == Ending::Complete,
        rows_in_table: outcome.rows,
        seconds: outcome.seconds,
        first_answer_seconds: facts.first_answer_seconds,
        rows_per_second: tally.rows as f64 / outcome.seconds.max(1e-9),
        peak_memory_bytes: memory::peak(),
        model: facts.model.to_owned(),
        table: facts.table.map(|path| path.display().to_string()),
        values: values.collect(),
        reasons: reasons.collect(),
        preview: preview.collect(),
    }
}
