//! Taking up a run that did not do everything.

use std::collections::HashSet;

use refuel_dag::NodeId;
use refuel_engine::Cancel;

use super::execute;
use crate::error::RunError;
use crate::observe::Observer;
use crate::report::RunReport;
use crate::request::{Command, RunRequest};
use crate::workspace::Workspace;

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
        .filter_map(serde_json::Value::as_str)
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
