//! The rule that decides whether an answer is sure enough to be used.

use serde_json::Value;

use crate::answer::{Answer, Status};
use crate::calibrated::Calibrated;
use crate::task::Confidence;

/// The rule. It is not part of a task's fingerprint: caches keep answers as the model gave them, and each reader gates
/// them anew.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gate {
    /// Answers with less confidence abstain. None lets everything through.
    pub threshold: Option<f32>,
    /// Which confidence counts.
    pub confidence: Confidence,
    /// The value of an answer that abstains; null where there is none.
    pub fallback: Option<Value>,
    /// What the confidence that counts becomes before it is compared.
    pub calibrated: Option<Calibrated>,
}

impl Gate {
    /// Gates an answer as the model gave it; one that was gated before must not pass again, since its confidence would be
    /// calibrated twice. Errors stay errors. An answer without the confidence that counts can't be sure enough.
    ///
    /// The scores are kept, so that what the model would have said can still be seen.
    #[must_use]
    pub fn apply(&self, answer: Answer) -> Answer {
        let mut answer = self.calibrate(answer);
        // Rules that have no answer abstain whatever the threshold is.
        if answer.status == Status::Abstained && answer.value.is_null() {
            answer.value = self.fallback.clone().unwrap_or(Value::Null);
        }
        let Some(threshold) = self.threshold else { return answer };
        if answer.status != Status::Ok {
            return answer;
        }
        let confidence = self.counted(&answer);
        // Written so that a confidence that is not a number does not pass.
        if confidence.is_some_and(|confidence| confidence >= threshold) {
            return answer;
        }
        let why = match confidence {
            Some(confidence) => format!("confidence {confidence:.3} is below the threshold {threshold}"),
            None => "the answer has no confidence to compare with the threshold".to_owned(),
        };
        answer.status = Status::Abstained;
        answer.value = self.fallback.clone().unwrap_or(Value::Null);
        answer.reason = Some(match answer.reason {
            Some(reason) => format!("{why}; {reason}"),
            None => why,
        });
        answer
    }

    /// An answer as the model gave it, with its confidence calibrated where the task has a calibration.
    #[must_use]
    pub fn calibrate(&self, answer: Answer) -> Answer {
        match &self.calibrated {
            Some(calibrated) => calibrated.apply(self.confidence, answer),
            None => answer,
        }
    }

    /// The confidence that is compared with the threshold, of an answer as the model gave it.
    pub fn confidence_of(&self, answer: &Answer) -> Option<f32> {
        let own = self.own_confidence(answer);
        match &self.calibrated {
            Some(calibrated) if Calibrated::is_for(answer) => own.map(|own| calibrated.map.apply(own)),
            _ => own,
        }
    }

    /// The threshold for the confidence that counts before it is calibrated. More than 1 where no confidence passes.
    pub fn own_threshold(&self) -> Option<f32> {
        let threshold = self.threshold?;
        Some(match &self.calibrated {
            Some(calibrated) => calibrated.map.least(threshold).unwrap_or(f32::INFINITY),
            None => threshold,
        })
    }

    /// The confidence that counts, before it is calibrated.
    pub fn own_confidence(&self, answer: &Answer) -> Option<f32> {
        self.confidence.of(answer)
    }

    /// The confidence that counts, of an answer whose confidence was calibrated.
    fn counted(&self, answer: &Answer) -> Option<f32> {
        if self.calibrated.is_some() {
            answer.confidence
        } else {
            self.own_confidence(answer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Source;
    use crate::calibrated::CalibrationMap;

    fn answer(confidence: Option<f32>) -> Answer {
        Answer {
            value: "refund".into(),
            confidence,
            raw_confidence: Some(0.9),
            status: Status::Ok,
            source: Source::Cache,
            ..Answer::error("m@1", "unused")
        }
    }

    fn gate(threshold: f32) -> Gate {
        Gate {
            threshold: Some(threshold),
            ..Gate::default()
        }
    }

    #[test]
    fn an_answer_at_the_threshold_passes_and_one_below_abstains() {
        assert_eq!(gate(0.5).apply(answer(Some(0.5))).status, Status::Ok);
        let low = gate(0.5).apply(answer(Some(0.41)));
        assert_eq!(low.status, Status::Abstained);
        assert_eq!(low.value, Value::Null);
        assert_eq!(
            low.reason.as_deref(),
            Some("confidence 0.410 is below the threshold 0.5; unused")
        );
    }

    #[test]
    fn the_fallback_is_the_value_of_an_answer_that_abstains() {
        let gate = Gate {
            fallback: Some("other".into()),
            ..gate(0.5)
        };
        assert_eq!(gate.apply(answer(Some(0.1))).value, "other");
        assert_eq!(gate.apply(answer(Some(0.9))).value, "refund");
    }

    #[test]
    fn what_abstains_by_itself_has_the_fallback_where_it_has_no_value() {
        let gate = Gate {
            fallback: Some("other".into()),
            ..Gate::default()
        };
        let abstained = |value: Value| Answer {
            status: Status::Abstained,
            value,
            ..answer(None)
        };
        assert_eq!(gate.apply(abstained(Value::Null)).value, "other");
        assert_eq!(gate.apply(abstained("mended".into())).value, "mended");
    }

    #[test]
    fn the_confidence_that_counts_can_be_the_raw_one() {
        let gate = Gate {
            confidence: Confidence::Raw,
            ..gate(0.8)
        };
        assert_eq!(gate.apply(answer(Some(0.1))).status, Status::Ok);
    }

    fn calibrated(confidence: Confidence) -> Gate {
        Gate {
            confidence,
            calibrated: Some(Calibrated {
                model: None,
                fingerprint: None,
                rows: 100,
                map: CalibrationMap::Temperature { temperature: 2.0 },
                fields: Vec::new(),
                threshold: None,
            }),
            ..gate(0.8)
        }
    }

    #[test]
    fn the_threshold_is_compared_with_calibrated_confidence() {
        let gated = calibrated(Confidence::Normalized).apply(answer(Some(0.9)));
        assert_eq!(gated.status, Status::Abstained, "0.9 is 0.75");
        assert!((gated.confidence.unwrap() - 0.75).abs() < 1e-6);
        assert_eq!(gated.raw_confidence, Some(0.9));
        assert_eq!(
            calibrated(Confidence::Raw).apply(answer(Some(0.99))).status,
            Status::Abstained
        );
        assert_eq!(
            calibrated(Confidence::Normalized).apply(answer(Some(0.99))).status,
            Status::Ok
        );
    }

    /// A queue in a database compares what it keeps, which is not calibrated.
    #[test]
    fn an_answer_passes_where_its_own_confidence_reaches_the_own_threshold() {
        for counts in [Confidence::Normalized, Confidence::Raw] {
            let gate = calibrated(counts);
            let least = gate.own_threshold().unwrap();
            for confidence in [0.0, 0.5, 0.9, least, f32::from_bits(least.to_bits() - 1), 1.0] {
                let answer = Answer {
                    raw_confidence: Some(confidence),
                    ..answer(Some(confidence))
                };
                let passes = gate.own_confidence(&answer).unwrap() >= least;
                assert_eq!(gate.confidence_of(&answer).unwrap() >= 0.8, passes);
                assert_eq!(gate.apply(answer).status == Status::Ok, passes, "{confidence}");
            }
        }
    }

    #[test]
    fn what_is_not_a_number_does_not_pass() {
        assert_eq!(gate(0.0).apply(answer(Some(f32::NAN))).status, Status::Abstained);
        assert_eq!(gate(0.0).apply(answer(None)).status, Status::Abstained);
    }

    #[test]
    fn errors_stay_errors_and_no_threshold_lets_everything_through() {
        let failed = Answer::error("m@1", "input is empty");
        assert_eq!(gate(0.5).apply(failed.clone()), failed);
        let unsure = answer(Some(0.01));
        assert_eq!(Gate::default().apply(unsure.clone()), unsure);
    }
}
