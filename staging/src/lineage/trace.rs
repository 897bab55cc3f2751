//! Following columns through the blocks of a query.

use sqlparser::ast::{
    Expr, Function as Written, Ident, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins, Visit,
};

use super::{CallOrigin, ColumnOrigin, Columns, Lineage, OutputColumn};
use crate::calls::check;
use crate::dialect::folded;
use crate::scopes::functions;
use crate::scopes::outputs::alias;
use crate::scopes::walk::{self, Flow, Look, ON};
use crate::{Dialect, RelationName};

/// The name of a column that stands for all of a relation whose columns aren't known.
const ALL: &str = "*";

/// Where the columns of a query come from.
pub(crate) fn of(query: &Query, dialect: Dialect, columns: &dyn Columns) -> Lineage {
    let mut tracing = Tracing {
        dialect,
        columns,
        tables: Vec::new(),
        blocks: Vec::new(),
    };
    Lineage {
        columns: tracing.query(query),
    }
}

/// A table of FROM.
#[derive(Debug, Clone)]
struct Source {
    alias: Option<String>,
    /// The relation, where it is one.
    relation: Option<RelationName>,
    /// Its columns; none where they aren't known.
    columns: Option<Vec<OutputColumn>>,
}

struct Tracing<'a> {
    dialect: Dialect,
    columns: &'a dyn Columns,
    /// The common table expressions that are seen, the nearest last.
    tables: Vec<(String, Vec<OutputColumn>)>,
    /// The tables of FROM of the blocks around, the nearest last.
    blocks: Vec<Vec<Source>>,
}

impl OutputColumn {
    fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    fn add(&mut self, other: Self) {
        self.from.extend(other.from);
        for call in other.calls {
            if !self.calls.contains(&call) {
                self.calls.push(call);
            }
        }
        for unknown in other.unknown {
            if !self.unknown.contains(&unknown) {
                self.unknown.push(unknown);
            }
        }
    }

    fn sorted(mut self) -> Self {
        self.from.sort();
        self.from.dedup();
        self
    }
}

impl Tracing<'_> {
    fn query(&mut self, query: &Query) -> Vec<OutputColumn> {
        let seen = self.tables.len();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = self.query(&table.query);
            let columns = self.renamed(columns, &table.alias);
            self.tables.push((folded(&table.alias.name, self.dialect), columns));
        }
        let columns = self.set(&query.body);
        self.tables.truncate(seen);
        columns
    }

    fn set(&mut self, part: &SetExpr) -> Vec<OutputColumn> {
        match part {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let mut columns = self.set(left);
                let mut others = self.set(right).into_iter();
                for column in &mut columns {
                    if let Some(other) = others.next() {
                        column.add(other);
                    }
                }
                columns.into_iter().map(OutputColumn::sorted).collect()
            }
            SetExpr::Values(values) => {
                let width = values.rows.first().map_or(0, |row| row.content.len());
                (0..width)
                    .map(|place| {
                        let mut column = OutputColumn::default().named(&format!("column{}", place + 1));
                        for expression in values.rows.iter().filter_map(|row| row.content.get(place)) {
                            column.add(self.expression(expression));
                        }
                        column.sorted()
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn select(&mut self, select: &Select) -> Vec<OutputColumn> {
        self.blocks.push(Vec::new());
        for table in &select.from {
            self.table(table);
        }
        let merged = merged(&select.from);
        let mut columns = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { expr, alias } => {
                    columns.push(self.expression(expr).named(&folded(alias, self.dialect)));
                }
                SelectItem::UnnamedExpr(expression) => {
                    let name = functions::column_name(expression).unwrap_or_else(|| match self.dialect {
                        Dialect::Sqlite => expression.to_string(),
                        Dialect::Postgres => "?column?".to_owned(),
                    });
                    columns.push(self.expression(expression).named(&name));
                }
                SelectItem::Wildcard(_) => {
                    for source in self.blocks.last().cloned().unwrap_or_default() {
                        for column in all_of(&source) {
                            // USING and NATURAL give one column for two.
                            let before = columns.iter_mut().find(|known: &&mut OutputColumn| {
                                known.name != ALL && known.name == column.name && merged.covers(&column.name)
                            });
                            match before {
                                Some(known) => known.add(column),
                                None => columns.push(column),
                            }
                        }
                    }
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = name.0.last().and_then(|part| part.as_ident());
                    match name.and_then(|name| self.source(&name.value)) {
                        Some(source) => columns.extend(all_of(&source)),
                        None => columns.push(unknown(&item.to_string()).named(ALL)),
                    }
                }
                other => columns.push(unknown(&other.to_string()).named(ALL)),
            }
        }
        self.blocks.pop();
        columns.into_iter().map(OutputColumn::sorted).collect()
    }

    fn table(&mut self, table: &TableWithJoins) {
        self.factor(&table.relation);
        for join in &table.joins {
            self.factor(&join.relation);
        }
    }

    fn factor(&mut self, factor: &TableFactor) {
        let source = match factor {
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => return self.table(table_with_joins),
            TableFactor::Table {
                name,
                args: None,
                alias: own,
                ..
            } => {
                let relation = RelationName::of(name, self.dialect);
                let table = relation
                    .as_ref()
                    .filter(|relation| relation.schema.is_none())
                    .and_then(|relation| {
                        let named =
                            |(table, _): &&(String, Vec<OutputColumn>)| Dialect::same_name(table, &relation.name);
                        self.tables.iter().rev().find(named).map(|(_, columns)| columns.clone())
                    });
                let is_relation = table.is_none();
                let columns = table.or_else(|| {
                    let relation = relation.as_ref()?;
                    let columns = self.columns.columns(relation)?;
                    Some(columns.iter().map(|column| direct(relation, column)).collect())
                });
                let columns = match own {
                    Some(own) => columns.map(|columns| self.renamed(columns, own)),
                    None => columns,
                };
                Source {
                    alias: alias(factor),
                    relation: relation.filter(|_| is_relation),
                    columns,
                }
            }
            TableFactor::Derived {
                subquery,
                alias: own,
                lateral,
                ..
            } => {
                // What isn't LATERAL doesn't see the tables beside it.
                let beside = if *lateral {
                    None
                } else {
                    self.blocks.last_mut().map(std::mem::take)
                };
                let mut columns = self.query(subquery);
                if let (Some(beside), Some(block)) = (beside, self.blocks.last_mut()) {
                    *block = beside;
                }
                if let Some(own) = own {
                    columns = self.renamed(columns, own);
                }
                Source {
                    alias: alias(factor),
                    relation: None,
                    columns: Some(columns),
                }
            }
            other => {
                // A function: whatever it returns is made of its arguments.
                let value = super::computed::origin(other, self.dialect, self.columns, ALL)
                    .unwrap_or_else(|| self.expression(other));
                let mut columns = vec![value.clone().named(ALL)];
                if let TableFactor::Function { alias: Some(own), .. } | TableFactor::Table { alias: Some(own), .. } =
                    other
                {
                    let named = own
                        .columns
                        .iter()
                        .map(|column| value.clone().named(&folded(&column.name, self.dialect)));
                    columns = named.chain([value.clone().named(ALL)]).collect();
                }
                Source {
                    alias: alias(factor),
                    relation: None,
                    columns: Some(columns),
                }
            }
        };
        if let Some(block) = self.blocks.last_mut() {
            block.push(source);
        }
    }

    fn renamed(&self, mut columns: Vec<OutputColumn>, alias: &TableAlias) -> Vec<OutputColumn> {
        for (column, own) in columns.iter_mut().zip(&alias.columns) {
            column.name = folded(&own.name, self.dialect);
        }
        columns
    }

    /// The table of FROM of this name, in the nearest block that has one.
    fn source(&self, name: &str) -> Option<Source> {
        let named = |source: &&Source| {
            source
                .alias
                .as_ref()
                .is_some_and(|alias| Dialect::same_name(alias, name))
        };
        self.blocks
            .iter()
            .rev()
            .find_map(|block| block.iter().find(named))
            .cloned()
    }

    /// What the value of an expression, or of the arguments of a function in FROM, is computed from.
    fn expression<N: Visit>(&mut self, node: &N) -> OutputColumn {
        let mut walk = Walk {
            tracing: self,
            found: OutputColumn::default(),
            within: 0,
            subqueries: Vec::new(),
        };
        let _ = walk::look(node, &mut walk);
        let Walk {
            mut found, subqueries, ..
        } = walk;
        for query in subqueries {
            // The rest of a subquery decides whether there is a value, its columns what it is.
            for column in self.query(&query) {
                found.add(column);
            }
        }
        found.sorted()
    }

    fn call(&mut self, function: &Written) -> Option<CallOrigin> {
        let sound = check::read(function).ok()??;
        let mut origin = OutputColumn::default();
        for text in &sound.texts {
            origin.add(self.expression(text));
        }
        let origin = origin.sorted();
        Some(CallOrigin {
            function: sound.call.function,
            asked: sound.call.asked,
            from: origin.from,
            calls: origin.calls,
            unknown: origin.unknown,
        })
    }

    /// A name without its table.
    fn bare(&self, name: &Ident) -> OutputColumn {
        let column = folded(name, self.dialect);
        for block in self.blocks.iter().rev() {
            let having: Vec<OutputColumn> = block
                .iter()
                .filter_map(|source| {
                    let columns = source.columns.as_ref()?;
                    columns
                        .iter()
                        .find(|known| Dialect::same_name(&known.name, &column))
                        .cloned()
                })
                .collect();
            if !having.is_empty() {
                // Several have it where USING makes one of them.
                let mut all = OutputColumn::default();
                having.into_iter().for_each(|one| all.add(one));
                return all;
            }
            let open: Vec<&Source> = block.iter().filter(|source| is_open(source)).collect();
            match &open[..] {
                [] => {}
                [only] => return from_open(only, &column),
                _ => return unknown(&column),
            }
        }
        // The name of a table stands for its whole row in Postgres.
        match self.source(&name.value) {
            Some(source) => {
                let mut all = OutputColumn::default();
                all_of(&source).into_iter().for_each(|one| all.add(one));
                all
            }
            None => unknown(&column),
        }
    }

    /// A name with its table, and maybe a schema.
    fn qualified(&self, parts: &[Ident]) -> OutputColumn {
        let [.., table, column] = parts else {
            return OutputColumn::default();
        };
        let text = || parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
        let Some(source) = self.source(&table.value) else {
            return unknown(&text());
        };
        let column = folded(column, self.dialect);
        let known = source.columns.as_ref().and_then(|columns| {
            columns
                .iter()
                .find(|known| Dialect::same_name(&known.name, &column))
                .cloned()
        });
        match known {
            Some(known) => known,
            None if is_open(&source) => from_open(&source, &column),
            None => unknown(&text()),
        }
    }
}

/// Whether a table may have columns that aren't known.
fn is_open(source: &Source) -> bool {
    match &source.columns {
        None => true,
        Some(columns) => columns.iter().any(|column| column.name == ALL),
    }
}

/// A column of a table whose columns aren't known.
fn from_open(source: &Source, column: &str) -> OutputColumn {
    if let Some(relation) = &source.relation {
        return direct(relation, column);
    }
    let mut origin = OutputColumn::default();
    for star in source.columns.iter().flatten().filter(|known| known.name == ALL) {
        let mut star = star.clone();
        // The star of one relation: the column is of that.
        for from in &mut star.from {
            if from.column == ALL {
                column.clone_into(&mut from.column);
            }
        }
        origin.add(star);
    }
    if origin.from.len() > 1 && origin.calls.is_empty() {
        return unknown(column);
    }
    origin
}

fn direct(relation: &RelationName, column: &str) -> OutputColumn {
    OutputColumn {
        name: column.to_owned(),
        from: vec![ColumnOrigin {
            relation: relation.clone(),
            column: column.to_owned(),
        }],
        ..OutputColumn::default()
    }
}

fn unknown(name: &str) -> OutputColumn {
    OutputColumn {
        name: name.to_owned(),
        unknown: vec![name.to_owned()],
        ..OutputColumn::default()
    }
}

/// The columns of a table, or one that stands for them.
fn all_of(source: &Source) -> Vec<OutputColumn> {
    match (&source.columns, &source.relation) {
        (Some(columns), _) => columns.clone(),
        (None, Some(relation)) => vec![direct(relation, ALL)],
        (None, None) => vec![unknown(source.alias.as_deref().unwrap_or(ALL)).named(ALL)],
    }
}

/// The columns that USING and NATURAL make one of.
struct Merged {
    natural: bool,
    using: Vec<String>,
}

impl Merged {
    fn covers(&self, column: &str) -> bool {
        self.natural || self.using.iter().any(|name| Dialect::same_name(name, column))
    }
}

fn merged(from: &[TableWithJoins]) -> Merged {
    let mut merged = Merged {
        natural: false,
        using: Vec::new(),
    };
    let last = |name: &ObjectName| Some(name.0.last()?.as_ident()?.value.clone());
    for join in from.iter().flat_map(|table| &table.joins) {
        let (JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)) = &join.join_operator
        else {
            continue;
        };
        match constraint {
            JoinConstraint::Natural => merged.natural = true,
            JoinConstraint::Using(columns) | JoinConstraint::UsingAlias(columns, _) => {
                merged.using.extend(columns.iter().filter_map(last));
            }
            _ => {}
        }
    }
    merged
}

/// Walks an expression. What is within a call is the call's, and what is within a subquery is the subquery's.
struct Walk<'a, 'b> {
    tracing: &'a mut Tracing<'b>,
    found: OutputColumn,
    within: usize,
    subqueries: Vec<Query>,
}

fn is_call(expression: &Expr) -> bool {
    matches!(expression, Expr::Function(function) if check::identifier(&function.name).is_some())
}

impl Look for Walk<'_, '_> {
    fn query(&mut self, query: &Query) -> Flow {
        if self.within == 0 {
            self.subqueries.push(query.clone());
        }
        self.within += 1;
        ON
    }

    fn query_left(&mut self, _query: &Query) {
        self.within -= 1;
    }

    fn expression(&mut self, expression: &Expr) -> Flow {
        if self.within == 0 {
            match expression {
                Expr::Identifier(name) => {
                    let origin = self.tracing.bare(name);
                    self.found.add(origin);
                }
                Expr::CompoundIdentifier(parts) => {
                    let origin = self.tracing.qualified(parts);
                    self.found.add(origin);
                }
                Expr::Function(function) if is_call(expression) => {
                    if let Some(call) = self.tracing.call(function)
                        && !self.found.calls.contains(&call)
                    {
                        self.found.calls.push(call);
                    }
                }
                _ => {}
            }
        }
        if is_call(expression) {
            self.within += 1;
        }
        ON
    }

    fn expression_left(&mut self, expression: &Expr) {
        if is_call(expression) {
            self.within -= 1;
        }
    }
}
