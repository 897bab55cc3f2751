//! Rows of a unit test as a temporary table.

use refuel_dag::{Detail, Node};
use refuel_project::Fixture;
use refuel_warehouse::{Column, Dialect, RelationName, Warehouse};
use serde_json::Value;

use crate::context::Context;
use crate::error::RunError;
use crate::quote;

/// Makes a table that stands for a node. Its columns are those of the node's relation where that is there, with their
/// types; else those that the fixture and the properties name.
pub(super) fn make(
    context: &Context<'_>,
    node: &Node,
    fixture: &Fixture,
    table: &RelationName,
    warehouse: &mut dyn Warehouse,
) -> Result<(), RunError> {
    let dialect = warehouse.dialect();
    let there = match &node.relation {
        Some(relation) => warehouse.columns(relation)?,
        None => Vec::new(),
    };
    check(node, fixture, &there)?;
    let columns = columns(context, node, fixture, &there, dialect);
    let definitions: Vec<String> = columns
        .iter()
        .map(|(name, data_type)| format!("{} {data_type}", quote::identifier(name)))
        .collect();
    warehouse.execute(&format!(
        "CREATE TEMPORARY TABLE {} ({})",
        quote::relation(table),
        definitions.join(", ")
    ))?;
    if fixture.rows.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = fixture.columns.iter().map(|name| quote::identifier(name)).collect();
    let rows: Vec<String> = fixture
        .rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&fixture.columns).map(|(value, name)| {
                let data_type = columns.iter().find(|(column, _)| column == name);
                literal(value, data_type.map_or("text", |(_, data_type)| data_type), dialect)
            });
            format!("({})", cells.collect::<Vec<_>>().join(", "))
        })
        .collect();
    warehouse.execute(&format!(
        "INSERT INTO {} ({}) VALUES {}",
        quote::relation(table),
        names.join(", "),
        rows.join(", ")
    ))?;
    Ok(())
}

/// A column that the relation doesn't have is a mistake of the test.
fn check(node: &Node, fixture: &Fixture, there: &[Column]) -> Result<(), RunError> {
    if there.is_empty() {
        return Ok(());
    }
    for column in &fixture.columns {
        if !there.iter().any(|there| there.name.eq_ignore_ascii_case(column)) {
            let names = there.iter().map(|there| there.name.as_str());
            let near = refuel_dag::nearest(column, names.clone());
            return Err(RunError::Fixture {
                place: fixture.place.clone(),
                message: format!("\"{}\" has no column \"{column}\"", node.name),
                hint: Some(match near {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("its columns are {}", names.collect::<Vec<_>>().join(", ")),
                }),
            });
        }
    }
    Ok(())
}

/// Names and types of the columns of a table that stands for a node.
fn columns(
    context: &Context<'_>,
    node: &Node,
    fixture: &Fixture,
    there: &[Column],
    dialect: Dialect,
) -> Vec<(String, String)> {
    if !there.is_empty() {
        return there
            .iter()
            .map(|column| {
                let data_type = column.data_type.clone().filter(|data_type| !data_type.is_empty());
                (column.name.clone(), data_type.unwrap_or_default())
            })
            .collect();
    }
    let declared: Vec<(String, Option<String>)> = declared(context, node);
    let mut columns: Vec<(String, String)> = Vec::new();
    for (at, name) in fixture.columns.iter().enumerate() {
        let known = declared.iter().find(|(column, _)| column == name);
        let data_type = known
            .and_then(|(_, data_type)| data_type.clone())
            .unwrap_or_else(|| of_values(fixture.rows.iter().map(|row| &row[at]), dialect).to_owned());
        columns.push((name.clone(), data_type));
    }
    for (name, data_type) in declared {
        if !fixture.columns.contains(&name) {
            columns.push((name, data_type.unwrap_or_else(|| "text".to_owned())));
        }
    }
    if columns.is_empty() {
        // A table has a column at least.
        columns.push(("_refuel_none".to_owned(), "text".to_owned()));
    }
    columns
}

/// The columns that properties tell of.
fn declared(context: &Context<'_>, node: &Node) -> Vec<(String, Option<String>)> {
    let columns = match &node.detail {
        Detail::Source(source) => {
            let source_of = context.dag.project.sources.get(&*source.source);
            let table = source_of.and_then(|of| of.tables.iter().find(|table| table.name == *source.table));
            table.map(|table| table.columns.as_slice())
        }
        _ => context
            .dag
            .properties(node)
            .map(|properties| properties.columns.as_slice()),
    };
    columns
        .unwrap_or_default()
        .iter()
        .map(|column| (column.name.clone(), column.data_type.clone()))
        .collect()
}

/// The type that holds every value.
fn of_values<'a>(values: impl Iterator<Item = &'a Value>, dialect: Dialect) -> &'static str {
    let boolean = match dialect {
        Dialect::Sqlite => "integer",
        Dialect::Postgres => "boolean",
    };
    let mut found: Option<&'static str> = None;
    for value in values {
        let fits = match value {
            Value::Null => continue,
            Value::Bool(_) => boolean,
            Value::Number(number) if number.is_f64() => "double precision",
            Value::Number(_) => "bigint",
            _ => "text",
        };
        found = Some(match (found, fits) {
            (None, fits) => fits,
            (Some(before), fits) if before == fits => fits,
            (Some("bigint"), "double precision") | (Some("double precision"), "bigint") => "double precision",
            _ => "text",
        });
    }
    found.unwrap_or("text")
}

/// A value as SQL of a type.
fn literal(value: &Value, data_type: &str, dialect: Dialect) -> String {
    let plain = match value {
        Value::Null => return "NULL".to_owned(),
        Value::Bool(flag) if dialect == Dialect::Sqlite => i64::from(*flag).to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quote::text(text),
        other => quote::text(&other.to_string()),
    };
    match dialect {
        // Affinity does what a cast would, and keeps what does not fit.
        Dialect::Sqlite => plain,
        Dialect::Postgres => format!("CAST({plain} AS {data_type})"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_is_found_that_holds_every_value() {
        let of = |values: Value, dialect| of_values(values.as_array().unwrap().iter(), dialect);
        assert_eq!(of(json!([1, null, 2]), Dialect::Postgres), "bigint");
        assert_eq!(of(json!([1, 2.5]), Dialect::Postgres), "double precision");
        assert_eq!(of(json!([true, null]), Dialect::Postgres), "boolean");
        assert_eq!(of(json!([true]), Dialect::Sqlite), "integer");
        assert_eq!(of(json!([1, "x"]), Dialect::Sqlite), "text");
        assert_eq!(of(json!([null]), Dialect::Sqlite), "text");
    }

    #[test]
    fn values_are_written_for_their_type() {
        assert_eq!(literal(&json!("it's"), "text", Dialect::Sqlite), "'it''s'");
        assert_eq!(
            literal(&json!("2026-01-02"), "date", Dialect::Postgres),
            "CAST('2026-01-02' AS date)"
        );
        assert_eq!(literal(&Value::Null, "date", Dialect::Postgres), "NULL");
        assert_eq!(literal(&json!(true), "integer", Dialect::Sqlite), "1");
    }
}
