//! SQL of declared tests: the rows that fail.

use std::fmt::Write as _;

use refuel_project::TestKind as Declared;
use refuel_staging::Dialect;
use serde_json::Value;

use crate::nodes::TestNode;

/// The rows that fail a declared test. `relation` is what it is declared under, and `other` the relation that
/// `relationships` names, both as SQL.
pub(crate) fn failing_rows(
    declared: &Declared,
    test: &TestNode,
    relation: &str,
    other: Option<&str>,
    dialect: Dialect,
) -> String {
    let tested = match &test.config.condition {
        Some(condition) => format!("(SELECT * FROM {relation} WHERE {condition}) AS tested"),
        None => format!("{relation} AS tested"),
    };
    let column = test
        .column
        .as_deref()
        .map(|column| column_sql(column, dialect))
        .unwrap_or_default();
    match declared {
        Declared::Unique => format!(
            "SELECT {column} AS unique_field, count(*) AS n_records\nFROM {tested}\nWHERE {column} IS NOT NULL\n\
             GROUP BY {column}\nHAVING count(*) > 1"
        ),
        Declared::NotNull => format!("SELECT *\nFROM {tested}\nWHERE {column} IS NULL"),
        Declared::AcceptedValues { values, quote } => {
            let mut list = String::new();
            for (number, value) in values.iter().enumerate() {
                let comma = if number == 0 { "" } else { ", " };
                let _ = write!(list, "{comma}{}", value_sql(value, *quote, dialect));
            }
            format!(
                "SELECT {column} AS value_field, count(*) AS n_records\nFROM {tested}\n\
                 WHERE {column} NOT IN ({list})\nGROUP BY {column}"
            )
        }
        Declared::Relationships { field, .. } => {
            let field = column_sql(field, dialect);
            let other = other.unwrap_or_default();
            format!(
                "SELECT tested.{column} AS from_field\nFROM {tested}\nWHERE tested.{column} IS NOT NULL\n  AND NOT EXISTS \
                 (SELECT 1 FROM {other} AS referenced WHERE referenced.{field} = tested.{column})"
            )
        }
        Declared::Expression { expression } if column.is_empty() => {
            format!("SELECT *\nFROM {tested}\nWHERE NOT ({expression})")
        }
        Declared::Expression { expression } => format!("SELECT *\nFROM {tested}\nWHERE NOT ({column} {expression})"),
    }
}

/// At most so many of the rows that fail.
pub(crate) fn limited(sql: &str, limit: Option<u64>) -> String {
    match limit {
        Some(limit) => format!("SELECT *\nFROM (\n{sql}\n) AS failing\nLIMIT {limit}"),
        None => sql.to_owned(),
    }
}

/// A column as SQL names it. A plain name is written as it is, so that it means what it would mean in a query; what
/// could not be written there without quotes is quoted.
fn column_sql(column: &str, dialect: Dialect) -> String {
    let mut characters = column.chars();
    let is_plain = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
        && !RESERVED.contains(&column.to_ascii_lowercase().as_str());
    if is_plain || column.starts_with('"') {
        column.to_owned()
    } else {
        dialect.quote(column)
    }
}

/// Words that can't be columns without quotes, in one dialect or the other, and that tables do have as columns.
const RESERVED: [&str; 32] = [
    "all",
    "and",
    "any",
    "as",
    "asc",
    "between",
    "case",
    "check",
    "column",
    "constraint",
    "create",
    "current_date",
    "default",
    "desc",
    "distinct",
    "else",
    "end",
    "from",
    "group",
    "index",
    "limit",
    "not",
    "null",
    "on",
    "or",
    "order",
    "primary",
    "references",
    "select",
    "table",
    "user",
    "where",
];

fn value_sql(value: &Value, quote: bool, dialect: Dialect) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if quote { dialect.literal(&text) } else { text }
}
