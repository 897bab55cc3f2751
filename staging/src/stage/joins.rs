//! Calls in FROM: in ON, in derived tables, in what is asked for each row of the tables before.

use sqlparser::ast::{
    Expr, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, TableFactor, TableWithJoins, Visit,
};

use super::collect::Collecting;
use super::rows::Rows;
use super::{Stop, block, marks, sql};
use crate::Dialect;
use crate::scopes::walk::{self, Flow, Look, ON, STOP};

impl Collecting<'_> {
    /// The inputs in a table of FROM with its joins. `before` are the tables that stand before it; `select` is the block
    /// whose WHERE may leave fewer rows to ask about.
    pub(crate) fn joined(
        &self,
        joined: &TableWithJoins,
        before: Vec<String>,
        preceding: &[TableWithJoins],
        select: Option<&Select>,
    ) -> Result<Rows, Stop> {
        if self.holds(&joined.relation) {
            return self.factor(&joined.relation, before, preceding, select);
        }
        for (place, join) in joined.joins.iter().enumerate() {
            let left = TableWithJoins {
                relation: joined.relation.clone(),
                joins: joined.joins[..place].to_vec(),
            };
            if self.holds(&join.relation) {
                let narrowed = [preceding, std::slice::from_ref(&left)].concat();
                let mut before = before;
                before.push(left.to_string());
                return self.factor(&join.relation, before, &narrowed, select);
            }
            if self.holds(&join.join_operator) {
                return self.on(&left, join, before, preceding, select);
            }
        }
        Err(Stop::lost(self.mark))
    }

    /// The inputs in ON: the pairs of rows that the other conditions of this ON let through.
    fn on(
        &self,
        left: &TableWithJoins,
        join: &Join,
        mut before: Vec<String>,
        preceding: &[TableWithJoins],
        select: Option<&Select>,
    ) -> Result<Rows, Stop> {
        let condition = on(&join.join_operator).ok_or_else(|| Stop::lost(self.mark))?;
        let (located, conditions) = self.among_conjuncts(condition)?;
        let right = Self::text(&join.relation)?;
        let pair = if conditions.is_empty() {
            format!("{} CROSS JOIN {right}", Self::text(left)?)
        } else {
            let all: Vec<String> = conditions.iter().map(|condition| format!("({condition})")).collect();
            format!("{} JOIN {right} ON {}", Self::text(left)?, all.join(" AND "))
        };
        let mut seen = vec![left.clone()];
        // Only what is LATERAL in Postgres, and everything in SQLite, sees the tables before a comma.
        if self.dialect() == Dialect::Sqlite || has_lateral(left) || has_lateral(&join.relation) {
            seen.extend_from_slice(preceding);
            blocked(preceding)?;
        } else {
            before.clear();
        }
        before.push(pair);
        let mut names = aliases(&seen);
        if is_inner(&join.join_operator) {
            names.extend(alias(&join.relation));
        }
        let narrowing = narrowing(select, &names);
        let rest = format!(" FROM {}{}", before.join(", "), block::filter(&narrowing));
        Ok(self.value(&located)?.rows(&rest, &rest, []))
    }

    /// The inputs in a table of FROM itself.
    fn factor(
        &self,
        factor: &TableFactor,
        before: Vec<String>,
        preceding: &[TableWithJoins],
        select: Option<&Select>,
    ) -> Result<Rows, Stop> {
        let value = match factor {
            TableFactor::Derived {
                lateral: false,
                subquery,
                ..
            } => return self.query(subquery),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                // What it lets through may be the side of an outer join that can be missing.
                return self.joined(table_with_joins, before, preceding, None);
            }
            TableFactor::Derived { subquery, .. } => self.query(subquery)?.gathered_value(self.dialect()),
            other => {
                let located = self.locate(other).ok_or_else(|| Stop::lost(self.mark))?;
                self.value(&located)?
            }
        };
        blocked(preceding)?;
        let rest = if before.is_empty() {
            String::new()
        } else {
            let narrowing = narrowing(select, &aliases(preceding));
            format!(" FROM {}{}", before.join(", "), block::filter(&narrowing))
        };
        Ok(value.rows(&rest, &rest, []))
    }
}

/// Stops at a mark in tables that stand before.
fn blocked(tables: &[TableWithJoins]) -> Result<(), Stop> {
    match tables.iter().find_map(marks::first) {
        Some(mark) => Err(Stop::Blocked(mark)),
        None => Ok(()),
    }
}

/// The condition of a join.
fn on(operator: &JoinOperator) -> Option<&Expr> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => match constraint {
            JoinConstraint::On(condition) => Some(condition),
            _ => None,
        },
        _ => None,
    }
}

fn is_inner(operator: &JoinOperator) -> bool {
    matches!(
        operator,
        JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_)
    )
}

fn keeps_the_right(operator: &JoinOperator) -> bool {
    !is_inner(operator) && !matches!(operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_))
}

fn has_lateral<N: Visit>(node: &N) -> bool {
    struct Finding;
    impl Look for Finding {
        fn factor(&mut self, factor: &TableFactor) -> Flow {
            match factor {
                TableFactor::Derived { lateral: false, .. }
                | TableFactor::NestedJoin { .. }
                | TableFactor::Table { args: None, .. } => ON,
                _ => STOP,
            }
        }
    }
    walk::look(node, &mut Finding).is_break()
}

/// The name that columns of a table are qualified with.
fn alias(factor: &TableFactor) -> Option<String> {
    let last = |name: &ObjectName| Some(name.0.last()?.as_ident()?.value.clone());
    match factor {
        TableFactor::Table { name, alias, .. } => alias
            .as_ref()
            .map_or_else(|| last(name), |alias| Some(alias.name.value.clone())),
        TableFactor::Derived { alias, .. } => alias.as_ref().map(|alias| alias.name.value.clone()),
        _ => None,
    }
}

fn aliases(tables: &[TableWithJoins]) -> Vec<String> {
    tables
        .iter()
        .flat_map(|table| {
            [&table.relation]
                .into_iter()
                .chain(table.joins.iter().map(|join| &join.relation))
        })
        .filter_map(alias)
        .collect()
}

/// The conditions of WHERE that are about these tables alone, where a row of theirs that fails one can't be in the
/// result: no join keeps rows of its right side whatever the left has.
fn narrowing(select: Option<&Select>, names: &[String]) -> Vec<String> {
    let Some(select) = select else {
        return Vec::new();
    };
    let keeping = |table: &TableWithJoins| table.joins.iter().any(|join| keeps_the_right(&join.join_operator));
    if select.from.iter().any(keeping) {
        return Vec::new();
    }
    let Some(selection) = &select.selection else {
        return Vec::new();
    };
    sql::conjuncts(selection)
        .into_iter()
        .filter(|conjunct| is_about(conjunct, names))
        .map(ToString::to_string)
        .collect()
}

/// Whether an expression names columns of these tables alone, each with its table, and has no subquery and no call.
fn is_about(expression: &Expr, names: &[String]) -> bool {
    struct Finding<'a>(&'a [String]);
    impl Look for Finding<'_> {
        fn query(&mut self, _query: &Query) -> Flow {
            STOP
        }
        fn expression(&mut self, expression: &Expr) -> Flow {
            let foreign = match expression {
                Expr::Identifier(_) => true,
                Expr::CompoundIdentifier(parts) => parts
                    .iter()
                    .rev()
                    .nth(1)
                    .is_none_or(|table| !self.0.iter().any(|name| Dialect::same_name(name, &table.value))),
                other => marks::number(other).is_some(),
            };
            if foreign { STOP } else { ON }
        }
    }
    walk::look(expression, &mut Finding(names)).is_continue()
}
