//! Errors of rows, in the words of what the user wrote.

use refuel_staging::{Dialect, RelationName};

use super::Make;
use crate::contract::{Difference, Renamed};
use crate::types::Affinity;
use crate::{Warehouse, WarehouseError};

/// An error of a table that stands beside the one that it replaces, with the names that it would have in its place.
pub(super) fn in_place(
    mut error: WarehouseError,
    beside: &RelationName,
    relation: &RelationName,
    renamed: &[Renamed],
) -> WarehouseError {
    if let WarehouseError::Statement { refusal, .. } = &mut error {
        // A constraint may be called after the table.
        for renamed in renamed {
            refusal.message = refusal.message.replace(&renamed.beside, &renamed.name);
        }
        refusal.message = refusal.message.replace(&beside.name, &relation.name);
    }
    error
}

/// The error of rows that are not of the types of a contract, which SQLite knows only when it has them: the contract is
/// broken, as where the types of a query are known. `rows` is the query that gives them.
pub(super) fn broken(
    warehouse: &mut dyn Warehouse,
    make: &Make<'_>,
    rows: &str,
    error: WarehouseError,
) -> WarehouseError {
    let (Some(contract), WarehouseError::Statement { refusal, .. }) = (make.contract, &error) else {
        return error;
    };
    if warehouse.dialect() != Dialect::Sqlite {
        return error;
    }
    let Some((column, declared)) = contract.broken_type(&refusal.message) else {
        return error;
    };
    let fitting = Affinity::of(declared).value_types();
    let name = Dialect::Sqlite.quote(column);
    let found = warehouse.rows(&format!(
        "SELECT DISTINCT typeof({name}) FROM (\n{rows}) AS r ORDER BY 1"
    ));
    let types = found.unwrap_or_default();
    let types = types.iter().filter_map(|row| row.first()?.as_text());
    let found: Vec<&str> = types
        .filter(|found| *found != "null" && !fitting.contains(found))
        .collect();
    WarehouseError::Contract {
        relation: make.relation.clone(),
        differences: vec![Difference {
            column: column.to_owned(),
            declared: declared.to_owned(),
            found: if found.is_empty() {
                "another".to_owned()
            } else {
                found.join(", ")
            },
        }],
    }
}
