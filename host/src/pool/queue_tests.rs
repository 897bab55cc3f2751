//! What the queue promises, whatever is asked of it in whatever order.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

fn hash(number: u8) -> InputHash {
    InputHash([number; 16])
}

const ONE: Size = Size { bytes: 10, cost: 1 };

fn limits(rows: usize) -> Limits {
    Limits {
        rows,
        least_rows: 1,
        cost: u64::MAX,
        bytes: u64::MAX,
    }
}

#[derive(Debug, Clone)]
enum Step {
    Open { client: u64, lane: u64 },
    Add { request: u64, hash: u8 },
    Run { rows: usize, finish: bool },
    Close { request: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (0..4u64, 0..3u64).prop_map(|(client, lane)| Step::Open { client, lane }),
        6 => (0..8u64, 0..12u8).prop_map(|(request, hash)| Step::Add { request, hash }),
        2 => (1..6usize, any::<bool>()).prop_map(|(rows, finish)| Step::Run { rows, finish }),
        1 => (0..8u64).prop_map(|request| Step::Close { request }),
    ];
    proptest::collection::vec(step, 1..120)
}

/// The queue, and what it was told and gave.
#[derive(Default)]
struct Watched {
    queue: Queue<u8>,
    open: HashMap<u64, u64>,
    closed: HashSet<u64>,
    added: HashMap<u64, Vec<u64>>,
    given: HashMap<u64, Vec<u64>>,
    rows: u64,
}

impl Watched {
    fn take(&mut self, step: &Step) {
        match *step {
            Step::Open { client, lane } => {
                let request = self.open.len() as u64;
                self.queue.open(client, request, lane);
                self.open.insert(request, lane);
            }
            Step::Add { request, hash: number } if self.open.contains_key(&request) => {
                self.rows += 1;
                let row = self.rows;
                self.queue.add(request, row, hash(number), ONE, || number);
                if !self.closed.contains(&request) {
                    self.added.entry(request).or_default().push(row);
                }
            }
            Step::Close { request } if self.open.contains_key(&request) => {
                self.queue.close(request, std::iter::empty());
                self.closed.insert(request);
                self.added.remove(&request);
            }
            Step::Run { rows, finish } => self.run(rows, finish),
            Step::Add { .. } | Step::Close { .. } => {}
        }
    }

    fn run(&mut self, rows: usize, finish: bool) {
        let Some(chunk) = self.queue.next(|_| limits(rows)) else {
            assert_eq!(self.queue.queued(), 0, "rows wait and none is given");
            return;
        };
        assert!(!chunk.jobs.is_empty() && chunk.jobs.len() <= rows);
        let distinct: HashSet<JobKey> = chunk.jobs.iter().map(|(key, _)| *key).collect();
        assert_eq!(distinct.len(), chunk.jobs.len(), "nothing runs twice");
        for (key, input) in &chunk.jobs {
            assert_eq!(key.0, chunk.lane, "one lane runs at a time");
            assert_eq!(key.1, hash(*input), "the input is that of its hash");
            assert!(
                self.queue.is_wanted([key].into_iter()),
                "what nobody waits for does not run"
            );
        }
        for (key, input) in chunk.jobs.into_iter().rev() {
            if !finish {
                self.queue.give_back(key, input);
                continue;
            }
            for waiting in self.queue.finish(&key) {
                assert!(
                    !self.closed.contains(&waiting.request),
                    "a request that is closed gets nothing"
                );
                self.given.entry(waiting.request).or_default().extend(waiting.rows);
            }
        }
    }
}

proptest! {
    #[test]
    fn every_row_of_an_open_request_is_given_once_and_no_other_is(steps in steps()) {
        let mut watched = Watched::default();
        for step in &steps {
            watched.take(step);
        }
        while watched.queue.queued() > 0 {
            watched.run(7, true);
        }
        let sorted = |rows: &HashMap<u64, Vec<u64>>| {
            let mut all: Vec<(u64, Vec<u64>)> = rows
                .iter()
                .filter(|(request, _)| !watched.closed.contains(request))
                .map(|(&request, rows)| {
                    let mut rows = rows.clone();
                    rows.sort_unstable();
                    (request, rows)
                })
                .collect();
            all.sort_unstable();
            all
        };
        prop_assert_eq!(sorted(&watched.added), sorted(&watched.given));
        prop_assert_eq!(watched.queue.queued_bytes(), 0);
        for client in 0..4 {
            prop_assert_eq!(watched.queue.bytes_of(client), 0);
        }
        for request in 0..watched.open.len() as u64 {
            watched.queue.close(request, std::iter::empty());
        }
        prop_assert!(watched.queue.jobs.is_empty() && watched.queue.requests.is_empty());
    }

    #[test]
    fn the_rows_of_a_request_run_in_their_order(counts in proptest::collection::vec(1..40usize, 1..5), size in 1..9usize) {
        let mut queue = Queue::default();
        for (client, &count) in counts.iter().enumerate() {
            queue.open(client as u64, client as u64, 0);
            for row in 0..count {
                let mut bytes = [client as u8; 16];
                bytes[0] = row as u8;
                queue.add(client as u64, row as u64, InputHash(bytes), ONE, || ());
            }
        }
        let mut ran: HashMap<u64, Vec<u64>> = HashMap::new();
        while let Some(chunk) = queue.next(|_| limits(size)) {
            for (key, ()) in chunk.jobs {
                for waiting in queue.finish(&key) {
                    ran.entry(waiting.request).or_default().extend(waiting.rows);
                }
            }
        }
        for (client, &count) in counts.iter().enumerate() {
            prop_assert_eq!(&ran[&(client as u64)], &(0..count as u64).collect::<Vec<_>>());
        }
    }

    /// Whoever comes has to wait for at most two full runs of each of the others, in the same lane or another one.
    #[test]
    fn a_single_row_is_served_soon(
        others in 1..6u64, size in 1..20usize, before in 0..200usize, same_lane in any::<bool>(), backlog in 500..2000u64,
    ) {
        let mut queue = Queue::default();
        let mut number = 0u64;
        let mut fresh = || {
            number += 1;
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            InputHash(bytes)
        };
        for client in 0..others {
            queue.open(client, client, client % 2);
            for row in 0..backlog {
                queue.add(client, row, fresh(), ONE, || ());
            }
        }
        let turn = |queue: &mut Queue<()>| {
            let chunk = queue.next(|_| limits(size)).expect("rows wait");
            let mut served = HashSet::new();
            for (key, ()) in chunk.jobs {
                served.extend(queue.finish(&key).into_iter().map(|waiting| waiting.request));
            }
            served
        };
        for _ in 0..before.min((backlog as usize / size).saturating_sub(20)) {
            turn(&mut queue);
        }
        queue.open(99, 99, if same_lane { 0 } else { 7 });
        queue.add(99, 0, fresh(), ONE, || ());
        let turns = (1..=100_000).find(|_| turn(&mut queue).contains(&99)).unwrap_or(0);
        prop_assert!(turns <= 2 * others, "{turns} turns with {others} others");
    }

    #[test]
    fn nobody_is_passed_over_by_those_who_keep_coming(size in 1..10usize) {
        let mut queue = Queue::default();
        let key = |number: u64| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            InputHash(bytes)
        };
        queue.open(0, 0, 0);
        for row in 0..1000 {
            queue.add(0, row, key(row), ONE, || ());
        }
        let mut served = 0;
        for newcomer in 1..=100 {
            queue.open(newcomer, newcomer, 1);
            queue.add(newcomer, 0, key(100_000 + newcomer), ONE, || ());
            let chunk = queue.next(|_| limits(size)).expect("rows wait");
            for (key, ()) in chunk.jobs {
                served += queue.finish(&key).iter().filter(|waiting| waiting.request == 0).count();
            }
        }
        prop_assert!(served >= 10, "{served} rows of 1000 in 100 turns");
    }
}

#[test]
fn what_two_wait_for_runs_when_the_first_of_them_has_his_turn() {
    let mut queue = Queue::default();
    queue.open(0, 0, 0);
    for number in 0..200 {
        queue.add(0, u64::from(number), hash(number), ONE, || number);
    }
    queue.open(1, 1, 0);
    queue.add(1, 7, hash(199), ONE, || 199);
    assert_eq!(queue.queued(), 200, "it is one job");
    let chunk = queue.next(|_| limits(4)).expect("rows wait");
    assert!(chunk.jobs.iter().any(|(key, _)| key.1 == hash(199)));
    let waiting = queue.finish(&(0, hash(199)));
    assert_eq!(waiting.len(), 2, "both get it");
}

#[test]
fn a_run_is_bounded_by_cost_and_bytes_and_always_has_a_row() {
    let mut queue = Queue::default();
    queue.open(0, 0, 0);
    for number in 0..9 {
        let size = Size { bytes: 1000, cost: 10 };
        queue.add(0, u64::from(number), hash(number), size, || number);
    }
    let run = |queue: &mut Queue<u8>, limits: Limits| queue.next(|_| limits).map(|chunk| chunk.jobs.len());
    let all = limits(100);
    assert_eq!(run(&mut queue, Limits { bytes: 10, ..all }), Some(1));
    assert_eq!(run(&mut queue, Limits { cost: 25, ..all }), Some(2));
    let least = Limits {
        cost: 5,
        least_rows: 50,
        ..all
    };
    assert_eq!(run(&mut queue, least), Some(2), "four times the cost is the end");
    assert_eq!(run(&mut queue, all), Some(4));
    assert_eq!(run(&mut queue, all), None);
}

#[test]
fn work_that_was_stopped_for_nobody_is_kept_for_who_came_meanwhile() {
    let mut queue = Queue::default();
    queue.open(0, 0, 0);
    queue.add(0, 1, hash(1), ONE, || 1);
    queue.add(0, 2, hash(2), ONE, || 2);
    let chunk = queue.next(|_| limits(9)).expect("rows wait");
    let keys: Vec<JobKey> = chunk.jobs.iter().map(|(key, _)| *key).collect();
    queue.close(0, keys.iter());
    assert!(!queue.is_wanted(keys.iter()));
    queue.open(1, 1, 0);
    queue.add(1, 5, hash(2), ONE, || unreachable!("it is there"));
    assert!(queue.is_wanted(keys.iter()));
    for (key, input) in chunk.jobs {
        queue.give_back(key, input);
    }
    let chunk = queue.next(|_| limits(9)).expect("a row waits");
    assert_eq!(chunk.jobs.len(), 1);
    assert_eq!(
        queue.finish(&chunk.jobs[0].0),
        [Waiting {
            request: 1,
            rows: vec![5]
        }]
    );
    queue.leave(0);
    queue.leave(1);
    assert!(queue.clients.is_empty());
}
