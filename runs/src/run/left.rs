//! What a node leaves behind that is called otherwise now: another alias, another schema, no relation of its own.

use std::collections::{HashMap, HashSet};

use refuel_dag::Detail;
use refuel_warehouse::{Dialect, RelationName, Warehouse, ownership};

use crate::context::Context;
use crate::error::RunError;
use crate::nodes::gates;
use crate::quote;
use crate::report::{NodeReport, is_good};

/// Drops the relations that nodes of this run had under earlier names, and says so. What something still reads stays, and
/// that is said as well.
pub(super) fn clear(
    context: &Context<'_>,
    reports: &[NodeReport],
    warehouse: &mut dyn Warehouse,
) -> Result<(), RunError> {
    let project = &context.dag.project.settings.name;
    let done: HashSet<&str> = reports
        .iter()
        .filter(|report| is_good(report.status))
        .map(|report| report.node.as_str())
        .collect();
    let dialect = warehouse.dialect();
    let place = |relation: &RelationName| place(dialect, context.schema.as_deref(), relation);
    // The name of one node may be the earlier name of another.
    let wanted: HashSet<(String, String)> = context
        .dag
        .nodes
        .values()
        .flat_map(gates::relations)
        .map(|relation| place(&relation))
        .collect();
    let mut left: HashMap<String, Vec<RelationName>> = HashMap::new();
    for owned in ownership::owned(warehouse, project)? {
        let is_maker = context
            .dag
            .node(&owned.owner.node)
            .is_some_and(|node| matches!(node.detail, Detail::Model(_) | Detail::Seed(_)));
        if is_maker && done.contains(owned.owner.node.as_str()) && !wanted.contains(&place(&owned.relation)) {
            left.entry(owned.owner.node).or_default().push(owned.relation);
        }
    }
    for (id, relations) in left {
        let Some(node) = context.dag.node(&id) else { continue };
        let names: Vec<String> = relations.iter().map(quote::relation).collect();
        let names = names.join(", ");
        let dropped = match reader(warehouse, &relations)? {
            Some(view) => Err(format!("the view {view} reads it")),
            None => ownership::drop(warehouse, project, &relations).map_err(|error| error.to_string()),
        };
        context.note(
            Some(&node.id),
            match dropped {
                Ok(()) => format!("dropped {names}, as it was called before"),
                Err(why) => format!("{names}, as it was called before, is left: {why}"),
            },
        );
    }
    Ok(())
}

/// A relation as one is told from others, by its schema and its name.
fn place(dialect: Dialect, own_schema: Option<&str>, relation: &RelationName) -> (String, String) {
    match dialect {
        // It has one schema that relations are made in, and doesn't look at case.
        Dialect::Sqlite => (String::new(), relation.name.to_ascii_lowercase()),
        Dialect::Postgres => {
            let schema = relation.schema.as_deref().or(own_schema).unwrap_or_default();
            (schema.to_owned(), relation.name.clone())
        }
    }
}

/// A view of SQLite that mentions one of these relations, and is none of them: it would be left without what it reads.
/// Postgres refuses to drop what is read.
fn reader(warehouse: &mut dyn Warehouse, relations: &[RelationName]) -> Result<Option<String>, RunError> {
    if warehouse.dialect() != Dialect::Sqlite {
        return Ok(None);
    }
    let own: Vec<String> = relations
        .iter()
        .map(|relation| format!("lower({})", quote::text(&relation.name)))
        .collect();
    let mentions: Vec<String> = own
        .iter()
        .map(|name| format!("instr(lower(sql), {name}) > 0"))
        .collect();
    let view = warehouse.value(&format!(
        "SELECT name FROM sqlite_schema WHERE type = 'view' AND lower(name) NOT IN ({}) AND ({}) ORDER BY name LIMIT 1",
        own.join(", "),
        mentions.join(" OR ")
    ))?;
    Ok(view.map(|name| name.to_string()))
}
