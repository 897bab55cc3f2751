//! Text that the model writes itself, the likeliest token at each step.

use refuel_task::{Answer, Plan, Task};
use serde_json::Value;

use super::{Asked, Procedure, answered, guided, terminator};
use crate::confidence::geometric_mean;
use crate::error::EngineError;
use crate::model::Model;
use crate::session::{GenerateOptions, OnRows};

/// See the module.
pub(crate) struct Generate {
    options: GenerateOptions,
    stop: Vec<String>,
}

/// A text that was written.
pub(super) struct Written {
    /// Without white space at its ends.
    pub(super) text: String,
    /// Geometric mean of the probabilities of its tokens.
    pub(super) confidence: f32,
    /// Tokens that were written.
    pub(super) tokens: u32,
    /// Why it ends where it does, where the model was not done.
    pub(super) cut: Option<String>,
}

impl Generate {
    pub(crate) fn new(model: &Model, task: &Task, plan: &Plan, drafts: usize) -> Result<Self, EngineError> {
        // A stop text of one token ends the row at once; longer ones are cut off what was written.
        let stop_tokens = plan
            .stops
            .iter()
            .filter_map(|text| match model.tokenizer.plain(text).ok()?.as_slice() {
                [token] => Some(*token),
                _ => None,
            })
            .chain(terminator(model, plan)?)
            .collect();
        Ok(Self {
            options: GenerateOptions {
                max_tokens: task.generation.max_tokens as usize,
                stop_tokens,
                drafts,
                opening: None,
            },
            stop: plan.stops.clone(),
        })
    }

    /// What is written for each question, in order.
    pub(super) fn write(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Written>, EngineError> {
        let generated = asked.model.session().generate(
            asked.prefix,
            &asked.rows(),
            Vec::new(),
            &self.options,
            asked.cancel,
            on_rows,
        )?;
        let written = generated.into_iter().map(|generated| {
            let text = asked.model.tokenizer.decode(&generated.tokens)?;
            let end = self.stop.iter().filter_map(|stop| text.find(stop.as_str())).min();
            let is_cut = !generated.finished && end.is_none();
            Ok(Written {
                text: text[..end.unwrap_or(text.len())].trim().to_owned(),
                confidence: geometric_mean(&generated.log_probabilities),
                tokens: generated.log_probabilities.len() as u32,
                cut: is_cut.then(|| format!("the text was cut at max_tokens: {}", self.options.max_tokens)),
            })
        });
        written.collect()
    }
}

impl Procedure for Generate {
    fn tokens_after_row(&self) -> usize {
        self.options.max_tokens
    }

    /// There is nothing to normalize over, so both confidences are the geometric mean of the token probabilities.
    fn run(&self, asked: Asked<'_>, on_rows: OnRows<'_>) -> Result<Vec<Answer>, EngineError> {
        let written = self.write(asked, on_rows)?;
        let answers = asked.questions.iter().zip(written).map(|(question, written)| {
            let confidence = Some(written.confidence);
            let mut answer = answered(
                asked.model,
                question,
                Value::String(written.text),
                confidence,
                confidence,
            );
            answer.output_tokens = written.tokens;
            guided::say_cut(&mut answer, written.cut);
            answer
        });
        Ok(answers.collect())
    }
}
