//! A client that blocks: [`Session`], over a [`Connection`] that is opened anew when it breaks.

mod address;
mod connection;
mod exchange;
mod socket;
mod tasks;
mod waiter;

use std::io;
use std::time::{Duration, Instant};

pub use address::{Address, AddressError};
pub use connection::Connection;
pub use waiter::{Blocking, Interest, Stopped, Waiter};

use crate::error::ClientError;
use crate::wire::{
    Answer, Hello, Input, Prepared, Relate, Relation, Report, ReportKind, Row, TaskSpec, ToClient, ToHost, Work,
};
use exchange::Exchange;
use tasks::Tasks;

/// First pause before it is tried again to reach a host; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Longest pause before it is tried again.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Connections that may break one after the other without an answer between them. Inputs that end the host each time
/// must not do so for ever.
const MOST_LOSSES: u32 = 5;

/// A client of one host.
///
/// Requests are sent again where the connection breaks, as far as they are unanswered. A request that is stopped, by an
/// error of the [`Waiter`] or by unwinding, closes the connection, so that the host drops its work; the next request opens
/// another.
#[derive(Debug)]
pub struct Session {
    address: Address,
    hello: Hello,
    patience: Duration,
    connection: Option<Connection>,
    tasks: Tasks,
    requests: u64,
}

impl Session {
    /// A session; no connection is made yet. `patience` is the time for which a host is waited for while there is
    /// none, whenever there is none; zero means that it has to be there.
    pub fn new(address: Address, hello: Hello, patience: Duration) -> Self {
        Self {
            address,
            hello,
            patience,
            connection: None,
            tasks: Tasks::default(),
            requests: 0,
        }
    }

    /// Where the host is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Who asks.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Sets how long a host is waited for while there is none.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// What the host said of a task when it settled it, on the connection that there is now.
    pub fn prepared(&self, spec: &TaskSpec) -> Option<&Prepared> {
        self.tasks.prepared(spec)
    }

    /// Answers inputs, in their order. `on_answers(n)` says that `n` more are there.
    ///
    /// # Errors
    /// [`ClientError`]. A row that failed is no error: its answer's status says so.
    pub fn answer(
        &mut self,
        spec: &TaskSpec,
        detail: bool,
        inputs: &[Input],
        waiter: &mut dyn Waiter,
        on_answers: &mut dyn FnMut(usize),
    ) -> Result<(Vec<Answer>, Work), ClientError> {
        let started = Instant::now();
        let mut exchange = Exchange::new(inputs, detail);
        let mut losses = 0;
        while !exchange.is_complete() {
            let before = exchange.answered();
            let result = self.attempt(waiter, |session, connection, waiter| {
                let number = session.tasks.number(spec);
                if !session.tasks.is_settled(spec) {
                    let prepared = settle(connection, number, spec, waiter)?;
                    session.tasks.settled(spec, prepared);
                }
                exchange.run(connection, number, &mut session.requests, waiter, on_answers)
            });
            if exchange.answered() > before {
                losses = 0;
            }
            match result {
                Err(ClientError::Lost { .. }) if losses < MOST_LOSSES => losses += 1,
                Err(ClientError::Lost { .. }) if exchange.is_complete() => {}
                Err(error) => return Err(error),
                Ok(()) => {}
            }
        }
        let elapsed = started.elapsed();
        Ok(exchange.finish(elapsed))
    }

    /// What comes of whole relations: rows as texts, in the columns of the task's kind, and what a person should hear.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::TooLarge`] where the relations are larger than a message may be.
    pub fn relate(
        &mut self,
        spec: &TaskSpec,
        relations: Vec<Relation>,
        waiter: &mut dyn Waiter,
    ) -> Result<(Vec<Row>, Vec<String>), ClientError> {
        self.requests += 1;
        let (request, task) = (self.requests, self.tasks.number(spec));
        let relate = ToHost::Relate(Relate {
            request,
            task,
            relations,
        });
        let mut losses = 0;
        loop {
            let related = self.attempt(waiter, |session, connection, waiter| {
                if !session.tasks.is_settled(spec) {
                    let prepared = settle(connection, task, spec, waiter)?;
                    session.tasks.settled(spec, prepared);
                }
                connection.queue(&relate)?;
                gather(connection, request, waiter)
            });
            match related {
                Err(ClientError::Lost { .. }) if losses < MOST_LOSSES => losses += 1,
                result => return result,
            }
        }
    }

    /// What the host is and does.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn report(&mut self, kind: ReportKind, waiter: &mut dyn Waiter) -> Result<Report, ClientError> {
        let mut losses = 0;
        loop {
            let report = self.attempt(waiter, |_, connection, waiter| {
                connection.send(&ToHost::Report(kind), waiter)?;
                match connection.receive(waiter)? {
                    ToClient::Report(report) => Ok(report),
                    _ => Err(connection.protocol("it was asked for a report and said something else")),
                }
            });
            match report {
                Err(ClientError::Lost { .. }) if losses < MOST_LOSSES => losses += 1,
                result => return result,
            }
        }
    }

    /// Does something on the connection. It is put back on success alone, so that it is closed in every other case,
    /// unwinding included.
    fn attempt<T>(
        &mut self,
        waiter: &mut dyn Waiter,
        work: impl FnOnce(&mut Self, &mut Connection, &mut dyn Waiter) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect(waiter)?,
        };
        let result = work(self, &mut connection, waiter);
        if result.is_ok() {
            self.connection = Some(connection);
        }
        result
    }

    /// Connects, and waits for a host where there is none.
    fn connect(&mut self, waiter: &mut dyn Waiter) -> Result<Connection, ClientError> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        self.tasks.forget_settled();
        loop {
            let error = match Connection::open(&self.address, &self.hello, waiter) {
                Ok(connection) => return Ok(connection),
                Err(error) if error.is_passing() => error,
                Err(error) => return Err(error),
            };
            let waited = started.elapsed();
            let left = self.patience.saturating_sub(waited);
            if left.is_zero() {
                return Err(given_up(error, waited));
            }
            waiter.sleep(pause.min(left))?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Tells how long it was waited.
fn given_up(error: ClientError, waited: Duration) -> ClientError {
    match error {
        ClientError::NoHost { address, source, .. } => ClientError::NoHost {
            address,
            waited,
            source,
        },
        // A host that ends while it says hello is none.
        ClientError::Lost { address, source } => ClientError::NoHost {
            address,
            waited,
            source: io::Error::new(source.kind(), "it closed the connection at once"),
        },
        other => other,
    }
}

/// Gathers the rows of a request that is under way alone.
fn gather(
    connection: &mut Connection,
    number: u64,
    waiter: &mut dyn Waiter,
) -> Result<(Vec<Row>, Vec<String>), ClientError> {
    let (mut all, mut said) = (Vec::new(), Vec::new());
    loop {
        match connection.receive(waiter)? {
            ToClient::Rows { request, rows, notes } if request == number => {
                all.extend(rows);
                said.extend(notes);
            }
            ToClient::Done { request, .. } if request == number => return Ok((all, said)),
            ToClient::Failed(failure) => return Err(failure.into()),
            _ => return Err(connection.protocol("it was asked for rows and said something else")),
        }
    }
}

/// Settles a task under a number.
fn settle(
    connection: &mut Connection,
    number: u32,
    spec: &TaskSpec,
    waiter: &mut dyn Waiter,
) -> Result<Prepared, ClientError> {
    let spec = spec.clone();
    connection.send(&ToHost::Prepare { task: number, spec }, waiter)?;
    match connection.receive(waiter)? {
        ToClient::Prepared { task, prepared } if task == number => Ok(prepared),
        ToClient::Failed(failure) => Err(failure.into()),
        _ => Err(connection.protocol("it was asked to settle a task and said something else")),
    }
}

#[cfg(test)]
mod tests;
