//! From answers beside right ones to what the task says of its confidence. Pure.

use refuel_engine::evaluate::{Bin, Reliability, brier};
use refuel_learn::{ChosenCalibration, Threshold, Tried, threshold_for_precision, threshold_of_highest_precision};
use refuel_task::{
    Answer, Calibrated, CalibrationMap, ChosenThreshold, KEPT_DIGITS, Status, Task, decimal, field_of, identity_of,
};
use serde::Serialize;
use serde_json::Value;

use crate::commands::eval::cases::Case;
use crate::commands::eval::judge::Judge;

/// The same rows give the same folds each time.
const SEED: u64 = 0;

/// The precisions that are looked at where the task asks for none.
const PRECISIONS: [f64; 4] = [0.8, 0.9, 0.95, 0.99];

/// What confidences are worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Worth {
    /// Expected calibration error.
    pub(crate) ece: f64,
    /// Mean squared distance of the confidence from what it was about.
    pub(crate) brier: f64,
    /// Confidences beside how often they were borne out.
    pub(crate) reliability: Vec<Bin>,
}

/// A threshold for a precision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ForPrecision {
    /// The share of accepted answers that is to be right.
    pub(crate) precision: f64,
    /// The least threshold that keeps it. None where none does.
    pub(crate) threshold: Option<Threshold>,
}

/// What was found for a field of a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FieldFit {
    /// The field.
    pub(crate) field: String,
    /// Values that were looked at.
    pub(crate) values: u64,
    /// Share of them that is right.
    pub(crate) accuracy: f64,
    /// What the confidence becomes.
    pub(crate) map: CalibrationMap,
    /// Whether it has too few values for a function of its own, and has that of all fields together.
    pub(crate) shared: bool,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Fit {
    /// Rows.
    pub(crate) rows: u64,
    /// Rows with an answer that has a confidence.
    pub(crate) scored: u64,
    /// Share of these that is right.
    pub(crate) accuracy: f64,
    /// The functions that were tried, with how they did on rows that they were not fitted to.
    pub(crate) tried: Vec<Tried>,
    /// The confidence as the model gave it.
    pub(crate) before: Worth,
    /// The confidence behind functions of the chosen kind that were fitted to other rows.
    pub(crate) after: Worth,
    /// Thresholds for some precisions.
    pub(crate) thresholds: Vec<ForPrecision>,
    /// How much could be asked of these answers.
    pub(crate) best: Option<Threshold>,
    /// For records: their fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<FieldFit>,
    /// What goes into the task file.
    pub(crate) calibrated: Calibrated,
}

impl Fit {
    /// Of answers before the gate; None where none of them has a confidence.
    pub(crate) fn of(task: &Task, cases: &[Case], answers: &[Answer], digest: &str, fingerprint: &str) -> Option<Self> {
        let mut judge = Judge::new(&task.ungated());
        let judged: Vec<Option<(f32, bool)>> = cases
            .iter()
            .zip(answers)
            .map(|(case, answer)| {
                let row = judge.row(&case.expected, answer);
                let (confidence, right) = row.scored()?;
                Some((confidence as f32, right))
            })
            .collect();
        let scored: Vec<(f32, bool)> = judged.iter().flatten().copied().collect();
        let chosen = ChosenCalibration::of(&scored, SEED);
        let map = chosen.calibration.rounded();
        let (before, after) = (worth(&scored)?, worth(&chosen.held_out)?);
        // Rows without a confidence are never accepted, and count in what is covered.
        let behind: Vec<(f32, bool)> = judged
            .iter()
            .map(|row| row.map_or((f32::NAN, false), |(own, right)| (map.apply(own), right)))
            .collect();
        let targets = match task.target_precision {
            Some(target) => vec![decimal(target)],
            None => PRECISIONS.to_vec(),
        };
        let thresholds: Vec<ForPrecision> = targets
            .into_iter()
            .map(|precision| ForPrecision {
                precision,
                threshold: threshold_for_precision(&behind, precision),
            })
            .collect();
        let threshold = match (task.target_precision, thresholds.first()) {
            (Some(_), Some(found)) => found.threshold.map(|threshold| ChosenThreshold {
                value: threshold.threshold,
                target: found.precision,
                accepted: threshold.accepted,
                precision: threshold.precision,
                at_least: threshold.precision_lower,
            }),
            _ => None,
        };
        let fields = fields(task, cases, answers);
        let first = |whole: &str| whole.chars().take(KEPT_DIGITS).collect::<String>();
        Some(Self {
            rows: cases.len() as u64,
            scored: scored.len() as u64,
            accuracy: share_right(&scored),
            tried: chosen.tried,
            before,
            after,
            thresholds,
            best: threshold_of_highest_precision(&behind),
            calibrated: Calibrated {
                model: Some(first(&identity_of(digest))),
                fingerprint: Some(first(fingerprint)),
                rows: cases.len() as u64,
                map,
                fields: fields.iter().map(|fit| (fit.field.clone(), fit.map.clone())).collect(),
                threshold,
            },
            fields,
        })
    }

    /// Whether there was too little to learn from.
    pub(crate) fn is_untried(&self) -> bool {
        self.tried.is_empty()
    }
}

fn share_right(scored: &[(f32, bool)]) -> f64 {
    scored.iter().filter(|(_, right)| *right).count() as f64 / scored.len().max(1) as f64
}

fn worth(scored: &[(f32, bool)]) -> Option<Worth> {
    let scored: Vec<(f64, bool)> = scored.iter().map(|(sure, right)| (f64::from(*sure), *right)).collect();
    let reliability = Reliability::of(&scored)?;
    Some(Worth {
        ece: reliability.ece,
        brier: brier(&scored)?,
        reliability: reliability.bins,
    })
}

/// What the confidence of each field becomes: by a function of its own where there are values enough, else by that of all
/// fields together.
fn fields(task: &Task, cases: &[Case], answers: &[Answer]) -> Vec<FieldFit> {
    if task.fields.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<(f32, bool)> = Vec::new();
    let mut of_fields: Vec<Vec<(f32, bool)>> = vec![Vec::new(); task.fields.len()];
    for (case, answer) in cases
        .iter()
        .zip(answers)
        .filter(|(_, answer)| answer.status == Status::Ok)
    {
        for scored in &answer.scores {
            let name = field_of(&scored.value);
            let Some(at) = task.fields.iter().position(|field| field.name == name) else {
                continue;
            };
            let own = task.confidence.of_scored(scored);
            let value = (own, is_right(&scored.value, &answer.value, &case.expected));
            all.push(value);
            of_fields[at].push(value);
        }
    }
    let shared = ChosenCalibration::of(&all, SEED).calibration.rounded();
    let fits = task
        .fields
        .iter()
        .zip(of_fields)
        .filter(|(_, values)| !values.is_empty());
    fits.map(|(field, values)| {
        let chosen = ChosenCalibration::of(&values, SEED);
        let is_shared = chosen.tried.is_empty();
        FieldFit {
            field: field.name.clone(),
            values: values.len() as u64,
            accuracy: share_right(&values),
            map: if is_shared {
                shared.clone()
            } else {
                chosen.calibration.rounded()
            },
            shared: is_shared,
        }
    })
    .collect()
}

/// Whether what stands at a path of an answer, such as `parts[0].name`, is right: the same at the same path, where a list
/// may hold it at any place.
fn is_right(path: &str, answer: &Value, expected: &Value) -> bool {
    let steps: Vec<&str> = path.split(['.', '[']).map(|step| step.trim_end_matches(']')).collect();
    let said = steps.iter().try_fold(answer, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    });
    let said = said.unwrap_or(&Value::Null);
    let mut there: Vec<&Value> = vec![expected];
    for step in &steps {
        there = there
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(items) => items.iter().collect::<Vec<&Value>>(),
                other => other.get(step).into_iter().collect(),
            })
            .collect();
    }
    if said.is_null() {
        return there.iter().all(|value| value.is_null());
    }
    there.iter().any(|value| is_same(value, said))
}

fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.split_whitespace().eq(right.split_whitespace()),
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (left, right) => left == right,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use refuel_task::{RenderedInput, Scored};
    use serde_json::json;

    use super::*;

    fn case(expected: Value) -> Case {
        Case {
            place: "1".to_owned(),
            input: Ok(RenderedInput::text("text")),
            expected,
            slices: Vec::new(),
        }
    }

    fn answer(value: Value, confidence: f32) -> Answer {
        Answer {
            value,
            confidence: Some(confidence),
            raw_confidence: Some(confidence),
            status: Status::Ok,
            reason: None,
            ..Answer::error("m@1", "")
        }
    }

    /// 400 answers that say that they are twice as sure, in logits, as they are.
    fn rows() -> (Vec<Case>, Vec<Answer>) {
        let mut random = fastrand::Rng::with_seed(3);
        (0..400)
            .map(|_| {
                let truth = random.f64();
                let odds = (truth / (1.0 - truth)).powi(2);
                let right = random.f64() < truth;
                let expected = if right { "refund" } else { "other" };
                (
                    case(expected.into()),
                    answer("refund".into(), (odds / (1.0 + odds)) as f32),
                )
            })
            .unzip()
    }

    fn task(more: &str) -> Task {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("topic.yml");
        fs_err::write(
            &path,
            format!("kind: label\ninput: body\nlabels: [refund, other]\n{more}"),
        )
        .unwrap();
        Task::to_calibrate(&path).unwrap()
    }

    #[test]
    fn confidence_that_says_too_much_is_mended() {
        let (cases, answers) = rows();
        let digest = "0123456789abcdef".repeat(4);
        let fit = Fit::of(
            &task("threshold: auto\ntarget_precision: 0.8\n"),
            &cases,
            &answers,
            &digest,
            &digest,
        )
        .unwrap();
        assert!(
            fit.after.ece < fit.before.ece && fit.after.brier < fit.before.brier,
            "{fit:?}"
        );
        let threshold = fit.calibrated.threshold.unwrap();
        assert!((0.7..0.95).contains(&threshold.value), "{threshold:?}");
        assert!(threshold.at_least >= 0.8 && threshold.precision > threshold.at_least);
        assert_eq!(fit.calibrated.model.as_deref(), Some("0123456789ab"));
        // What was chosen accepts, behind the gate, just what it was chosen to.
        let gate = refuel_task::Gate {
            threshold: Some(threshold.value),
            calibrated: Some(fit.calibrated.clone()),
            ..refuel_task::Gate::default()
        };
        let accepted = answers
            .into_iter()
            .filter(|answer| gate.apply(answer.clone()).status == Status::Ok);
        assert_eq!(accepted.count() as u64, threshold.accepted);
    }

    #[test]
    fn what_can_not_be_kept_has_no_threshold() {
        let (cases, answers) = rows();
        let fit = Fit::of(
            &task("threshold: auto\ntarget_precision: 0.999\n"),
            &cases,
            &answers,
            "",
            "",
        )
        .unwrap();
        assert_eq!(fit.calibrated.threshold, None);
        assert!(fit.best.unwrap().precision_lower < 0.999);
    }

    #[test]
    fn few_rows_leave_confidence_as_it_is() {
        let (cases, answers) = rows();
        let fit = Fit::of(&task(""), &cases[..20], &answers[..20], "", "").unwrap();
        assert!(fit.is_untried() && fit.calibrated.map == CalibrationMap::None);
        assert_eq!(fit.thresholds.len(), PRECISIONS.len());
        let failed = [Answer::error("m@1", "no")];
        assert!(Fit::of(&task(""), &cases[..1], &failed, "", "").is_none());
    }

    #[test]
    fn a_field_is_right_where_its_value_stands_there() {
        let expected =
            json!({"brand": "Sony  A", "price": 5, "parts": [{"name": "bolt"}, {"name": "nut"}], "size": null});
        let said = json!({"brand": "Sony A", "price": 5.0, "parts": [{"name": "nut"}, {"name": "pin"}], "size": null});
        let right = |path: &str| is_right(path, &said, &expected);
        assert!(right("brand") && right("price") && right("parts[0].name") && right("size"));
        assert!(!right("parts[1].name"));
        assert!(
            !is_right("size", &json!({"size": 4}), &expected),
            "nothing is to be there"
        );
        assert!(
            !is_right("price", &json!({"price": null}), &expected),
            "something is to be there"
        );
    }

    #[test]
    fn fields_without_values_enough_share_a_function() {
        let text = "kind: extract\ninput: body\nfields: [brand, size]\n";
        let task = Task::from_yaml(text, "t", Path::new(".")).unwrap();
        let scored = |path: &str, sure: f32| Scored {
            value: path.to_owned(),
            confidence: sure,
            raw_confidence: sure,
            span: None,
        };
        let (mut cases, mut answers) = (Vec::new(), Vec::new());
        for row in 0..60 {
            let brand = if row % 3 == 0 { "Dell" } else { "Sony" };
            cases.push(case(json!({"brand": brand, "size": null})));
            let mut scores = vec![scored("brand", 0.9)];
            if row < 10 {
                scores.push(scored("size", 0.8));
            }
            answers.push(Answer {
                scores,
                ..answer(json!({"brand": "Sony", "size": null}), 0.9)
            });
        }
        let fit = Fit::of(&task, &cases, &answers, "", "").unwrap();
        let told: Vec<(&str, u64, bool)> = fit
            .fields
            .iter()
            .map(|field| (field.field.as_str(), field.values, field.shared))
            .collect();
        assert_eq!(told, [("brand", 60, false), ("size", 10, true)]);
        assert!((fit.fields[0].accuracy - 2.0 / 3.0).abs() < 1e-9);
        assert!(
            (fit.fields[0].map.apply(0.9) - 2.0 / 3.0).abs() < 0.05,
            "{:?}",
            fit.fields[0]
        );
        assert_eq!(fit.calibrated.fields.len(), 2);
    }
}
