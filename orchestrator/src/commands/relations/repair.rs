//! `refuel repair`: which cells are wrong.

use std::collections::HashMap;
use std::time::Instant;

use refuel_relations::{Relation, RelationError, Remedy, RepairReport, RepairRow, Repaired, choose_rows, repair};
use refuel_tables::RowType;
use refuel_task::{TableTask, Task};
use serde::Serialize;
use serde_json::{Value, json};

use super::resolve::rounded;
use super::source::{self, Source};
use super::write::{self, Target};
use crate::cli::{OutputFormat, RepairArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// Dependencies, and ways to write values anew, that are shown.
const SHOWN: usize = 12;

/// Runs `refuel repair`.
pub(crate) fn run(arguments: &RepairArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let interrupt = Interrupt::listen(context.printer)?;
    let began = Instant::now();
    let common = &arguments.common;
    let mut task = Task::from_file(&arguments.task)?;
    if let (Some(TableTask::Repair(repair)), Some(threshold)) = (&mut task.table, arguments.threshold) {
        repair.threshold = threshold;
    }
    let Some(source) = source::read(&arguments.source, common.tables, common.limit, &interrupt)? else {
        return Ok(ExitStatus::Interrupted);
    };
    write::refuse_two_streams(&[
        ("--output", Some(&*common.output)),
        ("--apply", arguments.apply.as_deref()),
    ])?;
    let target = |path, asked| Target::new(path, asked, &[&source], common.tables.delimiter, common.force);
    let output = target(&common.output, common.output_format.map(Into::into))?;
    if let Some(count) = arguments.choose {
        return choose(&task, &source, count, &output, context);
    }
    let mended = arguments.apply.as_deref().map(|path| target(path, None)).transpose()?;
    let expected = match &arguments.expected {
        None => None,
        Some(name) => match source::read(name, common.tables, None, &interrupt)? {
            Some(expected) => Some(expected),
            None => return Ok(ExitStatus::Interrupted),
        },
    };
    let repaired = repair(&task, &source.relation)?;
    if interrupt.is_requested() {
        return Ok(ExitStatus::Interrupted);
    }
    let figures = expected
        .map(|right| compared(&task, &repaired, &source.relation, &right.relation))
        .transpose()?;
    write_proposals(&output, &repaired)?;
    let least = arguments.least.unwrap_or(0.0);
    let taken: Vec<&RepairRow> = repaired
        .rows
        .iter()
        .filter(|row| row.remedy != Remedy::Unknown && row.confidence >= least)
        .collect();
    if let Some(mended) = &mended {
        write_mended(mended, &source, &taken)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    if common.format.format == OutputFormat::Json {
        let path =
            |target: Option<&Target>| target.and_then(|target| target.path().map(|path| path.display().to_string()));
        let report = json!({
            "task": task.name,
            "fingerprint": task.fingerprint(),
            "output": path(Some(&output)),
            "mended": path(mended.as_ref()),
            "taken": mended.as_ref().map(|_| taken.len()),
            "seconds": seconds,
            "report": repaired.report,
            "expected": figures,
        });
        context.printer.json_beside(output.path().is_none(), &report)?;
    } else if context.printer.shows_notes() {
        let taken = mended.is_some().then_some(taken.len());
        context
            .printer
            .note(format!("\n{}", text(&repaired.report, figures, taken, seconds)));
    }
    Ok(ExitStatus::Success)
}

/// Writes the rows that a person should put right next.
fn choose(task: &Task, source: &Source, count: u32, output: &Target, context: &Context) -> Result<ExitStatus, Failure> {
    let chosen = choose_rows(task, &source.relation, count as usize)?;
    let rows = chosen.iter().map(|&row| source.values[row].clone());
    let written = output.write(&write::types(source), rows)?;
    context.printer.note(format!(
        "{}, the most telling first: put right what is wrong in them, and name the table in the task as `examples: {{from: FILE}}`",
        words::counted(written, "row", "rows")
    ));
    Ok(ExitStatus::Success)
}

fn write_proposals(output: &Target, repaired: &Repaired) -> Result<(), Failure> {
    let columns = [
        ("record_key", RowType::Text),
        ("column_name", RowType::Text),
        ("value", RowType::Text),
        ("proposed", RowType::Text),
        ("confidence", RowType::Real),
        ("evidence", RowType::Text),
        ("remedy", RowType::Text),
    ];
    let rows = repaired.rows.iter().map(|row| {
        vec![
            row.record_key.as_str().into(),
            row.column_name.as_str().into(),
            row.value.clone().into(),
            row.proposed.clone().into(),
            rounded(row.confidence),
            row.evidence.as_str().into(),
            row.remedy.word().into(),
        ]
    });
    output.write(&columns.map(|(name, row_type)| (name.to_owned(), row_type)), rows)?;
    Ok(())
}

/// Writes the whole table with what was taken in its place.
fn write_mended(target: &Target, source: &Source, taken: &[&RepairRow]) -> Result<(), Failure> {
    let mut columns = write::types(source);
    let mut instead: HashMap<(usize, usize), Value> = HashMap::new();
    for row in taken {
        let before = &source.values[row.row][row.column];
        let value = row.proposed.as_deref().map_or(Value::Null, |text| typed(text, before));
        if columns[row.column].1 != RowType::Text && value.is_string() {
            columns[row.column].1 = RowType::Text;
        }
        instead.insert((row.row, row.column), value);
    }
    let rows = source.values.iter().enumerate().map(|(row, values)| {
        let value = |(column, value): (usize, &Value)| instead.get(&(row, column)).unwrap_or(value).clone();
        values.iter().enumerate().map(value).collect()
    });
    target.write(&columns, rows)?;
    Ok(())
}

/// A proposed text in the type of what it replaces, where it can be read as that.
fn typed(text: &str, before: &Value) -> Value {
    let read = match before {
        Value::Number(_) => text.parse::<serde_json::Number>().ok().map(Value::Number),
        Value::Bool(_) => text.parse().ok().map(Value::Bool),
        _ => None,
    };
    read.unwrap_or_else(|| text.into())
}

/// Proposals against a table with what is right.
#[derive(Debug, Clone, Copy, Serialize)]
struct Figures {
    /// Cells that are not as they should be, in rows that nobody put right.
    wrong: usize,
    /// Cells for which a value is proposed.
    changed: usize,
    /// Of these, those whose value is right.
    right: usize,
    precision: f64,
    recall: f64,
    f1: f64,
    /// What changing nothing comes to.
    null_model_f1: f64,
}

fn compared(task: &Task, repaired: &Repaired, dirty: &Relation, right: &Relation) -> Result<Figures, Failure> {
    let Some(TableTask::Repair(settings)) = &task.table else {
        return Err(RelationError::WrongKind {
            task: task.name.clone(),
            kind: task.kind.to_string(),
            wanted: "repair",
        }
        .into());
    };
    let keys = dirty.row_keys(settings.key.as_deref())?;
    let right_keys = right.row_keys(settings.key.as_deref())?;
    let right_rows: HashMap<&str, usize> = right_keys.iter().enumerate().map(|(row, key)| (&**key, row)).collect();
    let labelled: Vec<&str> = settings.rows.iter().map(|row| &*row.key).collect();
    let proposed: HashMap<(usize, usize), &RepairRow> = repaired
        .rows
        .iter()
        .filter(|row| row.remedy != Remedy::Unknown)
        .map(|row| ((row.row, row.column), row))
        .collect();
    let (mut wrong, mut changed, mut hits) = (0, 0, 0);
    for (row, key) in keys.iter().enumerate().filter(|(_, key)| !labelled.contains(&&***key)) {
        let Some(&right_row) = right_rows.get(&**key) else {
            continue;
        };
        for (column, name) in dirty.columns.iter().enumerate() {
            let Some(place) = right.columns.iter().position(|own| own == name) else {
                continue;
            };
            let (is, should) = (&dirty.rows[row][column], &right.rows[right_row][place]);
            wrong += usize::from(is != should);
            if let Some(proposal) = proposed.get(&(row, column)) {
                changed += 1;
                hits += usize::from(&proposal.proposed == should);
            }
        }
    }
    let share = |of: usize| if of == 0 { 0.0 } else { hits as f64 / of as f64 };
    let (precision, recall) = (share(changed), share(wrong));
    Ok(Figures {
        wrong,
        changed,
        right: hits,
        precision,
        recall,
        f1: if hits == 0 {
            0.0
        } else {
            2.0 * precision * recall / (precision + recall)
        },
        null_model_f1: 0.0,
    })
}

fn text(report: &RepairReport, figures: Option<Figures>, taken: Option<usize>, seconds: f64) -> String {
    let mut sections = Vec::new();
    if !report.dependencies.is_empty() {
        let mut grid = Grid::new([
            ("what the table shows", Side::Left),
            ("right in", Side::Right),
            ("without it", Side::Right),
        ]);
        for dependency in report.dependencies.iter().take(SHOWN) {
            grid.row([
                format!("{} says {}", dependency.from.join(" and "), dependency.to).into(),
                format!("{:.1} %", 100.0 * dependency.accuracy).into(),
                format!("{:.1} %", 100.0 * dependency.baseline).into(),
            ]);
        }
        let more = report.dependencies.len().saturating_sub(SHOWN);
        let mut text = grid.render();
        if more > 0 {
            text.push_str(&format!("\n{more} more"));
        }
        sections.push(text);
    }
    let mut grid = Grid::pairs();
    grid.pair(
        "rows",
        format!(
            "{}, {} of them put right by a person",
            words::count(report.rows as u64),
            words::count(report.labelled as u64)
        ),
    );
    let cells = format!(
        "{}, for {} of which nothing can be proposed",
        words::count(report.cells as u64),
        words::count(report.unknown as u64)
    );
    grid.pair("suspected cells", Text::new(cells, Tone::Strong));
    let list = |counts: &std::collections::BTreeMap<String, usize>| {
        let mut counts: Vec<(&String, &usize)> = counts.iter().collect();
        counts.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
        counts.join(", ")
    };
    if report.cells > 0 {
        grid.pair("evidence", list(&report.by_evidence));
        grid.pair("columns", list(&report.by_column));
    }
    for (column, conversion) in report.conversions.iter().take(SHOWN) {
        grid.pair("learned", format!("{column}: {}", words::one_line(conversion, 90)));
    }
    let more = report.conversions.len().saturating_sub(SHOWN);
    if more > 0 {
        grid.pair("learned", format!("{more} more ways"));
    }
    if let Some(taken) = taken {
        grid.pair("taken", words::counted(taken as u64, "cell", "cells"));
    }
    if let Some(figures) = figures {
        grid.pair(
            "as expected",
            format!(
                "F1 {:.3} (changing nothing: 0), precision {:.3}, recall {:.3}: {} of {} changed cells are right, of {} wrong ones",
                figures.f1, figures.precision, figures.recall, figures.right, figures.changed, figures.wrong
            ),
        );
    }
    grid.pair(
        "time",
        format!(
            "{}, {} rows/s",
            words::seconds(seconds),
            words::per_second(report.rows as f64 / seconds.max(1e-9))
        ),
    );
    sections.push(grid.render());
    sections.join("\n\n")
}
