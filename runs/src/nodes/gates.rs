//! Models with gates: the rows with what becomes of each, and views on the parts.

use refuel_dag::{ModelNode, Node, Part};
use refuel_staging::Gated;
use refuel_warehouse::materialize::{self, Make};
use refuel_warehouse::{Owner, RelationName, Warehouse, ownership};

use crate::error::RunError;
use crate::quote;

/// The column that says what becomes of a row.
pub(crate) const COLUMN: &str = "refuel_gate";

/// The relation that holds a gated model's rows with their gates.
pub(crate) fn stored(model: &RelationName) -> RelationName {
    model.sibling(format!("{}__gated", model.name))
}

/// Every relation that a gated model has beside the one of its name.
pub(crate) fn beside(model: &RelationName) -> Vec<RelationName> {
    let parts = Part::ALL.map(|part| part.relation(model));
    std::iter::once(stored(model)).chain(parts).collect()
}

/// Everything that a node keeps rows in or is read through.
pub(crate) fn relations(node: &Node) -> Vec<RelationName> {
    let Some(relation) = &node.relation else {
        return Vec::new();
    };
    let mut all = vec![relation.clone()];
    if node.model().is_some_and(|model| model.gated) {
        all.extend(beside(relation));
    }
    all
}

/// Where the rows of a model are kept.
pub(crate) fn kept(model: &RelationName, gated: bool) -> RelationName {
    if gated { stored(model) } else { model.clone() }
}

/// The query whose last column is the gate of each row: `gated` where staging made one of `sql`. A row behind which there is no answer is accepted.
///
/// # Errors
/// [`RunError::NotPossible`] where a row has no gate of its own.
pub(crate) fn query(node: &Node, sql: &str, gated: Option<&Gated>) -> Result<String, RunError> {
    match gated {
        Some(Gated::Sql(sql)) => Ok(sql.clone()),
        Some(Gated::Impossible(reason)) => Err(RunError::NotPossible {
            node: node.name.to_string(),
            reason: format!("can't have gates: {reason}"),
            hint: Some(
                "call the task in a model of its own, and let this one read it; or set \"gates: false\"".to_owned(),
            ),
        }),
        None => Ok(format!("SELECT ungated.*, 0 AS {COLUMN} FROM ({sql}) AS ungated")),
    }
}

/// Makes the view on all rows, and those on the parts.
pub(crate) fn views(
    warehouse: &mut dyn Warehouse,
    model: &RelationName,
    owner: &Owner,
    columns: &[String],
) -> Result<(), RunError> {
    let list: Vec<String> = columns
        .iter()
        .filter(|column| *column != COLUMN)
        .map(|column| quote::identifier(column))
        .collect();
    let list = list.join(", ");
    let from = quote::relation(&stored(model));
    let mut make = |relation: &RelationName, sql: &str| {
        materialize::view(
            warehouse,
            &Make {
                relation,
                sql,
                owner,
                unique_key: &[],
                contract: None,
            },
        )
    };
    make(model, &format!("SELECT {list} FROM {from}"))?;
    for (part, number) in Part::ALL.into_iter().zip(0..) {
        make(
            &part.relation(model),
            &format!("SELECT {list} FROM {from} WHERE {COLUMN} = {number}"),
        )?;
    }
    Ok(())
}

/// Drops what is left of a model that had gates and has none now.
pub(crate) fn clear(
    warehouse: &mut dyn Warehouse,
    project: &str,
    node: &Node,
    model: &ModelNode,
    relation: &RelationName,
) -> Result<(), RunError> {
    if model.gated {
        return Ok(());
    }
    let mut left = Vec::new();
    for relation in beside(relation) {
        let owner = ownership::owner(warehouse, &relation)?;
        if owner.is_some_and(|owned| owned.owner.project == project && owned.owner.node == node.id.as_str()) {
            left.push(relation);
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    Ok(ownership::drop(warehouse, project, &left)?)
}
