//! `manifest.json`: what a project consists of, and what depends on what.

mod columns;
mod document;
mod earlier;
mod entries;
mod names;
mod node;
mod source;
#[cfg(test)]
mod tests;
mod unit_test;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::error::ArtifactError;
use document::{Document, Item};

use super::file::replace;
use super::metadata::{Invocation, Metadata, moment};
use crate::dag::Dag;
use crate::fingerprint::{Fingerprint, Hasher};
use crate::nodes::{Detail, NodeId};

/// The name of the file, in the target folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// What a manifest is written with.
#[derive(Debug, Clone)]
pub struct ManifestOptions {
    /// The call of the program that writes it.
    pub invocation: Invocation,
    /// When it is written.
    pub now: Timestamp,
    /// Whether the SQL of models and tests is in it. `refuel ls` needs none.
    pub compiled: bool,
}

/// Writes `manifest.json` into a folder. Entries are written as they are made: not more than some hundred of them are
/// in memory. Those that would be the same as in the manifest that is there are copied, with the `created_at` that they
/// have; where they are is kept in `cache/manifest`.
///
/// # Errors
/// [`ArtifactError::Write`].
pub fn write_manifest(dag: &Dag, folder: &Path, options: &ManifestOptions) -> Result<(), ArtifactError> {
    replace(&folder.join(MANIFEST_FILE), |writer| {
        write(dag, writer, folder, options)
    })
}

/// Whether a node has a place of its own in dbt's words. Tasks don't, and so no edge leads to one.
fn is_in_manifest(id: &NodeId) -> bool {
    id.resource_type() != Some(crate::nodes::ResourceType::Task)
}

#[derive(Serialize)]
struct ManifestMetadata<'a> {
    #[serde(flatten)]
    common: Metadata,
    project_name: &'a str,
    project_id: Option<&'a str>,
    user_id: Option<&'a str>,
    send_anonymous_usage_stats: bool,
    adapter_type: &'a str,
    run_started_at: String,
}

fn write(dag: &Dag, writer: &mut BufWriter<&mut File>, folder: &Path, options: &ManifestOptions) -> io::Result<()> {
    let common = Metadata::new("manifest/v12", &options.invocation, options.now);
    let metadata = ManifestMetadata {
        project_name: &dag.project.settings.name,
        project_id: None,
        user_id: None,
        send_anonymous_usage_stats: false,
        adapter_type: dag.project.target.kind(),
        run_started_at: moment(options.invocation.started_at),
        common,
    };
    let scope = entries::Scope::new(dag, options);
    let all: Vec<Item<'_>> = dag.nodes.values().zip(dag.origins.iter().copied()).collect();
    let (mut nodes, mut sources, mut unit_tests) = (Vec::new(), Vec::new(), Vec::new());
    for item in &all {
        match item.0.detail {
            Detail::Source(_) => sources.push(*item),
            Detail::UnitTest(_) => unit_tests.push(*item),
            Detail::Task(_) => {}
            Detail::Model(_) | Detail::Seed(_) | Detail::Test(_) | Detail::Evaluation(_) => nodes.push(*item),
        }
    }
    let in_manifest: Vec<Item<'_>> = all.into_iter().filter(|(node, _)| is_in_manifest(&node.id)).collect();
    let mut document = Document::new(writer, folder, options.compiled)?;
    let describe = || {
        document.value("metadata", &metadata)?;
        document.entries("nodes", &nodes, |node, bytes| scope.node(node, bytes))?;
        document.entries("sources", &sources, |node, bytes| scope.source(node, bytes))?;
        document.value("macros", &scope.macros())?;
        for nothing in ["docs", "exposures", "metrics", "groups", "selectors"] {
            document.value(nothing, &BTreeMap::<&str, &str>::new())?;
        }
        // An enabled project's disabled files are not rendered, so nothing but their names is known of them.
        document.value("disabled", &BTreeMap::<&str, &str>::new())
    };
    let (described, (parents, children)) = rayon::join(describe, || edges(&in_manifest));
    described?;
    document.whole("parent_map", parents, &in_manifest, |node, bytes| {
        let parents: Vec<&NodeId> = node.depends_on.iter().filter(|id| is_in_manifest(id)).collect();
        serde_json::to_writer(bytes, &parents)
    })?;
    document.whole("child_map", children, &in_manifest, |node, bytes| {
        let children = dag.children(node.id.as_str());
        let children: Vec<&NodeId> = children.map(|node| &node.id).filter(|id| is_in_manifest(id)).collect();
        serde_json::to_writer(bytes, &children)
    })?;
    for nothing in ["group_map", "saved_queries", "semantic_models"] {
        document.value(nothing, &BTreeMap::<&str, &str>::new())?;
    }
    document.entries("unit_tests", &unit_tests, |node, bytes| scope.unit_test(node, bytes))?;
    document.value("functions", &BTreeMap::<&str, &str>::new())?;
    document.end()
}

/// What the maps of parents and of children are made from.
fn edges(nodes: &[Item<'_>]) -> (Fingerprint, Fingerprint) {
    let mut hasher = Hasher::new("edges");
    for (node, _) in nodes {
        hasher.text(node.id.as_str());
        hasher.bytes(&(node.depends_on.len() as u64).to_le_bytes());
        node.depends_on.iter().for_each(|id| {
            hasher.text(id.as_str());
        });
    }
    let edges = hasher.finish();
    let of = |map: &str| Hasher::new(map).fingerprint(edges).finish();
    (of("parents"), of("children"))
}
