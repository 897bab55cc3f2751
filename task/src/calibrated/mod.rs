//! What was learned of a task's confidence from rows whose right answer is known. It re-gates answers and changes none,
//! so that no fingerprint has it.

mod map;
mod write;

use std::fmt;

use serde::Serialize;

use crate::answer::{Answer, Source, Status};
use crate::task::Confidence;

pub use map::CalibrationMap;

/// Hexadecimal digits of a digest or fingerprint that a calibration keeps.
pub const KEPT_DIGITS: usize = 12;

/// How confident answers of a task really are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrated {
    /// First digits of the [identity](identity_of) of what gave the answers that were looked at. None where that is nothing
    /// that could be another.
    pub model: Option<String>,
    /// First digits of the fingerprint that the task had.
    pub fingerprint: Option<String>,
    /// Rows that were looked at.
    pub rows: u64,
    /// What the confidence of an answer becomes.
    pub map: CalibrationMap,
    /// For `extract`: what the confidence of a field becomes, by the field's name.
    pub fields: Vec<(String, CalibrationMap)>,
    /// The threshold that was chosen, where the task asks for one.
    pub threshold: Option<ChosenThreshold>,
}

/// A threshold that was chosen to keep a precision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChosenThreshold {
    /// Answers with this confidence or more are accepted.
    pub value: f32,
    /// The share of accepted answers that was to be right.
    pub target: f64,
    /// Rows that it accepts of those that were looked at.
    pub accepted: u64,
    /// The share of these that is right.
    pub precision: f64,
    /// Lower bound of that share, at 95 % one-sided.
    pub at_least: f64,
}

/// Why a calibration says nothing of the answers at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// Another model gave the answers that it was made from.
    Model,
    /// The task asked for something else.
    Task,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "the calibration of the task was made with another model",
            Self::Task => "the task was changed after its calibration was made",
        })
    }
}

impl Calibrated {
    /// Whether it was made from answers of the model with this digest to the task with this fingerprint.
    ///
    /// # Errors
    /// What it was made from instead.
    pub fn holds_for(&self, digest: &str, fingerprint: &str) -> Result<(), Mismatch> {
        let is = |kept: &Option<String>, whole: &str| kept.as_ref().is_none_or(|kept| whole.starts_with(kept.as_str()));
        if !is(&self.model, &identity_of(digest)) {
            return Err(Mismatch::Model);
        }
        if !is(&self.fingerprint, fingerprint) {
            return Err(Mismatch::Task);
        }
        Ok(())
    }

    /// The answer with the confidence that was found for the one that counts. The raw confidence stays as it is; of a
    /// record, so do those of fields of which nothing is known. A person's verdict is as sure as it was.
    #[must_use]
    pub fn apply(&self, counts: Confidence, mut answer: Answer) -> Answer {
        if !Self::is_for(&answer) {
            return answer;
        }
        answer.confidence = counts.of(&answer).map(|own| self.map.apply(own));
        for scored in &mut answer.scores {
            if let Some(map) = self.of_field(field_of(&scored.value)) {
                scored.confidence = map.apply(counts.of_scored(scored));
            }
        }
        answer
    }

    /// Whether the confidence of an answer is a model's, that is: a person's verdict is as sure as it was.
    pub(crate) fn is_for(answer: &Answer) -> bool {
        answer.status == Status::Ok && answer.source != Source::Human
    }

    fn of_field(&self, name: &str) -> Option<&CalibrationMap> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, map)| map)
    }
}

/// What tells models apart that answer: the digest of one, in hexadecimal digits; where heads or rules answer before it, the
/// BLAKE3 hash of what all of them are known by.
pub fn identity_of(digest: &str) -> String {
    let plain = digest.strip_prefix("sha256:").unwrap_or(digest);
    if plain.len() >= KEPT_DIGITS && plain.chars().all(|digit| digit.is_ascii_hexdigit()) {
        plain.to_lowercase()
    } else {
        blake3::hash(plain.as_bytes()).to_hex().to_string()
    }
}

/// The field that a path such as `parts[0].name` begins with.
pub fn field_of(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Scored;

    fn calibrated() -> Calibrated {
        Calibrated {
            model: Some("71b892bd0266".to_owned()),
            fingerprint: Some("0a1b2c3d4e5f".to_owned()),
            rows: 100,
            map: CalibrationMap::Platt {
                slope: 0.5,
                intercept: 0.0,
            },
            fields: vec![("parts".to_owned(), CalibrationMap::Temperature { temperature: 2.0 })],
            threshold: None,
        }
    }

    fn answer() -> Answer {
        let scored = |path: &str| Scored {
            value: path.to_owned(),
            confidence: 0.9,
            raw_confidence: 0.5,
            span: None,
        };
        Answer {
            confidence: Some(0.9),
            raw_confidence: Some(0.5),
            status: Status::Ok,
            scores: vec![scored("parts[0].name"), scored("price")],
            ..Answer::error("m@71b892bd0266", "unused")
        }
    }

    #[test]
    fn confidence_is_mapped_and_raw_confidence_stays() {
        let mapped = calibrated().apply(Confidence::Normalized, answer());
        assert!((mapped.confidence.unwrap() - 0.75).abs() < 1e-6);
        assert_eq!(mapped.raw_confidence, Some(0.5));
        assert!(
            (mapped.scores[0].confidence - 0.75).abs() < 1e-6,
            "by the field at the root"
        );
        assert!(
            (mapped.scores[1].confidence - 0.9).abs() < 1e-6,
            "nothing is known of it"
        );
        let raw = calibrated().apply(Confidence::Raw, answer());
        assert!(
            (raw.confidence.unwrap() - 0.5).abs() < 1e-6,
            "the one that counts is mapped"
        );
    }

    #[test]
    fn verdicts_and_errors_stay_as_they_are() {
        let verdict = Answer {
            source: Source::Human,
            ..answer()
        };
        assert_eq!(calibrated().apply(Confidence::Normalized, verdict.clone()), verdict);
        let failed = Answer::error("m@1", "input is empty");
        assert_eq!(calibrated().apply(Confidence::Normalized, failed.clone()), failed);
    }

    #[test]
    fn a_calibration_belongs_to_a_model_and_a_task() {
        let whole = |start: &str| format!("{start}ffff");
        let holds = |digest: &str, fingerprint: &str| calibrated().holds_for(digest, fingerprint);
        assert_eq!(holds(&whole("sha256:71b892bd0266"), &whole("0a1b2c3d4e5f")), Ok(()));
        assert_eq!(
            holds(&whole("81b892bd0266"), &whole("0a1b2c3d4e5f")),
            Err(Mismatch::Model)
        );
        assert_eq!(
            holds(&whole("71b892bd0266"), &whole("1a1b2c3d4e5f")),
            Err(Mismatch::Task)
        );
        let anywhere = Calibrated {
            model: None,
            fingerprint: None,
            ..calibrated()
        };
        assert_eq!(anywhere.holds_for("", ""), Ok(()));
        let rules = identity_of("rules@1+71b892bd0266");
        assert!(
            rules.len() == 64 && !rules.starts_with("71b892bd0266"),
            "rules before the model answer otherwise"
        );
    }
}
