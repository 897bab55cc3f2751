//! What answers inputs before a language model is asked: steps, tried in order. What one leaves goes on to the next, and
//! what is left in the end goes to the model, where the task asks one. Rows that a step answers never reach a tokenizer or
//! a session.

mod entries;
mod head;
mod rules;
mod similar;
mod strategy;
mod values;

pub(crate) use similar::embedding_model;

use std::sync::Arc;

use refuel_task::{Answer, RenderedInput, Task};

use crate::cancel::Cancel;
use crate::engine::{ModelMemory, Shared};
use crate::error::EngineError;

/// What a step makes of an input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// The answer: nothing after this step is asked.
    Answered(Answer),
    /// The input goes on.
    Passed {
        /// What goes on instead of the input, such as a text that is mended already. None where the input itself does.
        input: Option<RenderedInput>,
        /// The answer where nothing follows that answers. None where an earlier step's stays.
        otherwise: Option<Answer>,
    },
}

/// One way to answer that comes before the language model.
pub(crate) trait Step: Send + Sync {
    /// What identifies its answers beside the fingerprint of the task: a name with a version, or with a digest. It is part
    /// of the key under which answers are kept, so that another one asks again.
    fn digest(&self) -> String;

    /// What it makes of each input, in order. The inputs are all different.
    ///
    /// # Errors
    /// When nothing can be answered at all, and [`EngineError::Cancelled`]. What is wrong with one input is an answer with
    /// the status `error`.
    fn ask(&self, inputs: &[&RenderedInput], cancel: &Cancel) -> Result<Vec<Reply>, EngineError>;

    /// `name@digest` of the model that it is, where it is one.
    fn model(&self) -> Option<String> {
        None
    }

    /// Whether it leaves nothing to whatever follows, so that no language model is needed behind it.
    fn answers_all(&self) -> bool {
        false
    }

    /// The models that it runs, with what each takes in memory.
    fn models(&self) -> Vec<ModelMemory> {
        Vec::new()
    }

    /// Whether nothing needs to be loaded before it answers.
    fn is_ready(&self) -> bool {
        true
    }

    /// Whether it takes no time to speak of, as it runs no model.
    fn is_quick(&self) -> bool {
        true
    }

    /// Loads what it needs, which the first input does otherwise.
    fn load(&self, _cancel: &Cancel) -> Result<(), EngineError> {
        Ok(())
    }

    /// Lets the models go that it runs, until they are needed again.
    fn release(&self) {}
}

/// The answer of the rule that holds for an input. None where none does.
pub(crate) fn rule_answer(task: &Task, input: &RenderedInput) -> Option<Answer> {
    rules::Rules::answer(task, input)
}

/// What all steps made of an input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome<'a> {
    /// The answer of a step.
    Answered(Answer),
    /// No step had an answer.
    Left {
        /// The input as it came.
        given: &'a RenderedInput,
        /// What became of it on its way through the steps.
        changed: Option<RenderedInput>,
        /// The answer where no model is asked.
        otherwise: Option<Answer>,
    },
}

impl Outcome<'_> {
    /// What is asked of the model. None where a step had an answer.
    pub(crate) fn left(&self) -> Option<&RenderedInput> {
        match self {
            Self::Answered(_) => None,
            Self::Left { given, changed, .. } => Some(changed.as_ref().unwrap_or(given)),
        }
    }
}

/// The steps of a task, in their order. None for tasks that a model answers alone.
pub(crate) fn for_task(task: &Task, shared: &Arc<Shared>) -> Result<Vec<Box<dyn Step>>, EngineError> {
    match values::step(task) {
        Some(step) => Ok(std::iter::once(step).chain(entries::step(task, shared)?).collect()),
        None => strategy::steps(task, shared),
    }
}

/// What identifies the answers of steps and of the model behind them: of a model alone, its digest.
pub(crate) fn digest(steps: &[Box<dyn Step>], model: Option<&str>) -> String {
    let own = steps.iter().map(|step| step.digest());
    let all: Vec<String> = own.chain(model.map(str::to_owned)).collect();
    all.join("+")
}

/// Asks the steps about inputs that are all different.
pub(crate) fn run<'a>(
    steps: &[Box<dyn Step>],
    inputs: &[&'a RenderedInput],
    cancel: &Cancel,
) -> Result<Vec<Outcome<'a>>, EngineError> {
    let mut outcomes: Vec<Outcome<'a>> = inputs
        .iter()
        .map(|&given| Outcome::Left {
            given,
            changed: None,
            otherwise: None,
        })
        .collect();
    for step in steps {
        if cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        let places: Vec<usize> = (0..outcomes.len())
            .filter(|&place| outcomes[place].left().is_some())
            .collect();
        let left: Vec<&RenderedInput> = places.iter().filter_map(|&place| outcomes[place].left()).collect();
        if left.is_empty() {
            break;
        }
        let replies = step.ask(&left, cancel)?;
        for (place, reply) in places.into_iter().zip(replies) {
            match (reply, &mut outcomes[place]) {
                (Reply::Answered(answer), outcome) => *outcome = Outcome::Answered(answer),
                (Reply::Passed { input, otherwise: own }, Outcome::Left { changed, otherwise, .. }) => {
                    *changed = input.or_else(|| changed.take());
                    *otherwise = own.or_else(|| otherwise.take());
                }
                (Reply::Passed { .. }, Outcome::Answered(_)) => {}
            }
        }
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests;
