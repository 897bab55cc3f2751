//! Giving every node its turn.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use refuel_dag::Node;
use refuel_state::{NodeResult, NodeStatus};

use super::chosen::Worked;
use crate::context::Context;
use crate::error::RunError;
use crate::nodes;
use crate::observe::Event;
use crate::order::{Place, Turn, drive};
use crate::report::{NodeReport, is_good};

/// How often a node is tried again that failed in a way that may pass.
const TRIES: u32 = 4;

/// The wait before the first of these; each further one is four times as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Does all nodes, `at_once` at a time. Returns the reports in the order in which nodes ended.
pub(super) fn all(context: &Context<'_>, worked: &Worked, at_once: usize) -> Vec<NodeReport> {
    let begun = AtomicUsize::new(0);
    let ended_nodes = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let places: Mutex<HashMap<usize, Place>> = Mutex::default();
    let reports: Mutex<Vec<NodeReport>> = Mutex::default();
    let statuses: Mutex<HashMap<usize, NodeStatus>> = Mutex::default();
    let work = |at: usize, turn: Turn| -> bool {
        let node = &context.dag.nodes[worked.nodes[at]];
        let is_reported = at < worked.reported;
        // A node begins when its SQL can run: until then another may fail, or somebody stop the run.
        let place = lock(&places).remove(&at);
        let reserved = place
            .and_then(|place| context.permits.reserve(place, context.cancel))
            .filter(|_| !(context.request.fail_fast && has_failed.load(Ordering::Relaxed)));
        let turn = if turn == Turn::Do && reserved.is_none() {
            Turn::Stop
        } else {
            turn
        };
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
        if !good && turn == Turn::Do {
            has_failed.store(true, Ordering::Relaxed);
        }
        // Whoever gets the permit next has to see that.
        drop(reserved);
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
                number: is_reported.then(|| ended_nodes.fetch_add(1, Ordering::Relaxed) + 1),
                of: worked.reported,
            });
            reports.push(report);
        }
        good
    };
    let queue = |at: usize| {
        lock(&places).insert(at, context.permits.queue());
    };
    drive(
        &worked.order,
        at_once,
        context.request.fail_fast,
        context.cancel,
        &queue,
        &work,
    );
    reports.into_inner().unwrap_or_else(PoisonError::into_inner)
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
            if let Some(permit) = context.permits.take(context.cancel) {
                permit.give_back();
            }
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
        report.may_pass = !cancelled && error.is_transient();
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
