//! The missing fields of a record, written under a grammar of these fields alone: what is there can't be written over.

use std::collections::HashMap;

use refuel_task::{Answer, Enriched, Plan, Task};
use serde_json::Value;

use super::extract::RecordWriter;
use super::{Asked, Procedure, Question};
use crate::error::EngineError;
use crate::guide::{Grammar, Guide};
use crate::model::Model;
use crate::session::OnRows;

/// See the module.
pub(crate) struct Enrich {
    writer: RecordWriter,
    task: Task,
}

impl Enrich {
    pub(crate) fn new(model: &Model, task: &Task, plan: &Plan, drafts: usize) -> Result<Self, EngineError> {
        let enrich = Self {
            writer: RecordWriter::new(model, task, plan, drafts)?,
            task: Task {
                examples: None,
                ..task.clone()
            },
        };
        let unusable = |reason: String| EngineError::Grammar {
            model: model.name.clone(),
            reason,
        };
        // Of an empty record all fields are missing: what is wrong with their grammar is wrong with the task.
        let whole = enrich.task.enriched("{}").map_err(unusable)?;
        enrich.writer.grammar(&whole.missing, "").map_err(unusable)?;
        Ok(enrich)
    }

    /// What is known and what is missing of the record of a question.
    fn enriched(&self, question: &Question<'_>) -> Result<Enriched, String> {
        let record = question.input.sides.as_ref().map(|[record, _]| record.as_str());
        self.task.enriched(record.unwrap_or(&question.input.text))
    }
}

impl Procedure for Enrich {
    fn tokens_after_row(&self) -> usize {
        self.writer.max_tokens()
    }

    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        let records: Vec<Result<Enriched, String>> =
            asked.questions.iter().map(|question| self.enriched(question)).collect();
        // Many records lack the same fields.
        let mut grammars: HashMap<Vec<&str>, Result<Grammar, String>> = HashMap::new();
        let mut guides: Vec<Result<Box<dyn Guide>, String>> = Vec::with_capacity(records.len());
        for record in &records {
            guides.push(match record {
                Err(reason) => Err(reason.clone()),
                Ok(record) => {
                    let names: Vec<&str> = record.missing.iter().map(|field| field.name.as_str()).collect();
                    let grammar = grammars
                        .entry(names)
                        .or_insert_with(|| self.writer.grammar(&record.missing, ""));
                    grammar.as_ref().map(Grammar::guide).map_err(Clone::clone)
                }
            });
        }
        let generated = self.writer.write(asked, guides, on_rows)?;
        let answers = asked
            .questions
            .iter()
            .zip(records)
            .zip(generated)
            .map(|((question, record), generated)| match record {
                Err(reason) => Answer::error(&asked.model.name, reason),
                Ok(Enriched { known, missing, .. }) => {
                    self.writer
                        .answer(asked.model, question, &missing, &generated, |made| match made {
                            Value::Object(made) => self.task.completed(&known, &made),
                            other => other,
                        })
                }
            });
        Ok(answers.collect())
    }
}
