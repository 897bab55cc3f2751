//! What is written of a node was made from what, in one hash.
//!
//! Compiled SQL and entries of the manifest are made from files: the node's own, the properties file that tells of it,
//! and `refuel_project.yml`; and from the relations of what it reads. Where the hash is the same, so is what is written,
//! and it need not be made again. [`Fingerprints`](crate::Fingerprints) leave out what changes nothing in a database,
//! such as comments; this does not.

use std::sync::Arc;

use indexmap::IndexMap;
use rayon::prelude::*;
use refuel_project::{PROJECT_FILE, Project};
use rustc_hash::FxHashMap;

use super::files::{File, Files};
use crate::fingerprint::{Fingerprint, Hasher};
use crate::graph::Graph;
use crate::nodes::{Detail, Node, NodeId, TestKind};
use crate::render::Renderer;

/// The origin of each node, by its place among the nodes. None where it is not known, or must not be relied on: the
/// text of a volatile model depends on the time, and of other kinds there are few. `all` are
/// [`Fingerprints::all`](crate::Fingerprints::all).
pub(super) fn origins(
    renderer: &Renderer,
    files: &Files,
    nodes: &IndexMap<NodeId, Node>,
    graph: &Graph,
    all: &[Fingerprint],
) -> Vec<Option<Fingerprint>> {
    let scope = Scope::new(renderer, files, nodes, graph);
    let numbered = all.par_iter().enumerate();
    numbered.map(|(number, all)| scope.origin(number, *all)).collect()
}

struct Scope<'a> {
    project: &'a Arc<Project>,
    nodes: &'a IndexMap<NodeId, Node>,
    graph: &'a Graph,
    models: FxHashMap<&'a str, Fingerprint>,
    tests: FxHashMap<&'a str, Fingerprint>,
    /// What all have in common.
    shared: Fingerprint,
    /// All ephemeral models: what is written of a node has the text of those that it reads. None where one is volatile.
    ephemeral: Option<Fingerprint>,
}

impl<'a> Scope<'a> {
    fn new(renderer: &'a Renderer, files: &'a Files, nodes: &'a IndexMap<NodeId, Node>, graph: &'a Graph) -> Self {
        let project = renderer.project();
        let mut shared = Hasher::new("origin");
        shared.fingerprint(renderer.fingerprint());
        shared.text(&project.settings.name);
        shared.text(&project.settings.target_path);
        shared.bytes(project.texts.get(PROJECT_FILE).map_or(&[], |hash| &hash[..]));
        let made = |files: &'a [File]| {
            let lasting = files.iter().filter(|file| !file.volatile);
            lasting.filter_map(|file| Some((&*file.name, file.made?))).collect()
        };
        let mut scope = Self {
            project,
            nodes,
            graph,
            models: made(&files.models),
            tests: made(&files.tests),
            shared: shared.finish(),
            ephemeral: None,
        };
        scope.ephemeral = scope.ephemeral();
        scope
    }

    fn ephemeral(&self) -> Option<Fingerprint> {
        let mut hasher = Hasher::new("origin of ephemeral models");
        for (number, node) in self.nodes.values().enumerate().filter(|(_, node)| is_ephemeral(node)) {
            hasher
                .text(node.id.as_str())
                .fingerprint(*self.models.get(&*node.name)?);
            self.parents(number).for_each(|parent| relation(&mut hasher, parent));
        }
        Some(hasher.finish())
    }

    fn parents(&self, number: usize) -> impl Iterator<Item = &Node> {
        self.graph.parents(number).map(|parent| &self.nodes[parent])
    }

    fn origin(&self, number: usize, all: Fingerprint) -> Option<Fingerprint> {
        let node = &self.nodes[number];
        let mut hasher = Hasher::new("origin of a node");
        let properties = match &node.detail {
            Detail::Model(model) => {
                hasher.fingerprint(*self.models.get(&*node.name)?);
                hasher.bytes(&[u8::from(model.gated)]);
                let properties = self.project.models.get(&*node.name)?.properties.as_ref();
                properties.map(|properties| &properties.place.source)
            }
            Detail::Test(test) => match test.kind {
                TestKind::Singular(_) => {
                    hasher.fingerprint(*self.tests.get(&*node.name)?);
                    None
                }
                TestKind::Declared { .. } => Some(&node.place.source),
            },
            Detail::Source(_) => Some(&node.place.source),
            Detail::Seed(_) | Detail::UnitTest(_) | Detail::Evaluation(_) | Detail::Task(_) => return None,
        };
        hasher
            .fingerprint(self.shared)
            .fingerprint(all)
            .fingerprint(node.fingerprints.metadata)
            .text(node.id.as_str())
            .text(&node.path);
        node.fqn.iter().for_each(|part| {
            hasher.text(part);
        });
        if let Some(path) = properties {
            hasher.text(path).bytes(self.project.texts.get(path)?);
        }
        relation(&mut hasher, node);
        for parent in self.parents(number) {
            relation(&mut hasher, parent);
            if is_ephemeral(parent) {
                hasher.fingerprint(self.ephemeral?);
            }
        }
        Some(hasher.finish())
    }
}

fn is_ephemeral(node: &Node) -> bool {
    matches!(node.detail, Detail::Model(_)) && node.relation.is_none()
}

/// A node and its relation.
fn relation(hasher: &mut Hasher, node: &Node) {
    hasher.text(node.id.as_str());
    if let Some(relation) = &node.relation {
        hasher
            .text(relation.schema.as_deref().unwrap_or_default())
            .text(&relation.name);
    }
}
