//! Nodes of tasks, sources and seeds.

use std::sync::Arc;
use std::time::SystemTime;

use indexmap::IndexMap;
use rayon::prelude::*;
use refuel_project::{Project, Seed, Stamp};
use refuel_task::Place;

use super::Notes;
use super::names::Names;
use crate::cache::{Cache, KeptSeed, to_bytes};
use crate::error::DagError;
use crate::fingerprint;
use crate::nodes::{Detail, Node, NodeId, ResourceType, SeedNode, SourceNode, TaskNode};

pub(super) fn tasks(project: &Arc<Project>, nodes: &mut IndexMap<NodeId, Node>) {
    for (name, file) in &project.tasks {
        let id = NodeId::new(ResourceType::Task, &project.settings.name, &[name]);
        let name: Arc<str> = name.as_str().into();
        let node = Node {
            id: id.clone(),
            fqn: vec![project.settings.name.as_str().into(), Arc::clone(&name)],
            name,
            path: Arc::clone(&file.path),
            place: Place::of(&*file.path),
            tags: file.task.tags.clone(),
            depends_on: Vec::new(),
            relation: None,
            fingerprints: fingerprint::task(&file.task),
            detail: Detail::Task(TaskNode {
                task: Arc::clone(&file.task),
            }),
        };
        nodes.insert(id, node);
    }
}

pub(super) fn sources(names: &Names<'_>, nodes: &mut IndexMap<NodeId, Node>, notes: &mut Notes) {
    for source in names.project.sources.values() {
        for table in &source.tables {
            let id = names.id(ResourceType::Source, &[&source.name, &table.name]);
            if !table.enabled {
                notes.disabled.push(id);
                continue;
            }
            let relation = names.source_relation(source, table);
            let node = Node {
                id: id.clone(),
                name: format!("{}.{}", source.name, table.name).into(),
                path: Arc::clone(&table.place.source),
                place: table.place.clone(),
                fqn: [names.project.settings.name.as_str(), &source.name, &table.name]
                    .map(Arc::from)
                    .to_vec(),
                tags: table.tags.clone(),
                depends_on: Vec::new(),
                fingerprints: fingerprint::source(source, table, &relation),
                relation: Some(relation),
                detail: Detail::Source(SourceNode {
                    source: source.name.as_str().into(),
                    table: table.name.as_str().into(),
                }),
            };
            nodes.insert(id, node);
        }
    }
}

pub(super) fn seeds(names: &Names<'_>, cache: &mut Cache, nodes: &mut IndexMap<NodeId, Node>, notes: &mut Notes) {
    let project = names.project;
    let known: &Cache = cache;
    let hashed: Vec<(&Seed, std::io::Result<Hashed>)> = project
        .seeds
        .values()
        .filter(|seed| seed.config.enabled.unwrap_or(true))
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|seed| (seed, hash(project, &seed.path, known)))
        .collect();
    for seed in project.seeds.values().filter(|seed| seed.config.enabled == Some(false)) {
        notes.disabled.push(names.id(ResourceType::Seed, &[&seed.name]));
    }
    for (seed, hashed) in hashed {
        let content = match hashed {
            Ok(hashed) => {
                if let Some(fresh) = hashed.fresh {
                    cache.keep(&seed.path, fresh);
                }
                hashed.content
            }
            Err(error) => {
                notes.errors.push(DagError::File {
                    doing: "read",
                    path: seed.path.to_string(),
                    reason: error.to_string(),
                });
                continue;
            }
        };
        let id = names.id(ResourceType::Seed, &[&seed.name]);
        let relation = names.relation(seed.config.schema.as_deref(), seed.config.alias.as_deref(), &seed.name);
        let node = Node {
            id: id.clone(),
            name: Arc::clone(&seed.name),
            path: Arc::clone(&seed.path),
            place: Place::of(&*seed.path),
            fqn: names.fqn(&seed.path, &project.settings.seed_paths, &seed.name),
            tags: seed.config.tags.clone(),
            depends_on: Vec::new(),
            fingerprints: fingerprint::seed(seed, &content, &relation),
            relation: Some(relation),
            detail: Detail::Seed(SeedNode {
                config: Arc::clone(&seed.config),
                content,
            }),
        };
        nodes.insert(id, node);
    }
}

struct Hashed {
    content: Arc<str>,
    /// What is to be kept, where it was hashed anew.
    fresh: Option<Vec<u8>>,
}

/// The hash of a seed's file: from the cache where the stamp is the same.
fn hash(project: &Project, path: &str, cache: &Cache) -> std::io::Result<Hashed> {
    let file = project.root.join(path);
    let stamp = Stamp::of(&fs_err::metadata(&file)?, SystemTime::now());
    let hex = |hash: [u8; 32]| Arc::from(blake3::Hash::from_bytes(hash).to_hex().as_str());
    if let Some(kept) = stamp.and_then(|stamp| cache.seed(path, stamp)) {
        return Ok(Hashed {
            content: hex(kept.hash),
            fresh: None,
        });
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(fs_err::File::open(&file)?)?;
    let hash = *hasher.finalize().as_bytes();
    Ok(Hashed {
        content: hex(hash),
        fresh: stamp
            .and_then(|stamp| to_bytes(&KeptSeed { hash }, Some(stamp), path))
            .map(|(entry, _)| entry),
    })
}
