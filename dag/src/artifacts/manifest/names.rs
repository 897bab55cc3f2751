//! What many entries share: keys that say the same of every kind of node.

use refuel_project::Target;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::dag::Dag;
use crate::nodes::{Detail, Node, NodeId};

/// How documentation pages show a node.
#[derive(Serialize)]
pub(super) struct Docs {
    show: bool,
    node_color: Option<&'static str>,
}

/// Documentation pages show every node.
pub(super) const DOCS: Docs = Docs {
    show: true,
    node_color: None,
};

/// The hash of a file.
#[derive(Serialize)]
pub(super) struct Checksum<'a> {
    name: &'a str,
    checksum: String,
}

impl Checksum<'_> {
    /// Of a text that is at hand.
    pub(super) fn of(text: &str) -> Self {
        Self {
            name: "sha256",
            checksum: hexadecimal(&Sha256::digest(text.as_bytes())),
        }
    }

    /// One that is known already: seeds are hashed once, by BLAKE3.
    pub(super) fn known(hash: &str) -> Self {
        Self {
            name: "blake3",
            checksum: hash.to_owned(),
        }
    }

    /// Of a node without a file of its own.
    pub(super) fn none() -> Self {
        Self {
            name: "none",
            checksum: String::new(),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| DIGITS[digit as usize] as char).collect()
}

/// What a node depends on.
#[derive(Serialize)]
pub(super) struct DependsOn<'a> {
    pub(super) macros: [&'a str; 0],
    pub(super) nodes: Vec<&'a NodeId>,
}

/// One argument of `ref()`.
#[derive(Serialize)]
pub(super) struct Ref<'a> {
    name: &'a str,
    package: Option<&'a str>,
    version: Option<&'a str>,
}

/// What a node refers to, as dbt tells it apart.
#[derive(Default)]
pub(super) struct References<'a> {
    pub(super) refs: Vec<Ref<'a>>,
    pub(super) sources: Vec<[&'a str; 2]>,
    pub(super) nodes: Vec<&'a NodeId>,
}

impl<'a> References<'a> {
    /// What a node reads and tests. Tasks are left out: dbt has no word for them.
    pub(super) fn of(dag: &'a Dag, node: &'a Node) -> Self {
        let mut found = Self::default();
        for id in &node.depends_on {
            let Some(other) = dag.nodes.get(id.as_str()) else {
                continue;
            };
            match &other.detail {
                Detail::Model(_) | Detail::Seed(_) => found.refs.push(Ref {
                    name: &other.name,
                    package: None,
                    version: None,
                }),
                Detail::Source(source) => found.sources.push([&source.source, &source.table]),
                Detail::Task(_) | Detail::Test(_) | Detail::UnitTest(_) | Detail::Evaluation(_) => {}
            }
            if super::is_in_manifest(id) {
                found.nodes.push(id);
            }
        }
        found
    }

    /// The nodes as `depends_on` has them.
    pub(super) fn depends_on(&self) -> DependsOn<'a> {
        DependsOn {
            macros: [],
            nodes: self.nodes.clone(),
        }
    }
}

/// Where a node's relation is.
pub(super) struct Whereabouts<'a> {
    pub(super) database: Option<&'a str>,
    pub(super) schema: &'a str,
    pub(super) alias: &'a str,
    pub(super) relation_name: Option<String>,
}

impl<'a> Whereabouts<'a> {
    pub(super) fn of(dag: &'a Dag, node: &'a Node) -> Self {
        let target = &dag.project.target;
        let relation = node.relation.as_ref();
        Self {
            database: database(target),
            schema: relation
                .and_then(|relation| relation.schema.as_deref())
                .or_else(|| target.schema())
                .unwrap_or("main"),
            alias: relation.map_or(&*node.name, |relation| &relation.name),
            relation_name: relation.map(|relation| relation.sql(dag.dialect())),
        }
    }
}

fn database(target: &Target) -> Option<&str> {
    match &target.connection {
        refuel_project::Connection::Postgres(postgres) => postgres.database.as_deref(),
        refuel_project::Connection::Sqlite(_) => None,
    }
}

/// The file's path without the folder of its kind, as dbt's `path` is.
pub(super) fn path_below<'a>(path: &'a str, folders: &[String]) -> &'a str {
    let below = |folder: &String| {
        path.strip_prefix(folder.trim_end_matches('/'))
            .and_then(|rest| rest.strip_prefix('/'))
    };
    folders.iter().find_map(below).unwrap_or(path)
}

/// The properties file of a node, as `patch_path` has it.
pub(super) fn patch_path(dag: &Dag, source: &str) -> String {
    format!("{}://{source}", dag.project.settings.name)
}
