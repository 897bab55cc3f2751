//! The worker: takes rows from the queue, makes room for their model, runs them and delivers. One thread: the model's
//! runtime uses the cores itself.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use refuel_client::wire;
use refuel_engine::{Cancel, EngineError};
use refuel_task::{Answer, RenderedInput, Source};

use super::convert;
use super::observer::Run;
use super::queue::{Chunk, JobKey, Limits, RequestId, Waiting};
use super::request::Tally;
use super::settled::Lane;
use super::shared::{Running, Shared};
use crate::error::HostError;

/// Longest wait for something to do.
const NOTHING_TO_DO: Duration = Duration::from_mins(1);

/// Rows that are taken to be run.
struct Taken {
    lane: Arc<Lane>,
    keys: Vec<JobKey>,
    inputs: Vec<RenderedInput>,
    cost: u64,
    cancel: Cancel,
}

/// What became of a run.
enum Ran {
    Answered(Vec<Answer>),
    Cancelled,
    Failed(HostError),
    Panicked(String),
}

/// Works until the pool is stopped.
pub(super) fn work(shared: &Shared) {
    while let Some(taken) = next(shared) {
        // What is left of a run that fails in a way that is not foreseen is an error of its rows.
        let (lane, keys) = (Arc::clone(&taken.lane), taken.keys.clone());
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| run(shared, taken))) {
            tracing::error!(cause = cause(payload.as_ref()), "a run was given up");
            panicked(shared, &lane, &keys, cause(payload.as_ref()));
        }
        shared.lock().running = None;
    }
    shared.worker_ended();
}

/// Waits for rows. None when the pool is stopped.
fn next(shared: &Shared) -> Option<Taken> {
    loop {
        let timeout = shared.options.idle_timeout;
        let idle = shared.residency().idle(timeout, Instant::now());
        shared.unload(&idle, "idle");
        let until_idle = shared.residency().until_idle(timeout, Instant::now());

        let mut state = shared.lock();
        if state.stopping {
            return None;
        }
        let chunk = state.queue.next(|id| {
            let lane = shared.lanes().get(id);
            lane.map_or(Limits::LEAST, |lane| lane.limits())
        });
        // A lane is there as long as requests of it are.
        let lane = chunk.as_ref().and_then(|chunk| shared.lanes().get(chunk.lane));
        if let (Some(Chunk { jobs, cost, .. }), Some(lane)) = (chunk, lane) {
            let (keys, inputs): (Vec<JobKey>, Vec<RenderedInput>) = jobs.into_iter().unzip();
            let cancel = Cancel::new();
            state.running = Some(Running {
                keys: keys.clone(),
                cancel: cancel.clone(),
            });
            return Some(Taken {
                lane,
                keys,
                inputs,
                cost,
                cancel,
            });
        }
        let wait = until_idle.unwrap_or(NOTHING_TO_DO).min(NOTHING_TO_DO);
        drop(shared.wait(state, wait));
    }
}

fn run(shared: &Shared, taken: Taken) {
    let started = Instant::now();
    let was_loaded = taken.lane.answerer.is_loaded();
    let mut batches = 0;
    let ran = match admit(shared, &taken.lane) {
        Ok(()) => ask(&taken, &mut batches),
        Err(error) => Ran::Failed(error),
    };
    let elapsed = started.elapsed();
    settle_models(shared, &taken.lane, was_loaded, elapsed);
    if was_loaded && matches!(ran, Ran::Answered(_)) {
        taken.lane.learn(taken.cost, taken.inputs.len(), elapsed.as_secs_f64());
    }
    let (rows, failed) = (taken.inputs.len(), matches!(ran, Ran::Failed(_) | Ran::Panicked(_)));
    let lane = Arc::clone(&taken.lane);
    let requests = match ran {
        Ran::Answered(answers) => answered(shared, &taken.keys, answers, elapsed),
        Ran::Cancelled => {
            give_back(shared, taken);
            0
        }
        Ran::Failed(error) => fail(shared, &taken, &error),
        Ran::Panicked(cause) => {
            tracing::error!(
                model = lane.answerer.model(),
                cause,
                "a run stopped because of a mistake in refuel"
            );
            panicked(shared, &lane, &taken.keys, &cause)
        }
    };
    shared.options.observer.run_ended(&Run {
        model: lane.answerer.model(),
        kind: lane.answerer.kind(),
        rows,
        requests,
        batches,
        elapsed,
        failed,
    });
}

/// Makes room for the models of a lane.
fn admit(shared: &Shared, lane: &Lane) -> Result<(), HostError> {
    let needed = lane.answerer.models();
    let mut residency = shared.residency();
    let unloaded = residency
        .admit(&needed, Instant::now())
        .map_err(|refused| HostError::Memory {
            model: refused.model,
            needed: refused.needed,
            budget: residency.budget(),
        })?;
    drop(residency);
    shared.unload(&unloaded, "room for another model");
    Ok(())
}

fn ask(taken: &Taken, batches: &mut usize) -> Ran {
    let answerer = &taken.lane.answerer;
    let made = catch_unwind(AssertUnwindSafe(|| {
        answerer.answer(&taken.inputs, &taken.cancel, &mut |_| *batches += 1)
    }));
    match made {
        Ok(Ok(answers)) if answers.len() == taken.inputs.len() => Ran::Answered(answers),
        Ok(Ok(_)) => Ran::Failed(HostError::Engine(EngineError::RunFailed {
            model: answerer.model().to_owned(),
            reason: "an input was left without an answer".to_owned(),
        })),
        Ok(Err(EngineError::Cancelled)) => Ran::Cancelled,
        Ok(Err(error)) => Ran::Failed(error.into()),
        Err(payload) => Ran::Panicked(cause(payload.as_ref()).to_owned()),
    }
}

/// Counts what is loaded now, and tells of what was.
fn settle_models(shared: &Shared, lane: &Lane, was_loaded: bool, elapsed: Duration) {
    let mut used = lane.answerer.models();
    let loaded = |model: &refuel_engine::ModelMemory| shared.backend.device(&model.digest);
    if !was_loaded && lane.answerer.is_loaded() {
        for model in &used {
            let (device, seconds) = (loaded(model), elapsed.as_secs_f64());
            tracing::info!(
                model = model.model,
                device,
                bytes = model.weights_bytes,
                seconds,
                "model loaded"
            );
        }
    }
    let gone: Vec<_> = used.extract_if(.., |model| loaded(model).is_none()).collect();
    let mut residency = shared.residency();
    residency.remove(&gone);
    residency.touch(&used, Instant::now());
}

/// Takes jobs out of the queue, each with those who wait for it.
fn finish(shared: &Shared, keys: &[JobKey]) -> Vec<Vec<Waiting>> {
    let mut state = shared.lock();
    let waiting = keys.iter().map(|key| state.queue.finish(key)).collect();
    state.running = None;
    waiting
}

/// Delivers answers; says to how many requests.
fn answered(shared: &Shared, keys: &[JobKey], answers: Vec<Answer>, elapsed: Duration) -> usize {
    let share = elapsed / keys.len().max(1) as u32;
    let mut deliveries: BTreeMap<RequestId, (Vec<(u64, Answer)>, Tally)> = BTreeMap::new();
    for (waiting, answer) in finish(shared, keys).into_iter().zip(answers) {
        // Whoever came first has it from the model, or from another process that was asked the same meanwhile.
        let is_made = answer.source == Source::Model;
        let mut source = if is_made { Source::Model } else { Source::Cache };
        for Waiting { request, rows } in waiting {
            let (given, tally) = deliveries.entry(request).or_default();
            if source == Source::Model {
                tally.input_tokens += u64::from(answer.input_tokens);
                tally.output_tokens += u64::from(answer.output_tokens);
                tally.model_time += share;
            } else {
                tally.cached += u64::from(source == Source::Cache) * rows.len() as u64;
            }
            if answer.status == refuel_task::Status::Error {
                tally.failed += rows.len() as u64;
            }
            for row in rows {
                given.push((
                    row,
                    Answer {
                        source,
                        ..answer.clone()
                    },
                ));
                if is_made {
                    source = Source::Duplicate;
                }
            }
        }
    }
    let count = deliveries.len();
    for (id, (given, mut tally)) in deliveries {
        let Some(request) = shared.lock().get(id) else { continue };
        tally.runs = 1;
        tally.ran = elapsed;
        let given = given
            .into_iter()
            .map(|(row, answer)| (row, convert::answer(answer, request.detail)))
            .collect();
        shared.answer(&request, given, &tally);
    }
    count
}

/// Puts rows back that were stopped, for those who came to wait for them meanwhile.
fn give_back(shared: &Shared, taken: Taken) {
    let mut state = shared.lock();
    // The last first, because each goes to the front.
    for (key, input) in taken.keys.into_iter().zip(taken.inputs).rev() {
        state.queue.give_back(key, input);
    }
    state.running = None;
}

/// Fails the requests that have rows in a run; says how many.
fn fail(shared: &Shared, taken: &Taken, error: &HostError) -> usize {
    tracing::warn!(model = taken.lane.answerer.model(), code = error.code(), %error, "a run failed");
    let waiting = finish(shared, &taken.keys);
    let requests: BTreeSet<RequestId> = waiting.iter().flatten().map(|waiting| waiting.request).collect();
    for &id in &requests {
        let Some(request) = shared.lock().get(id) else { continue };
        shared.fail(&request, error);
    }
    requests.len()
}

/// Answers the rows of a run with an error, and lets the models go: what state they are in is not known. They are loaded
/// anew when they are asked next. Says how many requests the rows were of.
fn panicked(shared: &Shared, lane: &Lane, keys: &[JobKey], cause: &str) -> usize {
    let models = lane.answerer.models();
    shared.residency().remove(&models);
    shared.unload(&models, "a mistake in refuel");
    let reason = format!("the model's run stopped because of a mistake in refuel: {cause}");
    let mut deliveries: BTreeMap<RequestId, Vec<(u64, wire::Answer)>> = BTreeMap::new();
    for Waiting { request, rows } in finish(shared, keys).into_iter().flatten() {
        let failed = rows.into_iter().map(|row| (row, convert::error(reason.clone())));
        deliveries.entry(request).or_default().extend(failed);
    }
    let count = deliveries.len();
    for (id, answers) in deliveries {
        let Some(request) = shared.lock().get(id) else { continue };
        let tally = Tally {
            failed: answers.len() as u64,
            runs: 1,
            ..Tally::default()
        };
        shared.answer(&request, answers, &tally);
    }
    count
}

/// What a panic says.
fn cause(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}
