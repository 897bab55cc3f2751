//! What a stage would ask of its model: counted, not guessed, as far as the database can tell.

use std::collections::HashSet;
use std::ops::ControlFlow;

use refuel_engine::Cancel;
use refuel_state::{Input, Speed, State};
use refuel_task::{InputHash, RenderedInput};
use refuel_warehouse::Warehouse;

use crate::budget::Demand;
use crate::error::RunError;
use crate::inference::{AskedTask, input_of, render};

/// Inputs that are looked up together.
const TOGETHER: usize = 2048;

/// Inputs that tokens and time are estimated by where no speed was measured yet.
const SAMPLE: usize = 64;

/// What is known of the inputs of a query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted {
    /// Distinct inputs.
    pub(crate) distinct: u64,
    /// Those of them that have an answer, here or in the machine's cache, or a verdict.
    pub(crate) answered: u64,
    /// Those that can't be asked, such as blank ones.
    pub(crate) unreadable: u64,
    /// What would be asked.
    pub(crate) demand: Demand,
    /// Whether tokens and seconds come from a measured speed; else a few inputs were tried, or nothing is known.
    pub(crate) is_measured: bool,
}

/// Counts the inputs of a query for a task.
pub(crate) fn count(
    state: &State,
    asked: &AskedTask,
    inputs: &str,
    warehouse: &mut dyn Warehouse,
) -> Result<(Counted, Vec<RenderedInput>), RunError> {
    let mut counted = Counted::default();
    let mut sample: Vec<RenderedInput> = Vec::new();
    let mut open: HashSet<InputHash> = HashSet::new();
    let mut batch: Vec<Input> = Vec::with_capacity(TOGETHER);
    let mut failed: Option<RunError> = None;
    let mut look = |batch: &mut Vec<Input>, counted: &mut Counted| -> Result<(), RunError> {
        let mut rendered: Vec<RenderedInput> = Vec::with_capacity(batch.len());
        for input in batch.drain(..) {
            match render(&asked.task, &input) {
                Ok(input) => rendered.push(input),
                Err(_) => counted.unreadable += 1,
            }
        }
        let hashes: Vec<InputHash> = rendered.iter().map(RenderedInput::hash).collect();
        let known = state.known(asked.key, &hashes)?;
        let verdicts = state.verdicts(&asked.task.name, &hashes)?;
        let mut unknown: Vec<RenderedInput> = Vec::new();
        for (at, input) in rendered.into_iter().enumerate() {
            if known[at].is_some() || verdicts[at].is_some() {
                counted.answered += 1;
            } else {
                unknown.push(input);
            }
        }
        let is_kept = asked.answerer.is_kept(&unknown);
        for (input, is_kept) in unknown.into_iter().zip(is_kept) {
            if is_kept {
                counted.answered += 1;
            } else if open.insert(input.hash()) {
                // Later inputs are taken in with falling odds, so that the sample is of all of them.
                let seen = open.len();
                if sample.len() < SAMPLE {
                    sample.push(input);
                } else if seen.is_multiple_of(SAMPLE) {
                    let place = (seen / SAMPLE) % SAMPLE;
                    sample[place] = input;
                }
            }
        }
        Ok(())
    };
    warehouse.query(inputs, &mut |row| {
        counted.distinct += 1;
        batch.extend(input_of(row));
        if batch.len() >= TOGETHER
            && let Err(error) = look(&mut batch, &mut counted)
        {
            failed = Some(error);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    look(&mut batch, &mut counted)?;
    counted.demand.rows = open.len() as u64;
    Ok((counted, sample))
}

/// Adds tokens and seconds: by the speed that was measured before, or else by trying a few inputs.
pub(crate) fn estimate(
    state: &State,
    asked: &AskedTask,
    counted: &mut Counted,
    sample: &[RenderedInput],
    may_ask: bool,
    cancel: &Cancel,
) -> Result<(), RunError> {
    let rows = counted.demand.rows as f64;
    if counted.demand.rows == 0 {
        counted.is_measured = true;
        return Ok(());
    }
    if let Some(speed) = speed(state, asked)? {
        counted.demand.seconds = rows / speed.rows_per_second.max(1e-9);
        counted.demand.tokens = (counted.demand.seconds * speed.tokens_per_second).round() as u64;
        counted.is_measured = true;
        return Ok(());
    }
    if !may_ask || sample.is_empty() {
        return Ok(());
    }
    let estimate = asked.answerer.estimate(sample, cancel)?;
    let share = rows / estimate.distinct.max(1) as f64;
    counted.demand.tokens = (estimate.row_tokens as f64 * share).round() as u64;
    counted.demand.seconds = estimate.seconds * share;
    Ok(())
}

/// The speed of a task's model, on whatever device it was measured last.
fn speed(state: &State, asked: &AskedTask) -> Result<Option<Speed>, RunError> {
    let digest = asked.answerer.digest();
    let devices = match asked.answerer.device() {
        Some(device) => vec![device],
        None => ["cuda", "cpu", "unknown"].map(str::to_owned).to_vec(),
    };
    for device in devices {
        if let Some(speed) = state.speed(digest, &device, &asked.task.name)? {
            return Ok(Some(speed));
        }
    }
    Ok(None)
}

/// What the inputs of a query would cost of a language model, which is nothing where the task asks none. Tokens and seconds
/// are looked at only where they are needed.
pub(crate) fn demand_of(
    state: &State,
    asked: &AskedTask,
    inputs: &str,
    warehouse: &mut dyn Warehouse,
    needs_tokens: bool,
    cancel: &Cancel,
) -> Result<Demand, RunError> {
    if !asked.task.asks_model() {
        return Ok(Demand::default());
    }
    let (mut counted, sample) = count(state, asked, inputs, warehouse)?;
    if needs_tokens {
        estimate(state, asked, &mut counted, &sample, true, cancel)?;
    }
    Ok(counted.demand)
}
