//! Following a column up to what it comes from, or down to what comes from it.

use std::collections::{BTreeMap, HashSet};

use refuel_staging::{CallOrigin, ColumnOrigin, Lineage, OutputColumn};

use super::analysis::Lineages;
use super::error::LineageError;
use super::graph::{Direction, LineageGraph, Vertex};
use crate::error::nearest;
use crate::nodes::{Node, NodeId, Reference, ResourceType};
use crate::render::number_of;

/// A column of a node, by the node's number.
type Column = (usize, String);

impl Lineages<'_> {
    /// The lineage of a column: `node` is the name of a model or seed, or `source.table`.
    ///
    /// # Errors
    /// [`LineageError::UnknownNode`], [`LineageError::UnknownColumn`], [`LineageError::NoColumns`],
    /// [`LineageError::Sql`].
    pub fn of_column(&mut self, node: &str, column: &str, direction: Direction) -> Result<LineageGraph, LineageError> {
        let number = self.find(node)?;
        let column = self.find_column(number, column)?;
        self.follow(vec![(number, column)], direction)
    }

    /// The lineage of all columns of a node.
    ///
    /// # Errors
    /// [`LineageError::UnknownNode`], [`LineageError::NoColumns`], [`LineageError::Sql`].
    pub fn of_columns(&mut self, node: &str, direction: Direction) -> Result<LineageGraph, LineageError> {
        let number = self.find(node)?;
        let Some(columns) = self.known(number)?.columns.clone() else {
            return Err(LineageError::NoColumns {
                node: self.id(number).clone(),
            });
        };
        self.follow(
            columns.iter().map(|column| (number, column.clone())).collect(),
            direction,
        )
    }

    fn follow(&mut self, columns: Vec<Column>, direction: Direction) -> Result<LineageGraph, LineageError> {
        match direction {
            Direction::Upstream => self.upstream(columns),
            Direction::Downstream => self.downstream(columns),
        }
    }

    fn id(&self, number: usize) -> &NodeId {
        &self.dag.nodes[number].id
    }

    /// The number of the model, seed or source's table with this name.
    fn find(&self, name: &str) -> Result<usize, LineageError> {
        let project = &self.dag.project.settings.name;
        let model = self.dag.referable(name).map(|node| node.id.clone());
        let source = name
            .split_once('.')
            .map(|(source, table)| NodeId::new(ResourceType::Source, project, &[source, table]));
        let found = [model, source, Some(NodeId::from(name))].into_iter().flatten();
        let mut numbers = found.filter_map(|id| self.dag.nodes.get_index_of(id.as_str()));
        numbers.next().ok_or_else(|| LineageError::UnknownNode {
            name: name.to_owned(),
            nearest: nearest(
                name,
                self.dag
                    .nodes
                    .values()
                    .filter(|node| has_columns(node))
                    .map(|node| &*node.name),
            ),
        })
    }

    /// The column as the node calls it.
    fn find_column(&mut self, number: usize, column: &str) -> Result<String, LineageError> {
        let known = self.known(number)?.clone();
        if let Some(columns) = &known.columns {
            let found = columns.iter().find(|name| name.eq_ignore_ascii_case(column));
            return found.cloned().ok_or_else(|| LineageError::UnknownColumn {
                node: self.id(number).clone(),
                column: column.to_owned(),
                nearest: nearest(column, columns.iter().map(String::as_str)),
                known: columns.to_vec(),
            });
        }
        match &known.lineage {
            // One that is hidden behind a `*` may be there.
            Some(lineage) if !outputs(lineage, column).is_empty() => Ok(column.to_owned()),
            None if has_columns(&self.dag.nodes[number]) => Ok(column.to_owned()),
            _ => Err(LineageError::NoColumns {
                node: self.id(number).clone(),
            }),
        }
    }

    fn upstream(&mut self, roots: Vec<Column>) -> Result<LineageGraph, LineageError> {
        let mut graph = LineageGraph::default();
        let mut calls = BTreeMap::new();
        let mut open = Vec::new();
        for (number, column) in roots {
            let (root, _) = graph.vertex(self.vertex(number, &column));
            graph.roots.push(root);
            open.push((number, column, root));
        }
        while let Some((number, column, here)) = open.pop() {
            let Some(lineage) = self.known(number)?.lineage.clone() else {
                continue;
            };
            let mut within = Within {
                lineages: self,
                graph: &mut graph,
                number,
                column: &column,
                calls: &mut calls,
                read: Vec::new(),
            };
            for output in outputs(&lineage, &column) {
                within.origins(&output.from, &output.calls, &output.unknown, here);
            }
            open.append(&mut within.read);
        }
        Ok(graph)
    }

    fn downstream(&mut self, roots: Vec<Column>) -> Result<LineageGraph, LineageError> {
        let mut graph = LineageGraph::default();
        let mut calls = BTreeMap::new();
        let mut affected: HashSet<Column> = HashSet::new();
        let mut below: HashSet<usize> = HashSet::new();
        for (number, column) in roots {
            let (root, _) = graph.vertex(self.vertex(number, &column));
            graph.roots.push(root);
            affected.insert((number, column.to_ascii_lowercase()));
            below.insert(number);
        }
        let dag = self.dag;
        for number in dag.graph.order() {
            let is_below = dag.graph.parents(number).any(|parent| below.contains(&parent));
            let Some(model) = dag.nodes[number].model().filter(|_| is_below) else {
                continue;
            };
            let Some(lineage) = self.known(number)?.lineage.clone() else {
                continue;
            };
            let references = &model.full.references;
            let mut reached = Vec::new();
            for output in &lineage.columns {
                for column in self.affected_names(output, references, &affected) {
                    let (here, _) = graph.vertex(self.vertex(number, &column));
                    let kept = Kept {
                        lineages: self,
                        references,
                        affected: &affected,
                    };
                    let from = kept.origins(&output.from);
                    let called = kept.calls(&output.calls);
                    let mut within = Within {
                        lineages: self,
                        graph: &mut graph,
                        number,
                        column: &column,
                        calls: &mut calls,
                        read: Vec::new(),
                    };
                    within.origins(&from, &called, &[], here);
                    reached.push((number, column.to_ascii_lowercase()));
                }
            }
            if !reached.is_empty() {
                below.insert(number);
                affected.extend(reached);
            }
        }
        Ok(graph)
    }

    /// The names under which an output carries affected columns: its own, or theirs where it is a `*`.
    fn affected_names(
        &self,
        output: &OutputColumn,
        references: &[Reference],
        affected: &HashSet<Column>,
    ) -> Vec<String> {
        let kept = Kept {
            lineages: self,
            references,
            affected,
        };
        if output.name != "*" {
            let is_affected = !kept.origins(&output.from).is_empty() || !kept.calls(&output.calls).is_empty();
            return if is_affected {
                vec![output.name.clone()]
            } else {
                Vec::new()
            };
        }
        let numbers: Vec<usize> = output.from.iter().filter_map(|origin| kept.number(origin)).collect();
        let mut names: Vec<String> = affected
            .iter()
            .filter(|(number, _)| numbers.contains(number))
            .map(|(_, column)| column.clone())
            .collect();
        names.sort();
        names
    }

    /// The column under the name that its node gives it, where that is known.
    fn vertex(&self, number: usize, column: &str) -> Vertex {
        let node = &self.dag.nodes[number];
        let known = self.looked_up(number).and_then(|known| known.columns.as_ref());
        let known = known.and_then(|columns| columns.iter().find(|name| name.eq_ignore_ascii_case(column)));
        Vertex::Column {
            node: node.id.clone(),
            name: node.name.to_string(),
            column: known.map_or_else(|| column.to_owned(), Clone::clone),
        }
    }
}

fn has_columns(node: &Node) -> bool {
    matches!(
        node.resource_type(),
        ResourceType::Model | ResourceType::Seed | ResourceType::Source
    )
}

/// The outputs that a column can be: the one of its name, or else every `*`; all of them for `*`.
fn outputs<'a>(lineage: &'a Lineage, column: &str) -> Vec<&'a OutputColumn> {
    if column == "*" {
        return lineage.columns.iter().collect();
    }
    let is = |output: &&OutputColumn| output.name.eq_ignore_ascii_case(column);
    match lineage.columns.iter().find(is) {
        Some(output) => vec![output],
        None => lineage.columns.iter().filter(|output| output.name == "*").collect(),
    }
}

/// The origins that are affected, and nothing else.
struct Kept<'a, 'b> {
    lineages: &'a Lineages<'b>,
    references: &'a [Reference],
    affected: &'a HashSet<Column>,
}

impl Kept<'_, '_> {
    fn number(&self, origin: &ColumnOrigin) -> Option<usize> {
        let reference = self.references.get(number_of(&origin.relation.name)?)?;
        self.lineages.dag.nodes.get_index_of(reference.node.as_str())
    }

    fn origins(&self, origins: &[ColumnOrigin]) -> Vec<ColumnOrigin> {
        let is_affected = |origin: &&ColumnOrigin| {
            self.number(origin).is_some_and(|number| match origin.column.as_str() {
                "*" => self.affected.iter().any(|(affected, _)| *affected == number),
                column => self.affected.contains(&(number, column.to_ascii_lowercase())),
            })
        };
        origins.iter().filter(is_affected).cloned().collect()
    }

    fn calls(&self, calls: &[CallOrigin]) -> Vec<CallOrigin> {
        let kept = calls.iter().map(|call| CallOrigin {
            from: self.origins(&call.from),
            calls: self.calls(&call.calls),
            unknown: Vec::new(),
            ..call.clone()
        });
        kept.filter(|call| !call.from.is_empty() || !call.calls.is_empty())
            .collect()
    }
}

/// Puts what one column of a node is computed from into a graph.
struct Within<'a, 'b> {
    lineages: &'a Lineages<'b>,
    graph: &'a mut LineageGraph,
    number: usize,
    column: &'a str,
    /// Numbers of the calls in the graph, by node.
    calls: &'a mut BTreeMap<(usize, CallOrigin), usize>,
    /// Columns of other nodes that came up for the first time, with their vertices.
    read: Vec<(usize, String, usize)>,
}

impl Within<'_, '_> {
    fn origins(&mut self, from: &[ColumnOrigin], calls: &[CallOrigin], unknown: &[String], here: usize) {
        for origin in from {
            let there = self.origin(origin);
            self.graph.edge(there, here);
        }
        for call in calls {
            let there = self.call(call);
            self.graph.edge(there, here);
        }
        for name in unknown {
            let (there, _) = self.graph.vertex(Vertex::Unknown {
                node: self.lineages.dag.nodes[self.number].id.clone(),
                name: name.clone(),
            });
            self.graph.edge(there, here);
        }
    }

    fn origin(&mut self, origin: &ColumnOrigin) -> usize {
        let dag = self.lineages.dag;
        let references = dag.nodes[self.number].model().map(|model| &model.full.references);
        let number = references
            .and_then(|references| references.get(number_of(&origin.relation.name)?))
            .and_then(|reference| dag.nodes.get_index_of(reference.node.as_str()));
        let Some(number) = number else {
            let (there, _) = self.graph.vertex(Vertex::Relation {
                relation: origin.relation.to_string(),
                column: origin.column.clone(),
            });
            return there;
        };
        // Where all columns of what is read are taken, the one that is followed is among them under its own name.
        let column = match origin.column.as_str() {
            "*" => self.column,
            column => column,
        };
        let (there, is_new) = self.graph.vertex(self.lineages.vertex(number, column));
        if is_new {
            self.read.push((number, column.to_owned(), there));
        }
        there
    }

    fn call(&mut self, call: &CallOrigin) -> usize {
        let next = self.calls.len();
        let number = *self.calls.entry((self.number, call.clone())).or_insert(next);
        let (there, is_new) = self.graph.vertex(Vertex::Call {
            node: self.lineages.dag.nodes[self.number].id.clone(),
            function: call.function.name().to_owned(),
            asked: call.asked.name(),
            number,
        });
        if is_new {
            self.origins(&call.from, &call.calls, &call.unknown, there);
        }
        there
    }
}
