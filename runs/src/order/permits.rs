//! How many nodes have SQL running at a time.
//!
//! A node that waits for answers gives its permit back meanwhile: the others go on with their SQL.

use std::collections::{HashSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use refuel_engine::Cancel;

/// How often a wait looks for Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The permits that are left.
#[derive(Debug)]
pub(crate) struct Permits {
    count: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    left: usize,
    /// Threads at work, each of which keeps a permit from its beginning to its end unless it gives it back meanwhile.
    begun: HashSet<ThreadId>,
    /// Those of them whose permit is not in use.
    reserved: HashSet<ThreadId>,
    /// Who waits, by number: first come, first served.
    waiting: VecDeque<u64>,
    next: u64,
}

/// The right to run SQL, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a>(&'a Permits);

/// A permit that is there for each [`Permits::take`] of this thread, one after another, until this is dropped.
#[derive(Debug)]
pub(crate) struct Reserved<'a>(&'a Permits);

/// A place in the queue of those who wait. Whoever has one waits for it: those behind can't pass.
#[derive(Debug)]
pub(crate) struct Place(u64);

impl Permits {
    /// So many at a time.
    pub(crate) fn new(count: usize) -> Self {
        Self {
            count: count.max(1),
            state: Mutex::new(State {
                left: count.max(1),
                begun: HashSet::new(),
                reserved: HashSet::new(),
                waiting: VecDeque::new(),
                next: 0,
            }),
            freed: Condvar::new(),
        }
    }

    /// How many there are in all.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Waits for a permit. None when the work was cancelled meanwhile.
    pub(crate) fn take(&self, cancel: &Cancel) -> Option<Permit<'_>> {
        if self.lock().reserved.remove(&thread::current().id()) {
            return Some(Permit(self));
        }
        self.wait(self.queue(), cancel).then_some(Permit(self))
    }

    /// A place in the queue, for who waits later.
    pub(crate) fn queue(&self) -> Place {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.waiting.push_back(number);
        Place(number)
    }

    /// Waits for the permit that this thread will use, so that its work begins when it can run. None when the work was
    /// cancelled meanwhile.
    pub(crate) fn reserve(&self, place: Place, cancel: &Cancel) -> Option<Reserved<'_>> {
        if !self.wait(place, cancel) {
            return None;
        }
        let mut state = self.lock();
        state.begun.insert(thread::current().id());
        state.reserved.insert(thread::current().id());
        drop(state);
        Some(Reserved(self))
    }

    fn wait(&self, Place(number): Place, cancel: &Cancel) -> bool {
        let mut state = self.lock();
        while state.left == 0 || state.waiting.front() != Some(&number) {
            if cancel.is_cancelled() {
                state.waiting.retain(|&waiting| waiting != number);
                return false;
            }
            let waited = self.freed.wait_timeout(state, LOOK_EVERY);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting.pop_front();
        state.left -= 1;
        drop(state);
        // There may be a permit for the next one too.
        self.freed.notify_all();
        true
    }

    fn free(&self) {
        self.lock().left += 1;
        self.freed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Lets another have it now, where a drop would keep it for the rest of this thread's work.
    pub(crate) fn give_back(self) {
        let permits = self.0;
        std::mem::forget(self);
        permits.free();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let thread = thread::current().id();
        let mut state = self.0.lock();
        let is_kept = state.begun.contains(&thread) && state.reserved.insert(thread);
        drop(state);
        if !is_kept {
            self.0.free();
        }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let thread = thread::current().id();
        let mut state = self.0.lock();
        state.begun.remove(&thread);
        let is_kept = state.reserved.remove(&thread);
        drop(state);
        if is_kept {
            self.0.free();
        }
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
    fn a_reserved_permit_is_kept_until_the_work_is_done_or_it_is_given_back() {
        let permits = Permits::new(1);
        let cancel = Cancel::new();
        let reserved = permits.reserve(permits.queue(), &cancel).unwrap();
        for _ in 0..2 {
            drop(permits.take(&cancel).unwrap());
            assert_eq!(permits.lock().left, 0, "it is kept");
        }
        permits.take(&cancel).unwrap().give_back();
        assert_eq!(permits.lock().left, 1, "others have it");
        drop(permits.take(&cancel).unwrap());
        assert_eq!(permits.lock().left, 0);
        drop(reserved);
        assert_eq!(permits.lock().left, 1);
    }

    #[test]
    fn who_came_first_is_served_first() {
        let permits = Permits::new(1);
        let cancel = Cancel::new();
        let first = permits.take(&cancel).unwrap();
        let served = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for number in 0..6 {
                let (permits, cancel, served) = (&permits, &cancel, &served);
                scope.spawn(move || {
                    let _permit = permits.take(cancel).unwrap();
                    served.lock().unwrap().push(number);
                });
                while permits.lock().waiting.len() <= number {
                    thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(served.into_inner().unwrap(), [0, 1, 2, 3, 4, 5]);
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
