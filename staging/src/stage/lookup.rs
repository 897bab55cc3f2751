//! Looking answers up: the SQL that reads and probes a table of answers.

use sqlparser::ast::{Expr, Query, Select, SetExpr, TableFactor};

use super::locate::arguments;
use super::marks::Site;
use super::sql;
use crate::scopes::walk;
use crate::{Dialect, RelationName};

/// The name of a table of answers within a lookup.
pub(crate) const ANSWER: &str = "refuel_lookup";

/// Names that a table of answers has, and that would hide a column of the query's own within a lookup.
const HIDING: &[&str] = &[
    "key_1",
    "key_2",
    "argument_1",
    "argument_2",
    "value",
    "confidence",
    "score",
    "gate",
    "status",
    "source",
    "reason",
    // What every table has without a declaration: the first three in SQLite, the others in Postgres.
    "rowid",
    "oid",
    "_rowid_",
    "ctid",
    "tableoid",
    "xmin",
    "xmax",
    "cmin",
    "cmax",
    ANSWER,
];

/// The text of an argument, so that equal arguments are equal bytes.
pub(crate) fn as_text(dialect: Dialect, argument: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("CAST({argument} AS TEXT) COLLATE BINARY"),
        Dialect::Postgres => format!("CAST({argument} AS TEXT) COLLATE \"C\""),
    }
}

/// The key of a text.
fn key(dialect: Dialect, text: &str) -> String {
    match dialect {
        Dialect::Sqlite => text.to_owned(),
        // A btree takes no key longer than a third of a page.
        Dialect::Postgres => format!("sha256(convert_to({text}, 'UTF8'))"),
    }
}

/// The answer to a call, from a column of its table: a subquery that has one row or none.
pub(crate) fn lookup(dialect: Dialect, table: &RelationName, column: &str, texts: &[Expr]) -> Expr {
    let table = table.sql(dialect);
    let places = 1..=texts.len();
    let keys = |prefix: &str| {
        places
            .clone()
            .map(|place| {
                let text = key(dialect, &format!("CAST(__{place} AS TEXT)"));
                format!("{ANSWER}.{prefix}key_{place} = {text}")
            })
            .collect::<Vec<_>>()
            .join(" AND ")
    };
    let template = if texts.iter().any(may_be_hidden) {
        let columns = places
            .clone()
            .map(|place| format!("key_{place} AS refuel_key_{place}"))
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "(SELECT {ANSWER}.refuel_{column} FROM (SELECT {columns}, {column} AS refuel_{column} FROM {table}) AS {ANSWER} \
             WHERE {})",
            keys("refuel_")
        )
    } else {
        format!("(SELECT {ANSWER}.{column} FROM {table} AS {ANSWER} WHERE {})", keys(""))
    };
    sql::fill(sql::expression_in(dialect, &template), texts)
}

/// Whether a call with these texts has a row in its table, also one that failed: 0 where it has, or where there is
/// nothing to ask; 1 where it has none.
pub(crate) fn missing(dialect: Dialect, site: &Site, texts: &[Expr]) -> Expr {
    let status = lookup(dialect, &site.table, "status", texts);
    let asked: Vec<String> = (1..=texts.len())
        .map(|place| format!("__{place} IS NOT NULL"))
        .collect();
    let asked = asked.join(" AND ");
    let mut values: Vec<Expr> = texts.iter().map(|text| Expr::Nested(Box::new(text.clone()))).collect();
    let template = format!("CASE WHEN __{} IS NULL AND {asked} THEN 1 ELSE 0 END", values.len() + 1);
    values.push(status);
    sql::fill(sql::expression_in(dialect, &template), &values)
}

/// The condition that a text has no answer that counts.
pub(crate) fn unanswered(dialect: Dialect, table: &RelationName, arguments: u8) -> String {
    let keys = (1..=arguments)
        .map(|place| {
            let text = key(dialect, &format!("q.argument_{place}"));
            format!("{ANSWER}.key_{place} = {text}")
        })
        .collect::<Vec<_>>()
        .join(" AND ");
    format!(
        "NOT EXISTS (SELECT 1 FROM {} AS {ANSWER} WHERE {keys} AND {ANSWER}.status <> 'error')",
        table.sql(dialect)
    )
}

/// Whether an expression uses a name that a table of answers has too.
fn may_be_hidden(expression: &Expr) -> bool {
    walk::holds(
        expression,
        &|part| matches!(part, Expr::Identifier(name) if HIDING.iter().any(|hiding| Dialect::same_name(hiding, &name.value))),
    )
}

/// What a lookup reads.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    pub(crate) table: RelationName,
    pub(crate) texts: Vec<Expr>,
}

/// Reads a lookup that [`lookup`] made; none where an expression is something else.
pub(crate) fn read(expression: &Expr, dialect: Dialect) -> Option<Lookup> {
    let Expr::Subquery(query) = expression else {
        return None;
    };
    let select = select_of(query)?;
    let [from] = &select.from[..] else { return None };
    let table = match &from.relation {
        TableFactor::Table {
            name,
            alias: Some(alias),
            ..
        } if alias.name.value == ANSWER => RelationName::of(name, dialect)?,
        TableFactor::Derived {
            subquery,
            alias: Some(alias),
            ..
        } if alias.name.value == ANSWER => match &select_of(subquery)?.from[..] {
            [from] => match &from.relation {
                TableFactor::Table { name, .. } => RelationName::of(name, dialect)?,
                _ => return None,
            },
            _ => return None,
        },
        _ => return None,
    };
    let texts = sql::conjuncts(select.selection.as_ref()?)
        .into_iter()
        .map(|condition| match condition {
            Expr::BinaryOp { right, .. } => text_of(right),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Lookup { table, texts })
}

fn select_of(query: &Query) -> Option<&Select> {
    match &*query.body {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

/// The text that a key is made of.
fn text_of(key: &Expr) -> Option<Expr> {
    match key {
        Expr::Cast { expr, .. } => Some((**expr).clone()),
        Expr::Function(function) => text_of(arguments(function).first()?),
        _ => None,
    }
}
