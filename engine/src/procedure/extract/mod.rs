//! The fields of a record: JSON that the model writes under a grammar, so that it is never anything else.

mod record;
mod writer;

use rayon::prelude::*;
use refuel_task::{Answer, Field, Plan, Task};

use super::{Asked, Procedure};
use crate::error::EngineError;
use crate::guide::{Grammar, Guide, needs_input};
use crate::model::Model;
use crate::session::OnRows;

pub(super) use writer::RecordWriter;

/// See the module.
pub(crate) struct Extract {
    writer: RecordWriter,
    fields: Vec<Field>,
    /// The grammar, where it is the same for every input.
    shared: Option<Grammar>,
}

impl Extract {
    pub(crate) fn new(model: &Model, task: &Task, plan: &Plan, drafts: usize) -> Result<Self, EngineError> {
        let writer = RecordWriter::new(model, task, plan, drafts)?;
        // With no input, what is wrong with the grammar is wrong with the task on this model.
        let grammar = writer
            .grammar(&task.fields, "")
            .map_err(|reason| EngineError::Grammar {
                model: model.name.clone(),
                reason,
            })?;
        Ok(Self {
            writer,
            shared: (!needs_input(&task.fields)).then_some(grammar),
            fields: task.fields.clone(),
        })
    }

    fn guide(&self, input: &str) -> Result<Box<dyn Guide>, String> {
        match &self.shared {
            Some(grammar) => Ok(grammar.guide()),
            None => Ok(self.writer.grammar(&self.fields, input)?.guide()),
        }
    }
}

impl Procedure for Extract {
    fn tokens_after_row(&self) -> usize {
        self.writer.max_tokens()
    }

    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        let guides: Vec<Result<Box<dyn Guide>, String>> = asked
            .questions
            .par_iter()
            .map(|question| self.guide(&question.input.text))
            .collect();
        let generated = self.writer.write(asked, guides, on_rows)?;
        let answers = asked.questions.iter().zip(generated).map(|(question, generated)| {
            self.writer
                .answer(asked.model, question, &self.fields, &generated, |record| record)
        });
        Ok(answers.collect())
    }
}
