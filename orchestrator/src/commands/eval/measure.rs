//! From answers to what is measured of them.

use std::collections::HashMap;

use refuel_engine::evaluate::{
    Bin, CoveragePoint, Evaluation, Judged, Reading, Reliability, Slice, Slots, brier, coverage_curve, worst_slices,
};
use refuel_task::{Answer, Kind, Source, Status, Task, TaskError};
use serde::Serialize;
use serde_json::Value;

use super::ask::Asked;
use super::cases::Case;
use super::judge::Judge;
use super::variant::Variant;
use crate::answerer::Answerer;
use crate::commands::label::plain;
use crate::memory;

/// Slices that are reported.
const SLICES: usize = 10;

/// Wrong answers that are reported.
const ERRORS: usize = 20;

/// Reasons of failed rows that are reported.
const REASONS: usize = 20;

/// What slices by the right answer are called.
pub(crate) const BY_EXPECTED: &str = "expected";

/// One way to answer, measured. The keys are stable.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    /// The value of the setting that is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<String>,
    /// The rates.
    #[serde(flatten)]
    pub(crate) evaluation: Evaluation,
    /// Rows answered a second, those whose answer was kept included.
    pub(crate) rows_per_second: f64,
    /// Seconds from the first row to the last.
    pub(crate) seconds: f64,
    /// Most memory that the process has held until the last row, earlier variants included.
    pub(crate) peak_memory_bytes: Option<u64>,
    /// Rows that the model was asked for.
    pub(crate) asked: u64,
    /// Rows that rules, like examples or a head answered.
    pub(crate) without_model: u64,
    /// Rows whose answer was kept from earlier.
    pub(crate) cached: u64,
    /// Rows whose answer is that of an equal row.
    pub(crate) duplicates: u64,
    /// `name@digest` of the model.
    pub(crate) model: String,
    /// Fingerprint of the task.
    pub(crate) fingerprint: String,
    /// Answers with less confidence abstain.
    pub(crate) threshold: Option<f32>,
    /// For `answer`: how well questions were answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reading: Option<Reading>,
    /// For kinds whose answers are records: how well their fields were filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slots: Option<Slots>,
    /// The confidence as the model gave it, where the task has a calibration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uncalibrated: Option<Uncalibrated>,
    /// The wrong answers that it was surest of.
    pub(crate) surest_errors: Vec<ShownRow>,
    /// Where answers are worst.
    pub(crate) slices: Vec<ShownSlice>,
    /// Why rows failed, with how many did.
    pub(crate) reasons: Vec<Reason>,
    /// What a user should know of the task on this model.
    pub(crate) notes: Vec<String>,
    /// Whether each row is right.
    #[serde(skip)]
    pub(crate) right: Vec<bool>,
    /// Accuracy of the surest answers against their share of the rows, to be drawn.
    #[serde(skip)]
    pub(crate) curve: Vec<CoveragePoint>,
}

/// What confidence is without a calibration. The keys are those of a report.
#[derive(Debug, Serialize)]
pub(crate) struct Uncalibrated {
    /// Expected calibration error.
    pub(crate) ece: f64,
    /// Mean squared distance of the confidence from what it was about.
    pub(crate) brier: Option<f64>,
    /// Confidences beside how often they were borne out.
    pub(crate) reliability: Vec<Bin>,
}

/// Why rows failed.
#[derive(Debug, Serialize)]
pub(crate) struct Reason {
    pub(crate) reason: String,
    pub(crate) rows: u64,
}

/// A slice with rows to look at.
#[derive(Debug, Serialize)]
pub(crate) struct ShownSlice {
    #[serde(flatten)]
    pub(crate) slice: Slice,
    /// Wrong rows, those first of which the model was surest.
    pub(crate) examples: Vec<ShownRow>,
}

/// A row to look at.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ShownRow {
    /// Where it is in the table.
    pub(crate) place: String,
    /// What the model read of it.
    pub(crate) input: String,
    /// What is right.
    pub(crate) expected: Value,
    /// What the model said; null where it said nothing.
    pub(crate) said: Value,
    /// The confidence that the gate looks at.
    pub(crate) confidence: Option<f32>,
    /// Why the row failed, or what was done to it.
    pub(crate) reason: Option<String>,
}

/// Measures the answers to `cases`. None where there are none.
pub(crate) fn measure(
    variant: &Variant,
    cases: &[Case],
    asked: &Asked,
    answerer: &dyn Answerer,
    slice_columns: &[String],
) -> Result<Option<Measured>, TaskError> {
    let (task, note) = settled(&variant.task, answerer)?;
    let task = &task;
    let mut judge = Judge::new(task);
    let rows: Vec<Judged> = cases
        .iter()
        .zip(&asked.answers)
        .map(|(case, answer)| judge.row(&case.expected, answer))
        .collect();
    let Some(evaluation) = Evaluation::of(&rows, &judge.classes, judge.labelled) else {
        return Ok(None);
    };
    let by_expected = cases.iter().map(|case| plain(&case.expected)).collect();
    let mut columns = vec![(BY_EXPECTED.to_owned(), by_expected)];
    for (at, name) in slice_columns.iter().enumerate() {
        columns.push((name.clone(), cases.iter().map(|case| case.slices[at].clone()).collect()));
    }
    let shown = |row: usize| ShownRow {
        place: cases[row].place.clone(),
        input: cases[row].shown(),
        expected: cases[row].expected.clone(),
        said: asked.answers[row].value.clone(),
        confidence: judge.confidence(&asked.answers[row]),
        reason: asked.answers[row].reason.clone(),
    };
    let slices = worst_slices(&rows, &columns, SLICES)
        .into_iter()
        .map(|slice| ShownSlice {
            examples: slice.examples.iter().map(|row| shown(*row)).collect(),
            slice,
        });
    let from = |source: Source| {
        let answers = asked.answers.iter().filter(|answer| answer.status != Status::Error);
        answers.filter(|answer| answer.source == source).count() as u64
    };
    let scored: Vec<(f64, bool)> = rows.iter().filter_map(Judged::scored).collect();
    let values: Vec<Option<Value>> = asked.answers.iter().map(|answer| judge.value(answer)).collect();
    Ok(Some(Measured {
        variant: (!variant.name.is_empty()).then(|| variant.name.clone()),
        evaluation,
        rows_per_second: cases.len() as f64 / asked.seconds.max(1e-9),
        seconds: asked.seconds,
        peak_memory_bytes: memory::peak(),
        asked: from(Source::Model),
        without_model: from(Source::Rule) + from(Source::Similar) + from(Source::Head),
        cached: from(Source::Cache),
        duplicates: from(Source::Duplicate),
        model: answerer.model().to_owned(),
        fingerprint: answerer.fingerprint().to_owned(),
        threshold: task.threshold,
        slices: slices.collect(),
        reasons: reasons(&asked.answers),
        reading: reading(task, cases, &values),
        slots: Slots::of(
            cases
                .iter()
                .map(|case| &case.expected)
                .zip(values.iter().map(Option::as_ref)),
        ),
        uncalibrated: uncalibrated(&judge, &rows, &asked.answers),
        surest_errors: surest_errors(&rows).into_iter().map(shown).collect(),
        notes: note.into_iter().chain(answerer.notes()).collect(),
        right: rows.iter().map(Judged::is_right).collect(),
        curve: coverage_curve(&scored, rows.len() as u64),
    }))
}

/// The task as it is gated where this model answers, with what is to be told of its calibration. What was chosen on another
/// model's answers is left out here, because models are compared.
fn settled(task: &Task, answerer: &dyn Answerer) -> Result<(Task, Option<String>), TaskError> {
    match task.clone().settled(answerer.digest(), answerer.fingerprint()) {
        Err(TaskError::OtherModel { .. }) => {
            let note = "the threshold was chosen on answers of another model: this one is measured without";
            Ok((task.ungated(), Some(note.to_owned())))
        }
        settled => settled,
    }
}

fn reading(task: &Task, cases: &[Case], values: &[Option<Value>]) -> Option<Reading> {
    // Null says that there is no answer.
    let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
    if task.kind != Kind::ANSWER {
        return None;
    }
    let expected: Vec<String> = cases.iter().map(|case| text(&case.expected)).collect();
    let given: Vec<Option<String>> = values.iter().map(|value| value.as_ref().map(text)).collect();
    Reading::of(
        expected
            .iter()
            .map(String::as_str)
            .zip(given.iter().map(Option::as_deref)),
    )
}

fn uncalibrated(judge: &Judge, rows: &[Judged], answers: &[Answer]) -> Option<Uncalibrated> {
    if !judge.is_calibrated() {
        return None;
    }
    let scored: Vec<(f64, bool)> = rows
        .iter()
        .zip(answers)
        .filter_map(|(row, answer)| {
            let (_, right) = row.scored()?;
            Some((f64::from(judge.own_confidence(answer)?), right))
        })
        .collect();
    let reliability = Reliability::of(&scored)?;
    Some(Uncalibrated {
        ece: reliability.ece,
        brier: brier(&scored),
        reliability: reliability.bins,
    })
}

/// Numbers of rows for which something else was said than is right, the surest first.
fn surest_errors(rows: &[Judged]) -> Vec<usize> {
    let mut wrong: Vec<(usize, f64)> = rows
        .iter()
        .enumerate()
        .filter_map(|(at, row)| {
            let (confidence, right) = row.scored()?;
            (!right).then_some((at, confidence))
        })
        .collect();
    wrong.sort_by(|left, other| other.1.total_cmp(&left.1).then(left.0.cmp(&other.0)));
    wrong.into_iter().map(|(at, _)| at).take(ERRORS).collect()
}

fn reasons(answers: &[Answer]) -> Vec<Reason> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for answer in answers.iter().filter(|answer| answer.status == Status::Error) {
        *counts
            .entry(answer.reason.as_deref().unwrap_or("the row failed"))
            .or_default() += 1;
    }
    let mut reasons: Vec<Reason> = counts
        .into_iter()
        .map(|(reason, rows)| Reason {
            reason: reason.to_owned(),
            rows,
        })
        .collect();
    reasons.sort_by(|left, other| other.rows.cmp(&left.rows).then(left.reason.cmp(&other.reason)));
    reasons.truncate(REASONS);
    reasons
}
