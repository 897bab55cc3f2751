//! How many nodes have SQL running at a time.
//!
//! A node that waits for answers gives its permit back meanwhile: the others go on with their SQL.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use refuel_engine::Cancel;

/// How often a wait looks for Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The permits that are left.
#[derive(Debug)]
pub(crate) struct Permits {
    count: usize,
    left: Mutex<usize>,
    freed: Condvar,
}

/// The right to run SQL, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a>(&'a Permits);

impl Permits {
    /// So many at a time.
    pub(crate) fn new(count: usize) -> Self {
        Self {
            count: count.max(1),
            left: Mutex::new(count.max(1)),
            freed: Condvar::new(),
        }
    }

    /// How many there are in all.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Waits for a permit. None when the work was cancelled meanwhile.
    pub(crate) fn take(&self, cancel: &Cancel) -> Option<Permit<'_>> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        while *left == 0 {
            if cancel.is_cancelled() {
                return None;
            }
            let waited = self.freed.wait_timeout(left, LOOK_EVERY);
            left = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *left -= 1;
        Some(Permit(self))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_permit_that_is_given_back_is_taken_by_who_waits() {
        let permits = Permits::new(1);
        let cancel = Cancel::new();
        let first = permits.take(&cancel).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| permits.take(&cancel).is_some());
            thread::sleep(Duration::from_millis(40));
            assert!(!waiting.is_finished(), "there is only one");
            drop(first);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn who_waits_hears_of_ctrl_c() {
        let permits = Permits::new(1);
        let cancel = Cancel::new();
        let _first = permits.take(&cancel).unwrap();
        cancel.cancel();
        let asked = Instant::now();
        assert!(permits.take(&cancel).is_none());
        assert!(asked.elapsed() < Duration::from_millis(100));
    }
}
