//! The names of a query's columns.

use sqlparser::ast::{
    Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins,
};

use super::functions;
use crate::dialect::folded;
use crate::{Dialect, RelationName};

/// Names columns, as far as the columns of the relations that are read are known.
pub(crate) struct Outputs<'a> {
    pub(crate) dialect: Dialect,
    /// The columns of a base relation.
    pub(crate) relation: &'a dyn Fn(&RelationName) -> Option<Vec<String>>,
    /// The common table expressions that are seen, the nearest last.
    pub(crate) tables: Vec<(String, Option<Vec<String>>)>,
}

impl Outputs<'_> {
    /// The columns of a query.
    pub(crate) fn query(&mut self, query: &Query) -> Option<Vec<String>> {
        let seen = self.tables.len();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = self.query(&table.query);
            let columns = renamed(columns, &table.alias, self.dialect);
            self.tables.push((folded(&table.alias.name, self.dialect), columns));
        }
        let columns = self.set(&query.body);
        self.tables.truncate(seen);
        columns
    }

    /// The columns of a query without its common table expressions.
    pub(crate) fn set(&mut self, part: &SetExpr) -> Option<Vec<String>> {
        match part {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, .. } => self.set(left),
            SetExpr::Values(values) => {
                let width = values.rows.first()?.content.len();
                Some((1..=width).map(|place| format!("column{place}")).collect())
            }
            _ => None,
        }
    }

    fn select(&mut self, select: &Select) -> Option<Vec<String>> {
        let mut names = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => names.push(folded(alias, self.dialect)),
                SelectItem::UnnamedExpr(expression) => names.push(functions::column_name(expression).unwrap_or_else(
                    || match self.dialect {
                        Dialect::Sqlite => expression.to_string(),
                        Dialect::Postgres => "?column?".to_owned(),
                    },
                )),
                SelectItem::Wildcard(_) => {
                    for source in sources(&select.from) {
                        names.extend(self.source(source)?);
                    }
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = name.0.last()?.as_ident()?.value.clone();
                    let source = sources(&select.from)
                        .into_iter()
                        .find(|source| alias(source).is_some_and(|alias| Dialect::same_name(&alias, &name)))?;
                    names.extend(self.source(source)?);
                }
                _ => return None,
            }
        }
        Some(names)
    }

    /// The columns of a table of FROM.
    pub(crate) fn source(&mut self, factor: &TableFactor) -> Option<Vec<String>> {
        match factor {
            TableFactor::Table {
                name,
                args: None,
                alias,
                ..
            } => {
                let relation = RelationName::of(name, self.dialect)?;
                let known = self
                    .tables
                    .iter()
                    .rev()
                    .find(|(table, _)| relation.schema.is_none() && Dialect::same_name(table, &relation.name));
                let columns = match known {
                    Some((_, columns)) => columns.clone(),
                    None => (self.relation)(&relation),
                };
                match alias {
                    Some(alias) => renamed(columns, alias, self.dialect),
                    None => columns,
                }
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let columns = self.query(subquery);
                match alias {
                    Some(alias) => renamed(columns, alias, self.dialect),
                    None => columns,
                }
            }
            _ => None,
        }
    }
}

/// Columns behind an alias that may name them anew.
pub(crate) fn renamed(columns: Option<Vec<String>>, alias: &TableAlias, dialect: Dialect) -> Option<Vec<String>> {
    let names: Vec<String> = alias
        .columns
        .iter()
        .map(|column| folded(&column.name, dialect))
        .collect();
    match columns {
        Some(columns) => {
            let rest = columns.into_iter().skip(names.len());
            Some(names.iter().cloned().chain(rest).collect())
        }
        None if names.is_empty() => None,
        None => Some(names),
    }
}

/// The tables of FROM, from left to right, without the parentheses of nested joins.
pub(crate) fn sources(from: &[TableWithJoins]) -> Vec<&TableFactor> {
    let mut found = Vec::new();
    for table in from {
        let joined = table.joins.iter().map(|join| &join.relation);
        for factor in [&table.relation].into_iter().chain(joined) {
            match factor {
                TableFactor::NestedJoin {
                    table_with_joins,
                    alias: None,
                } => found.extend(sources(std::slice::from_ref(table_with_joins))),
                other => found.push(other),
            }
        }
    }
    found
}

/// The name that columns of a table of FROM are qualified with.
pub(crate) fn alias(factor: &TableFactor) -> Option<String> {
    let own = match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::NestedJoin { alias, .. } => alias.as_ref(),
        _ => None,
    };
    match (own, factor) {
        (Some(alias), _) => Some(alias.name.value.clone()),
        (None, TableFactor::Table { name, .. } | TableFactor::Function { name, .. }) => {
            Some(name.0.last()?.as_ident()?.value.clone())
        }
        _ => None,
    }
}
