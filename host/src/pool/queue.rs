//! Who is served next. Pure: no thread, no clock, no model.
//!
//! A *lane* is a settled task; rows of one lane can run together. Each client has the requests that it made, each request
//! the rows that wait. The next run goes to the client that was served least, and is filled up with rows of the same lane
//! from every client, one row each in turn. Service is counted as in weighted fair queueing (Demers, Keshav and Shenker
//! 1989, "Analysis and Simulation of a Fair Queueing Algorithm"): by what rows cost, against a virtual time that goes on
//! at the pace at which each of the waiting clients could have been served, and at which those who come begin. So a
//! request of a million rows delays one of a single row by a run or two, and nobody is passed over for ever.
//!
//! Equal inputs of a lane are one *job*, whoever asks; everyone who waits for it has it in his own line, and whose turn
//! comes first takes it for all.

use std::collections::{BTreeMap, HashMap, VecDeque};

use refuel_task::InputHash;

/// Parts that a unit of cost is counted in, so that what it makes of the virtual time among many clients is not nothing.
const PARTS: u64 = 1 << 12;

/// Number of a client.
pub(super) type ClientId = u64;
/// Number of a request, over all clients.
pub(super) type RequestId = u64;
/// Number of a lane.
pub(super) type LaneId = u64;
/// What a job is known by.
pub(super) type JobKey = (LaneId, InputHash);

/// How much is run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// The most rows.
    pub(super) rows: usize,
    /// Rows that are run even where they cost more than `cost`, up to four times as much.
    pub(super) least_rows: usize,
    /// What the rows may cost together.
    pub(super) cost: u64,
    /// The most bytes of inputs; a single one may have more.
    pub(super) bytes: u64,
}

impl Limits {
    /// One row.
    pub(super) const LEAST: Self = Self {
        rows: 1,
        least_rows: 1,
        cost: 0,
        bytes: 0,
    };
}

/// Bytes and cost of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Bytes that are held.
    pub(super) bytes: u64,
    /// What running it takes, in units of its own; 1 at least.
    pub(super) cost: u64,
}

/// Rows of a request that wait for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// The request.
    pub(super) request: RequestId,
    /// The rows, by the numbers that the client gave them.
    pub(super) rows: Vec<u64>,
}

/// Rows that are to be run together.
#[derive(Debug)]
pub(super) struct Chunk<T> {
    /// Their lane.
    pub(super) lane: LaneId,
    /// Each job with its input.
    pub(super) jobs: Vec<(JobKey, T)>,
    /// What they cost together.
    pub(super) cost: u64,
}

struct Job<T> {
    /// None while it runs.
    input: Option<T>,
    size: Size,
    waiting: Vec<Waiting>,
}

struct Client {
    /// What was run for it, and where it began.
    service: u64,
    /// The turn in which it was last served.
    served: u64,
    /// The oldest first.
    requests: VecDeque<RequestId>,
    bytes: u64,
}

struct Request {
    client: ClientId,
    lane: LaneId,
    line: VecDeque<InputHash>,
}

/// See the module.
pub(super) struct Queue<T> {
    clients: BTreeMap<ClientId, Client>,
    requests: HashMap<RequestId, Request>,
    jobs: HashMap<JobKey, Job<T>>,
    time: u64,
    turn: u64,
    queued: u64,
    queued_bytes: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            clients: BTreeMap::new(),
            requests: HashMap::new(),
            jobs: HashMap::new(),
            time: 0,
            turn: 0,
            queued: 0,
            queued_bytes: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Begins a request of a client.
    pub(super) fn open(&mut self, client: ClientId, request: RequestId, lane: LaneId) {
        let time = self.time;
        let entry = self.clients.entry(client).or_insert(Client {
            service: time,
            served: 0,
            requests: VecDeque::new(),
            bytes: 0,
        });
        if entry.requests.is_empty() {
            // What a client did not use while it had nothing to ask is not saved up.
            entry.service = entry.service.max(time);
        }
        entry.requests.push_back(request);
        let line = VecDeque::new();
        self.requests.insert(request, Request { client, lane, line });
    }

    /// Adds a row to a request that is open. `input` is only used where no equal one is waiting or running.
    pub(super) fn add(&mut self, request: RequestId, row: u64, hash: InputHash, size: Size, input: impl FnOnce() -> T) {
        let Some(entry) = self.requests.get_mut(&request) else {
            return;
        };
        let job = self.jobs.entry((entry.lane, hash)).or_insert_with(|| {
            self.queued += 1;
            self.queued_bytes += size.bytes;
            Job {
                input: Some(input()),
                size,
                waiting: Vec::new(),
            }
        });
        if let Some(waiting) = job.waiting.iter_mut().find(|waiting| waiting.request == request) {
            waiting.rows.push(row);
            return;
        }
        job.waiting.push(Waiting {
            request,
            rows: vec![row],
        });
        entry.line.push_back(hash);
        if let Some(client) = self.clients.get_mut(&entry.client) {
            client.bytes += job.size.bytes;
        }
    }

    /// The rows to run now; none where no row waits. `limits` are those of a lane.
    pub(super) fn next(&mut self, limits: impl FnOnce(LaneId) -> Limits) -> Option<Chunk<T>> {
        let mut order: Vec<(u64, u64, ClientId)> = self
            .clients
            .iter()
            .filter(|(_, client)| !client.requests.is_empty())
            .map(|(&id, client)| (client.service, client.served, id))
            .collect();
        order.sort_unstable();
        order.retain(|&(_, _, client)| self.first(client, None).is_some());
        let waiting = order.len() as u64;
        let &(service, _, chosen) = order.first()?;
        let (lane, _) = self.first(chosen, None)?;
        let limits = limits(lane);
        self.turn += 1;
        self.time = self.time.max(service);

        let mut chunk = Chunk {
            lane,
            jobs: Vec::new(),
            cost: 0,
        };
        let mut bytes = 0;
        let mut line: VecDeque<ClientId> = order.into_iter().map(|(_, _, client)| client).collect();
        while let Some(client) = line.pop_front() {
            let Some(key) = self.first(client, Some(lane)) else {
                continue;
            };
            let Some(job) = self.jobs.get_mut(&key) else { continue };
            let rows = chunk.jobs.len();
            let cost = chunk.cost + job.size.cost;
            let costly = cost > limits.cost && (rows >= limits.least_rows || cost > limits.cost.saturating_mul(4));
            if rows >= limits.rows || (rows > 0 && (costly || bytes + job.size.bytes > limits.bytes)) {
                break;
            }
            let Some(input) = job.input.take() else { continue };
            bytes += job.size.bytes;
            chunk.cost = cost;
            self.queued -= 1;
            self.queued_bytes -= job.size.bytes;
            if let Some(client) = self.clients.get_mut(&client) {
                client.service += job.size.cost * PARTS;
                client.served = self.turn;
            }
            chunk.jobs.push((key, input));
            line.push_back(client);
        }
        self.time += chunk.cost * PARTS / waiting.max(1);
        Some(chunk)
    }

    /// The first job in a client's line that waits to be run, of a lane where one is given. Those before it that are run
    /// already, for somebody else, are taken out of the line.
    fn first(&mut self, client: ClientId, lane: Option<LaneId>) -> Option<JobKey> {
        let client = self.clients.get(&client)?;
        for id in &client.requests {
            let Some(request) = self.requests.get_mut(id) else {
                continue;
            };
            if lane.is_some_and(|lane| lane != request.lane) {
                continue;
            }
            while let Some(&hash) = request.line.front() {
                let key = (request.lane, hash);
                let waits = self
                    .jobs
                    .get(&key)
                    .is_some_and(|job| job.input.is_some() && job.waiting.iter().any(|waiting| waiting.request == *id));
                if waits {
                    return Some(key);
                }
                request.line.pop_front();
            }
        }
        None
    }

    /// Ends a job that was run: who waited for it, in the order in which they came.
    pub(super) fn finish(&mut self, key: &JobKey) -> Vec<Waiting> {
        let Some(job) = self.jobs.remove(key) else {
            return Vec::new();
        };
        for waiting in &job.waiting {
            self.discharge(waiting.request, job.size.bytes);
        }
        job.waiting
    }

    /// Puts a job that was not run after all back to the front of its lines. It is dropped where nobody waits any more.
    pub(super) fn give_back(&mut self, key: JobKey, input: T) {
        let Some(job) = self.jobs.get_mut(&key) else { return };
        if job.waiting.is_empty() {
            self.jobs.remove(&key);
            return;
        }
        job.input = Some(input);
        self.queued += 1;
        self.queued_bytes += job.size.bytes;
        for waiting in &job.waiting {
            if let Some(request) = self.requests.get_mut(&waiting.request) {
                request.line.push_front(key.1);
            }
        }
    }

    /// Whether somebody waits for one of these jobs.
    pub(super) fn is_wanted<'a>(&self, mut keys: impl Iterator<Item = &'a JobKey>) -> bool {
        keys.any(|key| self.jobs.get(key).is_some_and(|job| !job.waiting.is_empty()))
    }

    /// Ends a request: its rows that wait are dropped, where nobody else waits for them. `running` are the jobs that run.
    pub(super) fn close<'a>(&mut self, id: RequestId, running: impl Iterator<Item = &'a JobKey>) {
        let Some(request) = self.requests.remove(&id) else {
            return;
        };
        let mut freed = 0;
        let lined = request.line.iter().map(|&hash| (request.lane, hash));
        for key in lined.chain(running.copied()) {
            let Some(job) = self.jobs.get_mut(&key) else { continue };
            let before = job.waiting.len();
            job.waiting.retain(|waiting| waiting.request != id);
            if job.waiting.len() < before {
                freed += job.size.bytes;
            }
            // One that runs stays until it is finished or given back.
            if job.waiting.is_empty() && job.input.is_some() {
                self.queued -= 1;
                self.queued_bytes -= job.size.bytes;
                self.jobs.remove(&key);
            }
        }
        if let Some(client) = self.clients.get_mut(&request.client) {
            client.bytes = client.bytes.saturating_sub(freed);
            client.requests.retain(|other| *other != id);
        }
    }

    /// Forgets a client, all of whose requests are closed.
    pub(super) fn leave(&mut self, client: ClientId) {
        self.clients.remove(&client);
    }

    fn discharge(&mut self, request: RequestId, bytes: u64) {
        let client = self.requests.get(&request).map(|request| request.client);
        if let Some(client) = client.and_then(|client| self.clients.get_mut(&client)) {
            client.bytes = client.bytes.saturating_sub(bytes);
        }
    }

    /// Jobs that wait to be run.
    pub(super) fn queued(&self) -> u64 {
        self.queued
    }

    /// Bytes of the inputs of these.
    pub(super) fn queued_bytes(&self) -> u64 {
        self.queued_bytes
    }

    /// Bytes of inputs that a client waits for, those that run among them.
    pub(super) fn bytes_of(&self, client: ClientId) -> u64 {
        self.clients.get(&client).map_or(0, |client| client.bytes)
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
