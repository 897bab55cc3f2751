//! Records that are written under a grammar.

use std::sync::Arc;

use refuel_task::{Answer, Field, Plan, Task};
use serde_json::Value;

use super::super::{Asked, Question, answered, guided};
use super::record::{Record, Token};
use crate::error::EngineError;
use crate::guide::{Grammar, Guide, RecordGrammar, Vocabulary};
use crate::model::Model;
use crate::session::{GenerateOptions, Generated, OnRows};

/// Writes records, of whatever fields each has.
pub(in super::super) struct RecordWriter {
    vocabulary: Arc<Vocabulary>,
    /// What comes before the record.
    lead: &'static str,
    options: GenerateOptions,
}

impl RecordWriter {
    pub(in super::super) fn new(model: &Model, task: &Task, plan: &Plan, drafts: usize) -> Result<Self, EngineError> {
        Ok(Self {
            vocabulary: model.vocabulary()?,
            lead: plan.answer_lead,
            options: GenerateOptions {
                max_tokens: task.generation.max_tokens as usize,
                stop_tokens: Vec::new(),
                drafts,
                opening: None,
            },
        })
    }

    /// The most tokens that are written.
    pub(in super::super) fn max_tokens(&self) -> usize {
        self.options.max_tokens
    }

    /// The grammar of a record with these fields, whose spans are pieces of `input`.
    ///
    /// # Errors
    /// In words, where there is none.
    pub(in super::super) fn grammar(&self, fields: &[Field], input: &str) -> Result<Grammar, String> {
        let or_space = self.vocabulary.may_lead_with_space();
        Grammar::new(
            &self.vocabulary,
            RecordGrammar::write(fields, input, self.lead, or_space),
        )
    }

    /// What is written for each question, in order.
    pub(in super::super) fn write(
        &self,
        asked: Asked<'_>,
        guides: Vec<Result<Box<dyn Guide>, String>>,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Generated>, EngineError> {
        guided::write(asked, guides, &self.options, on_rows)
    }

    /// The answer that what was written is. The confidence of a record is that of the least sure decision in it.
    pub(in super::super) fn answer(
        &self,
        model: &Model,
        question: &Question<'_>,
        fields: &[Field],
        generated: &Generated,
        whole: impl FnOnce(Value) -> Value,
    ) -> Answer {
        match self.read(generated, fields, &question.input.text) {
            Err(reason) => Answer::error(&model.name, reason),
            Ok((record, cut)) => {
                let (confidence, raw) = (Some(record.confidence), Some(record.raw_confidence));
                let mut answer = answered(model, question, whole(record.value), confidence, raw);
                answer.scores = record.fields;
                answer.output_tokens = generated.tokens.len() as u32;
                guided::say_cut(&mut answer, cut);
                answer
            }
        }
    }

    /// The record that a text is, or why it is none.
    fn read(&self, generated: &Generated, fields: &[Field], input: &str) -> Result<(Record, Option<String>), String> {
        if let Some(problem) = &generated.problem {
            return Err(format!("the record can't be written: {problem}"));
        }
        let cut = format!("the record was cut at max_tokens: {}", self.options.max_tokens);
        let ending = match (&generated.ending, generated.finished) {
            (_, true) => &[][..],
            (Some(ending), false) => ending,
            (None, false) => return Err(format!("{cut}, where it can't be ended")),
        };
        let said = generated
            .tokens
            .iter()
            .zip(&generated.log_probabilities)
            .zip(&generated.allowed_log_probabilities)
            .map(|((&token, &among_all), &among_allowed)| Token {
                bytes: self.vocabulary.bytes(token),
                among_all,
                among_allowed,
            });
        // The model did not say how the record ends, so nothing is to be trusted that ends there.
        let ended = ending.iter().map(|&token| Token {
            bytes: self.vocabulary.bytes(token),
            among_all: f32::NEG_INFINITY,
            among_allowed: f32::NEG_INFINITY,
        });
        let tokens: Vec<Token<'_>> = said.chain(ended).collect();
        let record = Record::read(fields, &tokens, input)?;
        Ok((record, (!generated.finished).then_some(cut)))
    }
}
