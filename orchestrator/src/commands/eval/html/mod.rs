//! The report as one page for a browser: no script, and nothing that is fetched. Every text is escaped by the template
//! engine; only our own plots are not.

mod confusion;
mod plots;

use jiff::civil::Date;
use minijinja::value::{Serde, Value as Given};
use minijinja::{Environment, context};
use refuel_engine::evaluate::{ClassScore, Interval, Verdict};
use serde::Serialize;

use super::measure::{BY_EXPECTED, Measured, ShownRow};
use super::report::{Against, Report};
use crate::commands::label::plain;
use crate::words;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");

/// Labels and fields that are listed.
const LABELS: usize = 100;
/// Characters of a text, and of a value.
const TEXT: usize = 300;
const VALUE: usize = 120;

/// A number that stands at the top.
#[derive(Debug, Serialize)]
struct Headline {
    name: &'static str,
    value: String,
    interval: Option<String>,
    /// What the null model gets, in words.
    null: Option<String>,
}

/// A row to look at.
#[derive(Debug, Serialize)]
struct Row {
    place: String,
    input: String,
    expected: String,
    said: Option<String>,
    confidence: Option<String>,
    reason: Option<String>,
}

/// A line of a table of labels or fields.
#[derive(Debug, Serialize)]
struct Line {
    label: String,
    expected: String,
    given: String,
    precision: String,
    recall: String,
    f1: String,
    /// F1 in percent.
    share: u64,
}

/// The page, as of a day.
pub(crate) fn page(report: &Report, day: Date) -> String {
    let mut environment = Environment::new();
    let rendered = environment.add_template("page.html", PAGE).and_then(|()| {
        let measured: Vec<&Measured> = report.measured().collect();
        environment.get_template("page.html")?.render(context! {
            style => Given::from_safe_string(STYLE.to_owned()),
            task => report.task.as_str(),
            kind => report.kind,
            expected => report.expected.as_str(),
            compare => given(&report.compare),
            day => day.to_string(),
            version => env!("CARGO_PKG_VERSION"),
            rows => measured.first().map_or(0, |one| one.evaluation.rows),
            variants => measured.iter().map(|one| variant(one)).collect::<Vec<Given>>(),
            comparisons => report.comparisons.iter().map(comparison).collect::<Vec<Given>>(),
            left_out => given(left_out(report)),
        })
    });
    // The template is ours, and a test renders everything in it.
    rendered.unwrap_or_else(|error| {
        format!(
            "<!doctype html><title>refuel</title><pre>{}</pre>",
            escaped(&error.to_string())
        )
    })
}

/// A value as the template takes it.
fn given<T: Serialize>(value: T) -> Given {
    Given::from(Serde(value))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn variant(one: &Measured) -> Given {
    let evaluation = &one.evaluation;
    let before = one.uncalibrated.as_ref();
    let reliability = (!evaluation.reliability.is_empty()).then(|| {
        let before = before.map(|before| before.reliability.as_slice());
        Given::from_safe_string(plots::reliability(&evaluation.reliability, before))
    });
    let threshold = one.threshold.map(f64::from);
    let coverage = (!one.curve.is_empty())
        .then(|| Given::from_safe_string(plots::coverage(&one.curve, evaluation.majority_rate, threshold)));
    let thresholds: Vec<Given> = evaluation
        .coverage
        .iter()
        .map(|point| {
            context! {
                coverage => words::share(point.coverage),
                rows => words::count(point.rows),
                confidence => number(point.confidence),
                accuracy => words::share(point.accuracy),
                interval => given(interval(Some(point.accuracy_ci95), words::share)),
            }
        })
        .collect();
    let slices: Vec<Given> = one.slices.iter().map(slice).collect();
    context! {
        name => given(&one.variant),
        model => one.model.as_str(),
        fingerprint => one.fingerprint.chars().take(12).collect::<String>(),
        threshold => given(one.threshold.map(|threshold| threshold.to_string())),
        headlines => given(headlines(one)),
        verdict => verdict(one),
        notes => given(&one.notes),
        reliability => reliability.unwrap_or_default(),
        before => given(before.map(|before| number(before.ece))),
        ece => given(evaluation.ece.map(number)),
        coverage => coverage.unwrap_or_default(),
        table => thresholds,
        confusion => given(confusion::matrix(&evaluation.confusion)),
        labels => given(lines(&evaluation.labels)),
        more_labels => evaluation.labels.len().saturating_sub(LABELS),
        fields => given(one.slots.as_ref().map(|slots| lines(&slots.fields))),
        slices => slices,
        errors => given(one.surest_errors.iter().map(row).collect::<Vec<Row>>()),
        reasons => given(&one.reasons),
        speed => speed(one),
    }
}

/// How fast rows were answered, where they were.
fn speed(one: &Measured) -> String {
    if one.asked == 0 {
        return "all answers kept from earlier".to_owned();
    }
    let (speed, seconds) = (words::per_second(one.rows_per_second), words::seconds(one.seconds));
    format!("{speed} rows/s over {seconds}")
}

fn headlines(one: &Measured) -> Vec<Headline> {
    let evaluation = &one.evaluation;
    let mut all = vec![Headline {
        name: "accuracy",
        value: words::share(evaluation.accuracy),
        interval: interval(Some(evaluation.accuracy_ci95), words::share),
        null: Some(format!(
            "{} always the most frequent",
            words::share(evaluation.majority_rate)
        )),
    }];
    if let Some(reading) = &one.reading {
        all.push(Headline {
            name: "F1 of words",
            value: words::share(reading.token_f1),
            interval: interval(Some(reading.token_f1_ci95), words::share),
            null: Some(format!("{} never answering", words::share(reading.never_answering))),
        });
        if let Some(f1) = reading.answerable_token_f1 {
            all.push(Headline {
                name: "F1 where there is an answer",
                value: words::share(f1),
                interval: None,
                null: Some(format!("{} of such rows", words::count(reading.answerable_rows))),
            });
        }
    }
    if let Some(slots) = &one.slots {
        all.push(Headline {
            name: "F1 of fields",
            value: words::share(slots.f1),
            interval: interval(Some(slots.f1_ci95), words::share),
            null: Some(format!(
                "{} always the most frequent",
                words::share(slots.most_frequent_f1)
            )),
        });
    }
    if let Some(f1) = evaluation.f1_macro {
        all.push(Headline {
            name: "macro F1",
            value: number(f1),
            interval: interval(evaluation.f1_macro_ci95, number),
            null: None,
        });
    }
    if evaluation.completed < evaluation.rows {
        all.push(Headline {
            name: "answered",
            value: words::share(evaluation.completion_rate),
            interval: None,
            null: evaluation
                .accuracy_of_completed
                .map(|rate| format!("{} right of these", words::share(rate))),
        });
    }
    if let Some(area) = evaluation.auroc {
        all.push(Headline {
            name: "AUROC of confidence",
            value: number(area),
            interval: interval(evaluation.auroc_ci95, number),
            null: Some("0.500 by chance".to_owned()),
        });
    }
    if let Some(ece) = evaluation.ece {
        let before = one.uncalibrated.as_ref();
        all.push(Headline {
            name: "calibration error",
            value: number(ece),
            interval: None,
            null: before.map(|before| format!("{} before calibration", number(before.ece))),
        });
    }
    all
}

fn verdict(one: &Measured) -> Given {
    let evaluation = &one.evaluation;
    let value = match evaluation.majority_value.as_str() {
        "" => "nothing".to_owned(),
        value => format!("“{}”", words::one_line(value, 60)),
    };
    let (tone, said) = match evaluation.beats_majority {
        Verdict::Better => ("good", "Better than always answering"),
        Verdict::Unclear => ("unsure", "Not shown to be better than always answering"),
        Verdict::NotBetter => ("bad", "No better than always answering"),
    };
    context! { tone, text => format!("{said} {value}, which is right for {}", words::share(evaluation.majority_rate)) }
}

fn slice(shown: &super::measure::ShownSlice) -> Given {
    let slice = &shown.slice;
    let by = if slice.by == BY_EXPECTED {
        "right answer"
    } else {
        &slice.by
    };
    context! {
        by,
        value => words::one_line(&slice.value, VALUE),
        rows => words::count(slice.rows),
        accuracy => words::share(slice.accuracy),
        share => (slice.accuracy * 100.0).round() as u64,
        interval => given(interval(Some(slice.accuracy_ci95), words::share)),
        examples => given(shown.examples.iter().map(row).collect::<Vec<Row>>()),
    }
}

fn lines(scores: &[ClassScore]) -> Vec<Line> {
    let line = |score: &ClassScore| Line {
        label: words::one_line(&score.label, VALUE),
        expected: words::count(score.expected),
        given: words::count(score.given),
        precision: number(score.precision),
        recall: number(score.recall),
        f1: number(score.f1),
        share: (score.f1 * 100.0).round() as u64,
    };
    scores.iter().take(LABELS).map(line).collect()
}

fn row(row: &ShownRow) -> Row {
    Row {
        place: row.place.clone(),
        input: words::one_line(&row.input, TEXT),
        expected: words::one_line(&plain(&row.expected), VALUE),
        said: (!row.said.is_null()).then(|| words::one_line(&plain(&row.said), VALUE)),
        confidence: row.confidence.map(|confidence| number(f64::from(confidence))),
        reason: row.reason.as_deref().map(|reason| words::one_line(reason, VALUE)),
    }
}

fn comparison(against: &Against) -> Given {
    let comparison = &against.comparison;
    let points = |share: f64| format!("{:+.1}", share * 100.0);
    let (tone, said) = match comparison.difference {
        more if comparison.is_significant() && more > 0.0 => ("good", "is better than"),
        _ if comparison.is_significant() => ("bad", "is worse than"),
        _ => ("unsure", "is not shown to differ from"),
    };
    context! {
        tone,
        text => format!(
            "{} {said} {}: {} points of accuracy ({} to {}); {} gained, {} lost; p = {:.3} (McNemar)",
            against.variant,
            against.first,
            points(comparison.difference),
            points(comparison.difference_ci95.0),
            points(comparison.difference_ci95.1),
            words::counted(comparison.gained, "row", "rows"),
            words::count(comparison.lost),
            comparison.p_value,
        ),
    }
}

/// What was not evaluated, in sentences.
fn left_out(report: &Report) -> Vec<String> {
    let mut said = Vec::new();
    if report.left_out.unusable_rows > 0 {
        let rows = words::counted(report.left_out.unusable_rows, "row", "rows");
        said.push(format!(
            "{rows} left out: what they give as right is nothing that the task can answer with"
        ));
    }
    if report.left_out.shown_rows > 0 {
        let rows = words::counted(report.left_out.shown_rows, "row", "rows");
        said.push(format!("{rows} left out: the task has them as examples"));
    }
    said
}

fn interval(interval: Option<Interval>, unit: fn(f64) -> String) -> Option<String> {
    interval.map(|Interval(low, high)| format!("{} to {}", unit(low), unit(high)))
}

fn number(value: f64) -> String {
    format!("{value:.3}")
}
