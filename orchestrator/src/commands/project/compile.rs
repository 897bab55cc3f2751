//! `refuel compile`: everything that can be said of a project without a database or a model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use refuel_dag::artifacts::{ArtifactError, Invocation, ManifestOptions, write_manifest};
use refuel_dag::{CompileOptions, Dag};
use refuel_project::Project;
use serde::Serialize;

use super::build::Opened;
use super::selection::Earlier;
use super::{open, printed, selection};
use crate::cli::OutputFormat;
use crate::cli::project::{CompileArgs, ModelArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
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
    let project = open::load_to_look(&arguments.project)?;
    let mut options = CompileOptions::in_target(&project);
    options.started = Some(started);
    if arguments.no_compile_cache {
        options.cache = None;
    }
    let folder = options.compiled.take();
    let dag = open::compile_with(&project, &options, context.printer)?;
    let written = || folder.map_or(Ok(()), |folder| dag.write_compiled(&folder).map_err(open::several));
    let (written, listed) = rayon::join(written, || manifest(&dag, &project, started));
    written?;
    listed?;
    if arguments.print {
        return print(dag, arguments, context);
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

/// Prints what is sent for what was selected.
fn print(dag: Arc<Dag>, arguments: &CompileArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let selected = selection::select(
        &dag,
        &arguments.selection,
        &["model", "test"],
        &Earlier::default(),
        context,
    )?;
    let nodes = printed::chosen(&dag, selected);
    let interrupt = Interrupt::listen(context.printer)?;
    let target = dag.project.target.name.clone();
    let dialect = dag.dialect();
    let opened = Opened::of(dag, &ModelArgs::from_environment(), context)?;
    let compiled = refuel_runs::compiled(&opened.workspace, &nodes, &interrupt.cancel)?;
    match arguments.format.format {
        OutputFormat::Json => context.printer.json(&compiled)?,
        OutputFormat::Text => {
            for node in &compiled {
                context.printer.data(printed::text(node, &target, dialect))?;
            }
        }
    }
    Ok(ExitStatus::Success)
}

impl From<ArtifactError> for Failure {
    fn from(error: ArtifactError) -> Self {
        Self::new(&error, error.code(), error.hint(), ExitStatus::Failure)
    }
}
