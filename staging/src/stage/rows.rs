//! The rows that a call is made for, as SQL.

use std::collections::BTreeSet;

use sqlparser::ast::Expr;

use crate::{Dialect, RelationName};

use super::lookup;

/// A query whose rows are the inputs of a call, repeated and with NULLs as they come.
///
/// Its columns are `argument_1` and, for two texts, `argument_2`. Inputs that were gathered in a subquery come as one
/// column `argument_1` of JSON arrays, `depth` arrays deep; two texts are then an array of two.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// Common table expressions that the body reads.
    with: Vec<String>,
    recursive: bool,
    body: String,
    arguments: u8,
    depth: usize,
    /// Where the rows are those that a LIMIT lets through: the key of ORDER BY that puts rows with an answer first.
    pub(crate) missing: Option<Expr>,
    /// What is asked about, of which rows, under which conditions: rows with the same subject and origin and with more
    /// conditions are a part of these.
    subject: String,
    origin: String,
    conditions: BTreeSet<String>,
}

/// The columns of a call's inputs in its block.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) columns: Vec<String>,
    pub(crate) arguments: u8,
    pub(crate) depth: usize,
    pub(crate) missing: Option<Expr>,
    /// See [`Rows`].
    pub(crate) subject: String,
    pub(crate) conditions: Vec<String>,
}

impl Value {
    /// The select list.
    pub(crate) fn list(&self) -> String {
        self.columns
            .iter()
            .zip(1..)
            .map(|(column, place)| format!("{column} AS argument_{place}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Rows of this value. `rest` is what follows the select list; `origin` is that without the conditions.
    pub(crate) fn rows(self, rest: &str, origin: &str, conditions: impl IntoIterator<Item = String>) -> Rows {
        let body = format!("SELECT {}{rest}", self.list());
        // Two gatherings of a subquery are the same only where all of it is.
        let whole = self.depth > 0;
        Rows {
            with: Vec::new(),
            recursive: false,
            arguments: self.arguments,
            depth: self.depth,
            missing: self.missing,
            subject: if whole { body.clone() } else { self.subject },
            origin: if whole { String::new() } else { origin.to_owned() },
            conditions: if whole {
                BTreeSet::new()
            } else {
                self.conditions.into_iter().chain(conditions).collect()
            },
            body,
        }
    }
}

impl Rows {
    /// The query.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.opening(), self.body)
    }

    fn opening(&self) -> String {
        if self.with.is_empty() {
            return String::new();
        }
        let recursive = if self.recursive { "RECURSIVE " } else { "" };
        format!("WITH {recursive}{} ", self.with.join(", "))
    }

    /// The same behind common table expressions.
    pub(crate) fn behind(mut self, tables: Vec<String>, recursive: bool) -> Self {
        if tables.is_empty() {
            return self;
        }
        if !self.with.is_empty() {
            self.body = format!("SELECT * FROM ({}) AS q", self.text());
        }
        self.origin = format!("{} OF {}", tables.join(", "), self.origin);
        self.with = tables;
        self.recursive = recursive;
        self
    }

    /// All rows as one value, to be gathered for each row of a query around it.
    pub(crate) fn gathered(&self, dialect: Dialect) -> String {
        let one = match (self.depth, self.arguments, dialect) {
            (0, 2, Dialect::Sqlite) => "json_array(q.argument_1, q.argument_2)",
            (0, 2, Dialect::Postgres) => "json_build_array(q.argument_1, q.argument_2)",
            _ => "q.argument_1",
        };
        let aggregate = match dialect {
            Dialect::Sqlite => "json_group_array",
            Dialect::Postgres => "json_agg",
        };
        format!(
            "(SELECT {aggregate}({one}) FILTER (WHERE q.argument_1 IS NOT NULL) FROM ({}) AS q)",
            self.text()
        )
    }

    /// The value of [`Rows::gathered`], for the rows of a query around it.
    pub(crate) fn gathered_value(&self, dialect: Dialect) -> Value {
        let column = self.gathered(dialect);
        Value {
            arguments: self.arguments,
            depth: self.depth + 1,
            missing: self.missing.clone(),
            subject: column.clone(),
            columns: vec![column],
            conditions: Vec::new(),
        }
    }

    /// Whether every row of `self` is among those of `other`, as far as the texts tell.
    pub(crate) fn are_part_of(&self, other: &Self) -> bool {
        self.subject == other.subject && self.origin == other.origin && other.conditions.is_subset(&self.conditions)
    }

    /// The query with gathered inputs laid out in rows again: its opening, and what stands in FROM.
    fn laid_out(&self, dialect: Dialect) -> (String, String) {
        let Some(last) = self.depth.checked_sub(1) else {
            return (self.opening(), self.body.clone());
        };
        let mut from = format!("({}) AS q", self.body);
        for level in 0..self.depth {
            let above = if level == 0 {
                "q.argument_1".to_owned()
            } else {
                format!("e{}.value", level - 1)
            };
            from.push_str(&match dialect {
                Dialect::Sqlite => format!(", json_each({above}) AS e{level}"),
                Dialect::Postgres => format!(" CROSS JOIN LATERAL json_array_elements({above}) AS e{level} (value)"),
            });
        }
        let columns = match (self.arguments, dialect) {
            (2, Dialect::Sqlite) => format!(
                "json_extract(e{last}.value, '$[0]') AS argument_1, json_extract(e{last}.value, '$[1]') AS argument_2"
            ),
            (2, Dialect::Postgres) => format!(
                "(e{last}.value ->> 0) COLLATE \"C\" AS argument_1, (e{last}.value ->> 1) COLLATE \"C\" AS argument_2"
            ),
            (_, Dialect::Sqlite) => format!("e{last}.value AS argument_1"),
            (_, Dialect::Postgres) => format!("(e{last}.value #>> '{{}}') COLLATE \"C\" AS argument_1"),
        };
        (self.opening(), format!("SELECT {columns} FROM {from}"))
    }
}

/// The distinct inputs of rows that are put together; without those that are answered where a table is given.
pub(crate) fn inputs(all: &[Rows], dialect: Dialect, unanswered_in: Option<&RelationName>) -> String {
    let Some(first) = all.first() else {
        return String::new();
    };
    let (opening, body) = if all.len() == 1 {
        first.laid_out(dialect)
    } else {
        let parts: Vec<String> = all
            .iter()
            .map(|rows| {
                let (opening, body) = rows.laid_out(dialect);
                format!("SELECT * FROM ({opening}{body}) AS q")
            })
            .collect();
        (String::new(), parts.join(" UNION ALL "))
    };
    let places = 1..=first.arguments;
    let columns: Vec<String> = places.clone().map(|place| format!("q.argument_{place}")).collect();
    let present: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
    let mut text = format!(
        "{opening}SELECT DISTINCT {} FROM ({body}) AS q WHERE {}",
        columns.join(", "),
        present.join(" AND ")
    );
    if let Some(table) = unanswered_in {
        text.push_str(&format!(" AND {}", lookup::unanswered(dialect, table, first.arguments)));
    }
    text
}
