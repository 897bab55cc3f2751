//! The lineage of nodes as wholes: the graph of the project around one of them.

use std::collections::HashMap;

use super::graph::{Direction, LineageGraph, Vertex};
use crate::dag::Dag;
use crate::nodes::Node;

/// What nodes depend on, or what depends on them, to a number of steps; all the way where none is given. Tests are left
/// out unless they are asked for.
pub fn node_lineage(
    dag: &Dag,
    roots: &[&Node],
    direction: Direction,
    steps: Option<usize>,
    tests: bool,
) -> LineageGraph {
    let mut graph = LineageGraph::default();
    let mut numbers = HashMap::new();
    let mut frontier = Vec::new();
    for root in roots {
        if let Some(number) = dag.nodes.get_index_of(root.id.as_str()) {
            let (here, _) = graph.vertex(vertex(root));
            graph.roots.push(here);
            numbers.insert(number, here);
            frontier.push(number);
        }
    }
    let mut left = steps.unwrap_or(usize::MAX);
    while left > 0 && !frontier.is_empty() {
        let mut next = Vec::new();
        for number in frontier {
            let here = numbers[&number];
            let neighbours: Vec<usize> = match direction {
                Direction::Upstream => dag.graph.parents(number).collect(),
                Direction::Downstream => dag.graph.children(number).collect(),
            };
            for neighbour in neighbours {
                let node = &dag.nodes[neighbour];
                if node.is_check() && !tests {
                    continue;
                }
                let (there, is_new) = graph.vertex(vertex(node));
                if is_new {
                    numbers.insert(neighbour, there);
                    next.push(neighbour);
                }
                match direction {
                    Direction::Upstream => graph.edge(there, here),
                    Direction::Downstream => graph.edge(here, there),
                }
            }
        }
        frontier = next;
        left -= 1;
    }
    graph
}

fn vertex(node: &Node) -> Vertex {
    Vertex::Node {
        node: node.id.clone(),
        name: node.name.to_string(),
        resource_type: node.resource_type(),
    }
}
