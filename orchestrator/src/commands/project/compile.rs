//! `refuel compile`: everything that can be said of a project without a database or a model.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::Timestamp;
use refuel_dag::artifacts::{ArtifactError, Invocation, ManifestOptions, write_manifest};
use refuel_dag::{CompileOptions, Dag, RenderMode};
use refuel_project::Project;
use serde::Serialize;

use super::selection::Earlier;
use super::{open, selection};
use crate::cli::OutputFormat;
use crate::cli::project::CompileArgs;
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::words;

/// What was compiled.
#[derive(Debug, Serialize)]
struct Report {
    project: String,
    target: String,
    nodes: BTreeMap<&'static str, usize>,
    rendered_files: usize,
    seconds: f64,
}

/// Compiles a project.
pub(crate) fn run(arguments: &CompileArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let began = Instant::now();
    let started = Timestamp::now();
    let project = open::load(&arguments.project)?;
    let mut options = CompileOptions::in_target(&project);
    options.started = Some(started);
    if arguments.no_compile_cache {
        options.cache = None;
    }
    let dag = open::compile_with(&project, &options, context.printer)?;
    manifest(&dag, &project, started)?;
    if arguments.print {
        return print(&dag, arguments, context);
    }
    let mut nodes: BTreeMap<&'static str, usize> = BTreeMap::new();
    for node in dag.nodes.values() {
        *nodes.entry(node.resource_type().name()).or_default() += 1;
    }
    let report = Report {
        project: project.settings.name.clone(),
        target: project.target.name.clone(),
        nodes,
        rendered_files: dag.rendered_files,
        seconds: began.elapsed().as_secs_f64(),
    };
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&report)?,
        OutputFormat::Text => context.printer.note(text(&report)),
    }
    // Nothing is left to be done with them, and giving back every piece takes longer than ending.
    std::mem::forget((dag, project));
    Ok(ExitStatus::Success)
}

/// Writes `manifest.json` for the tools that read it.
pub(super) fn manifest(dag: &Dag, project: &Project, started: Timestamp) -> Result<(), Failure> {
    let options = ManifestOptions {
        invocation: Invocation {
            id: dag.invocation().to_owned(),
            started_at: started,
        },
        now: Timestamp::now(),
        compiled: true,
    };
    let folder = project.root.join(&project.settings.target_path);
    Ok(write_manifest(dag, &folder, &options)?)
}

fn text(report: &Report) -> String {
    let mut kinds: Vec<String> = report
        .nodes
        .iter()
        .map(|(kind, &number)| {
            let kind = kind.replace('_', " ");
            words::counted(number as u64, &kind, &format!("{kind}s"))
        })
        .collect();
    if kinds.is_empty() {
        kinds.push(words::counted(0, "model", "models"));
    }
    format!(
        "{}, target {}: {}; {} in {}",
        report.project,
        report.target,
        kinds.join(", "),
        words::counted(report.rendered_files as u64, "file rendered", "files rendered"),
        words::seconds(report.seconds)
    )
}

/// Prints the SQL of what was selected, each under a comment with its name.
fn print(dag: &Dag, arguments: &CompileArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let nodes = selection::select(
        dag,
        &arguments.selection,
        &["model", "test"],
        &Earlier::default(),
        context,
    )?;
    for id in nodes {
        let Some(node) = dag.node(id.as_str()) else { continue };
        let sql = dag.rendered_sql(node, &RenderMode::default())?;
        context
            .printer
            .data(format_args!("-- {} ({})\n{};\n", node.name, node.path, sql.trim_end()))?;
    }
    Ok(ExitStatus::Success)
}

impl From<ArtifactError> for Failure {
    fn from(error: ArtifactError) -> Self {
        Self::new(&error, error.code(), error.hint(), ExitStatus::Failure)
    }
}
