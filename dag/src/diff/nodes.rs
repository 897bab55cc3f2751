//! Changes of nodes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::changes::{KeyChange, TaskEffect, changed_keys, changed_lines};
use super::snapshot::{NodeState, Snapshot};
use super::tasks::{TaskChange, TaskChangeKind, compare_tasks};
use crate::nodes::{NodeId, ResourceType};
use crate::select::Changes;

/// What became of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its SQL or content, its settings, a task or a model that it calls is another.
    Modified,
    /// Only the gate that its answers pass is another.
    Regated,
    /// It is the same, and something above it is not.
    Indirect,
    /// Only what people read of it is another: nothing is built.
    Described,
}

/// A node that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeChange {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Its file, from the project's folder.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// Which of its parts differ.
    pub parts: Changes,
    /// The lines of its SQL that differ, as a unified diff. Empty where the text is the same, or where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// The settings that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<KeyChange>,
    /// What differs of what only people read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<KeyChange>,
    /// The tasks and models that it calls and that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// What it reads and that differs, directly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<NodeId>,
}

/// A model of the registry that is another under the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelChange {
    /// Its name, as tasks and calls use it.
    pub name: String,
    /// The digest it had; None where it was not installed.
    pub before: Option<String>,
    /// The digest it has.
    pub after: Option<String>,
}

/// What changed between two states of a project.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Diff {
    /// Tasks, by name.
    pub tasks: Vec<TaskChange>,
    /// Models of the registry, by name.
    pub models: Vec<ModelChange>,
    /// All other nodes, by what became of them and by id.
    pub nodes: Vec<NodeChange>,
}

impl Diff {
    /// What changed from one state to another.
    pub fn between(before: &Snapshot, after: &Snapshot) -> Self {
        let models = models(before, after);
        let tasks = tasks(before, after);
        let mut nodes = Vec::new();
        for (id, state) in &after.nodes {
            if id.resource_type() == Some(ResourceType::Task) {
                continue;
            }
            let change = match before.nodes.get(id) {
                Some(old) => compare(id, old, state, &tasks, &models),
                None => Some(whole(id, state, Change::Added)),
            };
            nodes.extend(change);
        }
        let is_gone = |id: &&NodeId| !after.nodes.contains_key(*id) && id.resource_type() != Some(ResourceType::Task);
        let gone = before.nodes.keys().filter(is_gone);
        nodes.extend(gone.map(|id| whole(id, &before.nodes[id], Change::Removed)));
        add_below(&mut nodes, after);
        explain(&mut nodes, before, after);
        nodes.sort_by(|left, right| (left.change, &left.id).cmp(&(right.change, &right.id)));
        Self { tasks, models, nodes }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.models.is_empty() && self.nodes.is_empty()
    }

    /// How many nodes have each kind of change.
    pub fn counts(&self) -> BTreeMap<Change, usize> {
        let mut counts = BTreeMap::new();
        for node in &self.nodes {
            *counts.entry(node.change).or_default() += 1;
        }
        counts
    }
}

/// What of a node differs by its fingerprints. `calls` says whether a model that it calls is another.
pub(super) fn parts(
    before: &crate::fingerprint::Fingerprints,
    after: &crate::fingerprint::Fingerprints,
    calls: bool,
) -> Changes {
    Changes {
        body: before.body != after.body,
        config: before.config != after.config,
        task: before.tasks != after.tasks || calls,
        regate: before.gate != after.gate,
        metadata: before.metadata != after.metadata,
    }
}

fn compare(
    id: &NodeId,
    before: &NodeState,
    after: &NodeState,
    tasks: &[TaskChange],
    models: &[ModelChange],
) -> Option<NodeChange> {
    let called_models = after
        .models
        .iter()
        .filter(|name| models.iter().any(|model| model.name == **name));
    let called_models: Vec<String> = called_models.cloned().collect();
    let parts = parts(&before.fingerprints, &after.fingerprints, !called_models.is_empty());
    let is_below = before.fingerprints.upstream != after.fingerprints.upstream;
    let change = if parts.body || parts.config || parts.task {
        Change::Modified
    } else if parts.regate {
        Change::Regated
    } else if is_below && !is_check(id) {
        Change::Indirect
    } else if parts.metadata {
        Change::Described
    } else {
        return None;
    };
    let differs = |task: &&TaskChange| {
        let calls = after.parents.iter().any(|parent| {
            parent.resource_type() == Some(ResourceType::Task) && parent.as_str().ends_with(&format!(".{}", task.name))
        });
        calls && task.effect > TaskEffect::Cosmetic
    };
    let called_tasks = tasks.iter().filter(differs).map(|task| task.name.clone());
    let text = |state: &NodeState| state.body.clone().unwrap_or_default();
    Some(NodeChange {
        change,
        parts,
        body: if parts.body {
            changed_lines(&text(before), &text(after))
        } else {
            String::new()
        },
        settings: if parts.config || parts.regate || (parts.body && after.body.is_none()) {
            changed_keys(&before.settings, &after.settings)
        } else {
            Vec::new()
        },
        about: changed_keys(&before.about, &after.about),
        calls: called_tasks.chain(called_models).collect(),
        ..whole(id, after, change)
    })
}

/// Checks hold no data: that what they check is another is told of that.
fn is_check(id: &NodeId) -> bool {
    matches!(
        id.resource_type(),
        Some(ResourceType::Test | ResourceType::UnitTest | ResourceType::Evaluation)
    )
}

fn whole(id: &NodeId, state: &NodeState, change: Change) -> NodeChange {
    NodeChange {
        id: id.clone(),
        name: state.name.clone(),
        path: state.path.clone(),
        change,
        parts: Changes::default(),
        body: String::new(),
        settings: Vec::new(),
        about: Vec::new(),
        calls: Vec::new(),
        because: Vec::new(),
    }
}

/// Adds what is below what changed and not changed by its hashes: a model of the registry is in none of them.
fn add_below(nodes: &mut Vec<NodeChange>, after: &Snapshot) {
    let mut children: BTreeMap<&NodeId, Vec<&NodeId>> = BTreeMap::new();
    for (id, state) in after.nodes.iter().filter(|(id, _)| !is_check(id)) {
        for parent in &state.parents {
            children.entry(parent).or_default().push(id);
        }
    }
    let builds = |node: &&NodeChange| node.change != Change::Described && node.change != Change::Removed;
    let mut open: Vec<NodeId> = nodes.iter().filter(builds).map(|node| node.id.clone()).collect();
    let mut known: BTreeMap<NodeId, usize> = nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (node.id.clone(), at))
        .collect();
    while let Some(id) = open.pop() {
        for child in children.get(&id).into_iter().flatten() {
            match known.get(*child) {
                Some(&at) if nodes[at].change == Change::Described => nodes[at].change = Change::Indirect,
                Some(_) => continue,
                None => {
                    known.insert((*child).clone(), nodes.len());
                    nodes.push(whole(child, &after.nodes[*child], Change::Indirect));
                }
            }
            open.push((*child).clone());
        }
    }
}

/// Says of each node whose surroundings changed which of the nodes that it reads did.
fn explain(nodes: &mut [NodeChange], before: &Snapshot, after: &Snapshot) {
    let changed: BTreeMap<NodeId, Change> = nodes.iter().map(|node| (node.id.clone(), node.change)).collect();
    for node in nodes.iter_mut().filter(|node| node.change == Change::Indirect) {
        let parents = |snapshot: &Snapshot| {
            let state = snapshot.nodes.get(&node.id);
            state.map(|state| state.parents.clone()).unwrap_or_default()
        };
        let mut parents: Vec<NodeId> = parents(after).into_iter().chain(parents(before)).collect();
        parents.sort_unstable();
        parents.dedup();
        parents.retain(|parent| changed.get(parent).is_some_and(|change| *change != Change::Described));
        node.because = parents;
    }
}

fn tasks(before: &Snapshot, after: &Snapshot) -> Vec<TaskChange> {
    let mut changes = Vec::new();
    let of_one_side = |state: &NodeState, kind: TaskChangeKind| TaskChange {
        name: state.name.clone(),
        kind,
        effect: match kind {
            TaskChangeKind::Added | TaskChangeKind::Changed => TaskEffect::Breaking,
            TaskChangeKind::Removed => TaskEffect::Cosmetic,
        },
        keys: Vec::new(),
        guidelines: None,
    };
    for (id, state) in &after.nodes {
        let Some(task) = &state.task else { continue };
        match before.nodes.get(id).and_then(|old| old.task.as_ref()) {
            Some(old) => changes.extend(compare_tasks(&state.name, old, task)),
            None => changes.push(of_one_side(state, TaskChangeKind::Added)),
        }
    }
    for (id, state) in &before.nodes {
        if state.task.is_some() && !after.nodes.contains_key(id) {
            changes.push(of_one_side(state, TaskChangeKind::Removed));
        }
    }
    changes.sort_by(|left, right| left.name.cmp(&right.name));
    changes
}

/// Whether two digests are of two models, however they are written.
pub(super) fn is_another(before: &str, after: &str) -> bool {
    before.trim_start_matches("sha256:") != after.trim_start_matches("sha256:")
}

/// Models that were and are used, under one name with two digests.
fn models(before: &Snapshot, after: &Snapshot) -> Vec<ModelChange> {
    let changed = after.models.iter().filter_map(|(name, digest)| {
        let old = before.models.get(name)?;
        is_another(old, digest).then(|| ModelChange {
            name: name.clone(),
            before: Some(old.clone()),
            after: Some(digest.clone()),
        })
    });
    changed.collect()
}
