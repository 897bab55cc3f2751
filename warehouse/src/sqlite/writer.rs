//! Who writes: SQLite lets one connection at a time, and its own way of waiting is to try again and again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How soon one that waits sees that it was stopped.
const LOOK: Duration = Duration::from_millis(20);

/// The right to write, among the connections of this program.
#[derive(Debug, Default)]
pub(super) struct Writer {
    is_taken: Mutex<bool>,
    is_free: Condvar,
}

impl Writer {
    /// Waits for the right; `false` where `stop` came first.
    pub(super) fn take(&self, stop: &AtomicBool) -> bool {
        let mut is_taken = self.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *is_taken {
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            let waited = self.is_free.wait_timeout(is_taken, LOOK);
            is_taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *is_taken = true;
        true
    }

    /// Gives the right back.
    pub(super) fn give(&self) {
        *self.is_taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.is_free.notify_one();
    }
}
