//! Unit tests: a model on rows that the test gives, compared with the rows that it expects.
//!
//! Everything is in temporary tables of one connection: nothing of the target is read but the types of columns, and nothing
//! is left.

mod answers;
mod diff;
mod fixtures;

use std::collections::HashMap;

use refuel_dag::{Node, NodeId, RenderMode, UnitTestNode};
use refuel_project::{Fixture, Input, Reference, UnitTest};
use refuel_state::NodeStatus;
use refuel_warehouse::{RelationName, Warehouse};
use serde_json::Value;

pub use diff::{Line, RowComparison};

use crate::context::Context;
use crate::error::RunError;
use crate::quote;
use crate::report::NodeReport;
use crate::words;

/// Runs a unit test.
pub(crate) fn run(
    context: &Context<'_>,
    _node: &Node,
    test: &UnitTestNode,
    report: &mut NodeReport,
) -> Result<NodeStatus, RunError> {
    let unit = &context.dag.project.unit_tests[test.index];
    let model = context.node(test.model.as_str())?;
    let mut session = context.session()?;
    // Temporary tables stay with the connection, which nobody else is to use.
    session.spend();
    let mode = given(context, unit, model, session.warehouse()?)?;
    let sql = context.dag.rendered_sql(model, &mode)?;
    let called = |relation: &RelationName| {
        let name = quote::relation(relation);
        let stands_for = mode.overrides.iter().find(|(_, table)| **table == name);
        let node = stands_for.and_then(|(id, _)| context.dag.node(id.as_str()));
        node.map_or_else(|| relation.to_string(), |node| node.name.to_string())
    };
    let sql = answers::resolve(context, unit, &sql, &called, &mut session, report)?;
    report.compiled_sql = Some(sql.clone());
    let comparison = compare(unit, &sql, session.warehouse()?)?;
    let differences = comparison.differences() as u64;
    report.failures = Some(differences);
    if differences == 0 {
        return Ok(NodeStatus::Success);
    }
    report.message = Some(format!(
        "{} not as expected\n{}",
        words::count(differences, "row"),
        comparison.to_text().trim_end()
    ));
    report.comparison = Some(comparison);
    Ok(NodeStatus::Fail)
}

/// Makes the tables that stand for what the model reads, and says so to the renderer.
fn given(
    context: &Context<'_>,
    unit: &UnitTest,
    model: &Node,
    warehouse: &mut dyn Warehouse,
) -> Result<RenderMode, RunError> {
    let mut fixtures: HashMap<NodeId, &Fixture> = HashMap::new();
    for given in &unit.given {
        let id = match &given.input {
            Input::This => model.id.clone(),
            Input::Reference(reference) => referenced(context, reference, given)?,
        };
        fixtures.insert(id, &given.rows);
    }
    let mut overrides = HashMap::new();
    let mut open: Vec<NodeId> = model.depends_on.clone();
    if fixtures.contains_key(&model.id) {
        open.push(model.id.clone());
    }
    let none = Fixture {
        place: unit.place.clone(),
        columns: Vec::new(),
        rows: Vec::new(),
        typed: true,
    };
    while let Some(id) = open.pop() {
        if overrides.contains_key(&id) {
            continue;
        }
        let node = context.node(id.as_str())?;
        let fixture = fixtures.get(&id).copied();
        // An ephemeral model for which nothing is given is what it is: what it reads is given.
        let is_ephemeral = node.model().is_some() && node.relation.is_none();
        if is_ephemeral && fixture.is_none() {
            open.extend(node.depends_on.iter().cloned());
            continue;
        }
        if matches!(node.detail, refuel_dag::Detail::Task(_)) {
            continue;
        }
        let table = RelationName::new(None, format!("_refuel_given_{}", overrides.len() + 1));
        fixtures::make(context, node, fixture.unwrap_or(&none), &table, warehouse)?;
        overrides.insert(id, quote::relation(&table));
    }
    Ok(RenderMode {
        incremental: unit.overrides.is_incremental.unwrap_or(false),
        overrides,
        vars: unit.overrides.vars.clone(),
        env: unit
            .overrides
            .env_vars
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect(),
    })
}

/// The node that a reference of a unit test means.
fn referenced(context: &Context<'_>, reference: &Reference, given: &refuel_project::Given) -> Result<NodeId, RunError> {
    let found = match reference {
        Reference::Model { name } => {
            let name = name.split_once('.').map_or(name.as_str(), |(model, _)| model);
            context.dag.referable(name).map(|node| node.id.clone())
        }
        Reference::Source { source, table } => {
            let id = NodeId::new(
                refuel_dag::ResourceType::Source,
                &context.dag.project.settings.name,
                &[source, table],
            );
            context.dag.node(id.as_str()).map(|node| node.id.clone())
        }
    };
    found.ok_or_else(|| RunError::Fixture {
        place: given.place.clone(),
        message: format!("the project has no {reference}"),
        hint: Some("give rows for what the model reads".to_owned()),
    })
}

/// Compares what a query gives with what is expected of it.
fn compare(unit: &UnitTest, sql: &str, warehouse: &mut dyn Warehouse) -> Result<RowComparison, RunError> {
    let there = warehouse.describe(sql)?;
    let expected = &unit.expect;
    for column in &expected.columns {
        if !there.iter().any(|there| there.name == *column) {
            let names = there.iter().map(|there| there.name.as_str());
            let near = refuel_dag::nearest(column, names.clone());
            return Err(RunError::Fixture {
                place: expected.place.clone(),
                message: format!("\"{column}\" is expected, and the model has no such column"),
                hint: Some(match near {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("its columns are {}", names.collect::<Vec<_>>().join(", ")),
                }),
            });
        }
    }
    let columns: Vec<String> = if expected.columns.is_empty() {
        there.iter().map(|column| column.name.clone()).collect()
    } else {
        expected.columns.clone()
    };
    let list: Vec<String> = columns.iter().map(|column| quote::identifier(column)).collect();
    let rows = warehouse.rows(&format!("SELECT {} FROM ({sql}) AS actual", list.join(", ")))?;
    let actual: Vec<Vec<Value>> = rows
        .iter()
        .map(|row| {
            let cells = row.iter();
            if expected.typed {
                cells.map(refuel_warehouse::Value::to_json).collect()
            } else {
                cells.map(as_text).collect()
            }
        })
        .collect();
    Ok(RowComparison::of(columns, expected.rows.clone(), actual))
}

/// A cell as a file of text has it.
fn as_text(value: &refuel_warehouse::Value) -> Value {
    if value.is_null() {
        Value::Null
    } else {
        Value::String(value.to_string())
    }
}
