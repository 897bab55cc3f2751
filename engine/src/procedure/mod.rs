//! How a model is asked. A kind of task says what it wants through its prompt plan; there are few ways to ask, and each
//! is a file here. A new kind of task needs a new procedure only when it asks in a new way.

mod answer;
mod choose;
mod choose_each;
mod classify;
mod clean;
mod embed;
mod enrich;
mod extract;
mod generate;
mod guided;
mod normalize;

use std::sync::Arc;

use refuel_task::{Answer, Kind, Plan, RenderedInput, Scored, Source, Status, Task, ValueRules};
use serde_json::Value;

use crate::batching::CandidateTrie;
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::learned::answerable::{AnswerHead, Read};
use crate::model::Model;
use crate::session::OnRows;
use crate::truncation::RowTokens;

pub(crate) use answer::{AnswerFromText, best_window};
pub(crate) use choose::Choose;
pub(crate) use choose_each::ChooseEach;
pub(crate) use classify::Classify;
pub(crate) use clean::Clean;
pub(crate) use embed::Embed;
pub(crate) use enrich::Enrich;
pub(crate) use extract::Extract;
pub(crate) use generate::Generate;

/// The most candidates of an answer that are kept with it.
const KEPT_SCORES: usize = 10;

/// Tokens that are guessed ahead where a text may copy its input.
pub(crate) const DRAFTS: usize = 8;

/// What a procedure is asked about: a row with the tokens of its prompt behind the prefix.
pub(crate) struct Question<'a> {
    pub(crate) input: &'a RenderedInput,
    pub(crate) row: RowTokens,
}

/// What a model is asked: questions behind a prefix that they share.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) model: &'a Model,
    pub(crate) prefix: &'a [u32],
    pub(crate) questions: &'a [Question<'a>],
    pub(crate) cancel: &'a Cancel,
}

impl Asked<'_> {
    /// The rows of the questions, as a session takes them.
    pub(crate) fn rows(&self) -> Vec<Vec<u32>> {
        self.questions
            .iter()
            .map(|question| question.row.tokens.clone())
            .collect()
    }
}

/// What a model makes of a question about a text, before anything is decided.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// The piece of the text that it gives. None where it can't give any.
    pub(crate) piece: Option<String>,
    /// What it shows of it.
    pub(crate) read: Read,
}

/// One way to ask a model.
pub(crate) trait Procedure: Send + Sync {
    /// Tokens that follow the longest row: its candidates, or the text that is written.
    fn tokens_after_row(&self) -> usize;

    /// Answers each question, in order.
    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError>;

    /// What a head that judges the model's answers is trained on: what the model shows of each question, and the piece that it
    /// gives. None where nothing could be written.
    fn readings(&self, _asked: Asked<'_>, _on_rows: OnRows<'_>) -> Result<Vec<Option<Reading>>, EngineError> {
        Ok(Vec::new())
    }

    /// Takes off what the model says of inputs without content, about which it is `asked`.
    fn calibrate(&mut self, _asked: Asked<'_>) -> Result<(), EngineError> {
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

/// The procedure for a task that is asked of a language model. Where it writes text, at most `drafts` tokens of it are
/// guessed ahead. `head` judges answers of tasks of kind `answer`.
pub(crate) fn for_decoder(
    model: &Model,
    task: &Task,
    plan: &Plan,
    drafts: usize,
    head: Option<Arc<AnswerHead>>,
) -> Result<Box<dyn Procedure>, EngineError> {
    if task.kind == Kind::EXTRACT {
        return Ok(Box::new(Extract::new(model, task, plan, drafts)?));
    }
    if task.kind == Kind::ANSWER {
        return Ok(Box::new(AnswerFromText::new(model, task, plan, drafts, head)?));
    }
    match &task.value_rules {
        Some(ValueRules::Normalize(normalization)) => return normalize::new(model, task, normalization, plan, drafts),
        Some(ValueRules::Clean(cleaning)) => return Ok(Box::new(Clean::new(model, task, cleaning, plan, drafts)?)),
        Some(ValueRules::Enrich(_)) | None => {}
    }
    if task.kind == Kind::ENRICH {
        return Ok(Box::new(Enrich::new(model, task, plan, drafts)?));
    }
    if plan.choices.is_empty() {
        return Ok(Box::new(Generate::new(model, task, plan, drafts)?));
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

/// Candidates from best to worst, as many as are kept with an answer; `scored` gives one by its index.
pub(crate) fn best_scores(ranked: &[usize], scored: impl Fn(usize) -> Scored) -> Vec<Scored> {
    ranked
        .iter()
        .take(KEPT_SCORES)
        .map(|&candidate| scored(candidate))
        .collect()
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
