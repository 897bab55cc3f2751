//! What waits for what in a run: the project's edges, and those by which tests hold up what is downstream of what they
//! test. Nodes are numbers here.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// What a node is for the order of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Makes something that others read.
    Maker,
    /// Checks what its predecessors made.
    Check,
    /// Checks its successors before they are made, as unit tests do.
    Guard,
}

/// What a run does, in which order.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// For each node, those that must be done before it.
    before: Vec<Vec<usize>>,
    /// For each node, those that wait for it.
    behind: Vec<Vec<usize>>,
    /// For each node, how much hangs on it: nodes on the longest path from it, those that ask models counted more.
    weight: Vec<u64>,
}

/// What a node that asks a model weighs on a path, beside one that doesn't: models are the bottleneck, and what leads to
/// them goes first.
const ASKING: u64 = 1000;

impl Order {
    /// Makes the order of `roles.len()` nodes. `edges` are (before, behind) pairs without a cycle; `asks` tells which
    /// nodes ask models. With `blocking`, makers wait for the checks of everything that they are made of.
    pub(crate) fn new(roles: &[Role], edges: &[(usize, usize)], asks: &[bool], blocking: bool) -> Self {
        let count = roles.len();
        let mut order = Self {
            before: vec![Vec::new(); count],
            behind: vec![Vec::new(); count],
            weight: vec![0; count],
        };
        for &(before, behind) in edges {
            order.add(before, behind);
        }
        if blocking {
            let checks: Vec<usize> = (0..count).filter(|&node| roles[node] == Role::Check).collect();
            let extra: Vec<(usize, usize)> = checks
                .iter()
                .flat_map(|&check| {
                    order
                        .held_up(check, roles)
                        .into_iter()
                        .map(move |behind| (check, behind))
                })
                .collect();
            for (before, behind) in extra {
                order.add(before, behind);
            }
        }
        for list in order.before.iter_mut().chain(&mut order.behind) {
            list.sort_unstable();
            list.dedup();
        }
        order.weigh(asks);
        order
    }

    fn add(&mut self, before: usize, behind: usize) {
        self.before[behind].push(before);
        self.behind[before].push(behind);
    }

    /// The makers that must wait for a check: those that are made of everything that it looks at. One that only shares
    /// some of it must not wait, because the check may need that one too.
    fn held_up(&self, check: usize, roles: &[Role]) -> Vec<usize> {
        if let [tested] = self.before[check][..] {
            // Those farther down wait for these.
            let behind = self.behind[tested].iter().copied();
            return behind.filter(|&node| roles[node] == Role::Maker).collect();
        }
        let mut common: Option<BTreeSet<usize>> = None;
        for &tested in &self.before[check] {
            let reached = self.downstream(tested);
            common = Some(match common {
                None => reached,
                Some(common) => common.intersection(&reached).copied().collect(),
            });
        }
        let mut common = common.unwrap_or_default();
        common.remove(&check);
        // Those behind another one of them wait anyway.
        common
            .iter()
            .copied()
            .filter(|&node| roles[node] == Role::Maker)
            .filter(|&node| {
                !self.before[node]
                    .iter()
                    .any(|before| common.contains(before) && roles[*before] == Role::Maker)
            })
            .collect()
    }

    fn downstream(&self, node: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            for &next in &self.behind[node] {
                if found.insert(next) {
                    open.push(next);
                }
            }
        }
        found
    }

    fn weigh(&mut self, asks: &[bool]) {
        let order = self.topological();
        for &node in order.iter().rev() {
            let behind = self.behind[node].iter().map(|&next| self.weight[next]).max();
            self.weight[node] = behind.unwrap_or(0) + if asks[node] { ASKING } else { 1 };
        }
    }

    /// Every node behind those that it waits for. Nodes of a cycle, which the project has none of, are left out.
    pub(crate) fn topological(&self) -> Vec<usize> {
        let mut waiting: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut open: Vec<usize> = (0..waiting.len()).rev().filter(|&node| waiting[node] == 0).collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(node) = open.pop() {
            order.push(node);
            for &next in &self.behind[node] {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    open.push(next);
                }
            }
        }
        order
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.before.len()
    }

    /// The nodes that must be done before a node.
    pub(crate) fn before(&self, node: usize) -> &[usize] {
        &self.before[node]
    }
}

/// Which nodes can be started, as others end.
#[derive(Debug)]
pub(crate) struct Front<'a> {
    order: &'a Order,
    waiting: Vec<usize>,
    /// Nodes that can be started: those on which most hangs first, then those that come first in the project.
    ready: BinaryHeap<(u64, Reverse<usize>)>,
    /// Nodes that are not done yet.
    left: usize,
}

impl<'a> Front<'a> {
    /// Nothing is started yet.
    pub(crate) fn new(order: &'a Order) -> Self {
        let waiting: Vec<usize> = order.before.iter().map(Vec::len).collect();
        let ready = (0..waiting.len())
            .filter(|&node| waiting[node] == 0)
            .map(|node| (order.weight[node], Reverse(node)))
            .collect();
        Self {
            order,
            left: waiting.len(),
            waiting,
            ready,
        }
    }

    /// The next node to start.
    pub(crate) fn next(&mut self) -> Option<usize> {
        self.ready.pop().map(|(_, Reverse(node))| node)
    }

    /// A node has ended, however it did.
    pub(crate) fn done(&mut self, node: usize) {
        self.left -= 1;
        for &next in &self.order.behind[node] {
            self.waiting[next] -= 1;
            if self.waiting[next] == 0 {
                self.ready.push((self.order.weight[next], Reverse(next)));
            }
        }
    }

    /// Whether every node has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const M: Role = Role::Maker;
    const C: Role = Role::Check;

    #[test]
    fn a_check_holds_up_what_is_downstream_of_what_it_checks() {
        // a -> b -> c, test of a.
        let order = Order::new(&[M, M, M, C], &[(0, 1), (1, 2), (0, 3)], &[false; 4], true);
        assert_eq!(order.before(1), [0, 3]);
        assert_eq!(order.before(2), [1], "it waits by way of b");
        let free = Order::new(&[M, M, M, C], &[(0, 1), (1, 2), (0, 3)], &[false; 4], false);
        assert_eq!(free.before(1), [0], "nothing waits for tests in `run`");
    }

    #[test]
    fn a_check_of_two_holds_up_only_what_is_made_of_both() {
        // a -> b, a -> c, b -> d, c -> d; a relationship test of a and b: b itself can't wait for it, c need not.
        let order = Order::new(
            &[M, M, M, M, C],
            &[(0, 1), (0, 2), (1, 3), (2, 3), (0, 4), (1, 4)],
            &[false; 5],
            true,
        );
        assert_eq!(order.before(1), [0]);
        assert_eq!(order.before(2), [0]);
        assert_eq!(order.before(3), [1, 2, 4]);
    }

    #[test]
    fn what_leads_to_models_goes_first() {
        // 0 and 1 are free; 1 leads to a node that asks.
        let order = Order::new(&[M, M, M, M], &[(0, 2), (1, 3)], &[false, false, false, true], true);
        let mut front = Front::new(&order);
        assert_eq!(front.next(), Some(1));
        assert_eq!(front.next(), Some(0));
        assert_eq!(front.next(), None, "the others wait");
        front.done(1);
        assert_eq!(front.next(), Some(3));
        front.done(0);
        assert_eq!(front.next(), Some(2));
        front.done(3);
        assert!(!front.is_done());
        front.done(2);
        assert!(front.is_done());
    }

    proptest! {
        /// However many checks there are, everything can be started, and never before what it waits for.
        #[test]
        fn every_node_comes_behind_those_before_it(
            edges in prop::collection::vec((0usize..12, 0usize..12), 0..40),
            checks in prop::collection::vec(prop::collection::vec(0usize..12, 1..3), 0..6),
        ) {
            let mut edges: Vec<(usize, usize)> = edges.into_iter().filter(|(a, b)| a != b).map(|(a, b)| (a.min(b), a.max(b))).collect();
            let mut roles = vec![M; 12];
            for tested in checks {
                roles.push(C);
                edges.extend(tested.into_iter().map(|node| (node, roles.len() - 1)));
            }
            let order = Order::new(&roles, &edges, &vec![false; roles.len()], true);
            let mut front = Front::new(&order);
            let mut done = BTreeSet::new();
            while let Some(node) = front.next() {
                prop_assert!(order.before(node).iter().all(|before| done.contains(before)));
                done.insert(node);
                front.done(node);
            }
            prop_assert_eq!(done.len(), roles.len());
            prop_assert_eq!(order.topological().len(), roles.len());
        }
    }
}
