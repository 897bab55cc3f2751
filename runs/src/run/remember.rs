//! What is kept of a project after a run, so that `refuel diff` and `state:` can compare what it is later with what was
//! built.

use std::collections::{BTreeMap, HashSet};

use refuel_dag::diff::Snapshot;
use refuel_dag::{Dag, Detail, Node, NodeId};
use refuel_state::NodeStatus;

use crate::context::Context;
use crate::error::RunError;
use crate::report::{NodeReport, is_good};

/// Keeps the state of what this run has done. Of everything else the state stays that it was when it was done.
pub(super) fn keep(context: &Context<'_>, reports: &[NodeReport]) -> Result<(), RunError> {
    let before = context
        .state
        .snapshot(context.target)?
        // What an earlier version wrote in another form says nothing any more.
        .and_then(|(_, content)| serde_json::from_slice(&content).ok())
        .unwrap_or_default();
    let mut digests = BTreeMap::new();
    for node in context.dag.nodes.values() {
        let Detail::Task(of) = &node.detail else { continue };
        // A model that isn't installed is no matter of this run, which did not need it.
        digests.extend(context.tasks.digests_of(&of.task));
    }
    let now = Snapshot::of(context.dag, digests);
    let done = done(context.dag, reports);
    let snapshot = merged(context.dag, before, now, &done);
    let content = serde_json::to_vec(&snapshot).unwrap_or_default();
    Ok(context.state.put_snapshot(context.run, context.target, &content)?)
}

/// The nodes that are, after the run, what the project says. Those that are nothing in the database, such as tasks, are
/// so once all models that read them are.
fn done<'a>(dag: &'a Dag, reports: &'a [NodeReport]) -> HashSet<&'a NodeId> {
    let is_done = |report: &&NodeReport| {
        let is_check = dag.node(report.node.as_str()).is_some_and(Node::is_check);
        is_good(report.status) || (is_check && report.status == NodeStatus::Fail)
    };
    let mut done: HashSet<&NodeId> = reports.iter().filter(is_done).map(|report| &report.node).collect();
    // Behind all that read it comes what is read.
    for number in dag.graph.order().rev() {
        let node = &dag.nodes[number];
        let is_built = node.relation.is_some() || node.is_check();
        let is_source = matches!(node.detail, Detail::Source(_));
        let mut readers = dag.graph.children(number).map(|reader| &dag.nodes[reader]);
        if (!is_built || is_source) && readers.all(|reader| reader.is_check() || done.contains(&reader.id)) {
            done.insert(&node.id);
        }
    }
    done
}

fn merged(dag: &Dag, before: Snapshot, now: Snapshot, done: &HashSet<&NodeId>) -> Snapshot {
    let mut merged = Snapshot::default();
    let (mut kept, mut digests) = (before.nodes, before.models);
    for (id, state) in now.nodes {
        let state = if done.contains(&id) {
            Some(state)
        } else {
            kept.remove(&id)
        };
        if let Some(state) = state {
            merged.nodes.insert(id, state);
        }
    }
    // A model is the one that its tasks were asked with.
    let is_new = |name: &str| {
        let mut tasks = dag.nodes.values().filter(|node| match &node.detail {
            Detail::Task(of) => of.task.registry_names().iter().any(|of| of == name),
            _ => false,
        });
        tasks.all(|task| done.contains(&task.id))
    };
    for (name, digest) in now.models {
        let digest = if is_new(&name) {
            Some(digest)
        } else {
            digests.remove(&name)
        };
        if let Some(digest) = digest {
            merged.models.insert(name, digest);
        }
    }
    merged
}
