//! Nodes of models.

use std::sync::Arc;

use indexmap::IndexMap;
use rayon::prelude::*;
use refuel_project::Materialized;
use refuel_staging::{Asked as AskedOfModel, Call, Facts, Function, Position};
use refuel_task::Place;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Notes;
use super::files::{File, Files, Parsed};
use super::names::Names;
use crate::error::{DagError, Warning, nearest};
use crate::fingerprint;
use crate::nodes::{Detail, ModelNode, Node, NodeId, Part, Reference, Rendering, ResourceType};
use crate::render::{call_place, number_of};

pub(super) fn models(files: &Files, names: &Names<'_>, nodes: &mut IndexMap<NodeId, Node>, notes: &mut Notes) {
    let made: Vec<(NodeId, Result<Node, Vec<DagError>>)> = files
        .models
        .par_iter()
        .map(|file| (names.id(ResourceType::Model, &[&file.name]), model(file, names)))
        .filter_map(|(id, made)| Some((id, made.transpose()?)))
        .collect();
    for file in files.models.iter().filter(|file| !file.config.is_enabled()) {
        notes.disabled.push(names.id(ResourceType::Model, &[&file.name]));
    }
    let first = nodes.len();
    for (id, made) in made {
        match made {
            Ok(node) => {
                nodes.insert(id, node);
            }
            Err(errors) => notes.errors.extend(errors),
        }
    }
    let relations: FxHashMap<String, NodeId> = nodes
        .values()
        .filter(|node| node.resource_type() == ResourceType::Model)
        .filter_map(|node| Some((node.relation.as_ref()?.name.to_lowercase(), node.id.clone())))
        .collect();
    let nodes: &IndexMap<NodeId, Node> = nodes;
    let warnings: Vec<Vec<Warning>> = files
        .models
        .par_iter()
        .filter_map(|file| {
            let id = names.id(ResourceType::Model, &[&file.name]);
            let is_node = nodes.get_index_of(&id).is_some_and(|at| at >= first);
            let parsed = file.full.as_ref().filter(|_| is_node)?;
            let found = named_directly(file, &parsed.facts, names, &relations);
            (!found.is_empty()).then_some(found)
        })
        .collect();
    notes.warnings.extend(warnings.into_iter().flatten());
}

fn model(file: &File, names: &Names<'_>) -> Result<Option<Node>, Vec<DagError>> {
    let (Some(full), Some(config)) = (&file.full, file.model_config()) else {
        return Ok(None);
    };
    if !config.is_enabled() {
        return Ok(None);
    }
    let id = names.id(ResourceType::Model, &[&file.name]);
    let from = format!("model \"{}\"", file.name);
    let mut errors = Vec::new();
    let full = rendering(file, full, names, Some(&id), &from, &mut errors);
    let incremental = file
        .incremental
        .as_ref()
        .map(|parsed| rendering(file, parsed, names, Some(&id), &from, &mut errors));
    // A text that is the same either way is kept once.
    let incremental = incremental.filter(|other| other.marked != full.marked || other.references != full.references);
    let renderings = || std::iter::once(&full).chain(&incremental);
    let calls = calls(renderings().map(|rendering| &*rendering.facts));
    errors.extend(calls.iter().filter_map(|call| call_error(call, file, names).err()));
    if !errors.is_empty() {
        errors.dedup_by(|a, b| a.to_string() == b.to_string());
        return Err(errors);
    }
    let mut depends_on = Vec::new();
    let mut seen = FxHashSet::default();
    let reads = renderings()
        .flat_map(|rendering| &rendering.references)
        .map(|reference| reference.node.clone())
        // A model that reads what it held before through `this` does not wait for itself; one that refers to itself by
        // name is a circle.
        .filter(|node| *node != id);
    let asks = calls.iter().filter_map(|call| match &call.asked {
        AskedOfModel::Task { name, .. } => Some(names.id(ResourceType::Task, &[name])),
        _ => None,
    });
    for node in reads.chain(asks) {
        if seen.insert(node.clone()) {
            depends_on.push(node);
        }
    }
    if refers_to_itself(file) {
        depends_on.push(id.clone());
    }
    let stored = names.relation(config.schema.as_deref(), config.alias.as_deref(), &file.name);
    let relation = (config.materialized != Materialized::Ephemeral).then_some(stored);
    let gated = config.gates.unwrap_or(false) && !calls.is_empty();
    let declared = &names.project.models[&*file.name];
    let mut node = Node {
        id,
        name: Arc::clone(&file.name),
        path: Arc::clone(&file.path),
        place: file.place(),
        fqn: names.fqn(&file.path, &names.project.settings.model_paths, &file.name),
        tags: config.tags.clone(),
        depends_on,
        relation,
        fingerprints: fingerprint::Fingerprints::default(),
        detail: Detail::Model(Box::new(ModelNode {
            config: Arc::clone(config),
            raw: file.raw.clone(),
            full,
            incremental,
            calls,
            volatile: file.volatile,
            gated,
        })),
    };
    node.fingerprints = fingerprint::model(&node, declared.properties.as_deref(), &names.project.tasks);
    Ok(Some(node))
}

/// Resolves what a text asked for. What can't be resolved is an error, and stands for the file's own node meanwhile.
pub(super) fn rendering(
    file: &File,
    parsed: &Parsed,
    names: &Names<'_>,
    this: Option<&NodeId>,
    from: &str,
    errors: &mut Vec<DagError>,
) -> Rendering {
    let mut references = Vec::with_capacity(parsed.asked.len());
    for asked in &parsed.asked {
        match names.resolve(asked, this, from, &|| file.place_of(asked)) {
            Ok(reference) => references.push(reference),
            Err(error) => errors.push(error),
        }
    }
    Rendering {
        marked: Arc::clone(&parsed.marked),
        references,
        facts: Arc::clone(&parsed.facts),
    }
}

fn refers_to_itself(file: &File) -> bool {
    let parsed = file.full.iter().chain(&file.incremental);
    parsed
        .flat_map(|parsed| &parsed.asked)
        .any(|asked| matches!(asked, crate::render::Asked::Ref { name, part: None, .. } if **name == *file.name))
}

/// Calls of several texts, each once.
fn calls<'a>(facts: impl Iterator<Item = &'a Facts>) -> Vec<Call> {
    let mut found: Vec<Call> = Vec::new();
    for call in facts.flat_map(|facts| &facts.calls) {
        let known = found
            .iter()
            .any(|known| known.function == call.function && known.asked == call.asked);
        if !known {
            found.push(call.clone());
        }
    }
    found
}

/// Checks that the task of a call is there, in the version that the call insists on, and of a kind that the function
/// takes; and that a call that names a model doesn't name a task.
fn call_error(call: &Call, file: &File, names: &Names<'_>) -> Result<(), DagError> {
    let function = call.function.name();
    let written = call.asked.name();
    let place = || place_of_call(file, &written);
    let AskedOfModel::Task { name, version } = &call.asked else {
        let Some(known) = names.project.tasks.get(&written) else {
            return Ok(());
        };
        let kind = known.task.kind.name();
        return Err(DagError::TaskForModel {
            place: place(),
            function: function.to_owned(),
            task: written.clone(),
            kind,
            instead: Function::ALL
                .into_iter()
                .find(|function| kinds_of(*function).contains(&kind))
                .map(Function::name),
        });
    };
    let Some(known) = names.project.tasks.get(name) else {
        return Err(DagError::UnknownTask {
            place: place(),
            function: function.to_owned(),
            task: written.clone(),
            nearest: nearest(name, names.project.tasks.keys().map(String::as_str)),
        });
    };
    if let Some(wanted) = *version
        && known.task.version != Some(wanted)
    {
        return Err(DagError::TaskVersion {
            place: place(),
            function: function.to_owned(),
            task: name.clone(),
            wanted,
            has: known.task.version,
        });
    }
    let takes = kinds_of(call.function);
    let kind = known.task.kind.name();
    if takes.is_empty() || takes.contains(&kind) {
        return Ok(());
    }
    Err(DagError::TaskKind {
        place: place(),
        function: function.to_owned(),
        takes: takes
            .iter()
            .map(|kind| format!("\"{kind}\""))
            .collect::<Vec<_>>()
            .join(" or "),
        task: name.clone(),
        kind,
    })
}

/// The kinds of tasks that a function takes; none where it takes every kind.
fn kinds_of(function: Function) -> &'static [&'static str] {
    match function {
        Function::Label => &["label"],
        Function::Labels => &["multilabel"],
        Function::Extract => &["extract"],
        Function::Answer => &["answer"],
        Function::Normalize => &["normalize"],
        Function::Clean => &["clean"],
        Function::Enrich => &["enrich"],
        Function::Match | Function::MatchScore => &["match"],
        Function::Resolve => &["resolve"],
        Function::Repair => &["repair"],
        Function::Confidence | Function::Detail | Function::Embed | Function::Complete => &[],
    }
}

/// Where a task is named: the first place where it stands in quotes.
fn place_of_call(file: &File, task: &str) -> Place {
    let quoted = [format!("'{task}'"), format!("\"{task}\"")];
    let text = file.raw.shown();
    let at = quoted.iter().filter_map(|quoted| text.find(quoted)).min();
    match at {
        Some(at) => crate::render::place_at(&file.path, text, at),
        None => file.place(),
    }
}

/// Models that a text reads by the names of their relations. The order of a build doesn't know of that.
fn named_directly(
    file: &File,
    facts: &Facts,
    names: &Names<'_>,
    relations: &FxHashMap<String, NodeId>,
) -> Vec<Warning> {
    let mut found = Vec::new();
    for (relation, at) in &facts.relations {
        if number_of(&relation.name).is_some() {
            continue;
        }
        let Some(id) = relations.get(&relation.name.to_lowercase()) else {
            continue;
        };
        let model = id.as_str().rsplit('.').next().unwrap_or_default();
        if model == &*file.name {
            continue;
        }
        let schema = names.relation(None, None, model).schema;
        if relation.schema.is_some() && relation.schema != schema {
            continue;
        }
        found.push(Warning {
            place: place_of_name(file, &relation.name, *at),
            message: format!("\"{relation}\" is the model \"{model}\", and is read without ref()"),
            hint: Some(format!(
                "write {{{{ ref('{model}') }}}}, so that \"{model}\" is built first"
            )),
        });
    }
    found
}

/// Where a relation is named: where the name stands in the file, or else its line in what was rendered.
fn place_of_name(file: &File, name: &str, at: Position) -> Place {
    let boundary =
        |character: Option<char>| character.is_none_or(|character| !(character.is_alphanumeric() || character == '_'));
    let text = file.raw.shown();
    let found = text
        .match_indices(name)
        .map(|(at, _)| at)
        .find(|at| boundary(text[..*at].chars().next_back()) && boundary(text[at + name.len()..].chars().next()));
    match found {
        Some(at) => crate::render::place_at(&file.path, text, at),
        None => Place {
            source: Arc::clone(&file.path),
            position: Some((at.line, at.column)),
            path: String::new(),
        },
    }
}

/// Gates the models of which something reads a part, and says which can't be.
pub(super) fn gate(nodes: &mut IndexMap<NodeId, Node>, names: &Names<'_>, notes: &mut Notes) {
    let mut wanted: IndexMap<NodeId, (NodeId, Part)> = IndexMap::new();
    let mut want = |by: &Node, reference: &Reference| {
        if let Some(part) = reference.part {
            wanted
                .entry(reference.node.clone())
                .or_insert_with(|| (by.id.clone(), part));
        }
    };
    for node in nodes.values() {
        match &node.detail {
            Detail::Model(model) => {
                let renderings = std::iter::once(&model.full).chain(&model.incremental);
                renderings
                    .flat_map(|rendering| &rendering.references)
                    .for_each(|reference| want(node, reference));
            }
            Detail::Test(test) => match &test.kind {
                crate::nodes::TestKind::Declared { to, .. } => to.iter().for_each(|reference| want(node, reference)),
                crate::nodes::TestKind::Singular(rendering) => {
                    rendering.references.iter().for_each(|reference| want(node, reference));
                }
            },
            Detail::Evaluation(evaluation) => evaluation.rows.iter().for_each(|reference| want(node, reference)),
            _ => {}
        }
    }
    for (id, (by, part)) in wanted {
        let Some(Detail::Model(model)) = nodes.get(&id).map(|node| &node.detail) else {
            continue;
        };
        let name = Arc::clone(&nodes[&id].name);
        let because = if model.calls.is_empty() {
            Some("calls no task")
        } else if model.config.gates == Some(false) {
            Some("has \"gates: false\"")
        } else if model.config.materialized == Materialized::Ephemeral {
            Some("is ephemeral")
        } else {
            None
        };
        if let Some(because) = because {
            let by = &nodes[&by];
            let written = format!("{name}.{part}");
            let place = match names.project.models.get(&*by.name) {
                Some(file) => call_place(&file.path, file.sql.shown(), "ref", &[&written]),
                None => by.place.clone(),
            };
            notes.errors.push(DagError::Template {
                place,
                message: format!(
                    "{} \"{}\" refers to \"{written}\", and \"{name}\" {because}",
                    by.resource_type(),
                    by.name
                ),
                hint: Some("parts are of models that call tasks, are stored, and whose gates are not off".to_owned()),
            });
            continue;
        }
        let properties = names
            .project
            .models
            .get(&*name)
            .and_then(|model| model.properties.as_deref());
        if let Some(node) = nodes.get_mut(&id) {
            if let Detail::Model(model) = &mut node.detail {
                model.gated = true;
            }
            node.fingerprints = fingerprint::model(node, properties, &names.project.tasks);
        }
    }
}
