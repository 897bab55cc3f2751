//! What is done in a run, and in which order.

use std::collections::{HashMap, HashSet};

use refuel_dag::{Dag, Detail, NodeId, ResourceType};

use crate::context::is_read_through;
use crate::error::RunError;
use crate::order::{Order, Role};
use crate::request::{Command, RunRequest};
use crate::workspace::Workspace;

/// The nodes of the selection that the command does, in the order of the project.
pub(crate) fn chosen(workspace: &Workspace, request: &RunRequest) -> Result<Vec<usize>, RunError> {
    let dag = &workspace.dag;
    let mut numbers = Vec::with_capacity(request.selection.len());
    for id in &request.selection {
        let number = dag
            .nodes
            .get_index_of(id.as_str())
            .ok_or_else(|| RunError::UnknownNode {
                id: id.to_string(),
                nearest: refuel_dag::nearest(id.as_str(), dag.nodes.keys().map(NodeId::as_str)),
            })?;
        if does(request.command, dag.nodes[number].resource_type()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn does(command: Command, kind: ResourceType) -> bool {
    let is_check = matches!(
        kind,
        ResourceType::Test | ResourceType::UnitTest | ResourceType::Evaluation
    );
    match command {
        Command::Build => is_check || matches!(kind, ResourceType::Model | ResourceType::Seed),
        Command::Run => kind == ResourceType::Model,
        Command::Test => is_check,
        Command::Seed => kind == ResourceType::Seed,
    }
}

/// What is done in a run: the nodes of the report, and sources and tasks that they need.
pub(super) struct Worked {
    /// Numbers in the project.
    pub(super) nodes: Vec<usize>,
    /// How many of them, from the first, are in the report.
    pub(super) reported: usize,
    /// What waits for what.
    pub(super) order: Order,
}

/// What is done, and in which order.
pub(super) fn worked(workspace: &Workspace, request: &RunRequest, chosen: &[usize]) -> Worked {
    let dag = &workspace.dag;
    let mut nodes = chosen.to_vec();
    let mut place: HashMap<usize, usize> = chosen.iter().enumerate().map(|(at, &number)| (number, at)).collect();
    let mut asks: Vec<bool> = Vec::new();
    for needed in needed(dag, chosen) {
        place.insert(needed, nodes.len());
        nodes.push(needed);
    }
    let mut roles = Vec::with_capacity(nodes.len());
    let mut edges = Vec::new();
    for (at, &number) in nodes.iter().enumerate() {
        let node = &dag.nodes[number];
        asks.push(node.model().is_some_and(|model| !model.calls.is_empty()));
        let role = match &node.detail {
            Detail::UnitTest(_) => Role::Guard,
            Detail::Test(_) | Detail::Evaluation(_) => Role::Check,
            _ => Role::Maker,
        };
        roles.push(role);
        let before = reaches(workspace, number, &place);
        if let Detail::UnitTest(test) = &node.detail {
            // A unit test comes before its model, behind what the model reads.
            let Some(model) = dag.nodes.get_index_of(test.model.as_str()) else {
                continue;
            };
            if let Some(&model) = place.get(&model) {
                edges.push((at, model));
            }
            let read = reaches(workspace, model, &place);
            edges.extend(read.into_iter().map(|before| (before, at)));
        } else {
            edges.extend(before.into_iter().map(|before| (before, at)));
        }
    }
    let order = Order::new(&roles, &edges, &asks, request.command == Command::Build);
    Worked {
        reported: chosen.len(),
        nodes,
        order,
    }
}

/// Sources and tasks that nodes need, also through views that are not made in this run. Nobody has to select them.
pub(crate) fn needed(dag: &Dag, chosen: &[usize]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut seen: HashSet<usize> = chosen.iter().copied().collect();
    let mut open: Vec<usize> = chosen.iter().flat_map(|&number| dag.graph.parents(number)).collect();
    while let Some(before) = open.pop() {
        if !seen.insert(before) {
            continue;
        }
        match &dag.nodes[before].detail {
            Detail::Source(_) | Detail::Task(_) => found.push(before),
            Detail::Model(model) if is_read_through(model.config.materialized) => {
                open.extend(dag.graph.parents(before));
            }
            _ => {}
        }
    }
    found.sort_unstable();
    found
}

/// The nearest nodes above one that are done in this run: through those that are not, since what they hold may be read
/// through views.
fn reaches(workspace: &Workspace, number: usize, place: &HashMap<usize, usize>) -> Vec<usize> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut open: Vec<usize> = workspace.dag.graph.parents(number).collect();
    while let Some(before) = open.pop() {
        if !seen.insert(before) {
            continue;
        }
        match place.get(&before) {
            Some(&at) => found.push(at),
            None => open.extend(workspace.dag.graph.parents(before)),
        }
    }
    found
}
