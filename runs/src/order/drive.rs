//! Doing nodes in their order, several at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use refuel_engine::Cancel;

use super::graph::{Front, Order};

/// How often a wait for nodes looks for Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// What a node is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Its work.
    Do,
    /// Nothing, because this other one failed: the first cause, not the nearest.
    Skip(usize),
    /// Nothing, because the run stops: somebody asked for it, or another node failed and the run is to stop at the first.
    Stop,
}

/// Gives every node its turn, `at_once` at a time. `queue` hears of each node that will be done, in their order, before its
/// thread begins; `work` does what it is told for a node and returns whether it is
/// there for those that wait for it; a panic counts as a failure. Skipped nodes take no thread.
pub(crate) fn drive(
    order: &Order,
    at_once: usize,
    fail_fast: bool,
    cancel: &Cancel,
    queue: &dyn Fn(usize),
    work: &(dyn Fn(usize, Turn) -> bool + Sync),
) {
    let mut front = Front::new(order);
    // For a node that is not there for others, which one is to blame.
    let mut blame: Vec<Option<usize>> = vec![None; order.len()];
    let mut failed = false;
    let (ended, endings) = channel::<(usize, bool)>();
    let mut running = 0;
    thread::scope(|scope| {
        while !front.is_done() {
            let mut stops = cancel.is_cancelled() || (fail_fast && failed);
            while running < at_once.max(1) || stops {
                let Some(node) = front.next() else { break };
                let cause = order.before(node).iter().find_map(|&before| blame[before]);
                let turn = match cause {
                    Some(cause) => Turn::Skip(cause),
                    None if stops => Turn::Stop,
                    None => Turn::Do,
                };
                if turn == Turn::Do {
                    let ended = ended.clone();
                    running += 1;
                    queue(node);
                    scope.spawn(move || {
                        let good = catch_unwind(AssertUnwindSafe(|| work(node, turn))).unwrap_or(false);
                        // The receiver lives until every node has ended.
                        let _ = ended.send((node, good));
                    });
                } else {
                    work(node, turn);
                    blame[node] = cause.or(Some(node));
                    front.done(node);
                }
                stops |= cancel.is_cancelled();
            }
            if running == 0 {
                continue;
            }
            let Ok((node, good)) = endings.recv_timeout(LOOK_EVERY) else {
                continue;
            };
            running -= 1;
            if !good {
                blame[node] = Some(node);
                failed = true;
            }
            front.done(node);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;
    use std::time::Instant;

    use super::super::graph::Role;
    use super::*;

    fn order(edges: &[(usize, usize)], count: usize) -> Order {
        Order::new(&vec![Role::Maker; count], edges, &vec![false; count], true)
    }

    /// What each node was told, when `bad` ones fail.
    fn turns(order: &Order, at_once: usize, fail_fast: bool, bad: &[usize]) -> BTreeMap<usize, Turn> {
        let told = Mutex::new(BTreeMap::new());
        drive(order, at_once, fail_fast, &Cancel::new(), &|_| {}, &|node, turn| {
            told.lock().unwrap().insert(node, turn);
            !bad.contains(&node)
        });
        told.into_inner().unwrap()
    }

    #[test]
    fn what_is_behind_a_failure_is_skipped_because_of_it_and_the_rest_is_done() {
        // 0 -> 1 -> 2, and 3 alone.
        let turns = turns(&order(&[(0, 1), (1, 2)], 4), 2, false, &[0]);
        assert_eq!(turns[&1], Turn::Skip(0));
        assert_eq!(turns[&2], Turn::Skip(0), "the first cause");
        assert_eq!(turns[&3], Turn::Do);
    }

    #[test]
    fn with_fail_fast_nothing_is_begun_after_a_failure() {
        let turns = turns(&order(&[], 5), 1, true, &[1]);
        let done = turns.values().filter(|turn| **turn == Turn::Do).count();
        assert_eq!(done, 2, "{turns:?}");
        assert_eq!(turns[&4], Turn::Stop);
    }

    #[test]
    fn independent_nodes_run_at_a_time() {
        let started = Instant::now();
        drive(&order(&[], 4), 4, false, &Cancel::new(), &|_| {}, &|_, _| {
            thread::sleep(Duration::from_millis(200));
            true
        });
        assert!(
            started.elapsed() < Duration::from_millis(700),
            "{:?}",
            started.elapsed()
        );
    }

    #[test]
    fn a_panic_is_a_failure_of_its_node_alone() {
        let told = Mutex::new(BTreeMap::new());
        drive(
            &order(&[(0, 1)], 3),
            2,
            false,
            &Cancel::new(),
            &|_| {},
            &|node, turn| {
                told.lock().unwrap().insert(node, turn);
                assert!(node != 0, "on purpose");
                true
            },
        );
        let told = told.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        assert_eq!((told[&1], told[&2]), (Turn::Skip(0), Turn::Do));
    }

    #[test]
    fn after_ctrl_c_nothing_more_is_begun() {
        let cancel = Cancel::new();
        let told = Mutex::new(Vec::new());
        drive(&order(&[(0, 1)], 3), 1, false, &cancel, &|_| {}, &|node, turn| {
            told.lock().unwrap().push((node, turn));
            cancel.cancel();
            false
        });
        assert!(told.lock().unwrap().iter().any(|(_, turn)| *turn == Turn::Stop));
        let begun = told
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, turn)| *turn == Turn::Do)
            .count();
        assert_eq!(begun, 1);
    }
}
