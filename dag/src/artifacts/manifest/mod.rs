//! `manifest.json`: what a project consists of, and what depends on what.

mod columns;
mod entries;
mod names;
mod node;
mod source;
#[cfg(test)]
mod tests;
mod unit_test;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use rayon::prelude::*;
use serde::Serialize;

use super::error::ArtifactError;
use super::file::replace;
use super::metadata::{Invocation, Metadata, moment};
use crate::dag::Dag;
use crate::nodes::{Detail, Node, NodeId};

/// The name of the file, in the target folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// Nodes that are put into words at a time: enough for every core, few enough to stay small.
const CHUNK: usize = 64;

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
/// in memory.
///
/// # Errors
/// [`ArtifactError::Write`].
pub fn write_manifest(dag: &Dag, folder: &Path, options: &ManifestOptions) -> Result<(), ArtifactError> {
    replace(&folder.join(MANIFEST_FILE), |writer| write(dag, writer, options))
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

fn write(dag: &Dag, writer: &mut impl Write, options: &ManifestOptions) -> io::Result<()> {
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
    let all: Vec<&Node> = dag.nodes.values().collect();
    let (mut nodes, mut sources, mut unit_tests) = (Vec::new(), Vec::new(), Vec::new());
    for node in &all {
        match node.detail {
            Detail::Source(_) => sources.push(*node),
            Detail::UnitTest(_) => unit_tests.push(*node),
            Detail::Task(_) => {}
            Detail::Model(_) | Detail::Seed(_) | Detail::Test(_) | Detail::Evaluation(_) => nodes.push(*node),
        }
    }
    let mut document = Document::new(writer)?;
    document.value("metadata", &metadata)?;
    document.entries("nodes", &nodes, |node, bytes| scope.node(node, bytes))?;
    document.entries("sources", &sources, |node, bytes| scope.source(node, bytes))?;
    document.value("macros", &scope.macros())?;
    for nothing in ["docs", "exposures", "metrics", "groups", "selectors"] {
        document.value(nothing, &BTreeMap::<&str, &str>::new())?;
    }
    // An enabled project's disabled files are not rendered, so nothing but their names is known of them.
    document.value("disabled", &BTreeMap::<&str, &str>::new())?;
    let in_manifest: Vec<&Node> = all.into_iter().filter(|node| is_in_manifest(&node.id)).collect();
    document.entries("parent_map", &in_manifest, |node, bytes| {
        let parents: Vec<&NodeId> = node.depends_on.iter().filter(|id| is_in_manifest(id)).collect();
        serde_json::to_writer(bytes, &parents)
    })?;
    document.entries("child_map", &in_manifest, |node, bytes| {
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

/// A JSON object that is written key by key.
struct Document<'a, W> {
    writer: &'a mut W,
    begun: bool,
}

impl<'a, W: Write> Document<'a, W> {
    fn new(writer: &'a mut W) -> io::Result<Self> {
        writer.write_all(b"{")?;
        Ok(Self { writer, begun: false })
    }

    fn key(&mut self, key: &str) -> io::Result<()> {
        if self.begun {
            self.writer.write_all(b",")?;
        }
        self.begun = true;
        serde_json::to_writer(&mut *self.writer, key)?;
        self.writer.write_all(b":")
    }

    fn value(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        self.key(key)?;
        Ok(serde_json::to_writer(&mut *self.writer, value)?)
    }

    /// An object with an entry for each node. The entries are made on all cores and written in order.
    fn entries(
        &mut self,
        key: &str,
        nodes: &[&Node],
        entry: impl Fn(&Node, &mut Vec<u8>) -> serde_json::Result<()> + Sync,
    ) -> io::Result<()> {
        self.key(key)?;
        self.writer.write_all(b"{")?;
        let wave = CHUNK * rayon::current_num_threads();
        for (number, wave) in nodes.chunks(wave).enumerate() {
            let made: serde_json::Result<Vec<Vec<u8>>> = wave
                .par_chunks(CHUNK)
                .map(|chunk| {
                    let mut bytes = Vec::with_capacity(CHUNK * 1024);
                    for (at, node) in chunk.iter().enumerate() {
                        if at > 0 {
                            bytes.push(b',');
                        }
                        serde_json::to_writer(&mut bytes, &node.id)?;
                        bytes.push(b':');
                        entry(node, &mut bytes)?;
                    }
                    Ok(bytes)
                })
                .collect();
            for (at, bytes) in made?.into_iter().enumerate() {
                if number + at > 0 {
                    self.writer.write_all(b",")?;
                }
                self.writer.write_all(&bytes)?;
            }
        }
        self.writer.write_all(b"}")
    }

    fn end(self) -> io::Result<()> {
        self.writer.write_all(b"}")
    }
}
