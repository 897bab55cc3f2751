//! `refuel diff`: what changed since the project was built last, and what follows from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use owo_colors::OwoColorize;
use refuel_dag::diff::{Diff, Snapshot, TaskEffect};
use refuel_dag::{Dag, NodeId, ResourceType};
use refuel_engine::Engine;
use refuel_runs::{Command, LocalModels, PlanReport, RunRequest, Workspace};
use serde::Serialize;

use super::earlier::{self, Known};
use super::{open, selection};
use crate::answerer::engine_options;
use crate::cli::OutputFormat;
use crate::cli::project::DiffArgs;
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::words;

/// What changed, for programs.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    diff: Diff,
    /// Inputs of models, where they were to be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Rows>>,
}

/// Inputs that a model of the project has a task or model asked about.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Rows {
    node: NodeId,
    name: String,
    task: String,
    distinct: u64,
    to_ask: u64,
    at_most: bool,
}

/// Compares a project with what was built last in its target.
pub(crate) fn run(arguments: &DiffArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let dag = open::compile(&arguments.project, context)?;
    let built = earlier::snapshot(&dag.project)?;
    if built.is_none() {
        context.printer.note(format_args!(
            "nothing was built in target {} yet: everything is new",
            dag.project.target.name
        ));
    }
    let now = Snapshot::of(&dag, earlier::model_digests(&dag, context)?);
    let mut diff = Diff::between(&built.unwrap_or_default(), &now);
    if !arguments.selection.select.is_empty() || !arguments.selection.exclude.is_empty() {
        let known = Known::of_dag(&dag, &arguments.selection, context)?;
        let selected = known.with(&dag, |earlier| {
            selection::select(&dag, &arguments.selection, &[], earlier, context)
        })?;
        keep(&mut diff, &selected.into_iter().collect());
    }
    let rows = arguments
        .rows
        .then(|| count(&dag, &diff, arguments, context))
        .transpose()?;
    let report = Report { diff, rows };
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&report)?,
        OutputFormat::Text => {
            let lines: Vec<String> = text(&report).lines().map(coloured).collect();
            context.printer.data(lines.join("\n"))?;
            if report.rows.is_none() && asks_again(&report.diff) {
                context
                    .printer
                    .note("`refuel diff --rows` counts the rows that models are asked about");
            }
        }
    }
    Ok(ExitStatus::Success)
}

fn asks_again(diff: &Diff) -> bool {
    diff.tasks.iter().any(|task| task.effect == TaskEffect::Breaking) || !diff.models.is_empty()
}

/// Keeps the nodes and tasks that were selected. What is gone can't be.
fn keep(diff: &mut Diff, selected: &BTreeSet<NodeId>) {
    let is_selected = |name: &str| {
        let tasks = selected
            .iter()
            .filter(|id| id.resource_type() == Some(ResourceType::Task));
        tasks.into_iter().any(|id| id.as_str().ends_with(&format!(".{name}")))
    };
    diff.tasks.retain(|task| is_selected(&task.name));
    diff.nodes.retain(|node| selected.contains(&node.id));
}

/// Counts what the models that changed would have models asked about.
fn count(dag: &Arc<Dag>, diff: &Diff, arguments: &DiffArgs, context: &Context) -> Result<Vec<Rows>, Failure> {
    let changed = diff.nodes.iter().map(|node| &node.id);
    let models = changed.filter(|id| dag.node(id.as_str()).is_some_and(|node| node.model().is_some()));
    let request = RunRequest::new(Command::Run, models.cloned().collect());
    if request.selection.is_empty() {
        return Ok(Vec::new());
    }
    let interrupt = Interrupt::listen(context.printer)?;
    let engine = Engine::open(engine_options(&arguments.engine, &context.home()?))?;
    let workspace = Workspace::open(Arc::clone(dag), Arc::new(LocalModels::new(engine, None)))?;
    let plan = refuel_runs::plan(&workspace, &request, &interrupt.cancel)?;
    Ok(rows(plan))
}

/// The stages of a plan that are counted where they stand.
fn rows(plan: PlanReport) -> Vec<Rows> {
    let of_node = |node: refuel_runs::PlanNode| {
        let stages = node.stages.into_iter().filter(|stage| !stage.is_shared);
        let rows = stages.map(move |stage| Rows {
            node: node.node.clone(),
            name: node.name.clone(),
            task: stage.task,
            distinct: stage.distinct,
            to_ask: stage.to_ask,
            at_most: stage.at_most,
        });
        rows.collect::<Vec<_>>()
    };
    plan.nodes.into_iter().flat_map(of_node).collect()
}

fn text(report: &Report) -> String {
    let mut text = report.diff.to_string();
    if let Some(rows) = &report.rows {
        text.push_str("rows\n");
        if rows.is_empty() {
            text.push_str("  no model is asked about any\n");
        }
        for row in rows {
            text.push_str(&format!(
                "  {}  {}: {}{} of {} to ask\n",
                row.name,
                row.task,
                if row.at_most { "at most " } else { "" },
                words::count(row.to_ask),
                words::counted(row.distinct, "distinct input", "distinct inputs"),
            ));
        }
    }
    text
}

/// A line in the colour of what it says.
fn coloured(line: &str) -> String {
    match line.trim_start().chars().next() {
        Some('+') => line.green().to_string(),
        Some('-') => line.red().to_string(),
        Some('~') => line.yellow().to_string(),
        Some('@') => line.cyan().to_string(),
        _ if !line.starts_with(' ') => line.bold().to_string(),
        _ => line.to_owned(),
    }
}
