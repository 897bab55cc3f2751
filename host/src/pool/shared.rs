//! What clients, worker and housekeeping share.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use refuel_client::wire::{Answer, Row};
use refuel_engine::{Cancel, ModelMemory};
use refuel_task::RenderedInput;

use super::PoolOptions;
use super::answerer::Backend;
use super::memory::Residency;
use super::observer::EndedRequest;
use super::queue::{ClientId, JobKey, Queue, RequestId};
use super::request::{Progress, Request, Tally};
use super::settled::Lanes;
use super::usage::{Count, Usage, UsageKey};
use crate::error::HostError;

/// How often usage is saved, and warnings are told.
const KEEP_HOUSE: Duration = Duration::from_secs(3);

/// Warnings that are kept for reports.
const WARNINGS: usize = 32;

/// Rows that run.
pub(super) struct Running {
    pub(super) keys: Vec<JobKey>,
    pub(super) cancel: Cancel,
}

/// What changes with every request. Its lock is held for moments.
#[derive(Default)]
pub(super) struct State {
    pub(super) queue: Queue<RenderedInput>,
    requests: HashMap<RequestId, Arc<Request>>,
    pub(super) running: Option<Running>,
    pub(super) stopping: bool,
    pub(super) worker_lives: bool,
}

impl State {
    pub(super) fn add(&mut self, request: &Arc<Request>) {
        self.requests.insert(request.id, Arc::clone(request));
    }

    /// A request under way by its number.
    pub(super) fn get(&self, id: RequestId) -> Option<Arc<Request>> {
        self.requests.get(&id).cloned()
    }

    /// What a client has under way.
    pub(super) fn of(&self, client: ClientId) -> Vec<Arc<Request>> {
        let requests = self.requests.values();
        requests.filter(|request| request.asker.id == client).cloned().collect()
    }

    /// All that is under way, the oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Request>> {
        let mut all: Vec<Arc<Request>> = self.requests.values().cloned().collect();
        all.sort_by_key(|request| request.id);
        all
    }

    /// Forgets a request, and stops the run that was for it alone.
    fn remove(&mut self, request: &Request) {
        let running = self.running.as_ref();
        let keys = running.map_or(&[][..], |running| &running.keys);
        self.queue.close(request.id, keys.iter());
        if let Some(running) = running
            && !self.queue.is_wanted(running.keys.iter())
        {
            running.cancel.cancel();
        }
        self.requests.remove(&request.id);
    }
}

/// See the module.
pub(super) struct Shared {
    pub(super) backend: Box<dyn Backend>,
    pub(super) options: PoolOptions,
    pub(super) started_ms: i64,
    pub(super) clients: AtomicU64,
    pub(super) usage: Usage,
    /// There is something to do, or the end.
    pub(super) wake: Condvar,
    /// The worker has ended.
    ended: Condvar,
    state: Mutex<State>,
    lanes: Mutex<Lanes>,
    residency: Mutex<Residency>,
    warnings: Mutex<VecDeque<String>>,
    numbers: AtomicU64,
    /// Held by who works on a relation.
    relating: Mutex<()>,
}

impl Shared {
    pub(super) fn new(backend: Box<dyn Backend>, options: PoolOptions) -> Self {
        Self {
            backend,
            started_ms: now_ms(),
            clients: AtomicU64::new(0),
            usage: Usage::open(options.usage_file.clone()),
            wake: Condvar::new(),
            ended: Condvar::new(),
            state: Mutex::default(),
            lanes: Mutex::default(),
            residency: Mutex::new(Residency::new(options.memory_bytes)),
            warnings: Mutex::default(),
            numbers: AtomicU64::new(1),
            relating: Mutex::default(),
            options,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        whole(&self.state)
    }

    pub(super) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        whole(&self.lanes)
    }

    pub(super) fn residency(&self) -> MutexGuard<'_, Residency> {
        whole(&self.residency)
    }

    /// Waits until nobody else works on a relation.
    pub(super) fn relating(&self) -> MutexGuard<'_, ()> {
        whole(&self.relating)
    }

    /// A number that was not given before.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until there is something to do, or for so long.
    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let waited = self.wake.wait_timeout(state, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Says that the worker has ended.
    pub(super) fn worker_ended(&self) {
        self.lock().worker_lives = false;
        self.ended.notify_all();
    }

    /// Delivers answers to a request.
    pub(super) fn answer(&self, request: &Request, answers: Vec<(u64, Answer)>, tally: &Tally) {
        request.answer(answers, tally, |progress| self.ended(request, progress));
    }

    /// Delivers all rows of a request.
    pub(super) fn rows(&self, request: &Request, parts: impl Iterator<Item = Vec<Row>>, notes: Vec<String>) {
        request.rows(parts, notes, |progress| self.ended(request, progress));
    }

    /// Ends a request with an error.
    pub(super) fn fail(&self, request: &Request, error: &HostError) {
        request.fail(error, |progress| self.ended(request, progress));
    }

    /// Ends a request of which nobody wants to hear any more.
    pub(super) fn drop_work(&self, request: &Request) {
        request.drop_work(|progress| self.ended(request, progress));
    }

    /// Forgets a request that has ended, and counts it. The lock of the request is held: it comes before that of the
    /// state, never behind it.
    fn ended(&self, request: &Request, progress: &Progress) {
        self.lock().remove(request);
        let Some(outcome) = progress.outcome else { return };
        let hello = &request.asker.hello;
        let model = request.task.lane.answerer.model();
        let now = now_ms();
        let count = Count {
            requests: 1,
            inputs: progress.answered,
            cached: progress.work.cached,
            failed: progress.failed,
            input_tokens: progress.work.input_tokens,
            output_tokens: progress.work.output_tokens,
            model_us: progress.model_time.as_micros() as u64,
            first_ms: now,
            last_ms: now,
        };
        let key = UsageKey {
            database: hello.database.clone(),
            role: hello.role.clone(),
            task: request.task.name.clone(),
            model: model.to_owned(),
        };
        self.usage.record(key, &count);
        self.options.observer.request_ended(&EndedRequest {
            who: hello,
            task: &request.task.name,
            model,
            outcome,
            inputs: request.inputs,
            answered: progress.answered,
            failed: progress.failed,
            work: &progress.work,
            model_time: progress.model_time,
        });
    }

    /// Lets models go that are no longer counted as loaded.
    pub(super) fn unload(&self, models: &[ModelMemory], reason: &str) {
        for model in models {
            self.lanes().release(&model.digest);
            self.backend.unload(&model.digest);
            tracing::info!(
                model = model.model,
                bytes = model.weights_bytes,
                reason,
                "model unloaded"
            );
        }
    }

    /// Warnings so far; those that are new are told in the log too.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = whole(&self.warnings);
        for warning in self.backend.warnings() {
            tracing::warn!("{warning}");
            if warnings.len() == WARNINGS {
                warnings.pop_front();
            }
            warnings.push_back(warning);
        }
        warnings.iter().cloned().collect()
    }

    /// Saves usage and tells warnings, until the end.
    pub(super) fn keep_house(&self) {
        let mut kept = Instant::now();
        loop {
            let state = self.lock();
            if state.stopping {
                return;
            }
            drop(self.wait(state, KEEP_HOUSE));
            // Every request wakes who waits.
            if kept.elapsed() >= KEEP_HOUSE {
                kept = Instant::now();
                self.usage.save();
                self.warnings();
            }
        }
    }

    /// See [`super::Pool::stop`].
    pub(super) fn stop(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut state = self.lock();
        state.stopping = true;
        if let Some(running) = &state.running {
            running.cancel.cancel();
        }
        let requests = state.all();
        drop(state);
        self.wake.notify_all();
        requests.iter().for_each(|request| self.drop_work(request));
        let mut state = self.lock();
        while state.worker_lives {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        self.usage.save();
    }
}

/// What these guard is whole between calls: a panic in one leaves nothing half-made.
fn whole<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970-01-01 UTC.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// When something was, in milliseconds since 1970-01-01 UTC.
pub(super) fn ms_of(time: Instant) -> i64 {
    now_ms() - i64::try_from(time.elapsed().as_millis()).unwrap_or(0)
}
