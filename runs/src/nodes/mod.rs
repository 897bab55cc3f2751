//! What is done for each kind of node.

mod catalog;
mod check;
pub(crate) mod gates;
pub(crate) mod model;
mod query;
pub(crate) mod relations;
mod seed;
mod source;
mod trial;

use std::collections::HashMap;

use refuel_dag::{Detail, Node, NodeId};
use refuel_state::{NodeStatus, NodeVersion};
use refuel_warehouse::load::Loaded;
use refuel_warehouse::{RelationName, Warehouse, WarehouseError};

use crate::context::{Context, Scope};
use crate::error::RunError;
use crate::report::NodeReport;
use crate::versions::{self, UNKNOWN};
use crate::{evaluation, quote, unit, words};

pub(crate) use query::{Tables, stage, stage_part};
pub(crate) use source::table as source_table;

/// Does a node, and says in the report what was done.
pub(crate) fn run(context: &Context<'_>, node: &Node, report: &mut NodeReport) -> Result<NodeStatus, RunError> {
    done(context, node, report).map_err(|error| {
        // Without a permit: others would get theirs before anybody hears of the error.
        let Ok(mut connection) = context.connections.take() else {
            return error;
        };
        let error = not_built(context, node, error, connection.warehouse.as_mut(), &HashMap::new());
        context.connections.give_back(connection);
        error
    })
}

/// The error of a node that reads what is not there yet, where a statement was refused for that. What something else
/// stands for needs not be there.
pub(crate) fn not_built(
    scope: &Scope<'_>,
    node: &Node,
    error: RunError,
    warehouse: &mut dyn Warehouse,
    stand_ins: &HashMap<NodeId, String>,
) -> RunError {
    if !matches!(error, RunError::Warehouse(WarehouseError::Statement { .. })) {
        return error;
    }
    let made_here = |node: &&Node| matches!(node.detail, Detail::Model(_) | Detail::Seed(_));
    let read = node
        .depends_on
        .iter()
        .filter_map(|id| scope.dag.node(id.as_str()))
        .filter(made_here);
    let missing = read.filter(|read| {
        let relation = read.relation.as_ref().filter(|_| !stand_ins.contains_key(&read.id));
        relation.is_some_and(|relation| matches!(warehouse.relation(relation), Ok(None)))
    });
    let missing: Vec<String> = missing
        .map(|read| format!("{} \"{}\"", read.resource_type(), read.name))
        .collect();
    if missing.is_empty() {
        return error;
    }
    // A check is built with the model that it belongs to.
    let wanted = match &node.detail {
        Detail::Test(test) => test.attached_to.as_ref(),
        Detail::Evaluation(of) => Some(&of.model),
        _ => None,
    };
    let wanted = wanted.and_then(|id| scope.dag.node(id.as_str())).unwrap_or(node);
    RunError::NotBuilt {
        missing: missing.join(", "),
        target: scope.target.to_owned(),
        node: wanted.name.to_string(),
    }
}

/// Says which numbers of a file are null in its table.
fn tell_not_finite(context: &Context<'_>, node: &Node, loaded: &Loaded) {
    for (column, count) in &loaded.not_finite {
        let numbers = words::count(*count, "number");
        context.note(
            Some(&node.id),
            format!("{numbers} of \"{column}\" that are not finite, such as NaN, became NULL"),
        );
    }
}

fn done(context: &Context<'_>, node: &Node, report: &mut NodeReport) -> Result<NodeStatus, RunError> {
    match &node.detail {
        Detail::Model(model) => model::run(context, node, model, report),
        Detail::Seed(seed) => seed::run(context, node, seed, report),
        Detail::Source(of) => source::run(context, node, of, report),
        Detail::Task(task) => catalog::run(context, node, task),
        Detail::Test(test) => checked(context, node, report, |report| check::run(context, node, test, report)),
        Detail::UnitTest(test) => checked(context, node, report, |report| unit::run(context, node, test, report)),
        Detail::Evaluation(of) => checked(context, node, report, |report| {
            evaluation::run(context, node, of, report)
        }),
    }
}

/// Does a check, unless it passed on the same before.
fn checked(
    context: &Context<'_>,
    node: &Node,
    report: &mut NodeReport,
    check: impl FnOnce(&mut NodeReport) -> Result<NodeStatus, RunError>,
) -> Result<NodeStatus, RunError> {
    let mut inputs = context.inputs_of(node);
    if let Detail::UnitTest(test) = &node.detail {
        // It comes before its model, and reads none of its rows: what it depends on is what the model is made from.
        let model = context.node(test.model.as_str())?;
        inputs = context.inputs_of(model);
        inputs.retain(|id, _| {
            context
                .dag
                .node(id)
                .is_some_and(|node| matches!(node.detail, Detail::Task(_)))
        });
        inputs.insert(model.id.to_string(), model.fingerprints.data().to_string());
    }
    if let Some(path) = file_of(context, node) {
        inputs.insert(format!("file {}", path.display()), versions::of_file(&path));
    }
    let version = versions::of_node(node, &inputs);
    report.version = Some(version.clone());
    let is_known = !inputs.values().any(|input| input == UNKNOWN);
    // Somebody who asks for tests alone wants to see them run.
    let may_reuse = context.request.command == crate::request::Command::Build && !context.request.full_refresh;
    let before = context.previous.get(node.id.as_str());
    if may_reuse && is_known && before.is_some_and(|before| before.version == version) {
        return Ok(NodeStatus::Reused);
    }
    let status = check(report)?;
    if status == NodeStatus::Success && is_known && !context.request.empty {
        let made = NodeVersion {
            unique_id: node.id.to_string(),
            fingerprint: node.fingerprints.data().to_string(),
            gate_fingerprint: node.fingerprints.gate.to_string(),
            metadata_fingerprint: node.fingerprints.metadata.to_string(),
            version,
            inputs,
            relation: None,
            answer_tables: Vec::new(),
            run: None,
            at: jiff::Timestamp::now(),
        };
        context.state.put_node_version(context.run, context.target, &made)?;
    }
    Ok(status)
}

/// The file that an evaluation reads.
fn file_of(context: &Context<'_>, node: &Node) -> Option<std::path::PathBuf> {
    let Detail::Evaluation(of) = &node.detail else {
        return None;
    };
    let model = context.dag.node(of.model.as_str())?;
    let evaluation = context.dag.properties(model)?.evaluations.get(of.index)?;
    match &evaluation.rows {
        refuel_project::EvaluationRows::File { path, .. } => Some(context.dag.project.root.join(&**path)),
        _ => None,
    }
}

/// A relation's name as reports show it.
pub(crate) fn shown(relation: &RelationName) -> String {
    quote::relation(relation)
}
