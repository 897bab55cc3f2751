//! Nodes of unit tests, and whether what they give fits their models.

use std::sync::Arc;

use indexmap::IndexMap;
use refuel_project::{Input, ScriptedAnswer, UnitTest};
use refuel_staging::Asked as AskedOfModel;

use super::Notes;
use super::names::Names;
use crate::error::{DagError, nearest};
use crate::fingerprint::{self, Fingerprints};
use crate::nodes::{Detail, Node, NodeId, ResourceType, UnitTestNode};
use crate::render::Asked;

/// Unit tests.
pub(super) fn unit_tests(names: &Names<'_>, nodes: &mut IndexMap<NodeId, Node>, notes: &mut Notes) {
    let project = names.project;
    for (index, test) in project.unit_tests.iter().enumerate() {
        let id = names.id(ResourceType::UnitTest, &[&test.model, &test.name]);
        if test.config.enabled == Some(false) {
            notes.disabled.push(id);
            continue;
        }
        if names.is_broken(&test.model) {
            continue;
        }
        let model = names.id(ResourceType::Model, &[&test.model]);
        let from = format!("unit test \"{}\"", test.name);
        if !nodes.contains_key(&model) {
            match names.resolve(&asked(&test.model), None, &from, &|| test.place.clone()) {
                Ok(_) | Err(DagError::DisabledReference { .. }) => notes.disabled.push(id),
                Err(error) => notes.errors.push(error),
            }
            continue;
        }
        check(test, &model, &from, names, nodes, notes);
        let name: Arc<str> = test.name.as_str().into();
        let mut fqn = nodes[&model].fqn.clone();
        fqn.push(Arc::clone(&name));
        let mut node = Node {
            id: id.clone(),
            name,
            path: Arc::clone(&test.place.source),
            place: test.place.clone(),
            fqn,
            tags: test.config.tags.clone(),
            depends_on: vec![model.clone()],
            relation: None,
            fingerprints: Fingerprints::default(),
            detail: Detail::UnitTest(UnitTestNode { model, index }),
        };
        node.fingerprints = fingerprint::unit_test(test);
        nodes.insert(id, node);
    }
}

fn asked(model: &str) -> Asked {
    Asked::Ref {
        project: None,
        name: model.to_owned(),
        part: None,
    }
}

/// Says what a unit test gives that its model has no use for, and what it doesn't give that its model needs.
fn check(
    test: &UnitTest,
    model: &NodeId,
    from: &str,
    names: &Names<'_>,
    nodes: &IndexMap<NodeId, Node>,
    notes: &mut Notes,
) {
    let before = notes.errors.len();
    let mut given: Vec<NodeId> = Vec::with_capacity(test.given.len());
    for rows in &test.given {
        match &rows.input {
            Input::This => given.push(model.clone()),
            Input::Reference(reference) => match names.resolve_declared(reference, from, &rows.place) {
                Ok(found) => given.push(found.node),
                Err(error) => notes.errors.push(error),
            },
        }
    }
    if notes.errors.len() > before {
        return;
    }
    let reach = Reach::of(test, model, &given, nodes);
    for (id, rows) in given.iter().zip(&test.given) {
        let Input::Reference(reference) = &rows.input else {
            continue;
        };
        if !reach.anything.contains(id) {
            let near = reach.anything.iter().filter_map(|id| nodes.get(id));
            let near: Vec<&str> = near.map(|node| &*node.name).collect();
            let name = nodes.get(id).map_or("", |node| &node.name);
            notes.errors.push(DagError::Test {
                place: rows.place.clone(),
                message: format!(
                    "{from} gives rows for {reference}, which the model \"{}\" does not read",
                    test.model
                ),
                hint: nearest(name, near.iter().copied())
                    .map(|near| format!("did you mean \"{near}\"?"))
                    .or_else(|| Some(format!("it reads {}", near.join(", ")))),
            });
        }
    }
    // What a variable decides about is known only when the test is run.
    let is_as_compiled = test.overrides.vars.is_empty() && test.overrides.env_vars.is_empty();
    for id in reach.rows.iter().filter(|id| is_as_compiled && !given.contains(id)) {
        let Some(input) = input_of(id, model, nodes) else {
            continue;
        };
        notes.errors.push(DagError::Test {
            place: test.place.clone(),
            message: format!(
                "{from} gives no rows for {input}, which the model \"{}\" reads",
                test.model
            ),
            hint: Some(format!(
                "give it rows; where it is to have none: {{input: {input}, rows: []}}"
            )),
        });
    }
    for answer in &test.answers {
        notes
            .errors
            .extend(answer_error(test, answer, from, &reach.asked, names).err());
    }
}

/// What a unit test's model reads, and what it asks.
#[derive(Default)]
struct Reach {
    /// Everything that rows could be given for.
    anything: Vec<NodeId>,
    /// What has to have rows: an ephemeral model for which none are given is its own query.
    rows: Vec<NodeId>,
    /// The tasks and models that are asked, by the names that the calls have for them, without versions.
    asked: Vec<String>,
}

impl Reach {
    fn of(test: &UnitTest, model: &NodeId, given: &[NodeId], nodes: &IndexMap<NodeId, Node>) -> Self {
        let mut reach = Self::default();
        let is_incremental = test.overrides.is_incremental == Some(true);
        let mut open = vec![model.clone()];
        let mut seen: Vec<NodeId> = Vec::new();
        while let Some(id) = open.pop() {
            let Some(Detail::Model(of)) = nodes.get(&id).map(|node| &node.detail) else {
                continue;
            };
            reach.asked.extend(of.calls.iter().map(|call| match &call.asked {
                AskedOfModel::Task { name, .. } => name.clone(),
                other => other.name(),
            }));
            let either = std::iter::once(&of.full).chain(&of.incremental);
            let used = of.incremental.as_ref().filter(|_| is_incremental).unwrap_or(&of.full);
            let read = |id: &NodeId| used.references.iter().any(|reference| reference.node == *id);
            for reference in either.flat_map(|rendering| &rendering.references) {
                let other = &reference.node;
                if seen.contains(other) {
                    continue;
                }
                seen.push(other.clone());
                reach.anything.push(other.clone());
                let is_query = nodes
                    .get(other)
                    .is_some_and(|node| node.model().is_some() && node.relation.is_none());
                if is_query && !given.contains(other) {
                    open.push(other.clone());
                } else if read(other) {
                    reach.rows.push(other.clone());
                }
            }
        }
        reach
    }
}

/// How `input` names a node.
fn input_of(id: &NodeId, model: &NodeId, nodes: &IndexMap<NodeId, Node>) -> Option<String> {
    if id == model {
        return Some("this".to_owned());
    }
    let node = nodes.get(id)?;
    Some(match &node.detail {
        Detail::Source(of) => format!("source('{}', '{}')", of.source, of.table),
        _ => format!("ref('{}')", node.name),
    })
}

/// Checks that an answer is of a task that is asked, and one that this task can give.
fn answer_error(
    test: &UnitTest,
    answer: &ScriptedAnswer,
    from: &str,
    asked: &[String],
    names: &Names<'_>,
) -> Result<(), DagError> {
    let name = answer.task.split_once('@').map_or(&*answer.task, |(name, _)| name);
    if !asked.iter().any(|asked| asked == name || *asked == answer.task) {
        let near = nearest(name, asked.iter().map(String::as_str));
        return Err(DagError::Test {
            place: answer.place.clone(),
            message: format!(
                "{from} gives an answer of \"{}\", which the model \"{}\" does not ask",
                answer.task, test.model
            ),
            hint: Some(match near {
                Some(near) => format!("did you mean \"{near}\"?"),
                None if asked.is_empty() => "it asks no task: take the answer out".to_owned(),
                None => format!("it asks {}", asked.join(", ")),
            }),
        });
    }
    let Some(file) = names.project.tasks.get(name).filter(|_| !answer.value.is_null()) else {
        return Ok(());
    };
    let task = &file.task;
    let Err(message) = task.normalize_expected(&answer.value) else {
        return Ok(());
    };
    let labels = || task.labels.iter().map(|label| label.name.as_str());
    let written = answer.value.as_str().unwrap_or_default();
    Err(DagError::Test {
        place: answer.place.clone(),
        message: format!("{from} gives an answer that \"{name}\" can't give: {message}"),
        hint: nearest(written, labels()).map_or_else(
            || (!task.labels.is_empty()).then(|| format!("its labels are {}", labels().collect::<Vec<_>>().join(", "))),
            |near| Some(format!("did you mean \"{near}\"?")),
        ),
    })
}
