//! What is told of a head that was trained.

use refuel_engine::learning::{ChosenCascade, Training};
use refuel_task::Kind;
use serde::Serialize;

use super::rows::Counts;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// Labels without examples that are named.
const NAMED: usize = 8;

/// What is told as JSON. The keys are stable.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) training: Training,
    /// Where the labelled rows came from.
    pub(super) rows: Counts,
    /// Seconds that it took.
    pub(super) seconds: f64,
}

/// The same for people.
pub(super) fn text(report: &Report) -> String {
    let training = &report.training;
    let mut grid = Grid::pairs();
    grid.pair("head", Text::new(training.head.clone(), Tone::Strong));
    grid.pair("trained on", sources(report));
    let is_extract = training.kind == Kind::EXTRACT;
    if training.labels > 0 {
        grid.pair(if is_extract { "fields" } else { "labels" }, labels(training));
    }
    if let Some(model) = &training.embedding_model {
        grid.pair("embedding model", model.clone());
    }
    if let Some(model) = &training.language_model {
        grid.pair("language model", model.clone());
    }
    let held_out = &training.held_out;
    match &training.teacher {
        Some(teacher) => {
            grid.pair("held-out agreement", held_out.shown());
            grid.pair("agreement with", agreed_with(report, teacher));
        }
        None => grid.pair("held-out accuracy", held_out.shown()),
    }
    grid.pair("null model", format!("{:.3}", held_out.null_model));
    if let Some(f1) = held_out.f1 {
        let what = if is_extract { "F1 of values" } else { "F1 of matches" };
        grid.pair(what, format!("{f1:.3}"));
    }
    if let Some(auroc) = held_out.auroc {
        let interval = held_out.auroc_interval;
        let shown = interval.map_or(String::new(), |interval| {
            format!(" [{:.3}, {:.3}]", interval.0, interval.1)
        });
        grid.pair("AUROC of confidence", format!("{auroc:.3}{shown}"));
    }
    grid.pair("calibration", training.calibration);
    grid.pair("took", words::seconds(report.seconds));
    let mut text = grid.render();
    if let Some(cascade) = &training.cascade {
        text.push_str("\n\n");
        text.push_str(&of_cascade(cascade));
    }
    text
}

fn sources(report: &Report) -> String {
    let rows = &report.rows;
    let mut parts = Vec::new();
    for (count, what) in [
        (rows.taught.unwrap_or_default(), "taught"),
        (rows.examples, "of the task"),
        (rows.table, "of the table"),
        (rows.verdicts, "decided by people"),
    ] {
        if count > 0 {
            parts.push(format!("{} {what}", words::count(count as u64)));
        }
    }
    let (learned, all) = (report.training.examples, rows.all());
    let of_all = if learned < all {
        // The prompt shows the others, or nobody was to be asked about so many.
        format!(" of {}", words::count(all as u64))
    } else {
        String::new()
    };
    format!(
        "{}{of_all}: {}",
        words::counted(learned as u64, "row", "rows"),
        parts.join(", ")
    )
}

/// Whose labels it is that a head which was taught agrees with.
fn agreed_with(report: &Report, teacher: &str) -> String {
    let rows = &report.rows;
    let by_people = rows.all() - rows.taught.unwrap_or_default();
    let others = if by_people > 0 {
        format!(" and {} of people", words::counted(by_people as u64, "label", "labels"))
    } else {
        String::new()
    };
    format!("{teacher}{others}; how right it is, `refuel eval` tells")
}

fn labels(training: &Training) -> String {
    let without = &training.labels_without_examples;
    let mut text = words::count(training.labels as u64);
    if !without.is_empty() {
        let named: Vec<&str> = without.iter().take(NAMED).map(String::as_str).collect();
        let more = if without.len() > NAMED { ", …" } else { "" };
        text.push_str(&format!(
            ", of which {} without a row: {}{more}",
            words::count(without.len() as u64),
            named.join(", ")
        ));
    }
    text
}

/// The parts of a cascade, and what each does alone.
fn of_cascade(cascade: &ChosenCascade) -> String {
    let choice = &cascade.choice;
    let mut grid = Grid::new([
        ("cascade", Side::Left),
        ("sure from", Side::Right),
        ("comes to it", Side::Right),
        ("answers", Side::Right),
        ("right", Side::Right),
        ("at least", Side::Right),
    ]);
    for part in &choice.parts {
        grid.row([
            Text::new(part.name.clone(), Tone::Strong),
            part.threshold
                .map_or("all".to_owned(), |least| format!("{least:.3}"))
                .into(),
            words::count(part.reached).into(),
            words::count(part.answered).into(),
            words::percent(part.right, part.answered).into(),
            part.lower
                .map_or(String::new(), |lower| format!("{:.1} %", 100.0 * lower))
                .into(),
        ]);
    }
    let alone: Vec<String> = (cascade.alone.iter())
        .map(|alone| format!("{} {:.3}", alone.name, alone.accuracy))
        .collect();
    format!(
        "{}\naccuracy of the cascade: {}; by itself: {}\n{}",
        grid.render(),
        cascade.measured(),
        alone.join(", "),
        choice.shown()
    )
}
