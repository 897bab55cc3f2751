//! Connections of a run: each node that is worked on has one, and those that are free are used again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use refuel_engine::Cancel;
use refuel_warehouse::{CancelHandle, Warehouse, Warehouses};

use crate::error::RunError;
use crate::order::{Permit, Permits};

/// How often Ctrl-C is looked for while statements run.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Connections to the target of a run.
pub(crate) struct Connections<'a> {
    warehouses: &'a Warehouses,
    idle: Mutex<Vec<Connection>>,
    /// What stops each connection that is open.
    handles: Mutex<HashMap<u64, CancelHandle>>,
    next: AtomicU64,
}

/// A connection with its number.
pub(crate) struct Connection {
    number: u64,
    /// The connection.
    pub(crate) warehouse: Box<dyn Warehouse>,
}

impl<'a> Connections<'a> {
    /// None is open yet.
    pub(crate) fn new(warehouses: &'a Warehouses) -> Self {
        Self {
            warehouses,
            idle: Mutex::default(),
            handles: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    /// A connection that is free, or a new one.
    pub(crate) fn take(&self) -> Result<Connection, RunError> {
        while let Some(idle) = self.idle() {
            // A server that was restarted has ended all of them.
            if idle.warehouse.is_closed() {
                self.discard(idle);
            } else {
                return Ok(idle);
            }
        }
        let warehouse = self.warehouses.connect()?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.handles).insert(number, warehouse.cancel_handle());
        Ok(Connection { number, warehouse })
    }

    fn idle(&self) -> Option<Connection> {
        lock(&self.idle).pop()
    }

    /// Gives a connection back. It is used again where it can be.
    pub(crate) fn give_back(&self, mut connection: Connection) {
        if connection.warehouse.in_transaction() && connection.warehouse.rollback().is_err() {
            self.discard(connection);
            return;
        }
        lock(&self.idle).push(connection);
    }

    /// Closes a connection.
    pub(crate) fn discard(&self, connection: Connection) {
        lock(&self.handles).remove(&connection.number);
        drop(connection);
    }

    /// Does some work, and stops what its connections do once it is cancelled. `tell` hears what they wait for.
    pub(crate) fn watched<T>(&self, cancel: &Cancel, tell: &(dyn Fn(String) + Sync), work: impl FnOnce() -> T) -> T {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| self.watch(cancel, tell, &|| is_over.load(Ordering::Relaxed)));
            // A panic must not leave the thread waiting for ever.
            let _ending = Ending(&is_over);
            work()
        })
    }

    /// Stops what every connection does, once the work is cancelled. Returns when `is_over` says so.
    fn watch(&self, cancel: &Cancel, tell: &dyn Fn(String), is_over: &dyn Fn() -> bool) {
        while !is_over() {
            self.warehouses.waits().into_iter().for_each(tell);
            if cancel.is_cancelled() {
                lock(&self.handles).values().for_each(CancelHandle::cancel);
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// Says at its end that the work is done.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connection of a node that is worked on, with its permit to run SQL.
pub(crate) struct Session<'a> {
    connections: &'a Connections<'a>,
    permits: &'a Permits,
    cancel: &'a Cancel,
    connection: Option<Connection>,
    permit: Option<Permit<'a>>,
    is_spent: bool,
}

impl<'a> Session<'a> {
    /// Waits for a permit, and opens a connection.
    ///
    /// # Errors
    /// [`RunError::Cancelled`], and where the target can't be connected to.
    pub(crate) fn open(
        connections: &'a Connections<'a>,
        permits: &'a Permits,
        cancel: &'a Cancel,
    ) -> Result<Self, RunError> {
        let permit = permits.take(cancel).ok_or(RunError::Cancelled)?;
        Ok(Self {
            connection: Some(connections.take()?),
            connections,
            permits,
            cancel,
            permit: Some(permit),
            is_spent: false,
        })
    }

    /// The connection.
    ///
    /// # Errors
    /// [`RunError::Cancelled`] where the permit was not had again.
    pub(crate) fn warehouse(&mut self) -> Result<&mut dyn Warehouse, RunError> {
        match (&mut self.connection, &self.permit) {
            (Some(connection), Some(_)) => Ok(connection.warehouse.as_mut()),
            _ => Err(RunError::Cancelled),
        }
    }

    /// A further connection, for reading while this one writes.
    pub(crate) fn reader(&self) -> Result<Connection, RunError> {
        self.connections.take()
    }

    /// What connections come from.
    pub(crate) fn connections(&self) -> &'a Connections<'a> {
        self.connections
    }

    /// Does something that needs no SQL while others have the permit.
    pub(crate) fn without_permit<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        if let Some(permit) = self.permit.take() {
            permit.give_back();
        }
        let waited = wait();
        self.permit = self.permits.take(self.cancel);
        waited
    }

    /// The connection holds something that the next node must not see: it is closed at the end.
    pub(crate) fn spend(&mut self) {
        self.is_spent = true;
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if self.is_spent || self.cancel.is_cancelled() {
            self.connections.discard(connection);
        } else {
            self.connections.give_back(connection);
        }
    }
}
