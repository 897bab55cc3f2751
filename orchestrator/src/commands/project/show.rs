//! `refuel show`: rows of a node or of a query.

use std::ops::ControlFlow;

use refuel_dag::{Dag, Node, RenderMode, ResourceType};
use refuel_runs::{RunError, target_of};
use refuel_warehouse::{Value, WarehouseError, Warehouses};
use serde_json::{Map, Value as Json};

use super::open;
use crate::cli::OutputFormat;
use crate::cli::project::ProjectShowArgs;
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::table::{Grid, Side};
use crate::words;

/// Longest text of a cell, in characters.
const LONGEST_CELL: usize = 60;

/// Shows rows.
pub(crate) fn run(arguments: &ProjectShowArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let dag = open::compile(&arguments.project, context)?;
    let query = match (&arguments.inline, &arguments.node) {
        (Some(sql), _) => dag.render_inline("--inline", sql, None, &RenderMode::default())?,
        (None, node) => {
            let name = node.as_deref().unwrap_or_default();
            let test = dag
                .nodes
                .values()
                .find(|node| node.test().is_some() && *node.name == *name);
            if let Some(test) = test {
                dag.rendered_sql(test, &RenderMode::default())?
            } else {
                known(&dag, name)?;
                dag.render_inline(name, &reference(&dag, name), None, &RenderMode::default())?
            }
        }
    };
    let query = query.trim().trim_end_matches(';');
    let limited = format!("SELECT * FROM (\n{query}\n) AS shown LIMIT {}", arguments.limit);
    let mut warehouse = Warehouses::open(&target_of(&dag.project)?)?.connect()?;
    if let Some(node) = &arguments.node
        && let Some(relation) = dag
            .referable(node.split('.').next().unwrap_or(node))
            .and_then(|node| node.relation.as_ref())
        && warehouse.relation(relation)?.is_none()
    {
        let target = dag.project.target.name.clone();
        return Err(CliError::NotBuilt {
            node: node.clone(),
            target,
        }
        .into());
    }
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let columns = warehouse.query(&limited, &mut |row| {
        rows.push(row.to_vec());
        ControlFlow::Continue(())
    })?;
    let names: Vec<String> = columns.into_iter().map(|column| column.name).collect();
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&documents(&names, &rows))?,
        OutputFormat::Text => {
            context.printer.data(grid(&names, &rows))?;
            context.printer.note(words::counted(rows.len() as u64, "row", "rows"));
        }
    }
    Ok(ExitStatus::Success)
}

/// Checks that a name is one of a node that has rows, or of a part of one.
fn known(dag: &Dag, name: &str) -> Result<(), RunError> {
    let has_rows = |node: &&Node| {
        matches!(
            node.resource_type(),
            ResourceType::Model | ResourceType::Seed | ResourceType::Source | ResourceType::Test
        )
    };
    let names = || dag.nodes.values().filter(has_rows).map(|node| &*node.name);
    let model = name.split('.').next().unwrap_or(name);
    if names().any(|there| there == name || there == model) {
        return Ok(());
    }
    Err(RunError::UnknownNode {
        id: name.to_owned(),
        nearest: refuel_dag::nearest(name, names()),
    })
}

/// A query for the rows of a node: `model`, `model.review` or `source.table`.
fn reference(dag: &Dag, node: &str) -> String {
    let quoted = node.replace('\\', "\\\\").replace('\'', "\\'");
    let is_source = dag
        .nodes
        .values()
        .any(|candidate| candidate.resource_type() == ResourceType::Source && *candidate.name == *node);
    match quoted.split_once('.') {
        Some((source, table)) if is_source => format!("SELECT * FROM {{{{ source('{source}', '{table}') }}}}"),
        _ => format!("SELECT * FROM {{{{ ref('{quoted}') }}}}"),
    }
}

fn documents(names: &[String], rows: &[Vec<Value>]) -> Vec<Map<String, Json>> {
    let document = |row: &Vec<Value>| names.iter().cloned().zip(row.iter().map(Value::to_json)).collect();
    rows.iter().map(document).collect()
}

/// The rows as a table. A column of numbers stands on the right.
pub(super) fn grid(names: &[String], rows: &[Vec<Value>]) -> String {
    let side = |column: usize| {
        let is_number = |row: &Vec<Value>| matches!(row[column], Value::Integer(_) | Value::Real(_) | Value::Null);
        let is_known = rows.iter().any(|row| !row[column].is_null());
        if is_known && rows.iter().all(is_number) {
            Side::Right
        } else {
            Side::Left
        }
    };
    let mut grid = Grid::with_columns(names.iter().enumerate().map(|(at, name)| (name.clone(), side(at))));
    for row in rows {
        grid.add(
            row.iter()
                .map(|value| words::one_line(&value.to_string(), LONGEST_CELL).into()),
        );
    }
    grid.render()
}

impl From<WarehouseError> for Failure {
    fn from(error: WarehouseError) -> Self {
        let status = if error.is_request() {
            ExitStatus::Usage
        } else {
            ExitStatus::Failure
        };
        Self::new(&error, error.code(), error.hint(), status)
    }
}
