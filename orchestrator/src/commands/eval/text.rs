//! The report for people.

use std::fmt::Write as _;

use owo_colors::OwoColorize;
use refuel_engine::evaluate::{Interval, Verdict};

use super::measure::{BY_EXPECTED, Measured, ShownRow};
use super::measures;
use super::report::{Against, Report};
use crate::commands::label::plain;
use crate::table::{Grid, Side, Text, Tone};
use crate::words;

/// Labels that are shown.
const LABELS: usize = 20;

/// Mix-ups that are shown.
const MIXUPS: usize = 8;

/// Slices that are shown, and rows to look at of all of them.
const SLICES: usize = 5;
const ROWS: usize = 6;

/// Reasons of failed rows that are shown.
const REASONS: usize = 5;

/// The report as text.
pub(crate) fn text(report: &Report, with_thresholds: bool) -> String {
    let measured: Vec<&Measured> = report.measured().collect();
    let mut sections = vec![title(report)];
    match measured.as_slice() {
        [one] => sections.extend([headline(one), verdict(one)]),
        several => {
            sections.push(side_by_side(report, several));
            sections.push(
                report
                    .comparisons
                    .iter()
                    .map(against)
                    .collect::<Vec<String>>()
                    .join("\n"),
            );
            sections.extend(of_confidence(report, several));
            sections.extend(
                several
                    .iter()
                    .filter(|one| one.evaluation.beats_majority != Verdict::Better)
                    .map(|one| {
                        let name = one.variant.as_deref().unwrap_or_default();
                        format!(" {name}: {}", verdict(one).trim_start())
                    }),
            );
        }
    }
    if let [one] = measured.as_slice() {
        sections.extend(
            [
                one.reading.as_ref().map(measures::reading),
                one.slots.as_ref().map(measures::slots),
                labels(one),
                mixups(one),
                slices(one),
                failures(one),
                measures::reliability(one),
                measures::coverage(one),
            ]
            .into_iter()
            .flatten(),
        );
    }
    if with_thresholds {
        sections.extend(measured.iter().map(|one| thresholds(one)));
    }
    sections.join("\n\n")
}

fn title(report: &Report) -> String {
    let rows = report.measured().next().map_or(0, |measured| measured.evaluation.rows);
    let rows = words::counted(rows, "row", "rows");
    format!(
        " {} on {rows} whose right answer is in `{}`",
        report.task.bold(),
        report.expected
    )
}

fn headline(one: &Measured) -> String {
    let evaluation = &one.evaluation;
    let mut grid = Grid::pairs();
    let tone = match evaluation.beats_majority {
        Verdict::Better => Tone::Good,
        Verdict::Unclear => Tone::Unsure,
        Verdict::NotBetter => Tone::Bad,
    };
    let within = |rate: String, interval: Option<Interval>, unit: fn(f64) -> String| match interval {
        Some(Interval(lower, upper)) => format!("{rate} ({} to {})", unit(lower), unit(upper)),
        None => rate,
    };
    let accuracy = within(
        words::share(evaluation.accuracy),
        Some(evaluation.accuracy_ci95),
        words::share,
    );
    grid.pair("accuracy", Text::new(accuracy, tone));
    if evaluation.completed < evaluation.rows {
        let of_completed = evaluation.accuracy_of_completed.map_or_else(
            || "none is completed".to_owned(),
            |rate| within(words::share(rate), evaluation.accuracy_of_completed_ci95, words::share),
        );
        grid.pair("  of completed rows alone", of_completed);
    }
    grid.pair(
        "  always the most frequent",
        format!("{} ({})", words::share(evaluation.majority_rate), majority(one)),
    );
    let mut completed = format!(
        "{} of {}",
        words::count(evaluation.completed),
        words::count(evaluation.rows)
    );
    let _ = write!(completed, " ({})", words::share(evaluation.completion_rate));
    if evaluation.failed > 0 {
        let _ = write!(completed, ", {} failed", words::count(evaluation.failed));
    }
    if evaluation.abstained > 0 {
        let _ = write!(completed, ", {} not sure enough", words::count(evaluation.abstained));
        if let Some(threshold) = one.threshold {
            let _ = write!(completed, " (threshold {threshold})");
        }
    }
    let tone = if evaluation.failed > 0 { Tone::Bad } else { Tone::Plain };
    grid.pair("completed", Text::new(completed, tone));
    if let (Some(by_label), Some(together)) = (evaluation.f1_macro, evaluation.f1_micro) {
        grid.pair("macro F1", within(number(by_label), evaluation.f1_macro_ci95, number));
        grid.pair("micro F1", number(together));
    }
    if let Some(area) = evaluation.auroc {
        grid.pair(
            "AUROC of confidence",
            within(number(area), evaluation.auroc_ci95, number),
        );
    }
    if let Some(error) = evaluation.ece {
        let brier = evaluation
            .brier
            .map_or_else(String::new, |brier| format!("; Brier score {}", number(brier)));
        grid.pair("calibration error", format!("{}{brier}", number(error)));
    }
    grid.pair("speed", speed(one));
    if let Some(bytes) = one.peak_memory_bytes {
        grid.pair("peak memory", words::bytes(bytes));
    }
    grid.pair("model", one.model.clone());
    format!("{}\n {}", grid.render(), "in parentheses: 95 % intervals".dimmed())
}

fn speed(one: &Measured) -> String {
    let without = match one.without_model {
        0 => String::new(),
        rows => format!("{} without a language model, ", words::count(rows)),
    };
    format!(
        "{} rows/s over {}; {without}{} asked, {} kept from earlier, {} equal to another row",
        words::per_second(one.rows_per_second),
        words::seconds(one.seconds),
        words::count(one.asked),
        words::count(one.cached),
        words::count(one.duplicates)
    )
}

/// The most frequent right answer, as it is spoken of.
fn majority(one: &Measured) -> String {
    let value = &one.evaluation.majority_value;
    if value.is_empty() && one.evaluation.f1_macro.is_some() {
        "no label".to_owned()
    } else if value.is_empty() {
        "no value".to_owned()
    } else {
        format!("\"{}\"", words::one_line(value, 40))
    }
}

fn verdict(one: &Measured) -> String {
    let evaluation = &one.evaluation;
    let (value, rate) = (majority(one), words::share(evaluation.majority_rate));
    match evaluation.beats_majority {
        Verdict::Better => format!(" {} than always answering {value}", "Better".green()),
        Verdict::Unclear => format!(
            " {} than always answering {value}, which is right for {rate}: more rows would tell",
            "Not shown to be better".yellow()
        ),
        Verdict::NotBetter => {
            format!(
                " {} than always answering {value}, which is right for {rate}",
                "No better".red()
            )
        }
    }
}

fn side_by_side(report: &Report, several: &[&Measured]) -> String {
    let setting = report
        .compare
        .as_deref()
        .and_then(|compare| compare.split_once('='))
        .map_or("", |(key, _)| key);
    let names = several
        .iter()
        .map(|one| (one.variant.clone().unwrap_or_default(), Side::Right));
    let mut grid = Grid::with_columns(std::iter::once((setting.to_owned(), Side::Left)).chain(names));
    let best = several.iter().map(|one| one.evaluation.accuracy).fold(0.0, f64::max);
    let mut line = |name: &str, of: &dyn Fn(&Measured) -> Text| {
        grid.add(std::iter::once(Text::new(name, Tone::Faint)).chain(several.iter().map(|one| of(one))));
    };
    line("accuracy", &|one| {
        let tone = if one.evaluation.accuracy >= best {
            Tone::Strong
        } else {
            Tone::Plain
        };
        Text::new(words::share(one.evaluation.accuracy), tone)
    });
    line("  from", &|one| words::share(one.evaluation.accuracy_ci95.0).into());
    line("  to", &|one| words::share(one.evaluation.accuracy_ci95.1).into());
    if several.iter().any(|one| one.evaluation.completed < one.evaluation.rows) {
        line("  of completed rows alone", &|one| {
            optional(one.evaluation.accuracy_of_completed, words::share).into()
        });
    }
    line("  always the most frequent", &|one| {
        words::share(one.evaluation.majority_rate).into()
    });
    line("completed", &|one| words::share(one.evaluation.completion_rate).into());
    if several.iter().any(|one| one.evaluation.f1_macro.is_some()) {
        line("macro F1", &|one| optional(one.evaluation.f1_macro, number).into());
        line("micro F1", &|one| optional(one.evaluation.f1_micro, number).into());
    }
    line("AUROC of confidence", &|one| {
        optional(one.evaluation.auroc, number).into()
    });
    line("calibration error", &|one| optional(one.evaluation.ece, number).into());
    if several.iter().any(|one| one.evaluation.brier.is_some()) {
        line("Brier score", &|one| optional(one.evaluation.brier, number).into());
    }
    // The speed of answers that were kept says nothing of a model, beside one that was asked least of all.
    if several.iter().any(|one| one.cached == 0) {
        line("rows/s", &|one| match one.cached {
            0 => words::per_second(one.rows_per_second).into(),
            _ => Text::new("-", Tone::Faint),
        });
    }
    if several.iter().any(|one| one.without_model > 0) {
        line("without a language model", &|one| {
            words::count(one.without_model).into()
        });
    }
    line("kept from earlier", &|one| words::count(one.cached).into());
    if several.iter().any(|one| one.model != several[0].model) {
        line("model", &|one| one.model.clone().into());
        grid.render()
    } else {
        format!("{}\n {}", grid.render(), format!("model {}", several[0].model).dimmed())
    }
}

fn against(against: &Against) -> String {
    let comparison = &against.comparison;
    let points = |share: f64| format!("{:+.1}", share * 100.0);
    let (name, first) = (&against.variant, &against.first);
    let significant = comparison.is_significant();
    let said = match comparison.difference {
        more if significant && more > 0.0 => format!("{name} is better than {first}").green().to_string(),
        less if significant && less < 0.0 => format!("{name} is worse than {first}").red().to_string(),
        _ => format!("{name} is not shown to differ from {first}")
            .yellow()
            .to_string(),
    };
    format!(
        " {said}: {} points of accuracy ({} to {}); {} gained, {} lost; p = {} (McNemar)",
        points(comparison.difference),
        points(comparison.difference_ci95.0),
        points(comparison.difference_ci95.1),
        words::counted(comparison.gained, "row", "rows"),
        words::count(comparison.lost),
        if comparison.p_value < 0.001 {
            "< 0.001".to_owned()
        } else {
            format!("{:.3}", comparison.p_value)
        },
    )
    .replace("p = < ", "p < ")
}

/// What accuracy says, and what it doesn't, where confidences are compared: it counts what a threshold holds back as wrong.
fn of_confidence(report: &Report, several: &[&Measured]) -> Option<String> {
    let (key, _) = report.compare.as_deref()?.split_once('=')?;
    let holds_back = several.iter().any(|one| one.evaluation.abstained > 0);
    let is_about = matches!(key.trim(), "calibrated" | "confidence" | "threshold");
    (is_about && holds_back).then(|| {
        let text = "accuracy counts what the threshold holds back as wrong; how well confidence tells is the calibration \
                    error, the Brier score and the accuracy of completed rows";
        format!(" {}", text.dimmed())
    })
}

fn labels(one: &Measured) -> Option<String> {
    let labels = &one.evaluation.labels;
    if labels.is_empty() {
        return None;
    }
    let mut grid = Grid::new([
        ("label", Side::Left),
        ("rows", Side::Right),
        ("given", Side::Right),
        ("precision", Side::Right),
        ("recall", Side::Right),
        ("F1", Side::Right),
    ]);
    for score in labels.iter().take(LABELS) {
        grid.row([
            words::one_line(&score.label, 40).into(),
            words::count(score.expected).into(),
            words::count(score.given).into(),
            number(score.precision).into(),
            number(score.recall).into(),
            number(score.f1).into(),
        ]);
    }
    Some(with_more(grid.render(), labels.len(), LABELS, "label", "labels"))
}

fn mixups(one: &Measured) -> Option<String> {
    let wrong: Vec<_> = one
        .evaluation
        .confusion
        .iter()
        .filter(|cell| cell.given.as_ref() != Some(&cell.expected))
        .collect();
    if wrong.is_empty() {
        return None;
    }
    let mut grid = Grid::new([
        ("right answer", Side::Left),
        ("given instead", Side::Left),
        ("rows", Side::Right),
    ]);
    for cell in wrong.iter().take(MIXUPS) {
        let given = cell.given.as_ref().map_or_else(
            || Text::new("(no value)", Tone::Faint),
            |given| words::one_line(given, 40).into(),
        );
        grid.row([
            words::one_line(&cell.expected, 40).into(),
            given,
            words::count(cell.rows).into(),
        ]);
    }
    Some(with_more(grid.render(), wrong.len(), MIXUPS, "mix-up", "mix-ups"))
}

fn slices(one: &Measured) -> Option<String> {
    if one.slices.is_empty() {
        return None;
    }
    let mut grid = Grid::new([
        ("worst slices", Side::Left),
        ("rows", Side::Right),
        ("accuracy", Side::Right),
        ("from", Side::Right),
        ("to", Side::Right),
    ]);
    let mut rows: Vec<&ShownRow> = Vec::new();
    for shown in one.slices.iter().take(SLICES) {
        let slice = &shown.slice;
        let by = if slice.by == BY_EXPECTED {
            "right answer"
        } else {
            &slice.by
        };
        let value = if slice.value.is_empty() {
            "(empty)"
        } else {
            &slice.value
        };
        grid.row([
            format!("{by}: {}", words::one_line(value, 40)).into(),
            words::count(slice.rows).into(),
            words::share(slice.accuracy).into(),
            words::share(slice.accuracy_ci95.0).into(),
            words::share(slice.accuracy_ci95.1).into(),
        ]);
        for row in &shown.examples {
            if rows.len() < ROWS && rows.iter().all(|there| there.place != row.place) {
                rows.push(row);
            }
        }
    }
    let mut text = grid.render();
    if !rows.is_empty() {
        text.push_str("\n\n");
        text.push_str(&rows_to_look_at(&rows));
    }
    Some(text)
}

fn rows_to_look_at(rows: &[&ShownRow]) -> String {
    let mut grid = Grid::new([
        ("rows to look at", Side::Left),
        ("input", Side::Left),
        ("right answer", Side::Left),
        ("said", Side::Left),
        ("confidence", Side::Right),
    ]);
    for row in rows {
        let said = if row.said.is_null() {
            Text::new(
                words::one_line(row.reason.as_deref().unwrap_or("nothing"), 32),
                Tone::Faint,
            )
        } else {
            words::one_line(&plain(&row.said), 28).into()
        };
        grid.row([
            row.place.clone().into(),
            words::one_line(&row.input, 48).into(),
            words::one_line(&plain(&row.expected), 28).into(),
            said,
            optional(row.confidence.map(f64::from), number).into(),
        ]);
    }
    grid.render()
}

fn failures(one: &Measured) -> Option<String> {
    if one.reasons.is_empty() {
        return None;
    }
    let mut grid = Grid::new([("why rows failed", Side::Left), ("rows", Side::Right)]);
    for reason in one.reasons.iter().take(REASONS) {
        grid.row([
            words::one_line(&reason.reason, 90).into(),
            words::count(reason.rows).into(),
        ]);
    }
    Some(with_more(
        grid.render(),
        one.reasons.len(),
        REASONS,
        "reason",
        "reasons",
    ))
}

fn thresholds(one: &Measured) -> String {
    let title = one
        .variant
        .as_deref()
        .map_or_else(|| "threshold".to_owned(), |name| format!("threshold, {name}"));
    let mut grid = Grid::with_columns([
        (title, Side::Right),
        ("accepted".to_owned(), Side::Right),
        ("of all".to_owned(), Side::Right),
        ("accuracy of these".to_owned(), Side::Right),
        ("from".to_owned(), Side::Right),
        ("to".to_owned(), Side::Right),
        ("wrong".to_owned(), Side::Right),
    ]);
    for row in &one.evaluation.thresholds {
        let bound = |of: fn(Interval) -> f64| optional(row.accuracy_ci95.map(of), words::share);
        grid.row([
            number(row.threshold).into(),
            words::count(row.accepted).into(),
            words::share(row.coverage).into(),
            optional(row.accuracy, words::share).into(),
            bound(|interval| interval.0).into(),
            bound(|interval| interval.1).into(),
            words::count(row.wrong).into(),
        ]);
    }
    grid.render()
}

/// Says what a table leaves out.
fn with_more(mut table: String, all: usize, shown: usize, single: &str, several: &str) -> String {
    if let Some(hidden) = all.checked_sub(shown).filter(|hidden| *hidden > 0) {
        let more = format!(
            "and {} more {}",
            words::count(hidden as u64),
            if hidden == 1 { single } else { several }
        );
        let _ = write!(table, "\n {}", more.dimmed());
    }
    table
}

fn optional(value: Option<f64>, unit: fn(f64) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), unit)
}

fn number(value: f64) -> String {
    format!("{value:.2}")
}
