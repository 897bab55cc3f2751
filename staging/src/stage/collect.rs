//! From a mark in a tree to the query for its inputs.
//!
//! The way goes from the query down to the block that the call is in. What is passed through on the way back up decides
//! the query: a WITH is put in front, a subquery within an expression is gathered for each row of the block around it, a
//! derived table or an arm of a set operation stands for itself.

use std::cell::Cell;

use sqlparser::ast::{Cte, Expr, OrderBy, Query, Select, SetExpr, Visit, With};

use super::locate::{Found, Guard, Located, locate};
use super::rows::{Rows, Value};
use super::{Staging, Stop, block, lookup, marks, sql};
use crate::scopes::functions;
use crate::{Dialect, StagingError};

/// Looks for the inputs of one mark.
pub(crate) struct Collecting<'a> {
    pub(crate) staging: &'a Staging,
    pub(crate) mark: usize,
    /// Whether a LIMIT may leave fewer rows to ask about. It adds a key to an ORDER BY, and a subquery that is grouped by
    /// must stay the same text wherever it is written.
    narrow: Cell<bool>,
}

impl<'a> Collecting<'a> {
    pub(crate) fn of(staging: &'a Staging, mark: usize) -> Self {
        Self {
            staging,
            mark,
            narrow: Cell::new(true),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.staging.dialect
    }

    pub(crate) fn holds<N: Visit>(&self, node: &N) -> bool {
        marks::contains(node, self.mark)
    }

    /// A text that the inputs are read with, or what must be answered before.
    pub(crate) fn text<N: Visit + std::fmt::Display>(node: &N) -> Result<String, Stop> {
        match marks::first(node) {
            Some(mark) => Err(Stop::Blocked(mark)),
            None => Ok(node.to_string()),
        }
    }

    /// That the call can't stand where it stands.
    pub(crate) fn unsupported(&self, place: &str, instead: &str) -> Stop {
        let call = &self.staging.sites[self.mark].call;
        Stop::Failed(StagingError::Unsupported {
            position: call.position,
            function: call.function.name(),
            place: place.to_owned(),
            instead: instead.to_owned(),
        })
    }

    pub(crate) fn locate<N: Visit>(&self, node: &N) -> Option<Located> {
        locate(node, self.dialect(), &|expression| {
            marks::number(expression) == Some(self.mark)
        })
    }

    /// The inputs in a query.
    pub(crate) fn query(&self, query: &Query) -> Result<Rows, Stop> {
        if let Some(with) = &query.with
            && let Some(place) = with.cte_tables.iter().position(|table| self.holds(&table.query))
        {
            let table = &with.cte_tables[place];
            self.not_in_recursion(table, with)?;
            let rows = self.query(&table.query)?;
            return self.behind(rows, with, Some(place));
        }
        let rows = match &*query.body {
            SetExpr::Select(select) => self.select(select, Some(query))?,
            body if self.holds(body) => self.set(body)?,
            _ => {
                return Err(self.unsupported(
                    "in ORDER BY or LIMIT of a set operation",
                    "put the set operation into a CTE, and order what it returns",
                ));
            }
        };
        match &query.with {
            Some(with) => self.behind(rows, with, None),
            None => Ok(rows),
        }
    }

    /// A recursive term can't be asked: its inputs come from the query itself.
    fn not_in_recursion(&self, table: &Cte, with: &With) -> Result<(), Stop> {
        if !with.recursive && self.dialect() == Dialect::Postgres {
            return Ok(());
        }
        let name = &table.alias.name.value;
        let mut open = vec![&*table.query.body];
        while let Some(part) = open.pop() {
            match part {
                SetExpr::SetOperation { left, right, .. } => open.extend([&**left, &**right]),
                other if self.holds(other) && block::reads(other, name) => {
                    let call = &self.staging.sites[self.mark].call;
                    return Err(Stop::Failed(StagingError::Recursive {
                        position: call.position,
                        function: call.function.name(),
                        name: name.clone(),
                    }));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts those tables of a WITH in front that the rows read. `within` is the one that the rows come from.
    fn behind(&self, rows: Rows, with: &With, within: Option<usize>) -> Result<Rows, Stop> {
        let every = with.recursive || self.dialect() == Dialect::Sqlite;
        let seen = |place: usize| match within {
            Some(within) if every => place != within,
            Some(within) => place < within,
            None => true,
        };
        let mut needed = vec![false; with.cte_tables.len()];
        let mut open = vec![rows.text()];
        while let Some(text) = open.pop() {
            for (place, table) in with.cte_tables.iter().enumerate() {
                if !needed[place] && seen(place) && block::mentions(&text, &table.alias.name.value) {
                    needed[place] = true;
                    open.push(table.query.to_string());
                }
            }
        }
        let tables = with
            .cte_tables
            .iter()
            .zip(needed)
            .filter(|(_, needed)| *needed)
            .map(|(table, _)| Self::text(table))
            .collect::<Result<Vec<_>, Stop>>()?;
        Ok(rows.behind(tables, with.recursive))
    }

    /// The inputs in a part of a set operation.
    fn set(&self, part: &SetExpr) -> Result<Rows, Stop> {
        match part {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => self.set(if self.holds(&**left) { left } else { right }),
            SetExpr::Values(values) => {
                let located = values.rows.iter().find_map(|row| self.locate(&row.content));
                match located {
                    Some(located) => Ok(self.value(&located)?.rows("", "", [])),
                    None => Err(Stop::lost(self.mark)),
                }
            }
            _ => Err(Stop::lost(self.mark)),
        }
    }

    /// What is asked about where a mark was found, with the conditions around it.
    pub(crate) fn value(&self, located: &Located) -> Result<Value, Stop> {
        let guards = located.guards(self.dialect(), &|expression| {
            marks::number(expression) == Some(self.mark)
        })?;
        let guarded = |text: String| guards.iter().rev().fold(text, |text, guard| guard.around(&text));
        let conditions = guards.iter().map(|guard: &Guard| guard.around("?")).collect();
        match &located.found {
            Found::Call(call) => {
                let Expr::Function(function) = &**call else {
                    return Err(Stop::lost(self.mark));
                };
                let texts = marks::texts(function);
                let mut columns = Vec::with_capacity(texts.len());
                let mut subjects = Vec::with_capacity(texts.len());
                for text in &texts {
                    let subject = Self::text(text)?;
                    columns.push(lookup::as_text(self.dialect(), &guarded(subject.clone())));
                    subjects.push(subject);
                }
                Ok(Value {
                    arguments: texts.len() as u8,
                    depth: 0,
                    missing: None,
                    subject: subjects.join(" WITH "),
                    columns,
                    conditions,
                })
            }
            Found::Query(query) => {
                let mut value = self.query(query)?.gathered_value(self.dialect());
                for column in &mut value.columns {
                    *column = guarded(std::mem::take(column));
                }
                Ok(value)
            }
        }
    }

    /// The inputs in one block. `around` is the query whose body the block is, with its ORDER BY and LIMIT.
    fn select(&self, select: &Select, around: Option<&Query>) -> Result<Rows, Stop> {
        for (place, joined) in select.from.iter().enumerate() {
            if self.holds(joined) {
                let before = select.from[..place].iter().map(ToString::to_string).collect();
                return self.joined(joined, before, &select.from[..place], Some(select));
            }
        }
        let from = block::from(select)?;
        if let Some(selection) = &select.selection
            && self.holds(selection)
        {
            let (located, conditions) = self.among_conjuncts(selection)?;
            let rest = format!("{from}{}", block::filter(&conditions));
            return Ok(self.value(&located)?.rows(&rest, &from, conditions));
        }
        let conditions = match &select.selection {
            Some(selection) => sql::conjuncts(selection)
                .into_iter()
                .map(Self::text)
                .collect::<Result<Vec<_>, Stop>>()?,
            None => Vec::new(),
        };
        let filter = block::filter(&conditions);
        let order_by = around.and_then(|query| query.order_by.as_ref());
        let Some((clause, located)) = block::clauses(select, order_by)
            .into_iter()
            .find_map(|(clause, node)| node.locate(self).map(|located| (clause, located)))
        else {
            return Err(self.unsupported("in LIMIT or OFFSET", "write the number"));
        };
        let grouped = block::is_grouped(select, order_by, self.dialect());
        if grouped && matches!(located.found, Found::Query(_)) {
            self.narrow.set(false);
        }
        let of_groups = grouped && !located.aggregated && clause != block::Clause::GroupBy;
        if of_groups {
            // What is grouped by is the same for all rows of a group, and is asked about row by row before they are
            // grouped.
            if let Some(mark) = marks::first(&select.group_by).filter(|mark| *mark != self.mark) {
                return Err(Stop::Blocked(mark));
            }
            if !self.is_group_key(select, clause, &located)? {
                if let Found::Call(call) = &located.found {
                    self.nothing_inside(call)?;
                    self.rewritten_last(select, order_by, false)?;
                    return Err(Stop::Ungroup);
                }
                let value = self.value(&located)?;
                let having = select
                    .having
                    .as_ref()
                    .map(|having| self.unmarked(having))
                    .unwrap_or_default();
                let mut rest = format!("{from}{filter}{}", block::grouping(select, self.dialect())?);
                if !having.is_empty() {
                    rest.push_str(&format!(" HAVING {}", having.join(" AND ")));
                }
                return Ok(value.rows(&rest, &from, conditions));
            }
        }
        if let Found::Call(call) = &located.found
            && let Expr::Function(function) = &**call
            && marks::texts(function)
                .iter()
                .any(|text| block::needs_its_own_block(text, self.dialect()))
        {
            self.nothing_inside(call)?;
            self.rewritten_last(select, order_by, true)?;
            return Err(Stop::Unwindow);
        }
        let mut value = self.value(&located)?;
        if !grouped
            && !located.windowed
            && matches!(clause, block::Clause::Projection(_))
            && matches!(located.found, Found::Call(_))
            && let Some(query) = around
            && let Some((ending, missing)) = self.limit(select, query, &value)?
        {
            value.missing = Some(missing);
            let conditions = conditions.into_iter().chain([ending.clone()]);
            return Ok(value.rows(&format!("{from}{filter}{ending}"), &from, conditions));
        }
        Ok(value.rows(&format!("{from}{filter}"), &from, conditions))
    }

    /// The calls within a call come first.
    fn nothing_inside(&self, call: &Expr) -> Result<(), Stop> {
        match marks::any(call, &|mark| mark != self.mark) {
            Some(mark) => Err(Stop::Blocked(mark)),
            None => Ok(()),
        }
    }

    /// Before a block is rewritten, what stays within it is answered: calls in aggregates, in subqueries and in what is
    /// grouped by; where windows go to the inner block, those in windows too.
    fn rewritten_last(&self, select: &Select, order_by: Option<&OrderBy>, windows: bool) -> Result<(), Stop> {
        for (clause, part) in block::clauses(select, order_by) {
            for mark in part.marks() {
                if mark == self.mark {
                    continue;
                }
                let other = Collecting::of(self.staging, mark);
                let Some(located) = part.locate(&other) else { continue };
                if clause == block::Clause::GroupBy
                    || located.aggregated
                    || (windows && located.windowed)
                    || matches!(located.found, Found::Query(_))
                    || (!windows && other.is_group_key(select, clause, &located)?)
                {
                    return Err(Stop::Blocked(mark));
                }
            }
        }
        Ok(())
    }

    /// Finds the mark in a chain of AND, with the conditions beside it that are known by then.
    pub(crate) fn among_conjuncts(&self, expression: &Expr) -> Result<(Located, Vec<String>), Stop> {
        let mut conditions = Vec::new();
        let mut found = None;
        for conjunct in sql::conjuncts(expression) {
            if found.is_none() && self.holds(conjunct) {
                found = self.locate(conjunct);
                continue;
            }
            match marks::first(conjunct) {
                None => conditions.push(conjunct.to_string()),
                // What stands before is answered before, and leaves fewer rows to ask about.
                Some(mark) if found.is_none() => return Err(Stop::Blocked(mark)),
                Some(_) => {}
            }
        }
        match found {
            Some(located) => Ok((located, conditions)),
            None => Err(Stop::lost(self.mark)),
        }
    }

    /// The conditions of a chain of AND that hold no mark.
    fn unmarked(&self, expression: &Expr) -> Vec<String> {
        let _ = self;
        sql::conjuncts(expression)
            .into_iter()
            .filter(|conjunct| marks::first(*conjunct).is_none())
            .map(|conjunct| format!("({conjunct})"))
            .collect()
    }

    /// Whether a call outside of aggregates is what the block is grouped by, or a part of it.
    fn is_group_key(&self, select: &Select, clause: block::Clause, located: &Located) -> Result<bool, Stop> {
        if let block::Clause::Projection(place) = clause
            && block::groups_by_output(select, place, self.dialect())
        {
            return Ok(true);
        }
        let key = match &located.found {
            Found::Call(call) => self.staging.as_answered(&**call).to_string(),
            Found::Query(query) => self.staging.as_answered(&**query).to_string(),
        };
        Ok(block::grouping(select, self.dialect())?.contains(&key))
    }

    /// ORDER BY and LIMIT of a block, where they don't depend on the call and decide which rows it is made for.
    ///
    /// Which of several equal rows a LIMIT takes is up to the database. So that the last query takes those that were
    /// asked about, both put rows with an answer first among equals: see [`lookup::missing`].
    fn limit(&self, select: &Select, query: &Query, value: &Value) -> Result<Option<(String, Expr)>, Stop> {
        let Some(rows) = block::row_limit(query).filter(|_| self.narrow.get()) else {
            return Ok(None);
        };
        let sets = |item: &sqlparser::ast::SelectItem| block::has_set_function(item, self.dialect());
        if select.distinct.is_some() || select.projection.iter().any(sets) {
            return Ok(None);
        }
        let Some(keys) = block::order_keys(select, query.order_by.as_ref(), self.dialect()) else {
            return Ok(None);
        };
        if keys.iter().any(|key| self.holds(key)) {
            return Ok(None);
        }
        let mut keys = keys.iter().map(Self::text).collect::<Result<Vec<_>, Stop>>()?;
        let missing = self.staging.missing(self.mark, value);
        keys.push(missing.to_string());
        Ok(Some((format!(" ORDER BY {} LIMIT {rows}", keys.join(", ")), missing)))
    }
}

/// Whether an expression can't be in a subquery in place of itself: a window or a set of rows belongs to its block.
pub(crate) fn is_bound_to_block(expression: &Expr, dialect: Dialect) -> bool {
    functions::is_window(expression) || functions::is_set(expression, dialect)
}
