//! A lineage: vertices, and edges from what is read to what is computed.

use indexmap::IndexSet;
use serde::Serialize;

use crate::nodes::{NodeId, ResourceType};

/// Which way a lineage is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To what it comes from.
    Upstream,
    /// To what comes from it.
    Downstream,
}

/// What stands in a lineage.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Vertex {
    /// A column of a node. Named `*` where all columns of a node are taken and they aren't known.
    Column {
        /// The node.
        node: NodeId,
        /// Its name.
        name: String,
        /// The column.
        column: String,
    },
    /// A call of a model, within the SQL of a node.
    Call {
        /// The node.
        node: NodeId,
        /// The function, such as `refuel_label`.
        function: String,
        /// The task, or the model where the function takes one.
        asked: String,
        /// Tells the calls of a lineage apart.
        number: usize,
    },
    /// A column of a relation that the SQL names without `ref()` or `source()`.
    Relation {
        /// The relation.
        relation: String,
        /// The column.
        column: String,
    },
    /// A name of which can't be told whose column it is.
    Unknown {
        /// The node whose SQL has it.
        node: NodeId,
        /// The name.
        name: String,
    },
    /// A node as a whole.
    Node {
        /// The node.
        node: NodeId,
        /// Its name.
        name: String,
        /// Its type.
        resource_type: ResourceType,
    },
}

impl Vertex {
    /// As people read it: `orders.id`, `refuel_label(ticket_topic)`.
    pub fn label(&self) -> String {
        match self {
            Self::Column { name, column, .. } => format!("{name}.{column}"),
            Self::Call { function, asked, .. } => format!("{function}({asked})"),
            Self::Relation { relation, column } => format!("{relation}.{column}"),
            Self::Unknown { name, .. } => format!("{name}?"),
            Self::Node { name, .. } => name.clone(),
        }
    }
}

/// A lineage. Numbers are places in `vertices`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LineageGraph {
    /// What was asked about.
    pub roots: Vec<usize>,
    /// Everything in it, each once.
    pub vertices: IndexSet<Vertex>,
    /// From what is read to what is computed from it, each once.
    pub edges: IndexSet<(usize, usize)>,
}

impl LineageGraph {
    /// The number of a vertex, which is put in where it is new, and whether it is.
    pub(super) fn vertex(&mut self, vertex: Vertex) -> (usize, bool) {
        self.vertices.insert_full(vertex)
    }

    pub(super) fn edge(&mut self, from: usize, to: usize) {
        self.edges.insert((from, to));
    }

    /// Takes another lineage in.
    pub fn extend(&mut self, other: Self) {
        let numbers: Vec<usize> = other.vertices.into_iter().map(|vertex| self.vertex(vertex).0).collect();
        for (from, to) in other.edges {
            self.edge(numbers[from], numbers[to]);
        }
        for root in other.roots {
            if !self.roots.contains(&numbers[root]) {
                self.roots.push(numbers[root]);
            }
        }
    }

    /// For each vertex, what is one edge away from it.
    pub(super) fn neighbours(&self, direction: Direction) -> Vec<Vec<usize>> {
        let mut neighbours = vec![Vec::new(); self.vertices.len()];
        for &(from, to) in &self.edges {
            match direction {
                Direction::Upstream => neighbours[to].push(from),
                Direction::Downstream => neighbours[from].push(to),
            }
        }
        neighbours
    }
}
