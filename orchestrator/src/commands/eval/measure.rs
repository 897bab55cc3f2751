//! From answers to what is measured of them.

use std::collections::HashMap;

use refuel_engine::evaluate::{Classes, Evaluation, Judged, Slice, worst_slices};
use refuel_task::{Answer, Confidence, Gate, Kind, Source, Status, Task};
use serde::Serialize;
use serde_json::Value;

use super::ask::Asked;
use super::cases::Case;
use super::variant::Variant;
use crate::answerer::Answerer;
use crate::commands::label::plain;
use crate::memory;

/// Slices that are reported.
const SLICES: usize = 10;

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
    /// Where answers are worst.
    pub(crate) slices: Vec<ShownSlice>,
    /// Why rows failed, with how many did.
    pub(crate) reasons: Vec<Reason>,
    /// What a user should know of the task on this model.
    pub(crate) notes: Vec<String>,
    /// Whether each row is right.
    #[serde(skip)]
    pub(crate) right: Vec<bool>,
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
) -> Option<Measured> {
    let task = &variant.task;
    let mut judge = Judge::new(task);
    let rows: Vec<Judged> = cases
        .iter()
        .zip(&asked.answers)
        .map(|(case, answer)| judge.row(&case.expected, answer))
        .collect();
    let evaluation = Evaluation::of(&rows, &judge.classes, judge.labelled)?;
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
    Some(Measured {
        variant: (!variant.name.is_empty()).then(|| variant.name.clone()),
        evaluation,
        rows_per_second: cases.len() as f64 / asked.seconds.max(1e-9),
        seconds: asked.seconds,
        peak_memory_bytes: memory::peak(),
        asked: from(Source::Model),
        cached: from(Source::Cache),
        duplicates: from(Source::Duplicate),
        model: answerer.model().to_owned(),
        fingerprint: answerer.fingerprint().to_owned(),
        threshold: task.threshold,
        slices: slices.collect(),
        reasons: reasons(&asked.answers),
        notes: answerer.notes(),
        right: rows.iter().map(Judged::is_right).collect(),
    })
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

/// The words of an answer without case, punctuation and articles, which is how reading comprehension is graded (Rajpurkar
/// et al. 2016, "`SQuAD`", section 6.1).
fn bare(text: &str) -> String {
    let lower = text.to_lowercase();
    let letters: String = lower.chars().filter(|letter| !letter.is_ascii_punctuation()).collect();
    let words = letters
        .split_whitespace()
        .filter(|word| !["a", "an", "the"].contains(word));
    words.collect::<Vec<_>>().join(" ")
}

/// Turns answers, before the gate, into classes.
struct Judge {
    kind: Kind,
    gate: Gate,
    classes: Classes,
    /// Whether classes are those of a list.
    labelled: bool,
}

impl Judge {
    fn new(task: &Task) -> Self {
        let classes = if task.kind == Kind::MATCH {
            ["false", "true"].iter().collect()
        } else {
            task.labels.iter().map(|label| &label.name).collect()
        };
        Self {
            kind: task.kind,
            gate: task.gate(),
            classes,
            labelled: [Kind::LABEL, Kind::MULTILABEL, Kind::MATCH].contains(&task.kind),
        }
    }

    fn row(&mut self, expected: &Value, answer: &Answer) -> Judged {
        let gated = self.gate.apply(answer.clone());
        // Where null is an answer, it is one only where the model said so.
        let mut classes_of = |answer: &Answer| {
            let says = answer.status == Status::Ok || !answer.value.is_null();
            says.then(|| self.classes_of(&answer.value)).flatten()
        };
        let (given, said) = (classes_of(&gated), classes_of(answer));
        Judged {
            expected: self.classes_of(expected).unwrap_or_default(),
            // Null is no value, and neither is a fallback that says what no label says.
            given,
            failed: gated.status == Status::Error,
            abstained: gated.status == Status::Abstained,
            said,
            confidence: self.confidence(answer).map(f64::from),
        }
    }

    /// The classes of a value, in ascending order. None where it is no value of the task.
    fn classes_of(&mut self, value: &Value) -> Option<Vec<u32>> {
        if !self.labelled {
            let text = match value {
                Value::String(text) if self.kind == Kind::ANSWER => bare(text),
                Value::String(text) => text.trim().to_owned(),
                // That there is no answer is one, too.
                Value::Null if self.kind == Kind::ANSWER => String::new(),
                Value::Object(_) => value.to_string(),
                _ => return None,
            };
            return Some(vec![self.classes.number(&text)]);
        }
        match value {
            Value::Bool(flag) if self.kind == Kind::MATCH => Some(vec![u32::from(*flag)]),
            Value::String(label) if self.kind == Kind::LABEL => Some(vec![self.classes.find(label)?]),
            Value::Array(labels) if self.kind == Kind::MULTILABEL => {
                let mut classes = labels
                    .iter()
                    .map(|label| self.classes.find(label.as_str()?))
                    .collect::<Option<Vec<u32>>>()?;
                classes.sort_unstable();
                Some(classes)
            }
            _ => None,
        }
    }

    /// The confidence that the gate looks at.
    fn confidence(&self, answer: &Answer) -> Option<f32> {
        match self.gate.confidence {
            Confidence::Normalized => answer.confidence,
            Confidence::Raw => answer.raw_confidence,
        }
    }
}
