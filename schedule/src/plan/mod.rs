//! What is decided, and nothing that does it: no clock, no file, no process.
//!
//! - [`decide`]: which times of a job become runs, by its catch-up and overlap policies;
//! - [`startable`]: which runs that wait may start, by pools;
//! - [`settle`]: what becomes of a run whose attempt has ended, by its retries.

mod due;
mod retry;
mod start;

use jiff::Timestamp;

pub(crate) use due::{Decision, decide};
pub use retry::{Ended, LATER};
pub(crate) use retry::{Over, RetryPolicy, Settled, settle};
pub(crate) use start::startable;

use crate::settings::PoolKey;

/// A run that isn't done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    /// Its number in the store.
    pub(crate) run: i64,
    /// The number of its job in the store.
    pub(crate) job: i64,
    /// When it was due.
    pub(crate) scheduled_at: Timestamp,
    /// Whether an attempt is under way.
    pub(crate) running: bool,
    /// Before this it doesn't start: it waits for a retry.
    pub(crate) not_before: Timestamp,
}

/// An open run with the pool that it takes a slot of.
pub(crate) type Pooled = (Open, PoolKey);

#[cfg(test)]
mod tests;
