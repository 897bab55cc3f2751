//! What was learned, for people.

use refuel_engine::evaluate::Bin;
use refuel_learn::Threshold;

use super::Report;
use super::fit::{Fit, Worth};
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// The report as text.
pub(crate) fn text(report: &Report<'_>) -> String {
    let fit = report.fit;
    let mut sections = vec![
        format!(
            " {} on {}, of which {} have an answer with a confidence; {} of these are right",
            report.task,
            words::counted(fit.rows, "row", "rows"),
            words::count(fit.scored),
            words::share(fit.accuracy)
        ),
        worth(fit),
    ];
    if !fit.is_untried() {
        sections.push(tried(fit));
    }
    sections.push(thresholds(fit));
    if !fit.fields.is_empty() {
        sections.push(fields(fit));
    }
    sections.push(reliability(&fit.before, &fit.after));
    if !report.written {
        sections.push(fit.calibrated.to_yaml().trim_end().to_owned());
    }
    sections.join("\n\n")
}

fn worth(fit: &Fit) -> String {
    let mut grid = Grid::new([
        ("confidence", Side::Left),
        ("calibration error", Side::Right),
        ("Brier score", Side::Right),
    ]);
    let after = match fit.calibrated.map.method() {
        "none" => "as it stays".to_owned(),
        method => format!("calibrated ({method}), on rows held out"),
    };
    for (name, worth) in [("as the model gives it", &fit.before), (after.as_str(), &fit.after)] {
        grid.row([name.into(), number(worth.ece).into(), number(worth.brier).into()]);
    }
    grid.render()
}

fn tried(fit: &Fit) -> String {
    let mut grid = Grid::new([("tried", Side::Left), ("log loss on rows held out", Side::Right)]);
    for tried in &fit.tried {
        let tone = if tried.method == fit.calibrated.map.method() {
            Tone::Strong
        } else {
            Tone::Plain
        };
        grid.row([
            Text::new(tried.method, tone),
            Text::new(format!("{:.4}", tried.log_loss), tone),
        ]);
    }
    grid.render()
}

fn thresholds(fit: &Fit) -> String {
    let mut grid = Grid::new([
        ("to be right", Side::Right),
        ("threshold", Side::Right),
        ("accepted", Side::Right),
        ("of all", Side::Right),
        ("right of these", Side::Right),
        ("at least", Side::Right),
    ]);
    let mut row = |name: String, found: Option<Threshold>| match found {
        Some(found) => grid.row([
            name.into(),
            format!("{:.4}", found.threshold).into(),
            words::count(found.accepted).into(),
            words::share(found.coverage).into(),
            words::share(found.precision).into(),
            words::share(found.precision_lower).into(),
        ]),
        None => grid.row([
            name.into(),
            Text::new("none keeps it", Tone::Unsure),
            "-".into(),
            "-".into(),
            "-".into(),
            "-".into(),
        ]),
    };
    for found in &fit.thresholds {
        row(words::share(found.precision), found.threshold);
    }
    row("as many as can be".to_owned(), fit.best);
    grid.render()
}

fn fields(fit: &Fit) -> String {
    let mut grid = Grid::new([
        ("field", Side::Left),
        ("values", Side::Right),
        ("right", Side::Right),
        ("calibrated by", Side::Left),
    ]);
    for field in &fit.fields {
        let by = if field.shared {
            format!("{}, of all fields", field.map.method())
        } else {
            field.map.method().to_owned()
        };
        grid.row([
            words::one_line(&field.field, 40).into(),
            words::count(field.values).into(),
            words::share(field.accuracy).into(),
            by.into(),
        ]);
    }
    grid.render()
}

/// The bins of one beside those of the other.
fn reliability(before: &Worth, after: &Worth) -> String {
    let mut grid = Grid::new([
        ("confidence", Side::Left),
        ("model's: rows", Side::Right),
        ("mean", Side::Right),
        ("right", Side::Right),
        ("calibrated: rows", Side::Right),
        ("mean", Side::Right),
        ("right", Side::Right),
    ]);
    let cells = |bin: &Bin| -> [Text; 3] {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
        [
            words::count(bin.rows).into(),
            number(bin.mean_confidence).into(),
            number(bin.accuracy).into(),
        ]
    };
    for (before, after) in before.reliability.iter().zip(&after.reliability) {
        if before.rows + after.rows == 0 {
            continue;
        }
        let name: Text = format!("{:.1} to {:.1}", before.from, before.to).into();
        grid.add(std::iter::once(name).chain(cells(before)).chain(cells(after)));
    }
    grid.render()
}

fn number(value: f64) -> String {
    format!("{value:.3}")
}
