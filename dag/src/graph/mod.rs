//! Which node reads which: order, circles, what is above and below.

mod cycle;

use indexmap::IndexMap;
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use rayon::prelude::*;

use crate::nodes::{Node, NodeId};

/// The graph of a project. Edges go from what is read to what reads it. The number of a node is its place in
/// [`crate::Dag::nodes`].
#[derive(Debug, Clone, Default)]
pub struct Graph {
    edges: DiGraph<(), (), u32>,
    /// Numbers of nodes, so that each comes after everything it reads. Among nodes that are free to go, the one that
    /// comes first in the project goes first.
    order: Vec<u32>,
}

impl Graph {
    /// Connects nodes by what they depend on. What is not there is left out.
    ///
    /// # Errors
    /// Every circle that remains after those found before are thought away: numbers of nodes, the first is also the last.
    pub(crate) fn new(nodes: &IndexMap<NodeId, Node>) -> Result<Self, Vec<Vec<usize>>> {
        let parents: Vec<Vec<usize>> = (0..nodes.len())
            .into_par_iter()
            .map(|number| {
                let read = nodes[number].depends_on.iter();
                read.filter_map(|id| nodes.get_index_of(id.as_str())).collect()
            })
            .collect();
        Self::of(nodes.len(), parents.into_iter())
    }

    /// The graph of `count` nodes, each with the numbers of its parents.
    fn of(count: usize, parents: impl Iterator<Item = Vec<usize>>) -> Result<Self, Vec<Vec<usize>>> {
        let mut edges = DiGraph::with_capacity(count, count * 2);
        for _ in 0..count {
            edges.add_node(());
        }
        for (child, parents) in parents.enumerate() {
            for parent in parents {
                edges.add_edge(NodeIndex::new(parent), NodeIndex::new(child), ());
            }
        }
        match cycle::order(&edges) {
            Some(order) => Ok(Self { edges, order }),
            None => Err(cycle::cycles(&edges)),
        }
    }

    /// The graph as petgraph has it.
    pub fn petgraph(&self) -> &DiGraph<(), (), u32> {
        &self.edges
    }

    /// Numbers of all nodes, each after everything it reads.
    pub fn order(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.order.iter().map(|number| *number as usize)
    }

    /// Numbers of what a node reads.
    pub fn parents(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        self.neighbours(node, Direction::Incoming)
    }

    /// Numbers of what reads a node.
    pub fn children(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        self.neighbours(node, Direction::Outgoing)
    }

    fn neighbours(&self, node: usize, direction: Direction) -> impl Iterator<Item = usize> + '_ {
        self.edges
            .neighbors_directed(NodeIndex::new(node), direction)
            .map(NodeIndex::index)
    }
}

#[cfg(test)]
mod tests;
