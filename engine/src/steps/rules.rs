//! Rules of a task of kind `label`: the first that holds gives the label.

use refuel_task::{Answer, RULES_MODEL, RenderedInput, Source, Status, Task};
use serde_json::Value;

use super::{Reply, Step};
use crate::cancel::Cancel;
use crate::error::EngineError;

/// What a rule says is taken for certain: whoever wrote it meant it. An evaluation tells how right it is.
const CERTAIN: f32 = 1.0;

/// See the module.
pub(crate) struct Rules {
    task: Task,
    /// Whether nothing follows that could answer.
    last: bool,
}

impl Rules {
    /// The rules of a task.
    pub(crate) fn new(task: &Task, last: bool) -> Self {
        Self {
            task: task.clone(),
            last,
        }
    }

    /// The answer of the rule that holds for an input. None where none does.
    pub(crate) fn answer(task: &Task, input: &RenderedInput) -> Option<Answer> {
        let rule = task.rule_for(&input.text)?;
        Some(Answer {
            value: Value::from(rule.label.as_str()),
            confidence: Some(CERTAIN),
            raw_confidence: Some(CERTAIN),
            status: Status::Ok,
            reason: Some(format!("rule: {}", rule.describe())),
            source: Source::Rule,
            ..Answer::error(RULES_MODEL, "")
        })
    }

    /// Where no rule holds and nothing else is asked. The fallback is the gate's: what is kept must not hold one.
    fn none() -> Answer {
        Answer {
            status: Status::Abstained,
            source: Source::Rule,
            ..Answer::error(RULES_MODEL, "no rule holds for it")
        }
    }
}

impl Step for Rules {
    fn digest(&self) -> String {
        RULES_MODEL.to_owned()
    }

    fn ask(&self, inputs: &[&RenderedInput], _cancel: &Cancel) -> Result<Vec<Reply>, EngineError> {
        let reply = |input: &&RenderedInput| match Self::answer(&self.task, input) {
            Some(answer) => Reply::Answered(answer),
            None => Reply::Passed {
                input: None,
                otherwise: self.last.then(Self::none),
            },
        };
        Ok(inputs.iter().map(reply).collect())
    }

    fn answers_all(&self) -> bool {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_rule_answers_for_certain_and_what_none_holds_for_abstains() {
        let text = "name: t\nkind: label\ninput: body\nlabels: [refund, other]\nfallback: other\nstrategy: rules\nrules: [{contains: money, label: refund}]";
        let task = Task::from_yaml(text, "t.yml", Path::new(".")).unwrap();
        let rules = Rules::new(&task, true);
        let inputs = ["My MONEY!", "hello"].map(RenderedInput::text);
        let inputs: Vec<&RenderedInput> = inputs.iter().collect();
        let replies = rules.ask(&inputs, &Cancel::new()).unwrap();
        let Reply::Answered(answer) = &replies[0] else {
            panic!("{replies:?}")
        };
        assert_eq!((&answer.value, answer.confidence), (&"refund".into(), Some(1.0)));
        assert_eq!(answer.reason.as_deref(), Some("rule: contains \"money\""));
        let Reply::Passed {
            otherwise: Some(answer),
            ..
        } = &replies[1]
        else {
            panic!("{replies:?}")
        };
        assert_eq!((&answer.value, answer.status), (&Value::Null, Status::Abstained));
        assert_eq!(task.gate().apply(answer.clone()).value, "other");
    }
}
