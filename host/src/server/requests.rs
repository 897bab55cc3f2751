//! The requests of one connection: given to the pool in parts, so that a client that does not read holds little memory.
//!
//! Answers wait in memory until the client reads them. Only as many inputs are given to the pool as have room for their
//! answers, judged by the size of the client's answers so far. Pure: no socket, no pool.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use refuel_client::wire::Input;

/// What an input counts beside its text.
const INPUT_BYTES: u64 = 64;

/// Bytes of answers that may wait for the client to read them, roughly.
pub(super) const ANSWER_BYTES: usize = 8 << 20;

/// What an answer is taken to have while none was seen.
const USUAL_ANSWER: usize = 1024;

/// Fewest inputs that are given to the pool at a time, so that runs are filled.
const FEWEST: usize = 512;

/// Windows that a connection may hold before it is not read from: a client counts answers as they come, and this side
/// requests as they end.
const WINDOWS: u64 = 2;

/// Bytes of inputs that all connections hold together, from when they were read to the end of their requests.
///
/// A connection is read from while it holds at most [`WINDOWS`] windows (32 MiB with the usual one) and all of them at most
/// `limit` (2 GiB usually). One that holds nothing is always read from: it waits for nobody, and whatever others hold, what
/// it asks is done. So a connection holds its windows and one more message at most, and all of them the limit and one more
/// message each; a message has [256 MiB](refuel_client::wire::LARGEST_FRAME) at most, and clients of this project send 4
/// MiB unless a single input is larger.
#[derive(Debug)]
pub(super) struct Held {
    bytes: AtomicU64,
    limit: u64,
}

impl Held {
    /// Nothing is held yet.
    pub(super) fn new(limit: u64) -> Self {
        Self {
            bytes: AtomicU64::new(0),
            limit,
        }
    }
}

/// Inputs of a request, for the pool.
#[derive(Debug)]
pub(super) struct Part<T> {
    /// The request, as the pool knows it.
    pub(super) handle: T,
    /// The inputs, by the numbers that the client gave them.
    pub(super) inputs: Vec<(u64, Input)>,
}

#[derive(Debug)]
struct Entry<T> {
    handle: T,
    /// Inputs that were not given to the pool yet.
    rest: std::vec::IntoIter<(u64, Input)>,
    /// Inputs in the pool that have no answer.
    given: usize,
    bytes: u64,
}

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Requests<T> {
    entries: HashMap<u64, Entry<T>>,
    /// Requests with inputs that were not given to the pool, the oldest first.
    waiting: VecDeque<u64>,
    /// Inputs in the pool that have no answer.
    rows: usize,
    bytes: u64,
    held: Arc<Held>,
    /// Answers so far, and their bytes.
    seen: (u64, u64),
}

impl<T> Requests<T> {
    pub(super) fn new(held: Arc<Held>) -> Self {
        Self {
            entries: HashMap::new(),
            waiting: VecDeque::new(),
            rows: 0,
            bytes: 0,
            held,
            seen: (0, 0),
        }
    }

    /// Whether more may be read from a client with this window.
    pub(super) fn has_room(&self, window: u64) -> bool {
        let all = self.held.bytes.load(Ordering::Relaxed);
        self.bytes == 0 || (self.bytes <= window.saturating_mul(WINDOWS) && all <= self.held.limit)
    }

    /// Whether a number is that of a request under way.
    pub(super) fn contains(&self, request: u64) -> bool {
        self.entries.contains_key(&request)
    }

    /// The request that a client cancels is forgotten, as is one that ended.
    pub(super) fn remove(&mut self, request: u64) -> Option<T> {
        let entry = self.entries.remove(&request)?;
        self.rows -= entry.given;
        self.bytes -= entry.bytes;
        self.held.bytes.fetch_sub(entry.bytes, Ordering::Relaxed);
        self.waiting.retain(|&waiting| waiting != request);
        Some(entry.handle)
    }

    /// Inputs of a request were answered. Says whether it is under way.
    pub(super) fn answered(&mut self, request: u64, answers: usize) -> bool {
        let Some(entry) = self.entries.get_mut(&request) else {
            return false;
        };
        let count = answers.min(entry.given);
        entry.given -= count;
        self.rows -= count;
        true
    }

    /// Notes how long answers were.
    pub(super) fn sent(&mut self, answers: usize, bytes: usize) {
        self.seen.0 += answers as u64;
        self.seen.1 += bytes as u64;
    }

    fn usual_answer(&self) -> usize {
        let (answers, bytes) = self.seen;
        bytes
            .checked_div(answers)
            .map_or(USUAL_ANSWER, |bytes| (bytes as usize).max(16))
    }
}

impl<T> Requests<T> {
    /// Takes a request that has nothing for the pool any more, and holds so much memory until it ends.
    pub(super) fn hold(&mut self, request: u64, handle: T, bytes: u64) {
        self.bytes += bytes;
        self.held.bytes.fetch_add(bytes, Ordering::Relaxed);
        let entry = Entry {
            handle,
            rest: Vec::new().into_iter(),
            given: 0,
            bytes,
        };
        self.entries.insert(request, entry);
    }
}

impl<T: Clone> Requests<T> {
    /// Takes a request, whose number is not under way.
    pub(super) fn add(&mut self, request: u64, handle: T, inputs: Vec<(u64, Input)>) {
        let sizes = inputs.iter().map(|(_, input)| input.bytes() as u64 + INPUT_BYTES);
        let bytes = sizes.sum();
        self.bytes += bytes;
        self.held.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.waiting.push_back(request);
        let entry = Entry {
            handle,
            rest: inputs.into_iter(),
            given: 0,
            bytes,
        };
        self.entries.insert(request, entry);
    }

    /// The next inputs for the pool, where the client has room for their answers. `unread` is what it has not read yet, in
    /// bytes.
    pub(super) fn next(&mut self, unread: usize) -> Option<Part<T>> {
        let room = ANSWER_BYTES.saturating_sub(unread) / self.usual_answer();
        let most = room
            .max(if unread < ANSWER_BYTES { FEWEST } else { 0 })
            .saturating_sub(self.rows);
        let request = *self.waiting.front()?;
        let entry = self.entries.get_mut(&request)?;
        if most < entry.rest.len().min(FEWEST) {
            return None;
        }
        let inputs: Vec<(u64, Input)> = entry.rest.by_ref().take(most).collect();
        if entry.rest.len() == 0 {
            self.waiting.pop_front();
        }
        self.rows += inputs.len();
        entry.given += inputs.len();
        Some(Part {
            handle: entry.handle.clone(),
            inputs,
        })
    }
}

impl<T> Drop for Requests<T> {
    fn drop(&mut self) {
        self.held.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inputs(count: usize) -> Vec<(u64, Input)> {
        (0..count as u64)
            .map(|row| (row, Input::Text(row.to_string())))
            .collect()
    }

    fn requests(limit: u64) -> Requests<u64> {
        Requests::new(Arc::new(Held::new(limit)))
    }

    proptest! {
        /// Every input of a request that is not cancelled goes to the pool once, in its order, and no more is in the pool
        /// than the client has room for.
        #[test]
        fn every_input_is_given_once_and_nothing_is_held_at_the_end(
            sizes in proptest::collection::vec(0_usize..5000, 1..6),
            unread in proptest::collection::vec(0_usize..ANSWER_BYTES * 2, 1..8),
            cancelled in proptest::collection::vec(any::<bool>(), 6),
            answer_bytes in 1_usize..40_000,
        ) {
            let mut requests = requests(u64::MAX);
            for (number, &size) in sizes.iter().enumerate() {
                requests.add(number as u64, number as u64, inputs(size));
                prop_assert!(requests.contains(number as u64));
            }
            let mut seen: HashMap<u64, Vec<u64>> = HashMap::new();
            let mut pool: VecDeque<Part<u64>> = VecDeque::new();
            for turn in 0..100_000 {
                let unread = if turn % 2 == 0 { 0 } else { unread[turn % unread.len()] };
                while let Some(part) = requests.next(unread) {
                    prop_assert!(unread < ANSWER_BYTES || part.inputs.is_empty());
                    pool.push_back(part);
                }
                let rows: usize = pool.iter().map(|part| part.inputs.len()).sum();
                prop_assert!(rows <= (ANSWER_BYTES / answer_bytes.clamp(16, USUAL_ANSWER)).max(FEWEST));
                if turn == 1 {
                    for number in (0..sizes.len()).filter(|&number| cancelled[number]) {
                        requests.remove(number as u64);
                    }
                    pool.retain(|part| requests.contains(part.handle));
                }
                let Some(part) = pool.pop_front() else {
                    if requests.entries.is_empty() { break }
                    continue;
                };
                for answers in part.inputs.chunks(700) {
                    prop_assert!(requests.answered(part.handle, answers.len()));
                    requests.sent(answers.len(), answers.len() * answer_bytes);
                    seen.entry(part.handle).or_default().extend(answers.iter().map(|(row, _)| *row));
                }
                if seen.get(&part.handle).map_or(0, Vec::len) == sizes[part.handle as usize] {
                    prop_assert_eq!(requests.remove(part.handle), Some(part.handle));
                }
            }
            let held = requests.held.bytes.load(Ordering::Relaxed);
            prop_assert_eq!((requests.bytes, requests.rows, held), (0, 0, 0));
            for (number, size) in sizes.iter().enumerate() {
                let rows = seen.remove(&(number as u64)).unwrap_or_default();
                if !cancelled[number] {
                    prop_assert_eq!(rows, (0..*size as u64).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn a_request_that_ends_early_leaves_nothing() {
        let mut requests = requests(u64::MAX);
        let rows = ANSWER_BYTES / USUAL_ANSWER;
        requests.add(7, 70, inputs(rows * 2));
        assert_eq!(requests.next(0).map(|part| part.inputs.len()), Some(rows));
        assert!(requests.answered(7, rows / 2));
        assert_eq!(requests.next(0).map(|part| part.inputs.len()), Some(rows / 2));
        assert_eq!(requests.remove(7), Some(70));
        assert!(!requests.answered(7, 1) && requests.remove(7).is_none());
        assert_eq!((requests.bytes, requests.rows), (0, 0));
        assert!(requests.next(0).is_none());
    }

    #[test]
    fn one_that_holds_nothing_is_read_from_whatever_others_hold() {
        let held = Arc::new(Held::new(1000));
        let mut first = Requests::new(Arc::clone(&held));
        let mut second = Requests::new(held);
        first.add(1, 1, vec![(0, Input::Text("x".repeat(2000)))]);
        assert!(!first.has_room(1 << 20), "all hold too much, and it is part of that");
        assert!(second.has_room(1 << 20));
        second.add(1, 1, inputs(1));
        assert!(!second.has_room(1 << 20));
        drop(first);
        assert!(second.has_room(1 << 20), "what a connection held goes with it");
        second.add(2, 2, inputs(10));
        assert!(!second.has_room(100), "its own window is bounded too");
    }
}
