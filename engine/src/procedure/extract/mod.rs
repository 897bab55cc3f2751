//! The fields of a record: JSON that the model writes under a grammar, so that it is never anything else.

mod record;

use std::sync::Arc;

use rayon::prelude::*;
use refuel_task::{Answer, Field, Plan, Task};

use super::{Asked, Procedure, answered, guided};
use crate::error::EngineError;
use crate::guide::{Grammar, Guide, RecordGrammar, Vocabulary, needs_input};
use crate::model::Model;
use crate::session::{GenerateOptions, Generated, OnRows};
use record::{Record, Token};

/// See the module.
pub(crate) struct Extract {
    vocabulary: Arc<Vocabulary>,
    fields: Vec<Field>,
    /// What comes before the record.
    lead: &'static str,
    /// The grammar, where it is the same for every input.
    shared: Option<Grammar>,
    options: GenerateOptions,
}

impl Extract {
    pub(crate) fn new(model: &Model, task: &Task, plan: &Plan, drafts: usize) -> Result<Self, EngineError> {
        let mut extract = Self {
            vocabulary: model.vocabulary()?,
            fields: task.fields.clone(),
            lead: plan.answer_lead,
            shared: None,
            options: GenerateOptions {
                max_tokens: task.generation.max_tokens as usize,
                stop_tokens: Vec::new(),
                drafts,
                opening: None,
            },
        };
        // With no input, what is wrong with the grammar is wrong with the task on this model.
        let grammar = extract.grammar("").map_err(|reason| EngineError::Grammar {
            model: model.name.clone(),
            reason,
        })?;
        extract.shared = (!needs_input(&extract.fields)).then_some(grammar);
        Ok(extract)
    }

    fn grammar(&self, input: &str) -> Result<Grammar, String> {
        let or_space = self.vocabulary.may_lead_with_space();
        Grammar::new(
            &self.vocabulary,
            RecordGrammar::write(&self.fields, input, self.lead, or_space),
        )
    }

    fn guide(&self, input: &str) -> Result<Box<dyn Guide>, String> {
        match &self.shared {
            Some(grammar) => Ok(grammar.guide()),
            None => Ok(self.grammar(input)?.guide()),
        }
    }

    /// The answer that a text is, or why it is none.
    fn read(&self, generated: &Generated, input: &str) -> Result<(Record, Option<String>), String> {
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
        let record = Record::read(&self.fields, &tokens, input)?;
        Ok((record, (!generated.finished).then_some(cut)))
    }
}

impl Procedure for Extract {
    fn tokens_after_row(&self) -> usize {
        self.options.max_tokens
    }

    /// The confidence of a record is that of the least sure decision in it.
    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        let guides: Vec<Result<Box<dyn Guide>, String>> = asked
            .questions
            .par_iter()
            .map(|question| self.guide(&question.input.text))
            .collect();
        let generated = guided::write(asked, guides, &self.options, on_rows)?;
        let answers = asked.questions.iter().zip(generated).map(|(question, generated)| {
            match self.read(&generated, &question.input.text) {
                Err(reason) => Answer::error(&asked.model.name, reason),
                Ok((record, cut)) => {
                    let (confidence, raw) = (Some(record.confidence), Some(record.raw_confidence));
                    let mut answer = answered(asked.model, question, record.value, confidence, raw);
                    answer.scores = record.fields;
                    answer.output_tokens = generated.tokens.len() as u32;
                    guided::say_cut(&mut answer, cut);
                    answer
                }
            }
        });
        Ok(answers.collect())
    }
}
