//! Tasks: what their version is, and, where the extension answers calls, putting them into its catalog.

use refuel_dag::{Node, TaskNode};
use refuel_state::NodeStatus;
use refuel_task::Task;

use crate::context::Context;
use crate::error::RunError;
use crate::quote;
use crate::versions;

/// Looks at a task.
pub(crate) fn run(context: &Context<'_>, node: &Node, of: &TaskNode) -> Result<NodeStatus, RunError> {
    if context.has_extension && context.verdicts_of(&of.task.name) == 0 {
        put(context, node, &of.task)?;
    }
    context
        .versions
        .set(&node.id, versions::of_task_node(context, node, of)?);
    Ok(NodeStatus::NoOp)
}

/// Makes the task in the catalog, or a new version of it where it is another than there.
fn put(context: &Context<'_>, node: &Node, task: &Task) -> Result<(), RunError> {
    let path = context.dag.project.root.join(&*node.path);
    let specification = quote::text(&Task::export(path)?.to_string());
    let name = quote::text(&task.name);
    let mut session = context.session()?;
    let warehouse = session.warehouse()?;
    let there = warehouse.value(&format!("SELECT 1 FROM refuel.tasks WHERE name = {name} LIMIT 1"))?;
    let verb = if there.is_some() { "alter" } else { "create" };
    // The same specification again makes no new version.
    warehouse.rows(&format!("SELECT refuel_{verb}_task({name}, {specification}::jsonb)"))?;
    Ok(())
}
