//! One connection: what a client says goes to the pool, and what the pool says goes to the client.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use refuel_client::wire::{
    Ask, Failure, Hello, PROTOCOL, Preamble, Relate, Relation, TaskSpec, ToClient, ToHost, Welcome, encode,
};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::{Instrument as _, debug, warn};

use super::incoming::{End, Incoming, linger, protocol};
use super::requests::{ANSWER_BYTES, Held, Part, Requests};
use super::stream::Stream;
use super::token::Token;
use crate::error::HostError;
use crate::metrics::Metrics;
use crate::pool::{Client, Pool, Request, Settled};

/// How long a client may take to say who it is.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Most tasks that a client has settled at once.
const MOST_TASKS: usize = 1024;

/// How often it is looked whether a client that is not read from has gone.
const LOOK: Duration = Duration::from_millis(50);

/// Inputs that are looked up where they arrive; more of them are given to a thread of their own.
const FEW: usize = 16;

/// Writing buffers with more room than this are given back.
const LARGE_BUFFER: usize = 1 << 20;

/// Who may connect.
#[derive(Debug, Clone)]
pub(super) enum Admission {
    /// Processes of the host's own user and of root, which the system tells.
    Peer {
        /// The client's user.
        user: u32,
    },
    /// Whoever knows the token.
    Token(Token),
}

/// What connections share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) pool: Pool,
    pub(super) metrics: Arc<Metrics>,
    /// What connections hold together.
    pub(super) held: Arc<Held>,
}

/// Serves a client until it goes.
pub(super) async fn serve(stream: Stream, admission: Admission, shared: Shared) {
    let mut incoming = Incoming::default();
    let greeted = timeout(HANDSHAKE, greet(&stream, &mut incoming, &admission)).await;
    let hello = match greeted {
        Ok(Ok(hello)) => hello,
        Ok(Err(End::Refused(error))) => {
            shared.metrics.refused();
            warn!(code = error.code(), %error, "refused a client");
            refuse(&stream, &error).await;
            return;
        }
        Ok(Err(end)) => {
            debug!(?end, "a client went before it said who it is");
            return;
        }
        Err(_) => {
            shared.metrics.refused();
            warn!("a client did not say who it is");
            return;
        }
    };
    let span = tracing::debug_span!(
        "client",
        pid = hello.pid,
        program = hello.program,
        database = hello.database,
        role = hello.role
    );
    let connection = Connection {
        client: shared.pool.connect(hello),
        window: shared.pool.window_bytes(),
        pool: shared.pool,
        stream,
        state: Arc::new(State::new(shared.held)),
    };
    let work = async {
        debug!("connected");
        let end = connection.run(&mut incoming).await;
        match &end {
            End::Refused(error) => {
                warn!(code = error.code(), %error, "ended a connection");
                // Nothing can be said in the middle of a message.
                if connection.state.outgoing().writing == 0 {
                    refuse(&connection.stream, error).await;
                }
            }
            End::Gone => debug!("gone"),
            End::Broken(error) => debug!(%error, "the connection broke"),
        }
    };
    work.instrument(span).await;
}

/// Hears what a client is and who asks.
async fn greet(stream: &Stream, incoming: &mut Incoming, admission: &Admission) -> Result<Hello, End> {
    stream.write(&Preamble::own().to_bytes()).await?;
    let preamble = incoming.preamble(stream).await?;
    if preamble.protocol != PROTOCOL {
        // The client has our preamble, and tells its user.
        warn!(
            version = preamble.version,
            protocol = preamble.protocol,
            "a client of another version"
        );
        linger(stream).await;
        return Err(End::Gone);
    }
    let ToHost::Hello(hello) = incoming.first(stream).await? else {
        return Err(protocol("it did not say who it is"));
    };
    match admission {
        Admission::Peer { user } => {
            let own = rustix::process::geteuid().as_raw();
            if *user != own && *user != 0 {
                let client = *user;
                return Err(HostError::OtherUser { own, client }.into());
            }
        }
        Admission::Token(token) if !token.is(hello.token.as_deref()) => return Err(HostError::WrongToken.into()),
        Admission::Token(_) => {}
    }
    Ok(hello)
}

/// Tells a client why the connection ends.
async fn refuse(stream: &Stream, error: &HostError) {
    let mut bytes = Vec::new();
    let told = encode(&ToClient::Failed(error.failure(None, None)), &mut bytes);
    if told.is_ok() && matches!(timeout(LOOK, stream.write(&bytes)).await, Ok(Ok(()))) {
        linger(stream).await;
    }
}

/// What the pool's threads and the connection's task share.
struct State {
    requests: Mutex<Requests<Arc<Request>>>,
    outgoing: Mutex<Outgoing>,
    /// Something is to be written.
    filled: Notify,
    /// Something was written, or a request has ended.
    room: Notify,
}

/// What the client is to be told.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    /// Bytes that are being written.
    writing: usize,
}

impl State {
    fn new(held: Arc<Held>) -> Self {
        Self {
            requests: Mutex::new(Requests::new(held)),
            outgoing: Mutex::default(),
            filled: Notify::new(),
            room: Notify::new(),
        }
    }

    fn requests(&self) -> MutexGuard<'_, Requests<Arc<Request>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that the client has not read.
    fn unread(&self) -> usize {
        let outgoing = self.outgoing();
        outgoing.bytes.len() + outgoing.writing
    }

    /// Puts a message behind what the client is to be told. Gives its bytes.
    fn say(&self, message: &ToClient) -> usize {
        let mut outgoing = self.outgoing();
        let before = outgoing.bytes.len();
        if let Err(error) = encode(message, &mut outgoing.bytes) {
            drop(outgoing);
            return self.say_in_halves(message, &error.to_string());
        }
        let length = outgoing.bytes.len() - before;
        drop(outgoing);
        self.filled.notify_one();
        length
    }

    /// Answers that are too large for one message go in several.
    fn say_in_halves(&self, message: &ToClient, reason: &str) -> usize {
        match message {
            ToClient::Answers { request, answers } if answers.len() > 1 => {
                let (left, right) = answers.split_at(answers.len() / 2);
                let halves = [left, right].into_iter().map(|answers| {
                    self.say(&ToClient::Answers {
                        request: *request,
                        answers: answers.to_vec(),
                    })
                });
                halves.sum()
            }
            _ => {
                warn!(reason, "an answer can't be sent");
                0
            }
        }
    }

    /// Takes what the pool says of a request. It is called from the pool's threads.
    fn deliver(&self, message: &ToClient) {
        match message {
            ToClient::Answers { request, answers } => {
                if self.requests().answered(*request, answers.len()) {
                    let bytes = self.say(message);
                    self.requests().sent(answers.len(), bytes);
                }
            }
            ToClient::Done { request, .. }
            | ToClient::Failed(Failure {
                request: Some(request), ..
            }) => {
                if self.requests().remove(*request).is_some() {
                    self.say(message);
                }
                self.room.notify_one();
            }
            ToClient::Rows { request, .. } => {
                if self.requests().contains(*request) {
                    self.say(message);
                }
            }
            ToClient::Failed(_) | ToClient::Welcome(_) | ToClient::Prepared { .. } | ToClient::Report(_) => {}
        }
    }
}

/// A client that has said who it is.
struct Connection {
    pool: Pool,
    client: Client,
    window: u64,
    stream: Stream,
    state: Arc<State>,
}

impl Connection {
    /// Listens, works and tells, until one of them ends.
    async fn run(&self, incoming: &mut Incoming) -> End {
        self.state.say(&ToClient::Welcome(Welcome {
            pid: std::process::id(),
            window_bytes: self.window,
        }));
        let result = tokio::select! {
            result = self.hear(incoming) => result,
            result = self.tell() => result,
            result = self.work() => result,
        };
        match result {
            Err(end) => end,
        }
    }

    /// Listens to the client.
    async fn hear(&self, incoming: &mut Incoming) -> Result<Infallible, End> {
        let mut tasks: HashMap<u32, Arc<Settled>> = HashMap::new();
        loop {
            self.wait_for_window().await?;
            match incoming.next(&self.stream).await? {
                ToHost::Hello(_) => return Err(protocol("it said twice who it is")),
                ToHost::Prepare { task, spec } => {
                    if tasks.len() >= MOST_TASKS && !tasks.contains_key(&task) {
                        return Err(protocol(format!("it has more than {MOST_TASKS} tasks")));
                    }
                    match self.prepare(&spec) {
                        Ok(settled) => {
                            let prepared = settled.prepared();
                            tasks.insert(task, settled);
                            self.state.say(&ToClient::Prepared { task, prepared });
                        }
                        Err(error) => {
                            tasks.remove(&task);
                            self.state.say(&ToClient::Failed(error.failure(None, Some(task))));
                        }
                    }
                }
                ToHost::Ask(ask) => {
                    let Some(task) = tasks.get(&ask.task) else {
                        return Err(protocol(format!("it asked task {}, which is not settled", ask.task)));
                    };
                    self.ask(task, ask)?;
                }
                ToHost::Relate(relate) => {
                    let Some(task) = tasks.get(&relate.task) else {
                        return Err(protocol(format!("it asked task {}, which is not settled", relate.task)));
                    };
                    self.relate(task, relate)?;
                }
                ToHost::Cancel { request } => {
                    let cancelled = self.state.requests().remove(request);
                    if let Some(cancelled) = cancelled {
                        self.client.cancel(&cancelled);
                        self.state.room.notify_one();
                    }
                }
                ToHost::Report(kind) => {
                    let pool = self.pool.clone();
                    let report = tokio::task::spawn_blocking(move || pool.report(kind)).await;
                    let report = report.map_err(|_| End::Refused(HostError::Stopping))?;
                    self.state.say(&ToClient::Report(report));
                }
            }
        }
    }

    /// Reads nothing more while a client, or all of them, have more under way than they should, and while it does not read
    /// what it asked for.
    async fn wait_for_window(&self) -> Result<(), End> {
        loop {
            let has_room = self.state.requests().has_room(self.window);
            if has_room && self.state.unread() < ANSWER_BYTES {
                return Ok(());
            }
            if self.stream.has_gone() {
                return Err(End::Gone);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn prepare(&self, spec: &TaskSpec) -> Result<Arc<Settled>, HostError> {
        // Files of the registry are read; no other connection waits for them.
        tokio::task::block_in_place(|| self.client.prepare(spec))
    }

    /// Gives the pool what the client has room for.
    async fn work(&self) -> Result<Infallible, End> {
        loop {
            self.state.room.notified().await;
            self.give();
        }
    }

    /// Takes a request.
    fn ask(&self, task: &Arc<Settled>, ask: Ask) -> Result<(), End> {
        let number = ask.request;
        if self.state.requests().contains(number) {
            return Err(protocol(format!("request {number} is under way already")));
        }
        let state = Arc::clone(&self.state);
        let deliver = move |message| state.deliver(&message);
        let request = self.client.open(task, &ask, deliver)?;
        self.state.requests().add(number, request, ask.inputs);
        self.give();
        Ok(())
    }

    /// Takes whole relations.
    fn relate(&self, task: &Arc<Settled>, relate: Relate) -> Result<(), End> {
        let number = relate.request;
        // Whatever comes of it waits for the request to be known.
        let mut requests = self.state.requests();
        if requests.contains(number) {
            return Err(protocol(format!("request {number} is under way already")));
        }
        let bytes = relate.relations.iter().map(Relation::bytes).sum();
        let state = Arc::clone(&self.state);
        let request = self
            .client
            .relate(task, relate, move |message| state.deliver(&message))?;
        requests.hold(number, request, bytes);
        Ok(())
    }

    fn give(&self) {
        loop {
            let unread = self.state.unread();
            let part = self.state.requests().next(unread);
            let Some(Part { handle, inputs }) = part else { return };
            // Kept answers to a few inputs are there sooner than another thread would be.
            if inputs.len() <= FEW {
                self.client.give(&handle, inputs);
            } else {
                tokio::task::block_in_place(|| self.client.give(&handle, inputs));
            }
        }
    }

    /// Tells the client what there is to tell.
    async fn tell(&self) -> Result<Infallible, End> {
        let mut bytes = Vec::new();
        loop {
            {
                let mut outgoing = self.state.outgoing();
                bytes.clear();
                std::mem::swap(&mut outgoing.bytes, &mut bytes);
                outgoing.writing = bytes.len();
            }
            if bytes.is_empty() {
                if bytes.capacity() > LARGE_BUFFER {
                    bytes = Vec::new();
                }
                self.state.filled.notified().await;
                continue;
            }
            self.stream.write(&bytes).await?;
            self.state.outgoing().writing = 0;
            self.state.room.notify_one();
        }
    }
}
