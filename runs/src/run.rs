//! A run from its start to its end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use refuel_dag::diff::Snapshot;
use refuel_dag::{Detail, Node, NodeId, RenderMode, ResourceType};
use refuel_engine::Cancel;
use refuel_state::{NewRun, NodeResult, NodeStatus, RunId, RunLock, RunStatus};
use refuel_warehouse::{RelationName, ownership};
use serde_json::json;

use crate::budget::{self, Spending};
use crate::context::{Context, Locks, Scope};
use crate::error::RunError;
use crate::inference::{Pool, drop_unused, make_notes};
use crate::nodes;
use crate::observe::{Event, Observer};
use crate::order::{Order, Role, Turn, drive};
use crate::report::{NodeReport, RunReport, is_good};
use crate::request::{Command, RunRequest};
use crate::workspace::Workspace;

/// How often a node is tried again that failed in a way that may pass.
const TRIES: u32 = 4;

/// The wait before the first of these; each further one is four times as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

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

/// Takes up the last run of the target: the nodes that failed, were skipped, were stopped or were not come to.
///
/// `request` has the options of this run; its selection and command are those of the last.
///
/// # Errors
/// [`RunError::NothingToRetry`], [`RunError::NothingLeft`], and those of [`execute`].
pub fn retry(
    workspace: &Workspace,
    request: &RunRequest,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<RunReport, RunError> {
    let request = retry_request(workspace, request)?;
    execute(workspace, &request, observer, cancel)
}

/// What [`retry`] does: the request of the last run with the nodes that are left of it.
///
/// # Errors
/// [`RunError::NothingToRetry`], [`RunError::NothingLeft`].
pub fn retry_request(workspace: &Workspace, request: &RunRequest) -> Result<RunRequest, RunError> {
    let target = workspace.target().to_owned();
    let Some(resume) = workspace.state.resume(&target)? else {
        return Err(RunError::NothingToRetry { target });
    };
    let asked = &resume.run.arguments;
    let nodes = asked["nodes"].as_array().cloned().unwrap_or_default();
    let done: HashSet<&str> = resume.done().collect();
    let left: Vec<NodeId> = nodes
        .iter()
        .filter_map(|id| id.as_str())
        .filter(|id| !done.contains(id) && workspace.dag.node(id).is_some())
        .map(NodeId::from)
        .collect();
    if left.is_empty() {
        return Err(RunError::NothingLeft { target });
    }
    let command = asked["command"].as_str().and_then(Command::named);
    Ok(RunRequest {
        command: command.unwrap_or(Command::Build),
        selection: left,
        full_refresh: asked["full_refresh"].as_bool().unwrap_or(false),
        empty: asked["empty"].as_bool().unwrap_or(false),
        arguments: asked["arguments"].clone(),
        ..request.clone()
    })
}

/// The nodes of the selection that the command does, in the order of the project.
pub(crate) fn chosen(workspace: &Workspace, request: &RunRequest) -> Result<Vec<usize>, RunError> {
    let dag = &workspace.dag;
    let mut numbers = Vec::with_capacity(request.selection.len());
    for id in &request.selection {
        let number = dag
            .nodes
            .get_index_of(id.as_str())
            .ok_or_else(|| RunError::UnknownNode {
                id: id.to_string(),
                nearest: refuel_dag::nearest(id.as_str(), dag.nodes.keys().map(NodeId::as_str)),
            })?;
        if does(request.command, dag.nodes[number].resource_type()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn does(command: Command, kind: ResourceType) -> bool {
    let is_check = matches!(
        kind,
        ResourceType::Test | ResourceType::UnitTest | ResourceType::Evaluation
    );
    match command {
        Command::Build => is_check || matches!(kind, ResourceType::Model | ResourceType::Seed),
        Command::Run => kind == ResourceType::Model,
        Command::Test => is_check,
        Command::Seed => kind == ResourceType::Seed,
    }
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

/// What is done in a run: the nodes of the report, and sources and tasks that they need.
struct Worked {
    /// Numbers in the project.
    nodes: Vec<usize>,
    /// How many of them, from the first, are in the report.
    reported: usize,
    order: Order,
}

fn worked(workspace: &Workspace, request: &RunRequest, chosen: &[usize]) -> Worked {
    let dag = &workspace.dag;
    let mut nodes = chosen.to_vec();
    let mut place: HashMap<usize, usize> = chosen.iter().enumerate().map(|(at, &number)| (number, at)).collect();
    let mut asks: Vec<bool> = Vec::new();
    // Sources and tasks are looked at when something that is done needs them; nobody has to select them.
    for &number in chosen {
        for before in dag.graph.parents(number) {
            let needed = matches!(dag.nodes[before].detail, Detail::Source(_) | Detail::Task(_));
            if needed && !place.contains_key(&before) {
                place.insert(before, nodes.len());
                nodes.push(before);
            }
        }
    }
    let mut roles = Vec::with_capacity(nodes.len());
    let mut edges = Vec::new();
    for (at, &number) in nodes.iter().enumerate() {
        let node = &dag.nodes[number];
        asks.push(node.model().is_some_and(|model| !model.calls.is_empty()));
        let role = match &node.detail {
            Detail::UnitTest(_) => Role::Guard,
            Detail::Test(_) | Detail::Evaluation(_) => Role::Check,
            _ => Role::Maker,
        };
        roles.push(role);
        let before = reaches(workspace, number, &place);
        if let Detail::UnitTest(test) = &node.detail {
            // A unit test comes before its model, behind what the model reads.
            let Some(model) = dag.nodes.get_index_of(test.model.as_str()) else {
                continue;
            };
            if let Some(&model) = place.get(&model) {
                edges.push((at, model));
            }
            let read = reaches(workspace, model, &place);
            edges.extend(read.into_iter().map(|before| (before, at)));
        } else {
            edges.extend(before.into_iter().map(|before| (before, at)));
        }
    }
    let order = Order::new(&roles, &edges, &asks, request.command == Command::Build);
    Worked {
        reported: chosen.len(),
        nodes,
        order,
    }
}

/// The nearest nodes above one that are done in this run: through those that are not, since what they hold may be read
/// through views.
fn reaches(workspace: &Workspace, number: usize, place: &HashMap<usize, usize>) -> Vec<usize> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut open: Vec<usize> = workspace.dag.graph.parents(number).collect();
    while let Some(before) = open.pop() {
        if !seen.insert(before) {
            continue;
        }
        match place.get(&before) {
            Some(&at) => found.push(at),
            None => open.extend(workspace.dag.graph.parents(before)),
        }
    }
    found
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
    let worked = worked(workspace, request, chosen);
    let over = AtomicBool::new(false);
    let (ended, stopped) = thread::scope(|scope| {
        scope.spawn(|| context.pool.work());
        scope.spawn(|| context.connections.watch(cancel, &|| over.load(Ordering::Relaxed)));
        // A panic in between must not leave the two waiting for ever.
        let _closing = Closing {
            context: &context,
            over: &over,
        };
        let prepared = prepare(&context, chosen);
        prepared.map(|()| all(&context, &worked, threads + WAITING))
    })
    .map(|(reports, stopped)| (Ok(reports), stopped))
    .unwrap_or_else(|error| (Err(error), false));
    let mut nodes = ended?;
    let interrupted = cancel.is_cancelled() || (stopped && cancel.is_cancelled());
    if !interrupted {
        finish(&context, &mut nodes)?;
    }
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
    crate::artifacts::write(workspace, request, &report)?;
    Ok(report)
}

/// Lets the helping threads of a run end.
struct Closing<'a, 'b> {
    context: &'a Context<'b>,
    over: &'a AtomicBool,
}

impl Drop for Closing<'_, '_> {
    fn drop(&mut self) {
        self.context.pool.close();
        self.over.store(true, Ordering::Relaxed);
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
    if asks || context.request.command == Command::Test {
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
        let Some(relation) = &node.relation else { continue };
        match &node.detail {
            Detail::Model(model) => {
                wanted.push(relation.clone());
                if model.gated {
                    wanted.extend(nodes::gates::beside(relation));
                }
            }
            Detail::Seed(_) => wanted.push(relation.clone()),
            _ => {}
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

/// Keeps what the project is now, for comparison with what it will be.
fn keep_snapshot(context: &Context<'_>) -> Result<(), RunError> {
    let mut models = BTreeMap::new();
    for node in context.dag.nodes.values() {
        let Detail::Task(of) = &node.detail else { continue };
        // A model that isn't installed is no matter of this run, which did not need it.
        if let Ok(asked) = context.tasks.named(&of.task.name) {
            models.insert(of.task.model_name(), asked.answerer.digest().to_owned());
        }
    }
    let snapshot = Snapshot::of(context.dag, models);
    let content = serde_json::to_vec(&snapshot).unwrap_or_default();
    Ok(context.state.put_snapshot(context.run, context.target, &content)?)
}

/// Runs the hooks of a project.
fn hooks(context: &Context<'_>, name: &str, hooks: &[std::sync::Arc<str>]) -> Result<(), RunError> {
    if hooks.is_empty() {
        return Ok(());
    }
    let mut session = context.session()?;
    for hook in hooks {
        let sql = context.dag.render_inline(name, hook, None, &RenderMode::new(false))?;
        if !sql.trim().is_empty() {
            session.warehouse()?.execute(&sql)?;
        }
    }
    Ok(())
}

/// Does all nodes. Returns the reports in the order in which nodes ended, and whether some were not begun.
fn all(context: &Context<'_>, worked: &Worked, at_once: usize) -> (Vec<NodeReport>, bool) {
    let begun = AtomicUsize::new(0);
    let reports: Mutex<Vec<NodeReport>> = Mutex::default();
    let statuses: Mutex<HashMap<usize, NodeStatus>> = Mutex::default();
    let work = |at: usize, turn: Turn| -> bool {
        let node = &context.dag.nodes[worked.nodes[at]];
        let is_reported = at < worked.reported;
        let report = match turn {
            Turn::Do => {
                if is_reported {
                    context.observer.event(&Event::NodeStarted {
                        node: node.id.clone(),
                        number: begun.fetch_add(1, Ordering::Relaxed) + 1,
                    });
                }
                one(context, node, is_reported)
            }
            Turn::Skip(cause) => {
                let cause_node = &context.dag.nodes[worked.nodes[cause]];
                let status = lock(&statuses).get(&cause).copied();
                skipped(node, cause_node, status)
            }
            Turn::Stop => {
                let mut report = NodeReport::of(node, NodeStatus::Skipped);
                report.message = Some(if context.cancel.is_cancelled() {
                    "the run was stopped before".to_owned()
                } else {
                    "the run stops at the first failure".to_owned()
                });
                report
            }
        };
        let good = is_good(report.status);
        lock(&statuses).insert(at, report.status);
        // Sources and tasks are told of where they failed, and are the reason why others are skipped.
        if is_reported || (turn == Turn::Do && !good) || report.rows.is_some() {
            let kept = context.state.node_finished(context.run, &result_of(&report));
            if let Err(error) = kept {
                context.note(Some(&node.id), format!("the state could not be written: {error}"));
            }
            let mut reports = lock(&reports);
            context.observer.event(&Event::NodeFinished {
                report: Box::new(report.clone()),
                number: reports.len() + 1,
                of: worked.reported,
            });
            reports.push(report);
        }
        good
    };
    let driven = drive(&worked.order, at_once, context.request.fail_fast, context.cancel, &work);
    (
        reports.into_inner().unwrap_or_else(PoisonError::into_inner),
        driven.stopped,
    )
}

/// A node that is not done because of another.
fn skipped(node: &Node, cause: &Node, status: Option<NodeStatus>) -> NodeReport {
    let mut report = NodeReport::of(node, NodeStatus::Skipped);
    let what = match status {
        Some(NodeStatus::Fail) => "failed",
        Some(NodeStatus::Interrupted) => "was interrupted",
        Some(NodeStatus::Skipped) => "was skipped",
        _ => "has an error",
    };
    report.message = Some(format!("{} {} {what}", cause.resource_type(), cause.name));
    report
}

/// Does one node, and tries it again where that may help.
fn one(context: &Context<'_>, node: &Node, is_reported: bool) -> NodeReport {
    let started = Timestamp::now();
    let clock = Instant::now();
    if is_reported && let Err(error) = context.state.node_started(context.run, node.id.as_str()) {
        context.note(Some(&node.id), format!("the state could not be written: {error}"));
    }
    let mut wait = FIRST_WAIT;
    let mut tries = 1;
    loop {
        let mut report = NodeReport::of(node, NodeStatus::Running);
        report.started = Some(started);
        let done = nodes::run(context, node, &mut report);
        let error = match done {
            Ok(status) => {
                report.status = status;
                return ended(report, &clock);
            }
            Err(error) => error,
        };
        let cancelled = context.cancel.is_cancelled() || matches!(error, RunError::Cancelled);
        if error.is_transient() && tries < TRIES && !cancelled {
            context.observer.event(&Event::Retrying {
                node: node.id.clone(),
                message: error.to_string(),
                wait,
            });
            tries += 1;
            let until = Instant::now() + wait;
            while Instant::now() < until && !context.cancel.is_cancelled() {
                thread::sleep(Duration::from_millis(20));
            }
            wait *= 4;
            continue;
        }
        report.status = if cancelled {
            NodeStatus::Interrupted
        } else {
            NodeStatus::Error
        };
        report.message = Some(if cancelled {
            "stopped; what was answered is kept".to_owned()
        } else {
            located(node, &error)
        });
        report.code = (!cancelled).then(|| error.code().to_owned());
        report.hint = if cancelled { None } else { error.hint() };
        return ended(report, &clock);
    }
}

/// The message of an error with the node's file, where it doesn't say a place itself.
fn located(node: &Node, error: &RunError) -> String {
    match error {
        RunError::Dag(_) | RunError::Fixture { .. } | RunError::Task(_) => error.to_string(),
        other => format!("{}: {other}", node.place),
    }
}

fn ended(mut report: NodeReport, clock: &Instant) -> NodeReport {
    report.ended = Some(Timestamp::now());
    report.execute_seconds = (clock.elapsed().as_secs_f64() - report.compile_seconds).max(0.0);
    report
}

fn result_of(report: &NodeReport) -> NodeResult {
    NodeResult {
        started: report.started,
        ended: report.ended,
        compile_seconds: Some(report.compile_seconds),
        execute_seconds: Some(report.execute_seconds),
        rows: report.rows,
        asked: Some(report.asked),
        cached: Some(report.cached),
        failures: report.failures,
        message: report.message.clone(),
        relation: report.relation.clone(),
        fingerprint: report.version.clone(),
        compiled_sql: report.compiled_sql.clone(),
        ..NodeResult::new(report.node.as_str(), report.status)
    }
}

/// The end of a run that was not stopped: hooks, and tables of answers that nothing reads any more.
fn finish(context: &Context<'_>, nodes: &mut [NodeReport]) -> Result<(), RunError> {
    hooks(context, "on-run-end", &context.dag.project.settings.on_run_end)?;
    if matches!(context.request.command, Command::Build | Command::Run) && !context.request.empty {
        keep_snapshot(context)?;
    }
    let good = nodes.iter().all(|report| is_good(report.status));
    if !good || !matches!(context.request.command, Command::Build | Command::Run) {
        return Ok(());
    }
    let versions = context.state.node_versions(context.target)?;
    let used: HashSet<&str> = versions
        .iter()
        // A node that left the project reads nothing that anybody waits for.
        .filter(|(id, _)| context.dag.node(id).is_some())
        .flat_map(|(_, version)| version.answer_tables.iter().map(String::as_str))
        .collect();
    let mut session = context.session()?;
    let dropped = drop_unused(session.warehouse()?, &context.dag.project.settings.name, &|name| {
        used.contains(name)
    })?;
    if dropped > 0 {
        context.note(
            None,
            format!("dropped {dropped} tables of answers that nothing reads any more"),
        );
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
