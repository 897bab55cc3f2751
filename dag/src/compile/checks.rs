//! Nodes of tests and evaluations.

use std::sync::Arc;

use indexmap::IndexMap;
use indexmap::map::Entry;
use rayon::prelude::*;
use refuel_project::{Column, DataTest, EvaluationRows, Properties, TestConfig, TestKind as Declared};
use refuel_task::Place;

use super::Notes;
use super::files::{Config, Files};
use super::models::rendering;
use super::names::Names;
use super::test_name::test_name;
use crate::error::{DagError, nearest};
use crate::fingerprint::{self, Fingerprints};
use crate::nodes::{Detail, EvaluationNode, Node, NodeId, ResourceType, TestKind, TestNode};

/// Tests that are queries in files.
pub(super) fn singular(files: &Files, names: &Names<'_>, nodes: &mut IndexMap<NodeId, Node>, notes: &mut Notes) {
    for file in &files.tests {
        let id = names.id(ResourceType::Test, &[&file.name]);
        let (Some(full), Config::Test(config)) = (&file.full, &file.config) else {
            notes.disabled.push(id);
            continue;
        };
        if !file.config.is_enabled() {
            notes.disabled.push(id);
            continue;
        }
        let from = format!("test \"{}\"", file.name);
        let before = notes.errors.len();
        let full = rendering(file, full, names, None, &from, &mut notes.errors);
        if notes.errors.len() > before {
            continue;
        }
        let mut depends_on: Vec<NodeId> = Vec::new();
        for reference in &full.references {
            if !depends_on.contains(&reference.node) {
                depends_on.push(reference.node.clone());
            }
        }
        let mut node = Node {
            id: id.clone(),
            name: Arc::clone(&file.name),
            path: Arc::clone(&file.path),
            place: file.place(),
            fqn: names.fqn(&file.path, &names.project.settings.test_paths, &file.name),
            tags: config.tags.clone(),
            depends_on,
            relation: None,
            fingerprints: Fingerprints::default(),
            detail: Detail::Test(Box::new(TestNode {
                config: Arc::clone(config),
                kind: TestKind::Singular(full),
                attached_to: None,
                column: None,
                full_name: Arc::clone(&file.name),
            })),
        };
        node.fingerprints = fingerprint::test(&node, names.dialect);
        nodes.insert(id, node);
    }
}

/// What a declared test is declared under.
struct Owner {
    id: NodeId,
    /// What names of tests call it.
    name: String,
    fqn: Vec<Arc<str>>,
    tags: Vec<String>,
}

/// Something with the columns and tests that are declared under it.
type Declaration<'a> = (&'a Node, &'a [Column], &'a [DataTest]);

/// Tests that properties files declare.
pub(super) fn declared(names: &Names<'_>, nodes: &mut IndexMap<NodeId, Node>, notes: &mut Notes) {
    let made: Vec<(Vec<Node>, Notes)> = declarations(names, nodes)
        .into_par_iter()
        .map(|(node, columns, tests)| {
            let owner = Owner::of(node);
            let mut notes = Notes::default();
            let of_columns: usize = columns.iter().map(|column| column.tests.len()).sum();
            let mut made = Vec::with_capacity(of_columns + tests.len());
            for column in columns {
                for test in &column.tests {
                    made.extend(declared_test(&owner, Some(&column.name), test, names, &mut notes));
                }
            }
            for test in tests {
                made.extend(declared_test(&owner, None, test, names, &mut notes));
            }
            (made, notes)
        })
        .collect();
    nodes.reserve(made.iter().map(|(made, _)| made.len()).sum());
    for (made, said) in made {
        notes.errors.extend(said.errors);
        notes.disabled.extend(said.disabled);
        for node in made {
            match nodes.entry(node.id.clone()) {
                Entry::Occupied(first) => notes.errors.push(DagError::SameTest {
                    place: node.place.clone(),
                    name: node.name.to_string(),
                    first: first.get().place.clone(),
                }),
                Entry::Vacant(free) => {
                    free.insert(node);
                }
            }
        }
    }
}

/// Everything that has tests. What is disabled, or could not be read, has none.
fn declarations<'a>(names: &Names<'a>, nodes: &'a IndexMap<NodeId, Node>) -> Vec<Declaration<'a>> {
    let project = names.project;
    let mut found: Vec<Declaration<'_>> = Vec::with_capacity(nodes.len());
    let of = |kind: ResourceType| nodes.values().filter(move |node| node.resource_type() == kind);
    let mut described = |node: &'a Node, properties: &'a Option<Box<Properties>>| {
        let properties = properties.as_deref();
        found.extend(properties.map(|properties| (node, properties.columns.as_slice(), properties.tests.as_slice())));
    };
    for node in of(ResourceType::Model) {
        described(node, &project.models[&node.name].properties);
    }
    for node in of(ResourceType::Seed) {
        described(node, &project.seeds[&node.name].properties);
    }
    for source in project.sources.values() {
        for table in &source.tables {
            let node = nodes.get(&names.id(ResourceType::Source, &[&source.name, &table.name]));
            found.extend(node.map(|node| (node, table.columns.as_slice(), table.tests.as_slice())));
        }
    }
    found.retain(|(_, columns, tests)| !tests.is_empty() || columns.iter().any(|column| !column.tests.is_empty()));
    found
}

impl Owner {
    fn of(node: &Node) -> Self {
        let mut fqn = node.fqn.clone();
        fqn.pop();
        Self {
            id: node.id.clone(),
            name: match node.resource_type() {
                ResourceType::Source => format!("source_{}", node.name.replace('.', "_")),
                _ => node.name.to_string(),
            },
            fqn,
            tags: node.tags.clone(),
        }
    }
}

fn declared_test(
    owner: &Owner,
    column: Option<&str>,
    test: &DataTest,
    names: &Names<'_>,
    notes: &mut Notes,
) -> Option<Node> {
    let (name, full_name) = test_name(test, &owner.name, column);
    let id = names.id(ResourceType::Test, &[&name]);
    if test.config.enabled == Some(false) {
        notes.disabled.push(id);
        return None;
    }
    let mut depends_on = vec![owner.id.clone()];
    let mut to = None;
    if let Declared::Relationships { to: other, .. } = &test.kind {
        match names.resolve_declared(other, &format!("test \"{full_name}\""), &test.place) {
            Ok(reference) => {
                if reference.node != owner.id {
                    depends_on.push(reference.node.clone());
                }
                to = Some(reference);
            }
            Err(error) => {
                notes.errors.push(error);
                return None;
            }
        }
    }
    if column.is_none() && !matches!(test.kind, Declared::Expression { .. }) {
        notes.errors.push(DagError::Test {
            place: test.place.clone(),
            message: format!("\"{}\" tests a column, and stands under no column", test.kind.name()),
            hint: Some("move it below \"columns\"".to_owned()),
        });
        return None;
    }
    let mut fqn = owner.fqn.clone();
    fqn.push(Arc::clone(&name));
    let mut tags = test.config.tags.clone();
    tags.extend(owner.tags.iter().filter(|tag| !test.config.tags.contains(tag)).cloned());
    let mut node = Node {
        id,
        name,
        path: Arc::clone(&test.place.source),
        place: test.place.clone(),
        fqn,
        tags,
        depends_on,
        relation: None,
        fingerprints: Fingerprints::default(),
        detail: Detail::Test(Box::new(TestNode {
            config: Arc::clone(&test.config),
            kind: TestKind::Declared {
                test: test.kind.clone(),
                to,
            },
            attached_to: Some(owner.id.clone()),
            column: column.map(Arc::from),
            full_name,
        })),
    };
    node.fingerprints = fingerprint::test(&node, names.dialect);
    Some(node)
}

/// Evaluations of models.
pub(super) fn evaluations(names: &Names<'_>, nodes: &mut IndexMap<NodeId, Node>, notes: &mut Notes) {
    let project = names.project;
    for model in project.models.values() {
        let Some(properties) = model
            .properties
            .as_ref()
            .filter(|properties| !properties.evaluations.is_empty())
        else {
            continue;
        };
        let model_id = names.id(ResourceType::Model, &[&model.name]);
        let Some(owner) = nodes.get(&model_id).map(Owner::of) else {
            continue;
        };
        for (index, evaluation) in properties.evaluations.iter().enumerate() {
            let id = names.id(ResourceType::Evaluation, &[&model.name, &evaluation.name]);
            let config: &Arc<TestConfig> = &evaluation.config;
            if config.enabled == Some(false) {
                notes.disabled.push(id);
                continue;
            }
            let from = format!("evaluation \"{}\"", evaluation.name);
            let mut depends_on = vec![model_id.clone()];
            let mut rows = None;
            if let EvaluationRows::Reference(reference) = &evaluation.rows {
                match names.resolve_declared(reference, &from, &evaluation.place) {
                    Ok(reference) => {
                        if !depends_on.contains(&reference.node) {
                            depends_on.push(reference.node.clone());
                        }
                        rows = Some(reference);
                    }
                    Err(error) => {
                        notes.errors.push(error);
                        continue;
                    }
                }
            }
            if let Some(task) = &evaluation.task {
                if !project.tasks.contains_key(task) {
                    notes.errors.push(unknown_task(&from, task, &evaluation.place, names));
                    continue;
                }
                depends_on.push(names.id(ResourceType::Task, &[task]));
            }
            let name: Arc<str> = evaluation.name.as_str().into();
            let mut fqn = owner.fqn.clone();
            fqn.push(Arc::clone(&name));
            let node = Node {
                id: id.clone(),
                name,
                path: Arc::clone(&evaluation.place.source),
                place: evaluation.place.clone(),
                fqn,
                tags: config.tags.clone(),
                depends_on,
                relation: None,
                fingerprints: fingerprint::evaluation(evaluation),
                detail: Detail::Evaluation(EvaluationNode {
                    model: model_id.clone(),
                    index,
                    rows,
                }),
            };
            nodes.insert(id, node);
        }
    }
}

fn unknown_task(from: &str, task: &str, place: &Place, names: &Names<'_>) -> DagError {
    DagError::UnknownTask {
        place: place.clone(),
        function: from.to_owned(),
        task: task.to_owned(),
        nearest: nearest(task, names.project.tasks.keys().map(String::as_str)),
    }
}
