//! `refuel build`, `run`, `test`, `seed` and `retry`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use jiff::Timestamp;
use refuel_dag::{CompileOptions, Dag};
use refuel_engine::Engine;
use refuel_project::{Budget, Project};
use refuel_runs::{Command, LocalModels, RunError, RunReport, RunRequest, Workspace, execute, retry_request};
use refuel_state::StateError;
use serde_json::json;

use super::earlier::Known;
use super::watch::{self, Watch};
use super::{compile, open, selection};
use crate::answerer::engine_options;
use crate::cli::OutputFormat;
use crate::cli::project::{BudgetArgs, BuildArgs, ModelArgs, ProjectArgs, RetryArgs, WorkArgs};
use crate::commands::ExitStatus;
use crate::context::Context;
use crate::error::Failure;
use crate::interrupt::Interrupt;
use crate::words;

/// Runs nodes.
pub(crate) fn run(command: Command, arguments: &BuildArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let opened = Opened::open(&arguments.project, &arguments.work.models, context)?;
    let known = Known::of(&opened.workspace, &arguments.selection)?;
    let types = resource_types(command);
    let selection = known.with(&opened.workspace.dag, |earlier| {
        selection::select(&opened.workspace.dag, &arguments.selection, types, earlier, context)
    })?;
    let mut request = request(command, &arguments.work, context);
    request.selection = selection;
    request.full_refresh = arguments.full_refresh;
    opened.go(&request, &arguments.work, context)
}

/// Takes up the last run where it failed or was stopped.
pub(crate) fn retry(arguments: &RetryArgs, context: &Context) -> Result<ExitStatus, Failure> {
    let opened = Opened::open(&arguments.project, &arguments.work.models, context)?;
    let request = retry_request(&opened.workspace, &request(Command::Build, &arguments.work, context))?;
    opened.go(&request, &arguments.work, context)
}

/// The kinds of nodes that a verb does; all where it is empty.
pub(super) fn resource_types(command: Command) -> &'static [&'static str] {
    match command {
        Command::Build => &[],
        Command::Run => &["model"],
        Command::Test => &["test", "unit_test", "evaluation"],
        Command::Seed => &["seed"],
    }
}

/// A project with its target, its state and models.
pub(super) struct Opened {
    pub(super) workspace: Workspace,
    started: Timestamp,
}

impl Opened {
    /// Reads and compiles a project, and connects to its target. No model is loaded.
    pub(super) fn open(project: &ProjectArgs, models: &ModelArgs, context: &Context) -> Result<Self, Failure> {
        let started = Timestamp::now();
        let project = open::load(project)?;
        let options = CompileOptions {
            started: Some(started),
            ..CompileOptions::in_target(&project)
        };
        let dag = open::compile_with(&project, &options, context.printer)?;
        Ok(Self {
            started,
            ..Self::of(dag, models, context)?
        })
    }

    /// Connects to the target of a project that is compiled already.
    pub(super) fn of(dag: Arc<Dag>, models: &ModelArgs, context: &Context) -> Result<Self, Failure> {
        let engine = Engine::open(engine_options(&models.engine(), &context.home()?))?;
        engine
            .warnings()
            .iter()
            .for_each(|warning| context.printer.warn(warning));
        let workspace = Workspace::open(dag, Arc::new(LocalModels::new(engine, models.model.clone())))?;
        Ok(Self {
            workspace,
            started: Timestamp::now(),
        })
    }

    fn project(&self) -> &Project {
        &self.workspace.dag.project
    }

    /// Runs what is asked for, and tells how it went.
    fn go(&self, request: &RunRequest, work: &WorkArgs, context: &Context) -> Result<ExitStatus, Failure> {
        let dag: &Dag = &self.workspace.dag;
        compile::manifest(dag, self.project(), self.started)?;
        let printer = context.printer;
        let interrupt = Interrupt::listen(printer)?;
        let names = request.selection.iter().filter_map(|id| dag.node(id.as_str()));
        let watch = Watch::new(printer, names.map(|node| node.name.chars().count()).max().unwrap_or(0));
        printer.note(format_args!(
            "{} on target {}",
            self.project().settings.name,
            self.workspace.target()
        ));
        let report = execute(&self.workspace, request, &watch, &interrupt.cancel)?;
        match work.format.format {
            OutputFormat::Json => printer.json(&report)?,
            OutputFormat::Text => {
                let compared = comparisons(&report);
                if !compared.is_empty() {
                    printer.problem(compared.trim_end());
                }
                printer.note(context.in_hint(&summary(&report)));
            }
        }
        Ok(status(&report))
    }
}

/// A request without a selection.
fn request(command: Command, work: &WorkArgs, context: &Context) -> RunRequest {
    let mut request = within(command, &work.budget);
    request.fail_fast = work.fail_fast;
    request.threads = work.threads.and_then(|threads| NonZeroUsize::new(threads.into()));
    let words: Vec<String> = std::env::args().skip(1).map(|word| words::shell(&word)).collect();
    request.command_line = format!("refuel {}", words.join(" "));
    request.arguments = json!({ "command_line": request.command_line, "quiet": !context.printer.shows_notes() });
    request
}

/// A request with nothing but a budget.
pub(super) fn within(command: Command, arguments: &BudgetArgs) -> RunRequest {
    let mut request = RunRequest::new(command, Vec::new());
    request.budget = budget(arguments);
    request.ignore_budget = arguments.no_budget;
    request
}

fn budget(arguments: &BudgetArgs) -> Budget {
    Budget {
        max_rows: arguments.max_rows,
        max_tokens: arguments.max_tokens,
        max_minutes: arguments.max_minutes,
    }
}

fn status(report: &RunReport) -> ExitStatus {
    if report.interrupted {
        ExitStatus::Interrupted
    } else if report.is_success() {
        ExitStatus::Success
    } else if report.nodes.iter().any(|node| node.may_pass) {
        ExitStatus::Later
    } else {
        ExitStatus::Failure
    }
}

/// What unit tests found, cell by cell.
fn comparisons(report: &RunReport) -> String {
    let wrong = report.nodes.iter().filter(|node| watch::is_wrong(node.status));
    let compared = wrong.filter_map(|node| {
        let comparison = node.comparison.as_ref()?.to_text();
        Some(format!("\n{} ({}):\n{}\n", node.name, node.path, comparison.trim_end()))
    });
    compared.collect()
}

/// What is said at the end: one line over all, and what can be done then.
fn summary(report: &RunReport) -> String {
    let mut lines = Vec::new();
    let counts: Vec<String> = report
        .counts()
        .into_iter()
        .map(|(status, number)| format!("{number} {}", status.as_str()))
        .collect();
    let counts = if counts.is_empty() {
        "nothing to do".to_owned()
    } else {
        counts.join(", ")
    };
    let mut line = format!("\n{counts} in {}", words::seconds(report.seconds));
    let (asked, cached, without) = (report.asked(), report.cached(), report.without_model());
    if asked + cached + without > 0 {
        line.push_str(&format!("; {} asked, ", words::counted(asked, "input", "inputs")));
        if without > 0 {
            line.push_str(&format!("{} without a language model, ", words::count(without)));
        }
        line.push_str(&format!("{} known", words::count(cached)));
    }
    lines.push(line);
    if report.interrupted {
        lines.push("stopped; `refuel retry` goes on".to_owned());
    } else if !report.is_success() {
        lines.push("`refuel retry` does again what failed and what was skipped".to_owned());
    }
    lines.join("\n")
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let status = if matches!(error, RunError::Cancelled) {
            ExitStatus::Interrupted
        } else if error.is_request() {
            ExitStatus::Usage
        } else if error.is_transient() || matches!(error, RunError::State(StateError::Locked { .. })) {
            ExitStatus::Later
        } else {
            ExitStatus::Failure
        };
        Self::new(&error, error.code(), error.hint(), status)
    }
}
