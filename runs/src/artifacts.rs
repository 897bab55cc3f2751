//! `run_results.json` of a run, in the shape that other tools read.

use std::path::PathBuf;

use jiff::Timestamp;
use refuel_dag::ResourceType;
use refuel_dag::artifacts::{Invocation, NodeResult, ResultStatus, RunResults, Timing};
use refuel_state::NodeStatus;
use serde_json::{Map, Value};

use crate::error::RunError;
use crate::report::{NodeReport, RunReport};
use crate::request::RunRequest;
use crate::workspace::Workspace;

/// The folder of a project that files of a run are written to.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    let project = &workspace.dag.project;
    project.root.join(&project.settings.target_path)
}

/// Writes the file.
pub(crate) fn write(workspace: &Workspace, request: &RunRequest, report: &RunReport) -> Result<(), RunError> {
    let now = Timestamp::now();
    let started = report.nodes.iter().filter_map(|node| node.started).min();
    let invocation = Invocation {
        id: report.run.clone(),
        started_at: started.unwrap_or(now),
    };
    let mut arguments = match &request.arguments {
        Value::Object(arguments) => arguments.clone(),
        _ => Map::new(),
    };
    arguments.insert("which".to_owned(), request.command.name().into());
    let results = report.nodes.iter().map(result).collect();
    let file = RunResults::new(&invocation, now, results, report.seconds, arguments);
    let folder = folder(workspace);
    file.write(&folder).map_err(RunError::Artifact)
}

fn result(node: &NodeReport) -> NodeResult {
    let is_check = matches!(
        node.resource_type,
        Some(ResourceType::Test | ResourceType::UnitTest | ResourceType::Evaluation)
    );
    let status = match node.status {
        NodeStatus::Success if is_check => ResultStatus::Pass,
        NodeStatus::Success => ResultStatus::Success,
        NodeStatus::Fail => ResultStatus::Fail,
        NodeStatus::Warn => ResultStatus::Warn,
        NodeStatus::Skipped => ResultStatus::Skipped,
        NodeStatus::Reused => ResultStatus::Reused,
        NodeStatus::NoOp => ResultStatus::NoOp,
        // Other tools have no word for what was stopped.
        NodeStatus::Error | NodeStatus::Interrupted | NodeStatus::Running => ResultStatus::Error,
    };
    let timing = match (node.started, node.ended) {
        (Some(started), Some(ended)) => {
            let compiled = started + std::time::Duration::from_secs_f64(node.compile_seconds.max(0.0));
            vec![
                Timing::new("compile", started, compiled),
                Timing::new("execute", compiled, ended),
            ]
        }
        _ => Vec::new(),
    };
    let mut response = Map::new();
    if let Some(rows) = node.rows {
        response.insert("rows_affected".to_owned(), rows.into());
    }
    if node.asked + node.without_model + node.cached > 0 {
        response.insert("asked".to_owned(), node.asked.into());
        response.insert("without_model".to_owned(), node.without_model.into());
        response.insert("cached".to_owned(), node.cached.into());
    }
    if !node.metrics.is_empty() {
        // What is measured is numbers and text, which JSON holds.
        let metrics = serde_json::to_value(&node.metrics).unwrap_or_default();
        response.insert("metrics".to_owned(), metrics);
    }
    NodeResult {
        status,
        timing,
        thread_id: "main".to_owned(),
        execution_time: node.execute_seconds,
        adapter_response: response,
        message: node.message.clone(),
        failures: node.failures,
        unique_id: node.node.to_string(),
        compiled: Some(node.compiled_sql.is_some()),
        compiled_code: node.compiled_sql.clone(),
        relation_name: node.relation.clone(),
        batch_results: None,
    }
}
