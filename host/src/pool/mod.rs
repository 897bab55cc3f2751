//! The pool: tasks settled, answers that are kept given at once, the others queued fairly, and one worker that fills
//! runs from all clients.
//!
//! What happens to an input: it is rendered, looked up among the kept answers, and queued where there is none; equal
//! ones that are under way are asked once, whoever asks. The worker takes rows of one task from the queue, makes room in
//! memory, runs them and delivers. Work that nobody waits for any more is dropped, also while it runs.
//!
//! No lock is held while something is delivered but that of the request, and none is taken for a single row.

mod answerer;
mod convert;
mod memory;
mod observer;
mod pace;
mod queue;
mod relate;
mod report;
mod request;
mod settled;
mod shared;
#[cfg(test)]
mod tests;
mod usage;
mod worker;

use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use refuel_client::wire::{self, Ask, Hello, Input, Report, ReportKind, TaskSpec, ToClient};
use refuel_engine::EngineOptions;
use refuel_engine::cache::Scores;
use refuel_task::{InputHash, RenderedInput};

pub use observer::{EndedRequest, Observer, Outcome, Run, Unobserved};
pub use request::Request;
pub use settled::Settled;

use crate::error::HostError;
use answerer::{Backend, Models, RenderError};
use request::{Asker, Deliver, Progress, Tally};
use settled::Lane;
use shared::Shared;

/// Inputs that are looked up and delivered together.
const BLOCK: usize = 1024;

/// Longest wait for the worker when the pool is stopped.
const LAST_RUN: Duration = Duration::from_secs(2);

/// Bytes of inputs that a client may have under way, as a multiple of its window: what a template adds to them counts too.
const WINDOWS: u64 = 4;

/// How a pool works.
pub struct PoolOptions {
    /// How models are run, and where answers are kept.
    pub engine: EngineOptions,
    /// Bytes of memory that models may take together.
    pub memory_bytes: u64,
    /// How long a model stays loaded that nobody asks.
    pub idle_timeout: Duration,
    /// Bytes of inputs that a client should have under way at most.
    pub window_bytes: u64,
    /// Bytes of inputs that may wait for a model, of all clients together.
    pub queue_bytes: u64,
    /// Where usage is kept. None keeps it in memory alone.
    pub usage_file: Option<PathBuf>,
    /// Is told what happens.
    pub observer: Arc<dyn Observer>,
}

impl PoolOptions {
    /// Half of the machine's memory for models, which stay for 15 minutes; 16 MiB of inputs a client, 2 GiB in all; usage
    /// kept in the home folder.
    pub fn new(engine: EngineOptions) -> Self {
        let machine = refuel_engine::machine::memory().0.unwrap_or(8 << 30);
        Self {
            memory_bytes: machine / 2,
            idle_timeout: Duration::from_mins(15),
            window_bytes: 16 << 20,
            queue_bytes: 2 << 30,
            // Not beside the answers: clearing those leaves no file in their folder.
            usage_file: Some(engine.runtime.home.join("usage-1.sqlite3")),
            observer: Arc::new(Unobserved),
            engine,
        }
    }
}

/// A handle on the pool. The pool stops when the last one is dropped.
#[derive(Clone)]
pub struct Pool {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stop(LAST_RUN);
    }
}

/// A client's connection with the pool. What it has under way is dropped with it.
pub struct Client {
    shared: Arc<Shared>,
    asker: Arc<Asker>,
}

impl Pool {
    /// Opens the registry and the kept answers, and starts the worker. No model is loaded yet.
    ///
    /// # Errors
    /// Where the registry or the kept answers can't be used, or a thread can't be started.
    pub fn start(mut options: PoolOptions) -> Result<Self, HostError> {
        let budget = &mut options.engine.budget;
        // Where nobody says how much rows may take, it is a part of what models may. With half of the machine's memory for
        // these it is what the engine takes by itself, so that no row is cut here that is read whole elsewhere.
        budget.cache_bytes.get_or_insert((options.memory_bytes / 2) as usize);
        let models = Models::open(options.engine.clone())?;
        Self::with(Box::new(models), options)
    }

    fn with(backend: Box<dyn Backend>, options: PoolOptions) -> Result<Self, HostError> {
        let shared = Arc::new(Shared::new(backend, options));
        // Made first, so that a thread that was started ends where the other one can't be.
        let handle = Arc::new(Handle {
            shared: Arc::clone(&shared),
        });
        let spawn = |name: &str, part: &'static str, work: fn(&Shared)| {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || work(&shared))
                .map_err(|source| HostError::Start { part, source })
        };
        spawn("refuel-worker", "worker", worker::work)?;
        shared.lock().worker_lives = true;
        spawn("refuel-keeper", "housekeeping", Shared::keep_house)?;
        Ok(Self { handle })
    }

    /// Registers a client.
    pub fn connect(&self, who: Hello) -> Client {
        Client::new(Arc::clone(&self.handle.shared), who)
    }

    /// What the host is and does.
    pub fn report(&self, kind: ReportKind) -> Report {
        self.handle.shared.report(kind)
    }

    /// Bytes of inputs that a client should have under way at most.
    pub fn window_bytes(&self) -> u64 {
        self.handle.shared.options.window_bytes
    }

    /// Bytes of inputs that may wait for a model, of all clients together.
    pub fn queue_bytes(&self) -> u64 {
        self.handle.shared.options.queue_bytes
    }

    /// Takes no more work, drops what waits, and returns once the worker has ended, or after two seconds. Clients are told
    /// nothing: their connections end, and they ask the next host.
    pub fn stop(&self) {
        self.handle.shared.stop(LAST_RUN);
    }
}

impl Client {
    fn new(shared: Arc<Shared>, who: Hello) -> Self {
        let asker = Arc::new(Asker {
            id: shared.number(),
            hello: who,
        });
        shared.clients.fetch_add(1, Ordering::Relaxed);
        Self { shared, asker }
    }

    /// Settles a task. Reads its model's files in the registry; no model is loaded.
    ///
    /// # Errors
    /// What is wrong with the task, or with its model.
    pub fn prepare(&self, spec: &TaskSpec) -> Result<Arc<Settled>, HostError> {
        if self.shared.lock().stopping {
            return Err(HostError::Stopping);
        }
        let answerer = self.shared.backend.settle(spec)?;
        Ok(self.shared.lanes().settle(spec, answerer))
    }

    /// Begins a request, whose inputs are [given](Client::give) after. `deliver` gets any number of [`ToClient::Answers`],
    /// then [`ToClient::Done`] or [`ToClient::Failed`], and nothing after a [`Client::cancel`]; it is called from other
    /// threads too, and must not wait, nor call the pool.
    ///
    /// # Errors
    /// [`HostError::Stopping`].
    pub fn open(
        &self,
        task: &Arc<Settled>,
        ask: &Ask,
        deliver: impl Fn(ToClient) + Send + Sync + 'static,
    ) -> Result<Arc<Request>, HostError> {
        self.begin(
            task,
            ask.request,
            ask.inputs.len() as u64,
            ask.detail,
            Box::new(deliver),
        )
    }

    fn begin(
        &self,
        task: &Arc<Settled>,
        number: u64,
        inputs: u64,
        detail: bool,
        deliver: Deliver,
    ) -> Result<Arc<Request>, HostError> {
        let id = self.shared.number();
        let request = Arc::new(Request {
            id,
            number,
            asker: Arc::clone(&self.asker),
            task: Arc::clone(task),
            detail,
            inputs,
            arrived: Instant::now(),
            started_ms: shared::now_ms(),
            deliver,
            progress: Mutex::new(Progress::default()),
        });
        let mut state = self.shared.lock();
        if state.stopping {
            return Err(HostError::Stopping);
        }
        state.queue.open(self.asker.id, id, task.lane.id);
        state.add(&request);
        Ok(request)
    }

    /// Gives inputs of a request to the pool, all of them or the next ones; a request without any ends by it. Answers that
    /// are kept are delivered in this call, the others from the worker's thread. The request fails where more is under way
    /// than may be.
    pub fn give(&self, request: &Arc<Request>, inputs: Vec<(u64, Input)>) {
        if let Some(error) = self.excess(&inputs) {
            self.shared.fail(request, &error);
            return;
        }
        if inputs.is_empty() {
            self.shared.answer(request, Vec::new(), &Tally::default());
        }
        let mut inputs = inputs.into_iter();
        let mut block = Block::default();
        loop {
            block.clear();
            for (row, input) in inputs.by_ref().take(BLOCK) {
                match request.task.lane.answerer.render(&input) {
                    Ok(rendered) => block.add(row, rendered),
                    Err(RenderError::Row(reason)) => block.answers.push((row, convert::error(reason))),
                    Err(RenderError::Request(error)) => {
                        self.shared.fail(request, &HostError::Engine(error.into()));
                        return;
                    }
                }
            }
            if block.is_empty() || request.has_ended() {
                return;
            }
            self.take(request, &mut block);
        }
    }

    /// Drops what is left of a request. Nothing is delivered for it any more.
    pub fn cancel(&self, request: &Request) {
        self.shared.drop_work(request);
    }

    /// What is wrong with giving so much more.
    fn excess(&self, inputs: &[(u64, Input)]) -> Option<HostError> {
        let sizes = inputs.iter().map(|(_, input)| Lane::size(input.bytes()).bytes);
        let bytes: u64 = sizes.sum();
        let options = &self.shared.options;
        let state = self.shared.lock();
        let own = state.queue.bytes_of(self.asker.id);
        let all = state.queue.queued_bytes();
        // What is given at once may be more than a limit; it is what comes on top that may not.
        if own > 0 && own + bytes > options.window_bytes.saturating_mul(WINDOWS) {
            Some(HostError::Window {
                bytes: own + bytes,
                limit: options.window_bytes,
            })
        } else if all > 0 && all + bytes > options.queue_bytes {
            Some(HostError::QueueFull {
                bytes: all,
                limit: options.queue_bytes,
            })
        } else {
            None
        }
    }

    /// Delivers what is known of a block, and queues the rest.
    fn take(&self, request: &Arc<Request>, block: &mut Block) {
        let scores = if request.detail {
            Scores::Wanted
        } else {
            Scores::LeftOut
        };
        let known = request.task.lane.answerer.known(&block.hashes, scores);
        let mut answers = std::mem::take(&mut block.answers);
        let mut tally = Tally {
            failed: answers.len() as u64,
            ..Tally::default()
        };
        answers.reserve(known.len());
        let mut missing = Vec::new();
        let rows = block.rows.drain(..).zip(block.hashes.drain(..));
        for ((row, hash), known) in rows.zip(known) {
            match known {
                Some(answer) => {
                    tally.cached += 1;
                    answers.push((row.number, convert::answer(answer, request.detail)));
                }
                None => missing.push((row, hash)),
            }
        }
        if !missing.is_empty() {
            // Rows of like length stand together, so that a run of them pads little.
            missing.sort_by_key(|(row, _)| Reverse(row.input.text.len()));
            let mut state = self.shared.lock();
            for (row, hash) in missing {
                let size = Lane::size(row.input.text.len());
                state.queue.add(request.id, row.number, hash, size, || row.input);
            }
            drop(state);
            self.shared.wake.notify_all();
        }
        if !answers.is_empty() {
            self.shared.answer(request, answers, &tally);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let requests = self.shared.lock().of(self.asker.id);
        requests.iter().for_each(|request| self.shared.drop_work(request));
        self.shared.lock().queue.leave(self.asker.id);
        self.shared.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A row that was rendered.
struct Row {
    number: u64,
    input: RenderedInput,
}

/// Rows that are looked up together, and answers to those that can't be.
#[derive(Default)]
struct Block {
    rows: Vec<Row>,
    hashes: Vec<InputHash>,
    answers: Vec<(u64, wire::Answer)>,
}

impl Block {
    fn add(&mut self, number: u64, input: RenderedInput) {
        self.hashes.push(input.hash());
        self.rows.push(Row { number, input });
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.answers.is_empty()
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.hashes.clear();
        self.answers.clear();
    }
}
