//! Seeds: files of the project, loaded into tables.

use refuel_dag::{Node, SeedNode};
use refuel_state::{NodeStatus, NodeVersion};
use refuel_warehouse::load::{self, Load};

use super::{model, shown};
use crate::context::Context;
use crate::error::RunError;
use crate::report::NodeReport;
use crate::versions;

/// Loads a seed, unless its file and settings are what they were.
pub(crate) fn run(
    context: &Context<'_>,
    node: &Node,
    seed: &SeedNode,
    report: &mut NodeReport,
) -> Result<NodeStatus, RunError> {
    let Some(relation) = &node.relation else {
        return Ok(NodeStatus::NoOp);
    };
    let version = versions::of_node(node, &std::collections::BTreeMap::new());
    report.version = Some(version.clone());
    report.relation = Some(shown(relation));
    let mut session = context.session()?;
    let warehouse = session.warehouse()?;
    let forced = seed.config.full_refresh.unwrap_or(context.request.full_refresh);
    let before = context.previous.get(node.id.as_str());
    if !forced && before.is_some_and(|before| before.version == version) && warehouse.relation(relation)?.is_some() {
        context.versions.set(&node.id, version);
        return Ok(NodeStatus::Reused);
    }
    let column_types: Vec<(String, String)> = seed
        .config
        .column_types
        .iter()
        .map(|(column, data_type)| (column.clone(), data_type.clone()))
        .collect();
    let path = context.dag.project.root.join(&*node.path);
    let owner = model::owner(context, node);
    let loaded = model::in_transaction(warehouse, |warehouse| {
        model::hooks(context, node, "pre-hook", &seed.config.pre_hook, warehouse)?;
        let loaded = load::file(
            warehouse,
            &Load {
                relation,
                path: &path,
                delimiter: seed.config.delimiter.map(|delimiter| delimiter as u8),
                column_types: &column_types,
                owner: &owner,
                is_forced: true,
            },
        )?;
        model::hooks(context, node, "post-hook", &seed.config.post_hook, warehouse)?;
        Ok(loaded)
    })?;
    super::tell_not_finite(context, node, &loaded);
    report.rows = loaded.rows;
    let made = NodeVersion {
        unique_id: node.id.to_string(),
        fingerprint: node.fingerprints.data().to_string(),
        gate_fingerprint: node.fingerprints.gate.to_string(),
        metadata_fingerprint: node.fingerprints.metadata.to_string(),
        version: version.clone(),
        inputs: std::collections::BTreeMap::new(),
        relation: Some(shown(relation)),
        answer_tables: Vec::new(),
        run: None,
        at: jiff::Timestamp::now(),
    };
    context.state.put_node_version(context.run, context.target, &made)?;
    context.versions.set(&node.id, version);
    Ok(NodeStatus::Success)
}
