//! A run from its start to its end.

mod chosen;
mod exclusion;
mod left;
mod remember;
mod retry;
mod turns;

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use refuel_dag::{Detail, RenderMode};
use refuel_engine::Cancel;
use refuel_state::{NewRun, RunId, RunLock, RunStatus};
use refuel_warehouse::{RelationName, ownership};
use serde_json::json;

use crate::budget::{self, Spending};
use crate::context::{Context, Locks, Scope};
use crate::error::RunError;
use crate::inference::{Pool, drop_unused, make_notes};
use crate::nodes;
use crate::observe::{Event, Observer};
use crate::report::{NodeReport, RunReport, is_good};
use crate::request::{Command, RunRequest};
use crate::words;
use crate::workspace::Workspace;

pub(crate) use chosen::{chosen, needed};
pub use retry::{retry, retry_request};

/// Nodes beside those whose SQL runs that may wait for answers.
const WAITING: usize = 8;

/// Does a run.
///
/// A node that fails is no error of the run: the report says how each node ended.
///
/// # Errors
/// Where the run can't begin or go on as a whole: another run of the target is going on, a budget would be passed, the
/// state can't be written.
pub fn execute(
    workspace: &Workspace,
    request: &RunRequest,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<RunReport, RunError> {
    let target = workspace.target().to_owned();
    let lock = workspace.state.lock(&target, &request.command_line)?;
    let _exclusion = exclusion::Exclusion::take(workspace)?;
    let nodes = chosen(workspace, request)?;
    let run = begin(workspace, &lock, request, &nodes)?;
    let done = within(workspace, request, observer, cancel, &run, &nodes);
    let (status, message) = match &done {
        Ok(report) if report.interrupted => (RunStatus::Interrupted, None),
        Ok(report) if report.is_success() => (RunStatus::Success, None),
        Ok(_) => (RunStatus::Failed, None),
        Err(RunError::Cancelled) => (RunStatus::Interrupted, None),
        Err(error) => (RunStatus::Failed, Some(error.to_string())),
    };
    let ended = workspace.state.end_run(&run, status, message.as_deref());
    let report = done?;
    ended?;
    Ok(report)
}

fn begin(workspace: &Workspace, lock: &RunLock, request: &RunRequest, nodes: &[usize]) -> Result<RunId, RunError> {
    let ids: Vec<&str> = nodes
        .iter()
        .map(|&number| workspace.dag.nodes[number].id.as_str())
        .collect();
    Ok(workspace.state.begin_run(
        lock,
        &NewRun {
            command: request.command.name().to_owned(),
            arguments: json!({
                "command": request.command.name(),
                "full_refresh": request.full_refresh,
                "empty": request.empty,
                "nodes": ids,
                "arguments": request.arguments,
            }),
            selection: request.command_line.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
    )?)
}

fn within(
    workspace: &Workspace,
    request: &RunRequest,
    observer: &dyn Observer,
    cancel: &Cancel,
    run: &RunId,
    chosen: &[usize],
) -> Result<RunReport, RunError> {
    let started = Instant::now();
    observer.event(&Event::Started {
        run: run.to_string(),
        nodes: chosen.len(),
    });
    let scope = Scope::of(workspace, request.threads, cancel)?;
    let threads = scope.permits.count();
    let context = Context {
        scope,
        request,
        observer,
        run,
        pool: Pool::default(),
        tables: Locks::default(),
        spending: Spending::new(budget::settled(&workspace.dag.project.settings.budget, request)),
    };
    let worked = chosen::worked(workspace, request, chosen);
    let tell = |wait: String| context.note(None, wait);
    let ended = context.connections.watched(cancel, &tell, || {
        thread::scope(|scope| {
            scope.spawn(|| context.pool.work());
            // A panic in between must not leave the pool waiting for ever.
            let _closing = Closing(&context.pool);
            let prepared = prepare(&context, chosen);
            prepared.map(|()| turns::all(&context, &worked, threads + WAITING))
        })
    });
    let nodes = ended?;
    let interrupted = cancel.is_cancelled();
    if !request.empty {
        remember::keep(&context, &nodes)?;
    }
    let finished = if interrupted { Ok(()) } else { finish(&context, &nodes) };
    let report = RunReport {
        run: run.to_string(),
        nodes,
        seconds: started.elapsed().as_secs_f64(),
        interrupted,
    };
    observer.event(&Event::Finished {
        counts: report.counts(),
        seconds: report.seconds,
    });
    // Other tools read how the nodes ended, also where the end of the run went wrong.
    crate::artifacts::write(workspace, request, &report)?;
    finished.map(|()| report)
}

/// Lets the thread of a pool end.
struct Closing<'a>(&'a Pool);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What has to be before the first node: notes on answers, the budget, and the hooks of the project.
fn prepare(context: &Context<'_>, chosen: &[usize]) -> Result<(), RunError> {
    refuse_foreign(context, chosen)?;
    let asks = chosen.iter().any(|&number| {
        context.dag.nodes[number]
            .model()
            .is_some_and(|model| !model.calls.is_empty())
    });
    let has_tasks = context
        .dag
        .nodes
        .values()
        .any(|node| matches!(node.detail, Detail::Task(_)));
    if asks || has_tasks {
        let mut session = context.session()?;
        make_notes(session.warehouse()?)?;
    }
    if context.request.command != Command::Test || asks {
        crate::plan::check_budgets(context, chosen)?;
    }
    hooks(context, "on-run-start", &context.dag.project.settings.on_run_start)
}

/// Refuses relations that somebody else made, before anything is made.
fn refuse_foreign(context: &Context<'_>, chosen: &[usize]) -> Result<(), RunError> {
    let mut wanted: Vec<RelationName> = Vec::new();
    for &number in chosen {
        let node = &context.dag.nodes[number];
        if matches!(node.detail, Detail::Model(_) | Detail::Seed(_)) {
            wanted.extend(nodes::gates::relations(node));
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let mut session = context.session()?;
    Ok(ownership::check(
        session.warehouse()?,
        &context.dag.project.settings.name,
        &wanted,
    )?)
}

/// Runs the hooks of a project.
fn hooks(context: &Context<'_>, name: &str, hooks: &[Arc<str>]) -> Result<(), RunError> {
    if hooks.is_empty() {
        return Ok(());
    }
    let mut session = context.session()?;
    for (at, hook) in hooks.iter().enumerate() {
        let sql = context.dag.render_inline(name, hook, None, &RenderMode::new(false))?;
        if !sql.trim().is_empty() {
            let run = session.warehouse()?.execute(&sql);
            run.map_err(|error| RunError::from(error).of_hook(name, at + 1, &sql))?;
        }
    }
    Ok(())
}

/// The end of a run that was not stopped: hooks, relations of earlier names, and tables of answers that nothing reads any
/// more.
fn finish(context: &Context<'_>, nodes: &[NodeReport]) -> Result<(), RunError> {
    hooks(context, "on-run-end", &context.dag.project.settings.on_run_end)?;
    if !context.request.empty && !matches!(context.request.command, Command::Test) {
        let mut session = context.session()?;
        // The nodes are done: what can't be cleared away is no failure of theirs.
        if let Err(error) = left::clear(context, nodes, session.warehouse()?) {
            context.note(None, format!("relations of earlier names are left: {error}"));
        }
    }
    let good = nodes.iter().all(|report| is_good(report.status));
    if !good || !matches!(context.request.command, Command::Build | Command::Run) {
        return Ok(());
    }
    let versions = context.state.node_versions(context.target)?;
    let mut session = context.session()?;
    let warehouse = session.warehouse()?;
    let project = &context.dag.project.settings.name;
    // What a node that left the project made stays, and if it is a view it still reads its answers.
    let left: HashSet<String> = ownership::owned(warehouse, project)?
        .into_iter()
        .map(|owned| owned.owner.node)
        .collect();
    let used: HashSet<&str> = versions
        .iter()
        .filter(|(id, _)| context.dag.node(id).is_some() || left.contains(id.as_str()))
        .flat_map(|(_, version)| version.answer_tables.iter().map(String::as_str))
        .collect();
    // The nodes are done: what can't be cleared away is no failure of theirs.
    match drop_unused(warehouse, project, &|name| used.contains(name)) {
        Ok(dropped) if dropped.is_empty() => {}
        Ok(dropped) => {
            let tables = words::count(dropped.len() as u64, "table");
            let names: Vec<String> = dropped
                .iter()
                .map(|(table, task)| format!("{table} of {task}"))
                .collect();
            context.note(
                None,
                format!(
                    "dropped {tables} of answers that nothing reads any more: {}",
                    names.join(", ")
                ),
            );
        }
        Err(error) => context.note(None, format!("tables of answers that nothing reads are left: {error}")),
    }
    Ok(())
}
