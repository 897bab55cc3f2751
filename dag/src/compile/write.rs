//! The SQL of models and singular tests in files, for people to look at.

use std::io::Write as _;
use std::path::Path;

use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::dag::{Dag, RenderMode};
use crate::error::DagError;
use crate::fingerprint::Fingerprint;
use crate::nodes::{Detail, Node, TestKind};

/// The file that says what the others hold, so that they need not be read.
const WRITTEN: &str = ".written";

/// Files that were written, with what their texts are made from, and the lengths of the texts.
type Written<'a> = FxHashMap<&'a str, Text>;
type Text = (Option<Fingerprint>, u64);

/// Writes what changed, and deletes the files of nodes that are gone.
pub(crate) fn compiled(dag: &Dag, folder: &Path) -> Result<(), Vec<DagError>> {
    let list = fs_err::read(folder.join(WRITTEN)).unwrap_or_default();
    let before: Written<'_> = postcard::from_bytes(&list).unwrap_or_default();
    let nodes: Vec<(&Node, Option<Fingerprint>)> = dag
        .nodes
        .values()
        .zip(dag.origins.iter().copied())
        .filter(|(node, _)| is_written(node))
        .collect();
    let folders: FxHashSet<&str> = nodes.iter().map(|(node, _)| folder_of(&node.path)).collect();
    for inner in folders {
        let path = folder.join(inner);
        fs_err::create_dir_all(&path).map_err(|error| vec![failed(&path, &error)])?;
    }
    let outcomes: Vec<Result<u64, DagError>> = nodes
        .par_iter()
        .map(|(node, origin)| {
            let path = folder.join(&*node.path);
            if let Some((known, length)) = before.get(&*node.path)
                && origin.is_some()
                && known == origin
                && std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() == *length)
            {
                return Ok(*length);
            }
            let mut sql = dag.rendered_sql(node, &RenderMode::default())?;
            sql.push('\n');
            // Most that a node is made from leaves its SQL as it is.
            if !std::fs::read(&path).is_ok_and(|known| known == sql.as_bytes()) {
                std::fs::write(&path, &sql).map_err(|error| failed(&path, &error))?;
            }
            Ok(sql.len() as u64)
        })
        .collect();
    let mut now = Written::with_capacity_and_hasher(nodes.len(), FxBuildHasher);
    let mut errors = Vec::new();
    for ((node, origin), outcome) in nodes.into_iter().zip(outcomes) {
        match outcome {
            Ok(length) => {
                now.insert(&node.path, (origin, length));
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

fn write_list(folder: &Path, now: &Written<'_>) -> std::io::Result<()> {
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
