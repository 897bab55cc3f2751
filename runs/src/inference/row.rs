//! From an answer, as the model gave it, and a person's verdict, to the row of a table of answers.

use refuel_state::Verdict;
use refuel_task::{Answer, Status, Task};
use serde_json::Value;

/// What the candidate of a `match` is called that stands for "the same thing".
const SAME: &str = "yes";

/// What becomes of rows that are made of an answer. A row's gate is the worst of the answers behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum GateOutcome {
    /// Good enough.
    Accepted = 0,
    /// A person should look.
    Review = 1,
    /// Of no use.
    Rejected = 2,
}

/// The columns of an answer behind its keys and arguments.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AnswerRow {
    /// The value behind the gate.
    pub(crate) value: Value,
    /// Probability of what the model said, normalized, in `[0, 1]`.
    pub(crate) confidence: Option<f32>,
    /// For `match`: probability that both are the same thing.
    pub(crate) score: Option<f32>,
    /// What becomes of it.
    pub(crate) gate: GateOutcome,
    /// `ok`, `abstained`, `error`.
    pub(crate) status: &'static str,
    /// `model`, `cache`, `human`.
    pub(crate) source: &'static str,
    /// Why it can't be used, or what was done to the input.
    pub(crate) reason: Option<String>,
}

impl AnswerRow {
    /// Gates an answer. A person's verdict outranks it, and is as sure as can be.
    pub(crate) fn new(task: &Task, answer: Option<&Answer>, verdict: Option<&Verdict>) -> Self {
        let score = answer.and_then(match_score);
        match verdict {
            Some(Verdict::Value(value)) => Self {
                score: as_score(value).or(score),
                value: value.clone(),
                confidence: Some(1.0),
                gate: GateOutcome::Accepted,
                status: "ok",
                source: "human",
                reason: None,
            },
            Some(Verdict::Reject) => Self {
                value: Value::Null,
                confidence: answer.and_then(|answer| task.gate().calibrate(answer.clone()).confidence),
                score,
                gate: GateOutcome::Rejected,
                status: "abstained",
                source: "human",
                reason: Some("a person rejected every answer".to_owned()),
            },
            None => match answer {
                Some(answer) => Self::of_answer(task, answer, score),
                None => Self::of_answer(task, &Answer::error("", "the input was left without an answer"), None),
            },
        }
    }

    fn of_answer(task: &Task, answer: &Answer, score: Option<f32>) -> Self {
        let gated = task.gate().apply(answer.clone());
        let (gate, status) = match gated.status {
            Status::Ok => (GateOutcome::Accepted, "ok"),
            Status::Abstained => (GateOutcome::Review, "abstained"),
            Status::Error => (GateOutcome::Rejected, "error"),
        };
        Self {
            value: gated.value,
            confidence: gated.confidence,
            score,
            gate,
            status,
            source: match gated.source {
                refuel_task::Source::Cache => "cache",
                refuel_task::Source::Human => "human",
                refuel_task::Source::Rule => "rule",
                refuel_task::Source::Similar => "similar",
                refuel_task::Source::Head => "head",
                refuel_task::Source::Model | refuel_task::Source::Duplicate => "model",
            },
            reason: gated.reason,
        }
    }
}

/// The probability of a match: the candidate's own where scores came along, else what the confidence says.
fn match_score(answer: &Answer) -> Option<f32> {
    let scored = answer.scores.iter().find(|scored| scored.value == SAME);
    match (scored, &answer.value, answer.confidence) {
        (_, value, _) if !value.is_boolean() => None,
        (Some(scored), _, _) => Some(scored.confidence),
        (None, Value::Bool(true), Some(confidence)) => Some(confidence),
        (None, Value::Bool(false), Some(confidence)) => Some(1.0 - confidence),
        _ => None,
    }
}

fn as_score(value: &Value) -> Option<f32> {
    value.as_bool().map(|same| if same { 1.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn task(more: &str) -> Task {
        let text = format!("kind: label\ninput: body\nlabels: [refund, other]\n{more}");
        Task::from_yaml(&text, "topic", Path::new(".")).unwrap()
    }

    fn answer(value: Value, confidence: f32) -> Answer {
        Answer {
            value,
            confidence: Some(confidence),
            status: Status::Ok,
            reason: None,
            ..Answer::error("m@1", "")
        }
    }

    #[test]
    fn an_answer_is_accepted_sent_to_review_or_rejected() {
        let task = task("threshold: 0.5\nfallback: unclear\n");
        let sure = AnswerRow::new(&task, Some(&answer("refund".into(), 0.9)), None);
        assert_eq!((sure.gate, sure.value), (GateOutcome::Accepted, "refund".into()));
        let unsure = AnswerRow::new(&task, Some(&answer("refund".into(), 0.3)), None);
        assert_eq!((unsure.gate, unsure.status), (GateOutcome::Review, "abstained"));
        assert_eq!(unsure.value, "unclear", "the fallback");
        assert_eq!(unsure.confidence, Some(0.3), "what the model had is still seen");
        let failed = AnswerRow::new(&task, Some(&Answer::error("m@1", "input is empty")), None);
        assert_eq!((failed.gate, failed.status), (GateOutcome::Rejected, "error"));
        assert_eq!(failed.reason.as_deref(), Some("input is empty"));
    }

    #[test]
    fn a_verdict_outranks_the_model_and_can_reject() {
        let task = task("threshold: 0.5\n");
        let said = answer("refund".into(), 0.99);
        let verdict = Verdict::Value("other".into());
        let row = AnswerRow::new(&task, Some(&said), Some(&verdict));
        assert_eq!(
            (row.value, row.gate, row.source),
            ("other".into(), GateOutcome::Accepted, "human")
        );
        let row = AnswerRow::new(&task, Some(&said), Some(&Verdict::Reject));
        assert_eq!((row.value, row.gate), (Value::Null, GateOutcome::Rejected));
        assert_eq!(
            row.status, "abstained",
            "it is answered: nobody needs to be asked again"
        );
        let row = AnswerRow::new(&task, None, Some(&verdict));
        assert_eq!(row.gate, GateOutcome::Accepted, "an input that no model has seen");
    }

    #[test]
    fn the_score_of_a_match_is_the_probability_of_the_same() {
        let different = answer(false.into(), 0.8);
        let task = Task::from_yaml("kind: match\ninput: {a: x, b: y}\n", "same", Path::new(".")).unwrap();
        let row = AnswerRow::new(&task, Some(&different), None);
        assert!((row.score.unwrap() - 0.2).abs() < 1e-6);
        let row = AnswerRow::new(&task, Some(&different), Some(&Verdict::Value(true.into())));
        assert_eq!(row.score, Some(1.0));
    }
}
