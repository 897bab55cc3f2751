//! Looking answers up: the SQL that reads and probes a table of answers.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Visit, Visitor};

use super::marks::Site;
use super::sql;
use crate::{Dialect, RelationName};

/// The name of a table of answers within a lookup.
pub(crate) const ANSWER: &str = "refuel_answer";

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
    let asked = (1..=texts.len())
        .map(|place| format!(" AND __{place} IS NOT NULL"))
        .collect::<String>();
    let mut values: Vec<Expr> = texts.iter().map(|text| Expr::Nested(Box::new(text.clone()))).collect();
    let template = format!("CASE WHEN __{} IS NULL{asked} THEN 1 ELSE 0 END", values.len() + 1);
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
    struct Finding;
    impl Visitor for Finding {
        type Break = ();
        fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
            let hidden = |name: &str| HIDING.iter().any(|hiding| Dialect::same_name(hiding, name));
            match expression {
                Expr::Identifier(name) if hidden(&name.value) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expression.visit(&mut Finding).is_break()
}
