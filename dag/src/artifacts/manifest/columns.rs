//! Columns and constraints, as properties declare them.

use indexmap::IndexMap;
use refuel_project::{Column, Constraint};
use serde::Serialize;
use serde_json::{Map, Value};

/// A column of a node.
#[derive(Serialize)]
pub(super) struct ColumnEntry<'a> {
    name: &'a str,
    description: &'a str,
    meta: &'a Map<String, Value>,
    data_type: Option<&'a str>,
    constraints: Vec<ColumnConstraint<'a>>,
    quote: Option<bool>,
    config: ColumnConfig<'a>,
    tags: &'a [String],
    granularity: Option<&'a str>,
    doc_blocks: [&'a str; 0],
}

#[derive(Serialize)]
struct ColumnConfig<'a> {
    meta: &'a Map<String, Value>,
    tags: &'a [String],
}

/// A constraint of a column.
#[derive(Serialize)]
struct ColumnConstraint<'a> {
    #[serde(rename = "type")]
    kind: &'a refuel_project::ConstraintKind,
    name: Option<&'a str>,
    expression: Option<&'a str>,
    warn_unenforced: bool,
    warn_unsupported: bool,
    to: Option<&'a str>,
    to_columns: [&'a str; 0],
}

/// A constraint of a table.
#[derive(Serialize)]
pub(super) struct TableConstraint<'a> {
    #[serde(flatten)]
    constraint: ColumnConstraint<'a>,
    columns: &'a [String],
}

/// The columns by name, in their order.
pub(super) fn columns(columns: &[Column]) -> IndexMap<&str, ColumnEntry<'_>> {
    let entries = columns.iter().map(|column| {
        let entry = ColumnEntry {
            name: &column.name,
            description: column.description.as_deref().unwrap_or_default(),
            meta: &column.meta,
            data_type: column.data_type.as_deref(),
            constraints: column.constraints.iter().map(constraint).collect(),
            quote: None,
            config: ColumnConfig {
                meta: &column.meta,
                tags: &column.tags,
            },
            tags: &column.tags,
            granularity: None,
            doc_blocks: [],
        };
        (column.name.as_str(), entry)
    });
    entries.collect()
}

/// The constraints of a table.
pub(super) fn constraints(constraints: &[Constraint]) -> Vec<TableConstraint<'_>> {
    let entries = constraints.iter().map(|table| TableConstraint {
        constraint: constraint(table),
        columns: &table.columns,
    });
    entries.collect()
}

fn constraint(constraint: &Constraint) -> ColumnConstraint<'_> {
    ColumnConstraint {
        kind: &constraint.kind,
        name: constraint.name.as_deref(),
        expression: constraint.expression.as_deref(),
        warn_unenforced: true,
        warn_unsupported: true,
        to: None,
        to_columns: [],
    }
}
