//! What a run would cost, before it is made.

use std::time::Instant;

use refuel_task::RenderedInput;
use serde::Serialize;

use super::PreparedTask;
use super::ready::Ready;
use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::procedure::Question;
use crate::steps::{self, Outcome};

/// Rows that are run to time the others by: a few packs.
const SAMPLE: usize = 32;

/// Rows that steps are timed on, where they run a model.
const SAMPLE_OF_STEPS: usize = 256;

/// What a run would cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Inputs.
    pub rows: usize,
    /// Different ones.
    pub distinct: usize,
    /// Different ones whose answers are kept.
    pub cached: usize,
    /// Tokens of the shared prompt, run once.
    pub prefix_tokens: usize,
    /// Tokens to run for the inputs that have no answer yet, candidates included; for generated text, its limit.
    pub row_tokens: usize,
    /// Seconds that it would take, timed on some of the inputs. 0 where all is cached.
    pub seconds: f64,
}

impl Estimate {
    /// The cost of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            distinct: self.distinct + other.distinct,
            cached: self.cached + other.cached,
            prefix_tokens: self.prefix_tokens.max(other.prefix_tokens),
            row_tokens: self.row_tokens + other.row_tokens,
            seconds: self.seconds + other.seconds,
        }
    }
}

impl PreparedTask {
    /// Which of `inputs` have an answer in the cache, so that no model is asked for them.
    pub fn is_kept(&self, inputs: &[RenderedInput]) -> Vec<bool> {
        let sorted = self.sort(inputs);
        sorted
            .representative
            .iter()
            .map(|&position| sorted.cached[position].is_some())
            .collect()
    }

    /// What answering `inputs` would cost. What the task's steps answer costs no tokens; the model is loaded and asked about
    /// some of what they leave. Nothing is kept.
    pub fn estimate(&self, inputs: &[RenderedInput], cancel: &Cancel) -> Result<Estimate, EngineError> {
        let sorted = self.sort(inputs);
        let missing = sorted.missing();
        let mut estimate = Estimate {
            rows: inputs.len(),
            distinct: sorted.distinct.len(),
            cached: sorted.distinct.len() - missing.len(),
            prefix_tokens: 0,
            row_tokens: 0,
            seconds: 0.0,
        };
        if missing.is_empty() {
            return Ok(estimate);
        }
        let asked: Vec<&RenderedInput> = missing
            .iter()
            .map(|&position| &inputs[sorted.distinct[position]])
            .collect();
        for step in &self.steps {
            step.load(cancel)?;
        }
        let sampled = self.sampled(&asked);
        let start = Instant::now();
        let outcomes = steps::run(&self.steps, &sampled, cancel)?;
        let share = asked.len() as f64 / sampled.len() as f64;
        estimate.seconds = start.elapsed().as_secs_f64() * share;
        let asked: Vec<&RenderedInput> = outcomes.iter().filter_map(Outcome::left).collect();
        if self.entry.is_none() || asked.is_empty() {
            return Ok(estimate);
        }
        let ready = self.ready(cancel)?;
        estimate.prefix_tokens = ready.prefix.len();
        let rows = ready.tokenize(&self.task, &asked, cancel)?;
        let after = ready.procedure.tokens_after_row();
        let questions: Vec<Question<'_>> = asked
            .iter()
            .zip(rows)
            .filter_map(|(&input, row)| Some(Question { input, row: row.ok()? }))
            .collect();
        estimate.row_tokens = (tokens(&questions, after) as f64 * share) as usize;
        let tokens_a_second = speed(&ready, questions, after, cancel)?;
        estimate.seconds += estimate.row_tokens as f64 / tokens_a_second;
        Ok(estimate)
    }
}

impl PreparedTask {
    /// The inputs that the steps are tried on: all where that takes no time, else some from all over.
    fn sampled<'a>(&self, inputs: &[&'a RenderedInput]) -> Vec<&'a RenderedInput> {
        let every = if self.steps.iter().all(|step| step.is_quick()) {
            1
        } else {
            inputs.len().div_ceil(SAMPLE_OF_STEPS).max(1)
        };
        inputs.iter().copied().step_by(every).collect()
    }
}

/// Tokens a second, timed on rows from all over the inputs.
fn speed(ready: &Ready, questions: Vec<Question<'_>>, after: usize, cancel: &Cancel) -> Result<f64, EngineError> {
    let step = questions.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<Question<'_>> = questions.into_iter().step_by(step).collect();
    let Some(first) = sample.first() else {
        return Ok(f64::INFINITY);
    };
    // The first run behind a prefix runs the prefix too.
    let warm = [Question {
        input: first.input,
        row: first.row.clone(),
    }];
    ready.procedure.run(ready.asked(&warm, cancel), &mut |_| {})?;
    let start = Instant::now();
    ready.procedure.run(ready.asked(&sample, cancel), &mut |_| {})?;
    Ok(tokens(&sample, after) as f64 / start.elapsed().as_secs_f64().max(1e-6))
}

fn tokens(questions: &[Question<'_>], after: usize) -> usize {
    questions.iter().map(|question| question.row.tokens.len() + after).sum()
}
