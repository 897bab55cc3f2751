//! The rule that decides whether an answer is sure enough to be used.

use serde_json::Value;

use crate::answer::{Answer, Status};
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
}

impl Gate {
    /// Gates an answer. Errors stay errors. An answer without the confidence that counts can't be sure enough.
    ///
    /// The scores are kept, so that what the model would have said can still be seen.
    #[must_use]
    pub fn apply(&self, mut answer: Answer) -> Answer {
        let Some(threshold) = self.threshold else { return answer };
        if answer.status != Status::Ok {
            return answer;
        }
        let confidence = match self.confidence {
            Confidence::Normalized => answer.confidence,
            Confidence::Raw => answer.raw_confidence,
        };
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Source;

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
    fn the_confidence_that_counts_can_be_the_raw_one() {
        let gate = Gate {
            confidence: Confidence::Raw,
            ..gate(0.8)
        };
        assert_eq!(gate.apply(answer(Some(0.1))).status, Status::Ok);
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
