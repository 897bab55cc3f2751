//! How a model is asked. A kind of task says what it wants through its prompt plan; there are few ways to ask, and each
//! is a file here. A new kind of task needs a new procedure only when it asks in a new way.

mod choose;
mod choose_each;
mod classify;
mod embed;
mod generate;

use refuel_task::{Answer, Plan, RenderedInput, Source, Status, Task};
use serde_json::Value;

use crate::batching::CandidateTrie;
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::model::Model;
use crate::session::OnRows;
use crate::truncation::RowTokens;

pub(crate) use choose::Choose;
pub(crate) use choose_each::ChooseEach;
pub(crate) use classify::Classify;
pub(crate) use embed::Embed;
pub(crate) use generate::Generate;

/// The most candidates of an answer that are kept with it.
pub(crate) const KEPT_SCORES: usize = 10;

/// What a procedure is asked about: a row with the tokens of its prompt behind the prefix.
pub(crate) struct Question<'a> {
    pub(crate) input: &'a RenderedInput,
    pub(crate) row: RowTokens,
}

/// One way to ask a model.
pub(crate) trait Procedure: Send + Sync {
    /// Tokens that follow the longest row: its candidates, or the text that is written.
    fn tokens_after_row(&self) -> usize;

    /// Answers each question, in order.
    fn run(
        &self,
        model: &Model,
        prefix: &[u32],
        questions: &[Question<'_>],
        cancel: &Cancel,
        on_rows: OnRows<'_>,
    ) -> Result<Vec<Answer>, EngineError>;

    /// Takes off what the model says of inputs without content; `questions` are such inputs.
    fn calibrate(
        &mut self,
        _model: &Model,
        _prefix: &[u32],
        _questions: &[Question<'_>],
        _cancel: &Cancel,
    ) -> Result<(), EngineError> {
        Ok(())
    }

    /// What can be answered, where it is one out of a list.
    fn candidates(&self) -> Option<&CandidateTrie> {
        None
    }

    /// What a user should know of this task on this model, such as labels that the model can't tell apart.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The procedure for a task that is asked of a language model.
pub(crate) fn for_decoder(model: &Model, task: &Task, plan: &Plan) -> Result<Box<dyn Procedure>, EngineError> {
    if plan.choices.is_empty() {
        return Ok(Box::new(Generate::new(model, task, plan)?));
    }
    if plan.tails.is_empty() {
        return Ok(Box::new(Choose::new(model, plan)?));
    }
    Ok(Box::new(ChooseEach::new(model, task, plan)?))
}

/// An answer of the model, before it is gated.
pub(crate) fn answered(
    model: &Model,
    question: &Question<'_>,
    value: Value,
    confidence: Option<f32>,
    raw_confidence: Option<f32>,
) -> Answer {
    Answer {
        value,
        confidence,
        raw_confidence,
        status: Status::Ok,
        reason: question.row.note(),
        scores: Vec::new(),
        model: model.name.clone(),
        source: Source::Model,
        input_tokens: question.row.tokens.len() as u32,
        output_tokens: 0,
    }
}

/// The rows of questions, as a session takes them.
pub(crate) fn rows(questions: &[Question<'_>]) -> Vec<Vec<u32>> {
    questions.iter().map(|question| question.row.tokens.clone()).collect()
}

/// The token that ends an answer, where the template's ending begins with one.
pub(crate) fn terminator(model: &Model, plan: &Plan) -> Result<Option<u32>, EngineError> {
    let from_plan = match &plan.terminator {
        Some(segment) => model
            .tokenizer
            .segments(std::slice::from_ref(segment))?
            .first()
            .copied(),
        None => None,
    };
    Ok(from_plan.or_else(|| model.description.eos_tokens.first().copied()))
}
