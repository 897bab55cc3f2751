//! `refuel ls`: the nodes of a project, a line each.

use refuel_dag::{Dag, Detail, Node, NodeId, ResourceType};
use serde::Serialize;

use super::earlier::Known;
use super::{open, selection};
use crate::cli::OutputFormat;
use crate::cli::project::{ListArgs, ListOutput};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;

/// A node, for programs.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    unique_id: &'a NodeId,
    resource_type: ResourceType,
    name: &'a str,
    selector: String,
    path: &'a str,
    tags: &'a [String],
    materialized: Option<&'static str>,
    relation: Option<String>,
    depends_on: &'a [NodeId],
    calls: Vec<String>,
}

/// Lists nodes.
pub(crate) fn run(arguments: &ListArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let dag = open::compile(&arguments.project, context)?;
    let types: Vec<&str> = arguments.resource_type.iter().map(String::as_str).collect();
    let known = Known::of_dag(&dag, &arguments.selection, context)?;
    let ids = known.with(&dag, |earlier| {
        selection::select(&dag, &arguments.selection, &types, earlier, context)
    })?;
    let nodes = ids.iter().filter_map(|id| dag.node(id.as_str()));
    match arguments.format.format {
        OutputFormat::Json => {
            let entries: Vec<Entry<'_>> = nodes.map(|node| entry(&dag, node)).collect();
            context.printer.json(&entries)?;
        }
        OutputFormat::Text => {
            let lines: Vec<String> = nodes.map(|node| line(node, arguments.output)).collect();
            if !lines.is_empty() {
                context.printer.data(lines.join("\n"))?;
            }
        }
    }
    Ok(ExitStatus::Success)
}

fn line(node: &Node, output: ListOutput) -> String {
    match output {
        ListOutput::Selector => selector(node),
        ListOutput::Name => node.name.to_string(),
        ListOutput::Path => node.path.to_string(),
        ListOutput::Id => node.id.to_string(),
    }
}

/// What selects the node and nothing else.
fn selector(node: &Node) -> String {
    match node.resource_type() {
        ResourceType::Source => format!("source:{}", node.name),
        ResourceType::Task => format!("task:{}", node.name),
        _ => node.fqn.join("."),
    }
}

fn entry<'a>(dag: &Dag, node: &'a Node) -> Entry<'a> {
    let (materialized, calls) = match &node.detail {
        Detail::Model(model) => {
            let mut calls: Vec<String> = model
                .calls
                .iter()
                .map(|call| format!("{}({})", call.function, call.asked.name()))
                .collect();
            calls.sort();
            calls.dedup();
            (Some(model.config.materialized.name()), calls)
        }
        Detail::Seed(_) => (Some("seed"), Vec::new()),
        _ => (None, Vec::new()),
    };
    Entry {
        unique_id: &node.id,
        resource_type: node.resource_type(),
        name: &node.name,
        selector: selector(node),
        path: &node.path,
        tags: &node.tags,
        materialized,
        relation: node.relation.as_ref().map(|relation| relation.sql(dag.dialect())),
        depends_on: &node.depends_on,
        calls,
    }
}
