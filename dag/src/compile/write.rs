//! The SQL of models and singular tests in files, for people to look at.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::dag::{Dag, RenderMode};
use crate::error::DagError;
use crate::fingerprint::{Fingerprint, Hasher};
use crate::nodes::{Detail, Node, Part, Rendering, TestKind};

/// The file that says what the others hold, so that they need not be read.
const WRITTEN: &str = ".written";

/// Files that were written, with hashes of what their texts are made from, and the lengths of the texts.
type Written = BTreeMap<String, Text>;
type Text = (Fingerprint, u64);

/// Writes what changed, and deletes the files of nodes that are gone.
pub(super) fn compiled(dag: &Dag, folder: &Path) -> Result<(), Vec<DagError>> {
    let before: Written = fs_err::read(folder.join(WRITTEN))
        .ok()
        .and_then(|bytes| postcard::from_bytes(&bytes).ok())
        .unwrap_or_default();
    let nodes: Vec<&Node> = dag.nodes.values().filter(|node| is_written(node)).collect();
    let folders: FxHashSet<&str> = nodes.iter().map(|node| folder_of(&node.path)).collect();
    for inner in folders {
        let path = folder.join(inner);
        fs_err::create_dir_all(&path).map_err(|error| vec![failed(&path, &error)])?;
    }
    let shared = shared(dag);
    let outcomes: Vec<Result<(String, Text), DagError>> = nodes
        .par_iter()
        .map(|node| {
            let made_from = made_from(dag, node, shared);
            let path = folder.join(&*node.path);
            if let Some((known, length)) = before.get(&*node.path)
                && *known == made_from
                && std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() == *length)
            {
                return Ok((node.path.to_string(), (made_from, *length)));
            }
            let mut sql = dag.rendered_sql(node, &RenderMode::default())?;
            sql.push('\n');
            std::fs::write(&path, &sql).map_err(|error| failed(&path, &error))?;
            Ok((node.path.to_string(), (made_from, sql.len() as u64)))
        })
        .collect();
    let mut now = Written::new();
    let mut errors = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok((path, is)) => {
                now.insert(path, is);
            }
            Err(error) => errors.push(error),
        }
    }
    for path in before.keys().filter(|path| !now.contains_key(*path)) {
        // It may be gone already.
        let _ = std::fs::remove_file(folder.join(path));
    }
    if errors.is_empty() && now != before {
        write_list(folder, &now).map_err(|error| vec![failed(folder, &error)])?;
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Hash of what the texts of all nodes are made from: the relations that references become, and ephemeral models.
fn shared(dag: &Dag) -> Fingerprint {
    let mut hasher = Hasher::new("compiled");
    hasher.text(&dag.dialect().to_string());
    for node in dag.nodes.values() {
        match (&node.relation, &node.detail) {
            (Some(relation), _) => {
                hasher
                    .text(relation.schema.as_deref().unwrap_or_default())
                    .text(&relation.name);
            }
            (None, Detail::Model(model)) => {
                hasher.text(node.id.as_str());
                rendering(&mut hasher, dag, &model.full, model.volatile);
            }
            _ => {}
        }
    }
    hasher.finish()
}

/// Hash of what the text of a node is made from.
fn made_from(dag: &Dag, node: &Node, shared: Fingerprint) -> Fingerprint {
    let mut hasher = Hasher::new("compiled text");
    hasher.fingerprint(shared);
    match &node.detail {
        Detail::Model(model) => rendering(&mut hasher, dag, &model.full, model.volatile),
        Detail::Test(test) => {
            if let TestKind::Singular(full) = &test.kind {
                rendering(&mut hasher, dag, full, false);
            }
            hasher.bytes(&test.config.limit.unwrap_or(0).to_le_bytes());
        }
        _ => {}
    }
    hasher.finish()
}

fn rendering(hasher: &mut Hasher, dag: &Dag, rendering: &Rendering, volatile: bool) {
    hasher.text(&rendering.marked);
    for reference in &rendering.references {
        hasher.text(reference.node.as_str());
        hasher.text(reference.part.map_or("", Part::name));
    }
    if volatile {
        hasher.text(&dag.renderer.moment.invocation);
    }
}

fn is_written(node: &Node) -> bool {
    match &node.detail {
        Detail::Model(_) => true,
        Detail::Test(test) => matches!(test.kind, TestKind::Singular(_)),
        _ => false,
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn write_list(folder: &Path, now: &Written) -> std::io::Result<()> {
    let bytes = postcard::to_stdvec(now).map_err(std::io::Error::other)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&bytes)?;
    file.persist(folder.join(WRITTEN))?;
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> DagError {
    DagError::File {
        doing: "write",
        path: path.display().to_string(),
        reason: error.to_string(),
    }
}
