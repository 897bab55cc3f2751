//! Sources: what they hold, and loading those that are files.

use refuel_dag::{Node, SourceNode};
use refuel_project::SourceTable;
use refuel_state::NodeStatus;
use refuel_warehouse::load::{self, Load};

use super::model;
use crate::context::{Context, Scope};
use crate::error::RunError;
use crate::report::NodeReport;

/// Looks at a source: its version is what it holds.
pub(crate) fn run(
    context: &Context<'_>,
    node: &Node,
    of: &SourceNode,
    report: &mut NodeReport,
) -> Result<NodeStatus, RunError> {
    let Some(relation) = &node.relation else {
        return Ok(NodeStatus::NoOp);
    };
    let mut session = context.session()?;
    let warehouse = session.warehouse()?;
    let file = table(context, of).and_then(|table| table.file.as_ref());
    if let Some(file) = file {
        let column_types: Vec<(String, String)> = file
            .column_types
            .iter()
            .map(|(column, data_type)| (column.clone(), data_type.clone()))
            .collect();
        let path = context.dag.project.root.join(&*file.path);
        let owner = model::owner(context, node);
        let loaded = load::file(
            warehouse,
            &Load {
                relation,
                path: &path,
                delimiter: file.delimiter.map(|delimiter| delimiter as u8),
                column_types: &column_types,
                owner: &owner,
                is_forced: context.request.full_refresh,
            },
        )?;
        super::tell_not_finite(context, node, &loaded);
        report.rows = loaded.rows;
        report.relation = Some(super::shown(relation));
        // The file's hash is beside what was loaded.
        let owned = refuel_warehouse::ownership::owner(warehouse, relation)?;
        if let Some(content) = owned.and_then(|owned| owned.content) {
            context
                .versions
                .set(&node.id, format!("{content} {}", node.fingerprints.body));
            return Ok(NodeStatus::Success);
        }
    } else if warehouse.relation(relation)?.is_none() {
        return Err(RunError::NotPossible {
            node: node.name.to_string(),
            reason: format!("is not there: the target has no relation {relation}"),
            hint: Some("check \"schema\" and \"identifier\" of the source, or load it first".to_owned()),
        });
    }
    let digest = warehouse.digest(relation)?;
    context
        .versions
        .set(&node.id, format!("{digest} {}", node.fingerprints.body));
    Ok(NodeStatus::Success)
}

/// The declaration of a source's table.
pub(crate) fn table<'a>(scope: &Scope<'a>, of: &SourceNode) -> Option<&'a SourceTable> {
    let source = scope.dag.project.sources.get(&*of.source)?;
    source.tables.iter().find(|table| table.name == *of.table)
}
