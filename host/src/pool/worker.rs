//! The worker: takes rows from the queue, makes room for their model, runs them and delivers. One thread: the model's
//! runtime uses the cores itself.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
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
    cancel: Cancel,
}

/// How often the rows of one run are halved, to find those that stop it: one such row of 512 takes nine, and a model that
/// stops whatever it is asked is soon done with.
const MOST_HALVINGS: usize = 16;

/// What became of a run.
enum Ran {
    Answered(Vec<Answer>),
    Cancelled,
    /// It stopped, which may be because of one of its rows. Says why.
    Stopped(String),
    /// The model can't be used, whatever the rows are.
    Failed(HostError),
}

/// A run, and what it took.
struct Attempt {
    ran: Ran,
    /// Rows of each batch that the model finished.
    batches: Vec<usize>,
    /// How long it took, loading left out.
    elapsed: Duration,
}

/// How long rows took.
#[derive(Clone, Copy)]
struct Times {
    /// Since those before them were delivered: loading the model, and runs that stopped, among it.
    ran: Duration,
    /// The run that answered them.
    model: Duration,
}

/// Works until the pool is stopped.
pub(super) fn work(shared: &Shared) {
    while let Some(taken) = next(shared) {
        let lane = Arc::clone(&taken.lane);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| run(shared, taken))) {
            // What is left of a run that fails in a way that is not foreseen is an error of its rows.
            tracing::error!(cause = cause(payload.as_ref()), "a run was given up");
            release(shared, &lane);
            let left = shared.lock().running.take().map(|running| running.keys);
            refused(shared, &left.unwrap_or_default(), &mistake(cause(payload.as_ref())));
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
        if let (Some(Chunk { jobs, .. }), Some(lane)) = (chunk, lane) {
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
                cancel,
            });
        }
        let wait = until_idle.unwrap_or(NOTHING_TO_DO).min(NOTHING_TO_DO);
        drop(shared.wait(state, wait));
    }
}

/// Runs what was taken. Rows of a run that stops are run again in halves, so that those alone are answered with an error
/// that stop it by themselves: the others may be somebody else's.
fn run(shared: &Shared, mut taken: Taken) {
    let lane = Arc::clone(&taken.lane);
    let whole = taken.keys.len();
    let was_loaded = lane.answerer.is_loaded();
    let mut delivered = Instant::now();
    let (mut start, mut halvings) = (0, 0);
    // Where the parts end that are still to be run, the next one last.
    let mut ends = vec![whole];
    while let Some(&end) = ends.last() {
        let Attempt { ran, batches, elapsed } = attempt(shared, &taken, start..end);
        let (keys, rows) = (&taken.keys[start..end], end - start);
        let failed = matches!(ran, Ran::Stopped(_) | Ran::Failed(_));
        if was_loaded && rows == whole && matches!(ran, Ran::Answered(_)) {
            let bytes = taken.inputs.iter().map(|input| input.text.len());
            lane.learn(bytes, &batches, elapsed.as_secs_f64());
        }
        let (requests, settled) = match ran {
            Ran::Answered(answers) => {
                let times = Times {
                    ran: delivered.elapsed(),
                    model: elapsed,
                };
                delivered = Instant::now();
                (answered(shared, keys, answers, times), end)
            }
            Ran::Stopped(_) if rows > 1 && halvings < MOST_HALVINGS => {
                halvings += 1;
                ends.push(start + rows / 2);
                (0, start)
            }
            Ran::Stopped(reason) => (refused(shared, keys, &reason), end),
            Ran::Failed(error) => (fail(shared, &lane, &taken.keys[start..], &error), whole),
            Ran::Cancelled => {
                give_back(shared, &taken.keys[start..], taken.inputs.split_off(start));
                (0, whole)
            }
        };
        start = settled;
        ends.retain(|&end| end > start);
        shared.options.observer.run_ended(&Run {
            model: lane.answerer.model(),
            kind: lane.answerer.task().kind.name(),
            rows,
            requests,
            batches: batches.len(),
            elapsed,
            failed,
        });
    }
}

/// Runs some of the rows that were taken; their model is loaded before where it isn't yet.
fn attempt(shared: &Shared, taken: &Taken, part: Range<usize>) -> Attempt {
    let lane = &taken.lane;
    let mut batches = Vec::new();
    let mut elapsed = Duration::ZERO;
    let ready = admit(shared, lane).and_then(|()| load(shared, lane, &taken.cancel));
    let ran = match ready {
        Ok(()) => {
            let started = Instant::now();
            let ran = ask(shared, lane, &taken.inputs[part.clone()], &taken.cancel, &mut batches);
            elapsed = started.elapsed();
            ran
        }
        Err(HostError::Engine(EngineError::Cancelled)) => Ran::Cancelled,
        Err(error) => Ran::Failed(error),
    };
    settle_models(shared, lane);
    if let Ran::Stopped(reason) = &ran {
        let (model, rows) = (lane.answerer.model(), part.len());
        tracing::warn!(model, rows, reason, "a run stopped");
    }
    Attempt { ran, batches, elapsed }
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

/// Loads the models of a lane, where they aren't yet.
fn load(shared: &Shared, lane: &Lane, cancel: &Cancel) -> Result<(), HostError> {
    let answerer = &lane.answerer;
    if answerer.is_loaded() {
        return Ok(());
    }
    let mut missing = answerer.models();
    missing.retain(|model| shared.backend.device(&model.digest).is_none());
    let started = Instant::now();
    let loaded = catch_unwind(AssertUnwindSafe(|| answerer.load(cancel)));
    let seconds = started.elapsed().as_secs_f64();
    let loaded = loaded.unwrap_or_else(|payload| {
        release(shared, lane);
        Err(EngineError::ModelUnusable {
            model: answerer.model().to_owned(),
            reason: mistake(cause(payload.as_ref())),
        })
    });
    for model in &missing {
        if let Some(device) = shared.backend.device(&model.digest) {
            let bytes = model.weights_bytes;
            tracing::info!(model = model.model, device, bytes, seconds, "model loaded");
        }
    }
    Ok(loaded?)
}

fn ask(shared: &Shared, lane: &Lane, inputs: &[RenderedInput], cancel: &Cancel, batches: &mut Vec<usize>) -> Ran {
    let answerer = &lane.answerer;
    let made = catch_unwind(AssertUnwindSafe(|| {
        answerer.answer(inputs, cancel, &mut |rows| batches.push(rows))
    }));
    match made {
        Ok(Ok(answers)) if answers.len() == inputs.len() => Ran::Answered(answers),
        Ok(Ok(_)) => Ran::Stopped("an input was left without an answer".to_owned()),
        Ok(Err(EngineError::Cancelled)) => Ran::Cancelled,
        Ok(Err(error @ (EngineError::RunFailed { .. } | EngineError::Tokenizer { .. }))) => {
            Ran::Stopped(error.to_string())
        }
        Ok(Err(error)) => Ran::Failed(error.into()),
        Err(payload) => {
            // What state the model is in is not known: it is loaded anew.
            release(shared, lane);
            Ran::Stopped(mistake(cause(payload.as_ref())))
        }
    }
}

/// Counts what is loaded now.
fn settle_models(shared: &Shared, lane: &Lane) {
    let mut used = lane.answerer.models();
    let gone: Vec<_> = used
        .extract_if(.., |model| shared.backend.device(&model.digest).is_none())
        .collect();
    let mut residency = shared.residency();
    residency.remove(&gone);
    residency.touch(&used, Instant::now());
}

/// Lets the models of a lane go; they are loaded anew when they are asked next.
fn release(shared: &Shared, lane: &Lane) {
    let models = lane.answerer.models();
    shared.residency().remove(&models);
    shared.unload(&models, "a mistake in refuel");
}

/// Takes jobs out of the queue, each with those who wait for it.
fn finish(shared: &Shared, keys: &[JobKey]) -> Vec<Vec<Waiting>> {
    let mut state = shared.lock();
    let waiting = keys.iter().map(|key| state.queue.finish(key)).collect();
    if let Some(running) = &mut state.running {
        running.keys.retain(|key| !keys.contains(key));
    }
    waiting
}

/// Delivers answers; says to how many requests.
fn answered(shared: &Shared, keys: &[JobKey], answers: Vec<Answer>, times: Times) -> usize {
    let share = times.model / keys.len().max(1) as u32;
    let mut deliveries: BTreeMap<RequestId, (Vec<(u64, Answer)>, Tally)> = BTreeMap::new();
    for (waiting, answer) in finish(shared, keys).into_iter().zip(answers) {
        // Whoever came first has it from the model or a rule, or from another process that was asked the same meanwhile.
        let mut source = answer.source;
        let is_made = source != Source::Cache;
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
        tally.ran = times.ran;
        let given = given
            .into_iter()
            .map(|(row, answer)| (row, convert::answer(answer, request.detail)))
            .collect();
        shared.answer(&request, given, &tally);
    }
    count
}

/// Puts rows back that were stopped, for those who came to wait for them meanwhile.
fn give_back(shared: &Shared, keys: &[JobKey], inputs: Vec<RenderedInput>) {
    let mut state = shared.lock();
    // The last first, because each goes to the front.
    for (key, input) in keys.iter().zip(inputs).rev() {
        state.queue.give_back(*key, input);
    }
    state.running = None;
}

/// Fails the requests that have rows in a run; says how many.
fn fail(shared: &Shared, lane: &Lane, keys: &[JobKey], error: &HostError) -> usize {
    tracing::warn!(model = lane.answerer.model(), code = error.code(), %error, "a run failed");
    let waiting = finish(shared, keys);
    let requests: BTreeSet<RequestId> = waiting.iter().flatten().map(|waiting| waiting.request).collect();
    for &id in &requests {
        let Some(request) = shared.lock().get(id) else { continue };
        shared.fail(&request, error);
    }
    requests.len()
}

/// Answers rows that stop their run with an error. Says how many requests the rows were of.
fn refused(shared: &Shared, keys: &[JobKey], reason: &str) -> usize {
    let mut deliveries: BTreeMap<RequestId, Vec<(u64, wire::Answer)>> = BTreeMap::new();
    for Waiting { request, rows } in finish(shared, keys).into_iter().flatten() {
        let failed = rows.into_iter().map(|row| (row, convert::error(reason.to_owned())));
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

/// What is said of a panic in the answers of rows that stop their run by one.
fn mistake(cause: &str) -> String {
    format!("the model's run stopped because of a mistake in refuel: {cause}")
}

/// What a panic says.
pub(super) fn cause(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}
