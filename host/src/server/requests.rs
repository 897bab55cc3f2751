//! The requests of one connection: cut into parts, so that a client that does not read holds little memory.
//!
//! Answers wait in memory until the client reads them. Only as many inputs are given to the pool as have room for their
//! answers, judged by the size of the client's answers so far. Pure: no socket, no pool.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use refuel_client::wire::{Answer, Ask, Failure, Input, ToClient, Work};

/// What an input counts beside its text.
const INPUT_BYTES: u64 = 64;

/// Bytes of answers that may wait for the client to read them, roughly.
pub(super) const ANSWER_BYTES: usize = 8 << 20;

/// What an answer is taken to have while none was seen.
const USUAL_ANSWER: usize = 1024;

/// Fewest inputs that are given to the pool at a time, so that runs are filled.
const FEWEST: usize = 512;

/// A part of a request, for the pool.
#[derive(Debug)]
pub(super) struct Part<T> {
    /// The task.
    pub(super) task: T,
    /// The part, under a number of its own.
    pub(super) ask: Ask,
}

#[derive(Debug)]
struct Entry<T> {
    task: T,
    detail: bool,
    /// Inputs that were not given to the pool yet.
    rest: std::vec::IntoIter<(u64, Input)>,
    /// Parts in the pool.
    parts: Vec<u64>,
    /// Whether there was more than one part.
    was_cut: bool,
    bytes: u64,
    work: Work,
    arrived: Instant,
}

/// A part in the pool.
#[derive(Debug)]
struct Given {
    request: u64,
    /// Inputs without answer.
    left: usize,
}

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Requests<T> {
    entries: HashMap<u64, Entry<T>>,
    /// Requests with inputs that were not given to the pool, the oldest first.
    waiting: VecDeque<u64>,
    given: HashMap<u64, Given>,
    /// Inputs in the pool.
    rows: usize,
    parts: u64,
    bytes: u64,
    /// Answers so far, and their bytes.
    seen: (u64, u64),
    /// Parts that nobody waits for any more.
    dropped: Vec<u64>,
}

impl<T> Default for Requests<T> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            waiting: VecDeque::new(),
            given: HashMap::new(),
            rows: 0,
            parts: 0,
            bytes: 0,
            seen: (0, 0),
            dropped: Vec::new(),
        }
    }
}

impl<T: Clone> Requests<T> {
    /// Bytes of inputs under way.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes a request. Gives it back where its number is in use.
    pub(super) fn add(&mut self, task: T, ask: Ask) -> Result<(), Ask> {
        if self.entries.contains_key(&ask.request) {
            return Err(ask);
        }
        let sizes = ask.inputs.iter().map(|(_, input)| input.bytes() as u64 + INPUT_BYTES);
        let bytes = sizes.sum();
        self.bytes += bytes;
        self.waiting.push_back(ask.request);
        let entry = Entry {
            task,
            detail: ask.detail,
            rest: ask.inputs.into_iter(),
            parts: Vec::new(),
            was_cut: false,
            bytes,
            work: Work::default(),
            arrived: Instant::now(),
        };
        self.entries.insert(ask.request, entry);
        Ok(())
    }

    /// The next part for the pool, where the client has room for its answers. `unread` is what it has not read yet, in
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
        } else {
            entry.was_cut = true;
        }
        self.parts += 1;
        self.rows += inputs.len();
        entry.parts.push(self.parts);
        let left = inputs.len();
        self.given.insert(self.parts, Given { request, left });
        let ask = Ask {
            request: self.parts,
            task: 0,
            detail: entry.detail,
            inputs,
        };
        Some(Part {
            task: entry.task.clone(),
            ask,
        })
    }

    fn usual_answer(&self) -> usize {
        let (answers, bytes) = self.seen;
        bytes
            .checked_div(answers)
            .map_or(USUAL_ANSWER, |bytes| (bytes as usize).max(16))
    }

    /// The request that a part's answers belong to. None where nobody waits for them.
    pub(super) fn answered(&mut self, part: u64, answers: &[(u64, Answer)]) -> Option<u64> {
        let given = self.given.get_mut(&part)?;
        let count = answers.len().min(given.left);
        given.left -= count;
        self.rows -= count;
        Some(given.request)
    }

    /// Notes how long answers were.
    pub(super) fn sent(&mut self, answers: usize, bytes: usize) {
        self.seen.0 += answers as u64;
        self.seen.1 += bytes as u64;
    }

    /// A part is done. Gives what the client is told where the request is.
    pub(super) fn done(&mut self, part: u64, work: &Work) -> Option<ToClient> {
        let given = self.give_back(part)?;
        let entry = self.entries.get_mut(&given.request)?;
        entry.parts.retain(|&own| own != part);
        let sum = &mut entry.work;
        sum.cached += work.cached;
        sum.batches += work.batches;
        sum.input_tokens += work.input_tokens;
        sum.output_tokens += work.output_tokens;
        sum.waited_us = sum.waited_us.max(work.waited_us);
        sum.elapsed_us = sum.elapsed_us.max(work.elapsed_us);
        if !entry.parts.is_empty() || entry.rest.len() > 0 {
            return None;
        }
        let entry = self.entries.remove(&given.request)?;
        self.bytes -= entry.bytes;
        let mut work = entry.work;
        if entry.was_cut {
            // Parts follow one another, and overlap.
            work.elapsed_us = u64::try_from(entry.arrived.elapsed().as_micros()).unwrap_or(u64::MAX);
        }
        let request = given.request;
        Some(ToClient::Done { request, work })
    }

    /// A part failed, and its request with it. Gives what the client is told.
    pub(super) fn failed(&mut self, part: u64, failure: Failure) -> Option<ToClient> {
        let given = self.give_back(part)?;
        self.remove(given.request);
        Some(ToClient::Failed(Failure {
            request: Some(given.request),
            ..failure
        }))
    }

    /// The client does not want a request any more.
    pub(super) fn cancel(&mut self, request: u64) {
        self.remove(request);
    }

    /// Parts that the pool is to drop.
    pub(super) fn take_dropped(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.dropped)
    }

    fn give_back(&mut self, part: u64) -> Option<Given> {
        let given = self.given.remove(&part)?;
        self.rows -= given.left;
        Some(given)
    }

    fn remove(&mut self, request: u64) {
        let Some(entry) = self.entries.remove(&request) else {
            return;
        };
        self.bytes -= entry.bytes;
        self.waiting.retain(|&waiting| waiting != request);
        for part in entry.parts {
            if self.give_back(part).is_some() {
                self.dropped.push(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use refuel_client::wire::{Source, Status, Value};

    fn ask(request: u64, inputs: usize) -> Ask {
        Ask {
            request,
            task: 0,
            detail: true,
            inputs: (0..inputs as u64)
                .map(|row| (row, Input::Text(row.to_string())))
                .collect(),
        }
    }

    fn answer(row: u64) -> (u64, Answer) {
        let answer = Answer {
            value: Value::Null,
            confidence: None,
            raw_confidence: None,
            status: Status::Ok,
            reason: None,
            scores: Vec::new(),
            source: Source::Model,
        };
        (row, answer)
    }

    proptest! {
        /// Every input of a request that is not cancelled goes to the pool once, its request ends once, and no more
        /// is in the pool than the client has room for.
        #[test]
        fn every_input_is_given_once_and_every_request_ends_once(
            sizes in proptest::collection::vec(0_usize..5000, 1..6),
            unread in proptest::collection::vec(0_usize..ANSWER_BYTES * 2, 1..8),
            cancelled in proptest::collection::vec(any::<bool>(), 6),
            answer_bytes in 1_usize..40_000,
        ) {
            let mut requests = Requests::<()>::default();
            for (number, size) in sizes.iter().enumerate() {
                prop_assert!(requests.add((), ask(number as u64, *size)).is_ok());
                prop_assert!(requests.add((), ask(number as u64, 1)).is_err());
            }
            let mut seen: HashMap<u64, Vec<u64>> = HashMap::new();
            let mut ended = Vec::new();
            let mut pool: VecDeque<Ask> = VecDeque::new();
            for turn in 0..100_000 {
                let unread = if turn % 2 == 0 { 0 } else { unread[turn % unread.len()] };
                while let Some(part) = requests.next(unread) {
                    prop_assert!(unread < ANSWER_BYTES || part.ask.inputs.is_empty());
                    pool.push_back(part.ask);
                }
                let rows: usize = pool.iter().map(|ask| ask.inputs.len()).sum();
                prop_assert!(rows <= (ANSWER_BYTES / answer_bytes.clamp(16, USUAL_ANSWER)).max(FEWEST));
                if turn == 1 {
                    for number in (0..sizes.len()).filter(|&number| cancelled[number]) {
                        requests.cancel(number as u64);
                    }
                    let dropped = requests.take_dropped();
                    pool.retain(|ask| !dropped.contains(&ask.request));
                }
                let Some(part) = pool.pop_front() else {
                    if requests.entries.is_empty() { break }
                    continue;
                };
                let answers: Vec<_> = part.inputs.iter().map(|(row, _)| answer(*row)).collect();
                for answers in answers.chunks(700) {
                    let request = requests.answered(part.request, answers).expect("under way");
                    requests.sent(answers.len(), answers.len() * answer_bytes);
                    seen.entry(request).or_default().extend(answers.iter().map(|(row, _)| *row));
                }
                if let Some(ToClient::Done { request, .. }) = requests.done(part.request, &Work::default()) {
                    ended.push(request);
                }
            }
            prop_assert_eq!((requests.bytes, requests.rows, requests.given.len()), (0, 0, 0));
            for (number, size) in sizes.iter().enumerate() {
                let rows = seen.remove(&(number as u64)).unwrap_or_default();
                let ends = ended.iter().filter(|&&request| request == number as u64).count();
                if cancelled[number] {
                    prop_assert!(ends <= 1);
                } else {
                    prop_assert_eq!(ends, 1);
                    prop_assert_eq!(rows, (0..*size as u64).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn a_part_that_fails_takes_the_others_of_its_request_with_it() {
        let mut requests = Requests::<()>::default();
        let rows = ANSWER_BYTES / USUAL_ANSWER;
        requests.add((), ask(7, rows * 2)).unwrap();
        let first = requests.next(0).unwrap().ask;
        requests.answered(first.request, &(0..rows as u64 / 2).map(answer).collect::<Vec<_>>());
        let second = requests.next(0).unwrap().ask;
        let failure = Failure {
            request: Some(second.request),
            task: None,
            code: "RF0504".to_owned(),
            message: "failed".to_owned(),
            hint: None,
            wrong_request: false,
        };
        let told = requests.failed(second.request, failure.clone());
        assert_eq!(
            told,
            Some(ToClient::Failed(Failure {
                request: Some(7),
                ..failure
            }))
        );
        assert_eq!(requests.take_dropped(), [first.request]);
        assert_eq!(requests.answered(first.request, &[answer(1)]), None);
        assert_eq!((requests.bytes(), requests.rows), (0, 0));
        assert!(requests.next(0).is_none());
    }
}
