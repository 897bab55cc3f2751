//! A text that the rules mended, mended further by the model. An edit that goes too far is no answer: the text stays as the
//! rules left it.

use refuel_task::{Answer, Cleaning, Plan, Status, Task};
use serde_json::Value;

use super::{Asked, Generate, Procedure, Question, answered};
use crate::error::EngineError;
use crate::model::Model;
use crate::session::OnRows;

/// See the module.
pub(crate) struct Clean {
    cleaning: Cleaning,
    generate: Generate,
}

impl Clean {
    pub(crate) fn new(
        model: &Model,
        task: &Task,
        cleaning: &Cleaning,
        plan: &Plan,
        drafts: usize,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            cleaning: cleaning.clone(),
            generate: Generate::new(model, task, plan, drafts)?,
        })
    }

    /// The text as the rules left it, and what they did.
    fn mended<'q>(&self, question: &'q Question<'_>) -> (&'q str, Option<String>) {
        match &question.input.sides {
            Some([original, mended]) => (mended, self.cleaning.mend(original).told),
            None => (&question.input.text, None),
        }
    }
}

impl Procedure for Clean {
    fn tokens_after_row(&self) -> usize {
        self.generate.tokens_after_row()
    }

    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        // Of a text that is read in part the rest would be lost.
        let whole: Vec<Question<'_>> = asked
            .questions
            .iter()
            .filter(|question| question.row.cut.is_none())
            .map(|question| Question {
                input: question.input,
                row: question.row.clone(),
            })
            .collect();
        on_rows(asked.questions.len() - whole.len());
        let to_write = Asked {
            questions: &whole,
            ..asked
        };
        let mut written = self.generate.write(to_write, on_rows)?.into_iter();
        let answers = asked.questions.iter().map(|question| {
            let (mended, told) = self.mended(question);
            let made = question.row.cut.is_none().then(|| written.next()).flatten();
            let confidence = made.as_ref().map(|made| made.confidence);
            let mut answer = answered(asked.model, question, Value::from(mended), confidence, confidence);
            answer.reason = None;
            let judged = match made {
                None => Err("the text is longer than the model reads at once".to_owned()),
                Some(made) => {
                    answer.output_tokens = made.tokens;
                    match (made.cut, self.cleaning.judge(mended, &made.text)) {
                        (Some(cut), _) => Err(cut),
                        (None, Ok(edit)) => Ok((made.text, edit)),
                        (None, Err(why)) => Err(why),
                    }
                }
            };
            let by_model = match judged {
                Ok((text, edit)) => {
                    answer.value = text.into();
                    edit.map(|edit| format!("edited by the model: {edit}"))
                }
                Err(why) => {
                    answer.status = Status::Abstained;
                    Some(format!("the model's edit is left out: {why}"))
                }
            };
            answer.reason = match (by_model, told) {
                (Some(by_model), Some(told)) => Some(format!("{by_model}; {told}")),
                (by_model, told) => by_model.or(told),
            };
            answer
        });
        Ok(answers.collect())
    }
}
