//! Scripted answers, in place of an engine, and clients that keep what they are told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use refuel_client::wire::{Answer as Told, Ask, Failure, Hello, Input, ModelReport, TaskSpec, ToClient, Work};
use refuel_engine::cache::Scores;
use refuel_engine::session::Budget;
use refuel_engine::session::onnx::RuntimeOptions;
use refuel_engine::{CachePolicy, Cancel, EngineError, EngineOptions, ModelMemory};
use refuel_task::{Answer, InputHash, RenderedInput, Source, Status, Task};

use super::super::answerer::{Answerer, Backend, RenderError};
use super::super::{Client, Pool, PoolOptions, Request, Settled};
use crate::error::HostError;

/// How long a test waits for what should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run with a row that begins so panics, one with the other fails.
pub(super) const PANIC: &str = "!panic";
pub(super) const FAIL: &str = "!fail";

/// A model that can't be loaded.
pub(super) const UNUSABLE: &str = "unusable:10";

/// How long the model takes to load whose name it is.
pub(super) const SLOW: &str = "slow:10";
pub(super) const LOADING: Duration = Duration::from_millis(200);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the test and the scripted engine share.
#[derive(Default)]
pub(super) struct Script {
    state: Mutex<Scripted>,
    changed: Condvar,
}

#[derive(Default)]
struct Scripted {
    /// Runs wait until the test lets them go.
    held: bool,
    permits: usize,
    waiting: usize,
    /// The texts of each run, in their order.
    runs: Vec<Vec<String>>,
    cancelled: usize,
    loaded: HashSet<String>,
    loads: usize,
    kept: HashMap<(String, InputHash), Answer>,
}

impl Script {
    /// From now on runs wait for [`Script::let_go`].
    pub(super) fn hold(&self) {
        lock(&self.state).held = true;
    }

    /// Lets so many runs go.
    pub(super) fn let_go(&self, runs: usize) {
        lock(&self.state).permits += runs;
        self.changed.notify_all();
    }

    /// Lets every run go.
    pub(super) fn let_all_go(&self) {
        lock(&self.state).held = false;
        self.changed.notify_all();
    }

    /// Waits until something holds.
    fn until(&self, what: &str, holds: impl Fn(&Scripted) -> bool) {
        let until = Instant::now() + PATIENCE;
        let mut state = lock(&self.state);
        while !holds(&state) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} did not come");
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until a run is held.
    pub(super) fn until_held(&self) {
        self.until("a run", |state| state.waiting > 0);
    }

    /// Waits until so many runs have begun.
    pub(super) fn until_run(&self, runs: usize) {
        self.until("runs", |state| state.runs.len() >= runs);
    }

    /// Waits until so many runs were stopped.
    pub(super) fn until_cancelled(&self, runs: usize) {
        self.until("a stop", |state| state.cancelled >= runs);
    }

    pub(super) fn runs(&self) -> Vec<Vec<String>> {
        lock(&self.state).runs.clone()
    }

    pub(super) fn loads(&self) -> usize {
        lock(&self.state).loads
    }

    pub(super) fn loaded(&self) -> Vec<String> {
        let mut loaded: Vec<String> = lock(&self.state).loaded.iter().cloned().collect();
        loaded.sort();
        loaded
    }
}

struct ScriptedBackend(Arc<Script>);

/// A task whose answer is its input in capitals. Its model, `name:weights`, says how much memory it takes.
struct ScriptedTask {
    script: Arc<Script>,
    spec: String,
    task: Task,
    model: String,
    weights: u64,
}

/// The task of specifications that are none.
fn any_task() -> Task {
    let task = serde_json::json!({"kind": "label", "input": "text", "labels": ["a", "b"]});
    Task::from_catalog(&task, "any").expect("a task")
}

impl Backend for ScriptedBackend {
    fn settle(&self, spec: &TaskSpec) -> Result<Box<dyn Answerer>, HostError> {
        let model = spec.model.clone().unwrap_or_else(|| "small:10".to_owned());
        let weights = model.split_once(':').map_or("", |(_, weights)| weights);
        Ok(Box::new(ScriptedTask {
            script: Arc::clone(&self.0),
            spec: spec.json.clone(),
            task: serde_json::from_str(&spec.json)
                .ok()
                .and_then(|json| Task::from_catalog(&json, &spec.name).ok())
                .unwrap_or_else(any_task),
            weights: weights.parse().expect("a number"),
            model,
        }))
    }

    fn unload(&self, digest: &str) {
        lock(&self.0.state).loaded.remove(digest);
    }

    fn device(&self, digest: &str) -> Option<String> {
        lock(&self.0.state).loaded.contains(digest).then(|| "cpu".to_owned())
    }

    fn models(&self) -> Result<Vec<ModelReport>, HostError> {
        Ok(Vec::new())
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn cache_bytes(&self) -> u64 {
        0
    }
}

impl Answerer for ScriptedTask {
    fn identity(&self) -> String {
        format!("{} {}", self.spec, self.model)
    }

    fn fingerprint(&self) -> &str {
        &self.spec
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn task(&self) -> &Task {
        &self.task
    }

    fn render(&self, input: &Input) -> Result<RenderedInput, RenderError> {
        match input {
            Input::Text(text) if text.trim().is_empty() => Err(RenderError::Row("input is empty".to_owned())),
            Input::Text(text) => Ok(RenderedInput::text(text)),
            _ => Err(RenderError::Request(refuel_task::TaskError::NeedsRow {
                given: "two texts",
                columns: vec!["x".to_owned(), "y".to_owned()],
            })),
        }
    }

    fn known(&self, inputs: &[InputHash], _scores: Scores) -> Vec<Option<Answer>> {
        let state = lock(&self.script.state);
        let find = |input: &InputHash| state.kept.get(&(self.identity(), *input)).cloned();
        inputs.iter().map(find).collect()
    }

    fn models(&self) -> Vec<ModelMemory> {
        vec![ModelMemory {
            digest: self.model.clone(),
            model: self.model.clone(),
            weights_bytes: self.weights,
            run_bytes: 5,
        }]
    }

    fn is_loaded(&self) -> bool {
        lock(&self.script.state).loaded.contains(&self.model)
    }

    fn load(&self, _cancel: &Cancel) -> Result<(), EngineError> {
        if self.model == UNUSABLE {
            return Err(EngineError::ModelUnusable {
                model: self.model.clone(),
                reason: "told to".to_owned(),
            });
        }
        if self.model == SLOW {
            std::thread::sleep(LOADING);
        }
        let mut state = lock(&self.script.state);
        state.loads += usize::from(state.loaded.insert(self.model.clone()));
        Ok(())
    }

    fn answer(
        &self,
        inputs: &[RenderedInput],
        cancel: &Cancel,
        on_run: &mut dyn FnMut(usize),
    ) -> Result<Vec<Answer>, EngineError> {
        let mut state = lock(&self.script.state);
        state.runs.push(inputs.iter().map(|input| input.text.clone()).collect());
        state.waiting += 1;
        self.script.changed.notify_all();
        while state.held && state.permits == 0 && !cancel.is_cancelled() {
            let waited = self.script.changed.wait_timeout(state, Duration::from_millis(1));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting -= 1;
        if cancel.is_cancelled() {
            state.cancelled += 1;
            self.script.changed.notify_all();
            return Err(EngineError::Cancelled);
        }
        state.permits = state.permits.saturating_sub(1);
        if inputs.iter().any(|input| input.text.starts_with(FAIL)) {
            return Err(EngineError::RunFailed {
                model: self.model.clone(),
                reason: "told to".to_owned(),
            });
        }
        assert!(
            inputs.iter().all(|input| !input.text.starts_with(PANIC)),
            "told to panic"
        );
        on_run(inputs.len());
        let answer = |input: &RenderedInput| Answer {
            value: input.text.to_uppercase().into(),
            confidence: Some(0.5),
            status: Status::Ok,
            reason: None,
            source: Source::Model,
            input_tokens: 3,
            output_tokens: 1,
            ..Answer::error(&self.model, "")
        };
        let answers: Vec<Answer> = inputs.iter().map(answer).collect();
        for (input, answer) in inputs.iter().zip(&answers) {
            let kept = Answer {
                source: Source::Cache,
                ..answer.clone()
            };
            state.kept.insert((self.identity(), input.hash()), kept);
        }
        Ok(answers)
    }

    fn release(&self) {}
}

/// A pool with scripted answers.
pub(super) struct Stage {
    pub(super) script: Arc<Script>,
    pub(super) pool: Pool,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut PoolOptions)) -> Self {
        let engine = EngineOptions {
            runtime: RuntimeOptions::new(std::path::Path::new("/nowhere")),
            budget: Budget::default(),
            cache: CachePolicy::Memory,
        };
        let mut options = PoolOptions::new(engine);
        options.usage_file = None;
        options.memory_bytes = 100;
        change(&mut options);
        let script = Arc::new(Script::default());
        let backend = Box::new(ScriptedBackend(Arc::clone(&script)));
        let pool = Pool::with(backend, options).expect("it starts");
        Self { script, pool }
    }

    pub(super) fn client(&self, role: &str) -> Asking {
        let client = self.pool.connect(Hello {
            role: role.to_owned(),
            ..Hello::default()
        });
        Asking { client, next: 0 }
    }

    /// Waits until nothing is under way.
    pub(super) fn until_quiet(&self) {
        let until = Instant::now() + PATIENCE;
        while !self.pool.handle.shared.lock().all().is_empty() {
            assert!(Instant::now() < until, "requests are still under way");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A client that asks, and numbers its requests.
pub(super) struct Asking {
    pub(super) client: Client,
    next: u64,
}

/// What came of a request.
pub(super) struct Inbox {
    pub(super) request: Arc<Request>,
    messages: Receiver<ToClient>,
}

/// Answers by row, and what they took.
pub(super) type Answers = (BTreeMap<u64, Told>, Work);

pub(super) fn spec(json: &str, model: &str) -> TaskSpec {
    TaskSpec {
        name: format!("{json}@1"),
        json: json.to_owned(),
        model: Some(model.to_owned()),
    }
}

impl Asking {
    pub(super) fn task(&self, json: &str, model: &str) -> Arc<Settled> {
        self.client.prepare(&spec(json, model)).expect("it is settled")
    }

    /// Asks a task about texts, which are numbered from 0.
    pub(super) fn ask(&mut self, task: &Arc<Settled>, texts: impl IntoIterator<Item = impl Into<String>>) -> Inbox {
        let inputs = texts.into_iter().map(|text| Input::Text(text.into())).collect();
        self.ask_inputs(task, inputs)
    }

    pub(super) fn ask_inputs(&mut self, task: &Arc<Settled>, inputs: Vec<Input>) -> Inbox {
        let (inbox, inputs) = self.open(task, inputs);
        self.client.give(&inbox.request, inputs);
        inbox
    }

    /// Asks a task about texts that are given to the pool in parts of these sizes; each part is answered before the next.
    pub(super) fn ask_in_parts(&mut self, task: &Arc<Settled>, texts: &[String], parts: &[usize]) -> Inbox {
        let inputs = texts.iter().cloned().map(Input::Text).collect();
        let (inbox, mut rest) = self.open(task, inputs);
        let mut answered = 0;
        for &part in parts {
            let inputs = rest.drain(..part).collect();
            self.client.give(&inbox.request, inputs);
            answered += part as u64;
            let until = Instant::now() + PATIENCE;
            while inbox.request.progress().answered < answered {
                assert!(Instant::now() < until, "a part is not answered");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        inbox
    }

    /// Begins a request; none of its inputs is given to the pool yet.
    fn open(&mut self, task: &Arc<Settled>, inputs: Vec<Input>) -> (Inbox, Vec<(u64, Input)>) {
        self.next += 1;
        let (sender, messages) = channel();
        let ask = Ask {
            request: self.next,
            task: 1,
            detail: false,
            inputs: (0..).zip(inputs).collect(),
        };
        let deliver = move |message| {
            let _ = sender.send(message);
        };
        let request = self.client.open(task, &ask, deliver).expect("it is open");
        (Inbox { request, messages }, ask.inputs)
    }
}

impl Inbox {
    /// Waits for the end. Every row is answered once at most, and nothing comes behind the end.
    pub(super) fn end(&self) -> Result<Answers, Failure> {
        let mut answers = BTreeMap::new();
        loop {
            let message = self.messages.recv_timeout(PATIENCE).expect("the end comes");
            match message {
                ToClient::Answers {
                    request,
                    answers: given,
                } => {
                    assert_eq!(request, self.request.number);
                    assert!(!given.is_empty());
                    for (row, answer) in given {
                        assert!(answers.insert(row, answer).is_none(), "row {row} is answered twice");
                    }
                }
                ToClient::Done { request, work } => {
                    assert_eq!(request, self.request.number);
                    assert!(self.messages.try_recv().is_err(), "something comes behind the end");
                    return Ok((answers, work));
                }
                ToClient::Failed(failure) => {
                    assert_eq!(failure.request, Some(self.request.number));
                    return Err(failure);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// The answers of a request that is to succeed.
    pub(super) fn answers(&self) -> Answers {
        self.end().unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    /// Whether nothing was told so far.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.try_recv().is_err()
    }
}
