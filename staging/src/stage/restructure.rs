//! Rewriting a block through a derived table.
//!
//! A call about groups (`refuel_label(max(body), 'topic')`) or about a window can't become a subquery in its place: its
//! argument belongs to the block. So the block is put around one that computes what has no call, and names it:
//!
//! ```sql
//! SELECT author, refuel_label(max(body), 'topic') AS topic FROM ticket GROUP BY author
//! -- becomes
//! SELECT b.c1 AS author, refuel_label(b.c2, 'topic') AS topic
//! FROM (SELECT author AS c1, max(body) AS c2 FROM ticket GROUP BY author) AS b
//! ```

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, TableAlias,
    TableFactor, TableWithJoins,
};

use super::{block, marks, sql};
use crate::calls::Call;
use crate::scopes::functions;
use crate::scopes::mentions::named;
use crate::scopes::walk::{self, Change, Flow, ON, STOP};
use crate::{Dialect, Result, StagingError};

/// What the inner block computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Groups and aggregates; windows are over the groups, and stay outside.
    Groups,
    /// Windows and sets of rows too.
    Windows,
}

/// Rewrites the block that a mark is in. `count` makes the names of this rewriting its own.
pub(crate) fn restructure(
    query: &mut Query,
    mark: usize,
    call: &Call,
    kind: Kind,
    count: usize,
    dialect: Dialect,
) -> Result<()> {
    let mut rewriting = Rewriting {
        mark,
        call,
        kind,
        count,
        dialect,
        done: None,
    };
    let _ = walk::change(query, &mut rewriting);
    match rewriting.done.take() {
        Some(done) => done,
        None => Err(rewriting.unsupported("here", "call it in a query of its own")),
    }
}

struct Rewriting<'a> {
    mark: usize,
    call: &'a Call,
    kind: Kind,
    count: usize,
    dialect: Dialect,
    done: Option<Result<()>>,
}

impl Change for Rewriting<'_> {
    fn query(&mut self, query: &mut Query) -> Flow {
        let Query { body, order_by, .. } = query;
        // The arms of a set operation are blocks without an ORDER BY.
        let mut open = vec![&mut **body];
        let alone = matches!(open[0], SetExpr::Select(_));
        while let Some(part) = open.pop() {
            match part {
                SetExpr::SetOperation { left, right, .. } => open.extend([&mut **left, &mut **right]),
                SetExpr::Select(select) => {
                    let order_by = order_by.as_mut().filter(|_| alone);
                    if !block::own_marks(select, order_by.as_deref()).contains(&self.mark) {
                        continue;
                    }
                    let keys = match order_by.map(|order_by| &mut order_by.kind) {
                        Some(OrderByKind::Expressions(keys)) => &mut keys[..],
                        _ => &mut [],
                    };
                    self.done = Some(self.rewrite(select, keys));
                    return STOP;
                }
                _ => {}
            }
        }
        ON
    }
}

impl Rewriting<'_> {
    fn unsupported(&self, place: &str, instead: &str) -> StagingError {
        StagingError::Unsupported {
            position: self.call.position,
            function: self.call.function.name(),
            place: place.to_owned(),
            instead: instead.to_owned(),
        }
    }

    fn rewrite(&self, select: &mut Select, keys: &mut [OrderByExpr]) -> Result<()> {
        if select.projection.iter().any(|item| block::output(item).is_none()) {
            let place = match self.kind {
                Kind::Groups => "about groups beside *",
                Kind::Windows => "about a window beside *",
            };
            return Err(self.unsupported(place, "name the columns, or compute the argument in a CTE"));
        }
        let names: Vec<String> = select
            .projection
            .iter()
            .filter_map(block::output)
            .filter_map(|(expression, alias)| {
                alias
                    .map(ToOwned::to_owned)
                    .or_else(|| functions::column_name(expression))
            })
            .collect();
        let mut inner = select.clone();
        inner.distinct = None;
        inner.group_by = block::resolved_grouping(select, self.dialect);
        inner.having = None;
        let mut exporting = Exporting {
            dialect: self.dialect,
            kind: self.kind,
            block: Ident::new(format!("refuel_block_{}", self.count)),
            exports: Vec::new(),
        };
        let mut conditions = Vec::new();
        for condition in select.having.iter().flat_map(sql::conjuncts) {
            if marks::first(condition).is_none() {
                let condition = condition.clone();
                inner.having = Some(match inner.having.take() {
                    Some(before) => sql::fill(sql::expression("__1 AND (__2)"), &[before, condition]),
                    None => Expr::Nested(Box::new(condition)),
                });
            } else {
                let mut condition = condition.clone();
                exporting.export(&mut condition);
                conditions.push(Expr::Nested(Box::new(condition)));
            }
        }
        for item in &mut select.projection {
            let (mut expression, name) = match item {
                SelectItem::ExprWithAlias { expr, alias } => (expr.clone(), Some(alias.clone())),
                SelectItem::UnnamedExpr(expression) => (
                    expression.clone(),
                    marks::output_name(expression, self.dialect).map(|name| Ident::with_quote('"', name)),
                ),
                _ => continue,
            };
            exporting.export(&mut expression);
            *item = match name {
                Some(alias) => SelectItem::ExprWithAlias {
                    expr: expression,
                    alias,
                },
                None => SelectItem::UnnamedExpr(expression),
            };
        }
        for key in keys {
            let names_output = block::ordinal(&key.expr).is_some()
                || matches!(&key.expr, Expr::Identifier(name) if names.iter().any(|output| named(name, output)));
            if !names_output {
                exporting.export(&mut key.expr);
            }
        }
        if let Some(Distinct::On(expressions)) = &mut select.distinct {
            for expression in expressions {
                let names_output = block::ordinal(expression).is_some()
                    || matches!(expression, Expr::Identifier(name) if names.iter().any(|output| named(name, output)));
                if !names_output {
                    exporting.export(expression);
                }
            }
        }
        match self.kind {
            Kind::Groups => {
                inner.named_window.clear();
                for window in &mut select.named_window {
                    let _ = walk::change(window, &mut exporting);
                }
            }
            Kind::Windows => select.named_window.clear(),
        }
        inner.projection = exporting
            .exports
            .iter()
            .zip(1..)
            .map(|((_, expression), place)| SelectItem::ExprWithAlias {
                expr: expression.clone(),
                alias: column(place),
            })
            .collect();
        if inner.projection.is_empty() {
            inner.projection = vec![SelectItem::ExprWithAlias {
                expr: sql::expression("1"),
                alias: column(0),
            }];
        }
        let mut subquery = sql::query(self.dialect, "SELECT 1");
        subquery.body = Box::new(SetExpr::Select(Box::new(inner)));
        select.from = vec![TableWithJoins {
            relation: TableFactor::Derived {
                lateral: false,
                subquery,
                alias: Some(TableAlias {
                    explicit: true,
                    name: exporting.block,
                    columns: Vec::new(),
                    at: None,
                }),
                sample: None,
            },
            joins: Vec::new(),
        }];
        select.selection = conditions
            .into_iter()
            .reduce(|before, condition| sql::fill(sql::expression("__1 AND __2"), &[before, condition]));
        select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
        select.having = None;
        Ok(())
    }
}

fn column(place: usize) -> Ident {
    Ident::new(format!("refuel_column_{place}"))
}

/// Gives what holds no call to the inner block, in pieces as large as can be, and leaves the names of its columns.
struct Exporting {
    dialect: Dialect,
    kind: Kind,
    block: Ident,
    /// Text and tree of each column.
    exports: Vec<(String, Expr)>,
}

impl Exporting {
    fn export(&mut self, expression: &mut Expr) {
        let _ = walk::change(expression, self);
    }

    fn stays(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Value(_) | Expr::TypedString(_) | Expr::Interval(_) | Expr::Tuple(_) => true,
            Expr::CompoundIdentifier(parts) if parts.len() == 2 && parts[0] == self.block => true,
            _ if marks::first(expression).is_some() => true,
            _ => {
                self.kind == Kind::Groups
                    && block::direct(expression, &|part| {
                        functions::is_window(part) || functions::is_set(part, self.dialect)
                    })
            }
        }
    }
}

impl Change for Exporting {
    fn expression(&mut self, expression: &mut Expr) -> Flow {
        if self.stays(expression) {
            return ON;
        }
        let text = expression.to_string();
        let known = self.exports.iter().position(|(known, _)| *known == text);
        let place = known.unwrap_or_else(|| {
            self.exports.push((text, expression.clone()));
            self.exports.len() - 1
        });
        *expression = Expr::CompoundIdentifier(vec![self.block.clone(), column(place + 1)]);
        ON
    }
}
