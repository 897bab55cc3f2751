//! Drawing a lineage: as a tree for a terminal, as Mermaid and as DOT.

use std::fmt::Write as _;

use super::graph::{Direction, LineageGraph, Vertex};
use crate::nodes::ResourceType;

impl LineageGraph {
    /// A tree in box-drawing characters, from each root on. What stood above already is not drawn out again: `…` says
    /// so.
    pub fn tree(&self, direction: Direction) -> String {
        let neighbours = self.neighbours(direction);
        let mut drawn = vec![false; self.vertices.len()];
        let mut text = String::new();
        for &root in &self.roots {
            // What is yet to be drawn, the last first: the vertex, what stands before it, whether it is the last child.
            let mut open = vec![(root, String::new(), None)];
            while let Some((number, before, is_last)) = open.pop() {
                text.push_str(&before);
                text.push_str(match is_last {
                    None => "",
                    Some(true) => "└─ ",
                    Some(false) => "├─ ",
                });
                text.push_str(&self.label(number));
                let children = &neighbours[number];
                if drawn[number] && !children.is_empty() {
                    text.push_str(" …\n");
                    continue;
                }
                drawn[number] = true;
                text.push('\n');
                let before = match is_last {
                    None => String::new(),
                    Some(true) => format!("{before}   "),
                    Some(false) => format!("{before}│  "),
                };
                let last = children.len().saturating_sub(1);
                let children = children.iter().enumerate().rev();
                open.extend(children.map(|(at, child)| (*child, before.clone(), Some(at == last))));
            }
        }
        text
    }

    /// A flowchart for Mermaid, from left to right.
    pub fn mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for (number, vertex) in self.vertices.iter().enumerate() {
            let label = self.label(number).replace('"', "#quot;");
            let (open, close) = match vertex {
                Vertex::Call { .. }
                | Vertex::Node {
                    resource_type: ResourceType::Task,
                    ..
                } => ("{{", "}}"),
                Vertex::Node {
                    resource_type: ResourceType::Source | ResourceType::Seed,
                    ..
                }
                | Vertex::Relation { .. } => ("[(", ")]"),
                Vertex::Unknown { .. } => ("([", "])"),
                Vertex::Column { .. } | Vertex::Node { .. } => ("[", "]"),
            };
            let _ = writeln!(text, "    n{number}{open}\"{label}\"{close}");
        }
        for (from, to) in &self.edges {
            let _ = writeln!(text, "    n{from} --> n{to}");
        }
        text
    }

    /// A directed graph in the DOT language of Graphviz, from left to right.
    pub fn dot(&self) -> String {
        let mut text = "digraph lineage {\n    rankdir=LR;\n    node [shape=box];\n".to_owned();
        for (number, vertex) in self.vertices.iter().enumerate() {
            let label = self.label(number).replace('\\', "\\\\").replace('"', "\\\"");
            let shape = match vertex {
                Vertex::Call { .. }
                | Vertex::Node {
                    resource_type: ResourceType::Task,
                    ..
                } => ", shape=hexagon",
                Vertex::Relation { .. } => ", shape=cylinder",
                Vertex::Unknown { .. } => ", style=dashed",
                Vertex::Column { .. } | Vertex::Node { .. } => "",
            };
            let _ = writeln!(text, "    n{number} [label=\"{label}\"{shape}];");
        }
        for (from, to) in &self.edges {
            let _ = writeln!(text, "    n{from} -> n{to};");
        }
        text.push_str("}\n");
        text
    }

    fn label(&self, number: usize) -> String {
        match &self.vertices[number] {
            vertex @ Vertex::Node {
                resource_type: ResourceType::Model,
                ..
            } => vertex.label(),
            vertex @ Vertex::Node { resource_type, .. } => format!("{} ({resource_type})", vertex.label()),
            vertex => vertex.label(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::NodeId;

    fn graph() -> LineageGraph {
        let mut graph = LineageGraph::default();
        let column = |node: &str, column: &str| Vertex::Column {
            node: NodeId::from(node),
            name: node.to_owned(),
            column: column.to_owned(),
        };
        let (report, _) = graph.vertex(column("report", "say \"topic\""));
        let (labelled, _) = graph.vertex(column("labelled", "topic"));
        let (call, _) = graph.vertex(Vertex::Call {
            node: NodeId::from("labelled"),
            function: "refuel_label".to_owned(),
            asked: "ticket_topic".to_owned(),
            number: 0,
        });
        let (body, _) = graph.vertex(column("stg", "body"));
        let (raw, _) = graph.vertex(Vertex::Relation {
            relation: "raw".to_owned(),
            column: "body".to_owned(),
        });
        let (unknown, _) = graph.vertex(Vertex::Unknown {
            node: NodeId::from("labelled"),
            name: "channel".to_owned(),
        });
        for (from, to) in [
            (labelled, report),
            (call, labelled),
            (body, call),
            (raw, body),
            (unknown, labelled),
            (body, report),
        ] {
            graph.edge(from, to);
        }
        graph.roots.push(report);
        graph
    }

    #[test]
    fn a_tree_draws_everything_once() {
        insta::assert_snapshot!(graph().tree(Direction::Upstream), @r#"
        report.say "topic"
        ├─ labelled.topic
        │  ├─ refuel_label(ticket_topic)
        │  │  └─ stg.body
        │  │     └─ raw.body
        │  └─ channel?
        └─ stg.body …
        "#);
    }

    #[test]
    fn a_tree_of_a_very_long_chain_is_drawn() {
        let mut graph = LineageGraph::default();
        for number in 0..20_000 {
            graph.vertex(Vertex::Relation {
                relation: "r".to_owned(),
                column: number.to_string(),
            });
            if number > 0 {
                graph.edge(number - 1, number);
            }
        }
        graph.roots.push(0);
        // Every line is as deep as it is far down: only the last part is looked at.
        graph.edges.truncate(2000);
        assert_eq!(graph.tree(Direction::Downstream).lines().count(), 2001);
    }

    #[test]
    fn mermaid_and_dot_escape_what_they_must() {
        insta::assert_snapshot!(format!("{}{}", graph().mermaid(), graph().dot()), @r#"
        flowchart LR
            n0["report.say #quot;topic#quot;"]
            n1["labelled.topic"]
            n2{{"refuel_label(ticket_topic)"}}
            n3["stg.body"]
            n4[("raw.body")]
            n5(["channel?"])
            n1 --> n0
            n2 --> n1
            n3 --> n2
            n4 --> n3
            n5 --> n1
            n3 --> n0
        digraph lineage {
            rankdir=LR;
            node [shape=box];
            n0 [label="report.say \"topic\""];
            n1 [label="labelled.topic"];
            n2 [label="refuel_label(ticket_topic)", shape=hexagon];
            n3 [label="stg.body"];
            n4 [label="raw.body", shape=cylinder];
            n5 [label="channel?", style=dashed];
            n1 -> n0;
            n2 -> n1;
            n3 -> n2;
            n4 -> n3;
            n5 -> n1;
            n3 -> n0;
        }
        "#);
    }
}
