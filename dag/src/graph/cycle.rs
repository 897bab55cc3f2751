//! An order of nodes, or the circles that leave none.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// Numbers of nodes, each after its parents; the least number first among those that are free to go. None where there
/// is a circle. (Kahn 1962, "Topological sorting of large networks".)
pub(super) fn order(edges: &DiGraph<(), (), u32>) -> Option<Vec<u32>> {
    let mut waiting: Vec<usize> = edges
        .node_indices()
        .map(|node| edges.neighbors_directed(node, Direction::Incoming).count())
        .collect();
    let mut free: BinaryHeap<Reverse<usize>> = (0..waiting.len())
        .filter(|node| waiting[*node] == 0)
        .map(Reverse)
        .collect();
    let mut order = Vec::with_capacity(waiting.len());
    while let Some(Reverse(node)) = free.pop() {
        order.push(node as u32);
        for child in edges.neighbors(NodeIndex::new(node)) {
            let left = &mut waiting[child.index()];
            *left -= 1;
            if *left == 0 {
                free.push(Reverse(child.index()));
            }
        }
    }
    (order.len() == waiting.len()).then_some(order)
}

/// A shortest circle of each strongly connected part, by numbers of nodes along the arrows from what reads to what is
/// read; the first is also the last.
pub(super) fn cycles(edges: &DiGraph<(), (), u32>) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = tarjan_scc(edges)
        .into_iter()
        .filter_map(|part| {
            let first = part.iter().min().copied()?;
            let in_circle = part.len() > 1 || edges.contains_edge(first, first);
            in_circle.then(|| shortest(edges, first, &part))
        })
        .collect();
    found.sort();
    found
}

/// The shortest way from `start` back to itself within its part, from what reads to what is read.
fn shortest(edges: &DiGraph<(), (), u32>, start: NodeIndex, part: &[NodeIndex]) -> Vec<usize> {
    let inside: rustc_hash::FxHashSet<NodeIndex> = part.iter().copied().collect();
    let mut came_from: rustc_hash::FxHashMap<NodeIndex, NodeIndex> = rustc_hash::FxHashMap::default();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for parent in edges.neighbors_directed(node, Direction::Incoming) {
            if parent == start {
                let mut path = vec![start.index(), node.index()];
                let mut at = node;
                while at != start {
                    at = came_from[&at];
                    path.push(at.index());
                }
                path.reverse();
                return path;
            }
            if inside.contains(&parent) && !came_from.contains_key(&parent) {
                came_from.insert(parent, node);
                queue.push_back(parent);
            }
        }
    }
    // A strongly connected part leads back to where one started; what is left is the node by itself.
    vec![start.index(), start.index()]
}
