//! Parts of one SELECT.

use sqlparser::ast::{
    Expr, GroupByExpr, LimitClause, NamedWindowDefinition, ObjectName, OrderBy, OrderByExpr, OrderByKind, Query,
    Select, SelectItem, Value, Visit,
};

use super::collect::{Collecting, is_bound_to_block};
use super::locate::Located;
use super::{Stop, marks};
use crate::Dialect;
use crate::scopes::functions;
use crate::scopes::mentions::named;
use crate::scopes::walk::{self, Flow, Look, ON, STOP};

/// A clause of a block in which a call is made for rows that FROM and WHERE let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clause {
    GroupBy,
    /// With the place in the select list, from 0.
    Projection(usize),
    Having,
    Distinct,
    Window,
    OrderBy,
}

/// The part of a tree that a clause is.
pub(crate) enum Part<'a> {
    GroupBy(&'a GroupByExpr),
    Item(&'a SelectItem),
    Expression(&'a Expr),
    Window(&'a NamedWindowDefinition),
    OrderBy(&'a OrderBy),
}

impl Part<'_> {
    pub(crate) fn locate(&self, collecting: &Collecting<'_>) -> Option<Located> {
        match self {
            Self::GroupBy(part) => collecting.locate(*part),
            Self::Item(part) => collecting.locate(*part),
            Self::Expression(part) => collecting.locate(*part),
            Self::Window(part) => collecting.locate(*part),
            Self::OrderBy(part) => collecting.locate(*part),
        }
    }

    /// The marks in it, also in subqueries.
    pub(crate) fn marks(&self) -> Vec<usize> {
        match self {
            Self::GroupBy(part) => marks::all(*part),
            Self::Item(part) => marks::all(*part),
            Self::Expression(part) => marks::all(*part),
            Self::Window(part) => marks::all(*part),
            Self::OrderBy(part) => marks::all(*part),
        }
    }

    /// Whether it holds, outside of subqueries, an expression as wanted.
    fn direct(&self, wanted: &dyn Fn(&Expr) -> bool) -> bool {
        match self {
            Self::GroupBy(part) => direct(*part, wanted),
            Self::Item(part) => direct(*part, wanted),
            Self::Expression(part) => direct(*part, wanted),
            Self::Window(part) => direct(*part, wanted),
            Self::OrderBy(part) => direct(*part, wanted),
        }
    }
}

/// The clauses of a block in the order in which their calls are answered.
pub(crate) fn clauses<'a>(select: &'a Select, order_by: Option<&'a OrderBy>) -> Vec<(Clause, Part<'a>)> {
    let mut parts = vec![(Clause::GroupBy, Part::GroupBy(&select.group_by))];
    let items = select.projection.iter().enumerate();
    parts.extend(items.map(|(place, item)| (Clause::Projection(place), Part::Item(item))));
    parts.extend(
        select
            .having
            .iter()
            .map(|having| (Clause::Having, Part::Expression(having))),
    );
    if let Some(sqlparser::ast::Distinct::On(expressions)) = &select.distinct {
        let parted = expressions.iter();
        parts.extend(parted.map(|expression| (Clause::Distinct, Part::Expression(expression))));
    }
    parts.extend(
        select
            .named_window
            .iter()
            .map(|window| (Clause::Window, Part::Window(window))),
    );
    parts.extend(order_by.map(|order_by| (Clause::OrderBy, Part::OrderBy(order_by))));
    parts
}

/// Whether a part of a query holds an expression as wanted outside of its subqueries.
pub(crate) fn direct<N: Visit>(node: &N, wanted: &dyn Fn(&Expr) -> bool) -> bool {
    struct Finding<'a> {
        wanted: &'a dyn Fn(&Expr) -> bool,
        depth: usize,
    }
    impl Look for Finding<'_> {
        fn query(&mut self, _query: &Query) -> Flow {
            self.depth += 1;
            ON
        }
        fn query_left(&mut self, _query: &Query) {
            self.depth -= 1;
        }
        fn expression(&mut self, expression: &Expr) -> Flow {
            if self.depth == 0 && (self.wanted)(expression) {
                STOP
            } else {
                ON
            }
        }
    }
    walk::look(node, &mut Finding { wanted, depth: 0 }).is_break()
}

/// Whether rows of a block are made of groups.
pub(crate) fn is_grouped(select: &Select, order_by: Option<&OrderBy>, dialect: Dialect) -> bool {
    let by = match &select.group_by {
        GroupByExpr::Expressions(expressions, modifiers) => !expressions.is_empty() || !modifiers.is_empty(),
        GroupByExpr::All(_) => true,
    };
    by || select.having.is_some()
        || clauses(select, order_by).iter().any(|(_, part)| {
            part.direct(&|expression| {
                matches!(expression, Expr::Function(function) if functions::is_aggregate(function, dialect))
            })
        })
}

/// Whether a part of a query holds a window, or a set of rows, of its own block.
pub(crate) fn needs_its_own_block<N: Visit>(part: &N, dialect: Dialect) -> bool {
    direct(part, &|part| is_bound_to_block(part, dialect))
}

/// Whether an item of a select list makes several rows of one.
pub(crate) fn has_set_function(item: &SelectItem, dialect: Dialect) -> bool {
    direct(item, &|part| functions::is_set(part, dialect))
}

/// ` FROM ...`, or nothing.
pub(crate) fn from(select: &Select) -> Result<String, Stop> {
    if select.from.is_empty() {
        return Ok(String::new());
    }
    let parts = select
        .from
        .iter()
        .map(Collecting::text)
        .collect::<Result<Vec<_>, Stop>>()?;
    Ok(format!(" FROM {}", parts.join(", ")))
}

/// ` WHERE ...`, or nothing.
pub(crate) fn filter(conditions: &[String]) -> String {
    if conditions.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = conditions.iter().map(|condition| format!("({condition})")).collect();
    format!(" WHERE {}", parts.join(" AND "))
}

/// The expression of an item of a select list, and its name.
pub(crate) fn output(item: &SelectItem) -> Option<(&Expr, Option<&str>)> {
    match item {
        SelectItem::UnnamedExpr(expression) => Some((expression, None)),
        SelectItem::ExprWithAlias { expr, alias } => Some((expr, Some(&alias.value))),
        _ => None,
    }
}

/// The place in the select list that a number names, from 0.
pub(crate) fn ordinal(expression: &Expr) -> Option<usize> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse::<usize>().ok()?.checked_sub(1),
            _ => None,
        },
        _ => None,
    }
}

/// The place in the select list that an expression of GROUP BY means: its number, or its alias.
///
/// A column of the input comes before an alias in both dialects. Without knowing the columns, an alias that its own
/// expression uses as a column is taken for that column.
fn grouped_output(select: &Select, expression: &Expr, dialect: Dialect) -> Option<usize> {
    if let Some(place) = ordinal(expression) {
        return Some(place).filter(|place| *place < select.projection.len());
    }
    let Expr::Identifier(name) = expression else {
        return None;
    };
    select.projection.iter().position(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } => {
            named(alias, &name.value)
                // Nothing is grouped by what is made of groups.
                && !direct(expr, &|part| matches!(part, Expr::Function(function)
                    if functions::is_aggregate(function, dialect) || function.over.is_some()))
                && !direct(expr, &|part| match part {
                    Expr::Identifier(part) => named(part, &name.value),
                    Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|part| named(part, &name.value)),
                    _ => false,
                })
        }
        _ => false,
    })
}

/// Whether GROUP BY names this place of the select list.
pub(crate) fn groups_by_output(select: &Select, place: usize, dialect: Dialect) -> bool {
    match &select.group_by {
        GroupByExpr::Expressions(expressions, _) => expressions
            .iter()
            .any(|expression| grouped_output(select, expression, dialect) == Some(place)),
        GroupByExpr::All(_) => false,
    }
}

/// GROUP BY with expressions in the place of numbers and aliases, so that it stands without its select list.
pub(crate) fn resolved_grouping(select: &Select, dialect: Dialect) -> GroupByExpr {
    match &select.group_by {
        GroupByExpr::Expressions(expressions, modifiers) => GroupByExpr::Expressions(
            expressions
                .iter()
                .map(|expression| {
                    let place = grouped_output(select, expression, dialect);
                    match place.and_then(|place| output(&select.projection[place])) {
                        Some((meant, _)) => meant.clone(),
                        None => expression.clone(),
                    }
                })
                .collect(),
            modifiers.clone(),
        ),
        all @ GroupByExpr::All(_) => all.clone(),
    }
}

/// ` GROUP BY ...`, or nothing.
pub(crate) fn grouping(select: &Select, dialect: Dialect) -> Result<String, Stop> {
    let resolved = resolved_grouping(select, dialect);
    match &resolved {
        GroupByExpr::Expressions(expressions, modifiers) if expressions.is_empty() && modifiers.is_empty() => {
            Ok(String::new())
        }
        grouping => Ok(format!(" {}", Collecting::text(grouping)?)),
    }
}

/// How many rows a query returns at most, with those that it skips; none where it isn't a plain number.
pub(crate) fn row_limit(query: &Query) -> Option<u64> {
    let number = |expression: &Expr| match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse::<u64>().ok(),
            _ => None,
        },
        _ => None,
    };
    let (limit, offset) = match &query.limit_clause {
        Some(LimitClause::LimitOffset {
            limit,
            offset,
            limit_by,
        }) if limit_by.is_empty() => (
            limit.as_ref(),
            offset.as_ref().map_or(Some(0), |offset| number(&offset.value))?,
        ),
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), number(offset)?),
        Some(LimitClause::LimitOffset { .. }) => return None,
        None => (None, 0),
    };
    let limit = match (&query.fetch, limit) {
        (Some(fetch), None) if !fetch.with_ties && !fetch.percent => match &fetch.quantity {
            Some(quantity) => number(quantity)?,
            None => 1,
        },
        (None, Some(limit)) => number(limit)?,
        _ => return None,
    };
    limit.checked_add(offset)
}

/// The keys of an ORDER BY, with expressions in the place of numbers and aliases; none where it can't stand without its
/// select list.
pub(crate) fn order_keys(select: &Select, order_by: Option<&OrderBy>, dialect: Dialect) -> Option<Vec<OrderByExpr>> {
    let Some(order_by) = order_by else {
        return Some(Vec::new());
    };
    let OrderByKind::Expressions(keys) = &order_by.kind else {
        return None;
    };
    let aliased = |name: &str| {
        select.projection.iter().find_map(|item| match output(item) {
            Some((expression, Some(alias))) if Dialect::same_name(alias, name) => Some(expression),
            _ => None,
        })
    };
    let mut resolved = Vec::with_capacity(keys.len());
    for key in keys {
        let mut key = key.clone();
        if let Some(place) = ordinal(&key.expr) {
            // A star before it moves the columns along.
            let items = select.projection.get(..=place)?;
            let outputs = items.iter().map(output).collect::<Option<Vec<_>>>()?;
            key.expr = outputs.last()?.0.clone();
        } else if let Expr::Identifier(name) = &key.expr {
            if let Some(expression) = aliased(&name.value) {
                key.expr = expression.clone();
            }
        } else if dialect == Dialect::Sqlite
            && direct(&key.expr, &|part| {
                matches!(part, Expr::Identifier(name) if aliased(&name.value)
                    .is_some_and(|meant| !matches!(meant, Expr::Identifier(own) if named(own, &name.value))))
            })
        {
            // SQLite reads an alias within an expression too, unless there is a column of that name.
            return None;
        }
        resolved.push(key);
    }
    Some(resolved)
}

/// Whether a part of a query reads a relation of this name without a schema.
pub(crate) fn reads<N: Visit>(node: &N, name: &str) -> bool {
    struct Finding<'a>(&'a str);
    impl Look for Finding<'_> {
        fn relation(&mut self, relation: &ObjectName) -> Flow {
            match &relation.0[..] {
                [part] if part.as_ident().is_some_and(|part| named(part, self.0)) => STOP,
                _ => ON,
            }
        }
    }
    walk::look(node, &mut Finding(name)).is_break()
}

/// Whether a text has a word in it. More texts do than read a relation of that name, and none that reads it doesn't.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase().replace('"', "\"\""));
    let part_of_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    let mut from = 0;
    while let Some(place) = text[from..].find(&name) {
        let start = from + place;
        let end = start + name.len();
        if !text[..start].chars().next_back().is_some_and(part_of_word)
            && !text[end..].chars().next().is_some_and(part_of_word)
        {
            return true;
        }
        from = start + text[start..].chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// The marks directly in a block, outside of the subqueries of its expressions.
pub(crate) fn own_marks(select: &Select, order_by: Option<&OrderBy>) -> Vec<usize> {
    let found = std::cell::RefCell::new(Vec::new());
    for (_, part) in clauses(select, order_by) {
        part.direct(&|expression| {
            found.borrow_mut().extend(marks::number(expression));
            false
        });
    }
    found.into_inner()
}
