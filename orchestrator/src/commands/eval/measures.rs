//! Tables of the report for people: what confidence is worth, and how records and answers out of texts were graded.

use owo_colors::OwoColorize;
use refuel_engine::evaluate::{Interval, Reading, Slots};

use super::measure::Measured;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// Fields that are shown.
const FIELDS: usize = 30;

/// How well questions were answered.
pub(super) fn reading(reading: &Reading) -> String {
    let mut grid = Grid::new([
        ("answers out of texts", Side::Left),
        ("rows", Side::Right),
        ("word for word", Side::Right),
        ("F1 of words", Side::Right),
        ("from", Side::Right),
        ("to", Side::Right),
    ]);
    let Interval(low, high) = reading.token_f1_ci95;
    let rows = reading.answerable_rows + reading.unanswerable_rows;
    grid.row([
        "all".into(),
        words::count(rows).into(),
        words::share(reading.exact_match).into(),
        words::share(reading.token_f1).into(),
        words::share(low).into(),
        words::share(high).into(),
    ]);
    let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), words::share);
    let parts = [
        (
            "with an answer",
            reading.answerable_rows,
            reading.answerable_exact_match,
            reading.answerable_token_f1,
        ),
        (
            "without one",
            reading.unanswerable_rows,
            reading.unanswerable_right,
            reading.unanswerable_right,
        ),
    ];
    for (name, rows, exact, f1) in parts {
        grid.row([
            name.into(),
            words::count(rows).into(),
            optional(exact).into(),
            optional(f1).into(),
            "-".into(),
            "-".into(),
        ]);
    }
    let never = words::share(reading.never_answering);
    grid.row([
        Text::new("never answering", Tone::Faint),
        words::count(rows).into(),
        Text::new(never.clone(), Tone::Faint),
        Text::new(never, Tone::Faint),
        "-".into(),
        "-".into(),
    ]);
    grid.render()
}

/// How well fields were filled.
pub(super) fn slots(slots: &Slots) -> String {
    let mut grid = Grid::new([
        ("field", Side::Left),
        ("values", Side::Right),
        ("given", Side::Right),
        ("precision", Side::Right),
        ("recall", Side::Right),
        ("F1", Side::Right),
    ]);
    for field in slots.fields.iter().take(FIELDS) {
        grid.row([
            words::one_line(&field.label, 40).into(),
            words::count(field.expected).into(),
            words::count(field.given).into(),
            number(field.precision).into(),
            number(field.recall).into(),
            number(field.f1).into(),
        ]);
    }
    let sum = |of: fn(&refuel_engine::evaluate::ClassScore) -> u64| slots.fields.iter().map(of).sum::<u64>();
    grid.row([
        Text::new("all values", Tone::Strong),
        words::count(sum(|field| field.expected)).into(),
        words::count(sum(|field| field.given)).into(),
        number(slots.precision).into(),
        number(slots.recall).into(),
        Text::new(number(slots.f1), Tone::Strong),
    ]);
    let Interval(low, high) = slots.f1_ci95;
    let note = format!(
        "F1 of all values from {} to {}; always the most frequent ones {}",
        number(low),
        number(high),
        number(slots.most_frequent_f1)
    );
    format!("{}\n {}", grid.render(), note.dimmed())
}

/// Confidence beside how often it was borne out. None without any.
pub(super) fn reliability(one: &Measured) -> Option<String> {
    let bins: Vec<_> = one.evaluation.reliability.iter().filter(|bin| bin.rows > 0).collect();
    if bins.is_empty() {
        return None;
    }
    let mut grid = Grid::new([
        ("confidence", Side::Left),
        ("rows", Side::Right),
        ("mean", Side::Right),
        ("right", Side::Right),
        ("from", Side::Right),
        ("to", Side::Right),
    ]);
    for bin in bins {
        let bound = |of: fn(Interval) -> f64| {
            bin.accuracy_ci95
                .map_or_else(|| "-".to_owned(), |both| words::share(of(both)))
        };
        grid.row([
            format!("{:.1} to {:.1}", bin.from, bin.to).into(),
            words::count(bin.rows).into(),
            words::share(bin.mean_confidence.unwrap_or_default()).into(),
            words::share(bin.accuracy.unwrap_or_default()).into(),
            bound(|interval| interval.0).into(),
            bound(|interval| interval.1).into(),
        ]);
    }
    let mut text = grid.render();
    if let Some(before) = &one.uncalibrated {
        let note = format!("before calibration the error is {}", number(before.ece));
        text.push_str(&format!("\n {}", note.dimmed()));
    }
    Some(text)
}

/// The answers that the model is surest of. None where no answer has a confidence.
pub(super) fn coverage(one: &Measured) -> Option<String> {
    let points = &one.evaluation.coverage;
    if points.is_empty() {
        return None;
    }
    let mut grid = Grid::new([
        ("the surest", Side::Right),
        ("rows", Side::Right),
        ("confidence from", Side::Right),
        ("right", Side::Right),
        ("from", Side::Right),
        ("to", Side::Right),
    ]);
    for point in points {
        grid.row([
            words::share(point.coverage).into(),
            words::count(point.rows).into(),
            number(point.confidence).into(),
            words::share(point.accuracy).into(),
            words::share(point.accuracy_ci95.0).into(),
            words::share(point.accuracy_ci95.1).into(),
        ]);
    }
    Some(grid.render())
}

fn number(value: f64) -> String {
    format!("{value:.2}")
}
