//! A request under way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use refuel_client::wire::{self, Activity, Hello, ToClient, Work};

use super::queue::{ClientId, RequestId};
use super::settled::Settled;
use crate::error::HostError;

/// Takes what a client is told. It is called from other threads, and must not wait.
pub(super) type Deliver = Box<dyn Fn(ToClient) + Send + Sync>;

/// A client, as the pool knows it.
pub(super) struct Asker {
    pub(super) id: ClientId,
    pub(super) hello: Hello,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every input has an answer.
    Done,
    /// It failed.
    Failed,
    /// The client cancelled it, or went away.
    Dropped,
}

impl Outcome {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// What became of some inputs of a request at a time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) cached: u64,
    pub(super) failed: u64,
    pub(super) runs: u64,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    /// How long the run took that these were part of.
    pub(super) ran: Duration,
    /// The part of this time that these inputs account for.
    pub(super) model_time: Duration,
}

/// What a request has come to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) answered: u64,
    pub(super) failed: u64,
    pub(super) work: Work,
    pub(super) model_time: Duration,
    ran: Duration,
    pub(super) outcome: Option<Outcome>,
}

/// A request under way, as [`Client::open`](super::Client::open) begins it.
pub struct Request {
    pub(super) id: RequestId,
    /// The number that the client gave it.
    pub(super) number: u64,
    pub(super) asker: Arc<Asker>,
    pub(super) task: Arc<Settled>,
    pub(super) detail: bool,
    pub(super) inputs: u64,
    pub(super) arrived: Instant,
    pub(super) started_ms: i64,
    pub(super) deliver: Deliver,
    pub(super) progress: Mutex<Progress>,
}

impl Request {
    /// Delivers answers, and the end with the last ones. After its end a request delivers nothing.
    ///
    /// `ended` is called before the end is delivered: who hears of it finds nothing left of the request.
    pub(super) fn answer(&self, answers: Vec<(u64, wire::Answer)>, tally: &Tally, ended: impl FnOnce(&Progress)) {
        // Held while answers are delivered, so that none comes behind the end.
        let mut progress = self.lock();
        if progress.outcome.is_some() {
            return;
        }
        progress.answered += answers.len() as u64;
        progress.failed += tally.failed;
        progress.model_time += tally.model_time;
        progress.ran += tally.ran;
        let work = &mut progress.work;
        work.cached += tally.cached;
        work.batches += tally.runs;
        work.input_tokens += tally.input_tokens;
        work.output_tokens += tally.output_tokens;
        if !answers.is_empty() {
            (self.deliver)(ToClient::Answers {
                request: self.number,
                answers,
            });
        }
        if progress.answered < self.inputs {
            return;
        }
        self.end(&mut progress, Outcome::Done);
        ended(&progress);
        (self.deliver)(ToClient::Done {
            request: self.number,
            work: progress.work,
        });
    }

    /// Delivers rows, those of a part together, and the end.
    pub(super) fn rows(
        &self,
        parts: impl Iterator<Item = Vec<wire::Row>>,
        notes: Vec<String>,
        ended: impl FnOnce(&Progress),
    ) {
        let mut progress = self.lock();
        if progress.outcome.is_some() {
            return;
        }
        progress.answered = self.inputs;
        self.end(&mut progress, Outcome::Done);
        ended(&progress);
        let rows = |rows, notes| ToClient::Rows {
            request: self.number,
            rows,
            notes,
        };
        parts.for_each(|part| (self.deliver)(rows(part, Vec::new())));
        if !notes.is_empty() {
            (self.deliver)(rows(Vec::new(), notes));
        }
        (self.deliver)(ToClient::Done {
            request: self.number,
            work: progress.work,
        });
    }

    /// Ends it with an error, where it had not ended before.
    pub(super) fn fail(&self, error: &HostError, ended: impl FnOnce(&Progress)) {
        let mut progress = self.lock();
        if progress.outcome.is_none() {
            self.end(&mut progress, Outcome::Failed);
            ended(&progress);
            (self.deliver)(ToClient::Failed(error.failure(Some(self.number), None)));
        }
    }

    /// Ends it and says nothing, where it had not ended before.
    pub(super) fn drop_work(&self, ended: impl FnOnce(&Progress)) {
        let mut progress = self.lock();
        if progress.outcome.is_none() {
            self.end(&mut progress, Outcome::Dropped);
            ended(&progress);
        }
    }

    fn end(&self, progress: &mut Progress, outcome: Outcome) {
        progress.outcome = Some(outcome);
        let elapsed = self.arrived.elapsed();
        progress.work.elapsed_us = elapsed.as_micros() as u64;
        progress.work.waited_us = if progress.work.batches > 0 {
            elapsed.saturating_sub(progress.ran).as_micros() as u64
        } else {
            0
        };
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().outcome.is_some()
    }

    /// What it has come to.
    pub(super) fn progress(&self) -> Progress {
        *self.lock()
    }

    /// What is told of it while it is under way.
    pub(super) fn activity(&self) -> Activity {
        let hello = &self.asker.hello;
        Activity {
            pid: hello.pid,
            program: hello.program.clone(),
            database: hello.database.clone(),
            role: hello.role.clone(),
            task: self.task.name.clone(),
            model: self.task.lane.answerer.model().to_owned(),
            inputs: self.inputs,
            answered: self.progress().answered,
            started_ms: self.started_ms,
        }
    }

    /// What is in it is whole even after a panic of who delivers.
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
