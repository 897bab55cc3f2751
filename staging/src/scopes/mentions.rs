//! The calls and the base relations of a query, found in one walk.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, ObjectName, Query, TableFactor, Visit, Visitor};

use crate::calls::check;
use crate::dialect::folded;
use crate::{Call, Dialect, Position, RelationName, Result, StagingError};

/// What a query mentions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mentions {
    pub(crate) calls: Vec<Call>,
    pub(crate) relations: Vec<(RelationName, Position)>,
}

/// Walks a query. A call that isn't sound is an error.
pub(crate) fn mentions(query: &Query, dialect: Dialect) -> Result<Mentions> {
    let mut walk = Walk {
        dialect,
        frames: Frames::default(),
        found: Mentions::default(),
    };
    match query.visit(&mut walk) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => {
            let mut found = walk.found;
            // A tree is walked clause by clause, and SELECT stands before FROM in either.
            found.calls.sort_by_key(|call| call.position);
            Ok(found)
        }
    }
}

/// The names that a WITH gives, and how many of them are seen where the walk is.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The query of each common table expression, as an address to tell them apart, and its name.
    tables: Vec<(usize, String)>,
    recursive: bool,
    visible: usize,
}

/// The names of common table expressions that are seen at a place of a walk.
#[derive(Debug, Default)]
pub(crate) struct Frames(Vec<Frame>);

fn address(query: &Query) -> usize {
    std::ptr::from_ref(query) as usize
}

impl Frames {
    /// To be called before a query is walked.
    pub(crate) fn enter(&mut self, query: &Query, dialect: Dialect) {
        let here = address(query);
        if let Some(frame) = self.0.last_mut()
            && let Some(place) = frame.tables.iter().position(|(table, _)| *table == here)
            && !frame.recursive
        {
            frame.visible = place;
        }
        let with = query.with.as_ref();
        let tables: Vec<(usize, String)> = with
            .iter()
            .flat_map(|with| &with.cte_tables)
            .map(|table| (address(&table.query), folded(&table.alias.name, dialect)))
            .collect();
        self.0.push(Frame {
            visible: tables.len(),
            tables,
            // SQLite lets every one of them see every other.
            recursive: dialect == Dialect::Sqlite || with.is_some_and(|with| with.recursive),
        });
    }

    /// To be called after a query was walked.
    pub(crate) fn leave(&mut self, query: &Query) {
        self.0.pop();
        let here = address(query);
        if let Some(frame) = self.0.last_mut()
            && let Some(place) = frame.tables.iter().position(|(table, _)| *table == here)
        {
            frame.visible = if place + 1 == frame.tables.len() || frame.recursive {
                frame.tables.len()
            } else {
                place + 1
            };
        }
    }

    /// Whether a name is that of a common table expression.
    pub(crate) fn has(&self, name: &RelationName) -> bool {
        name.schema.is_none()
            && self.0.iter().any(|frame| {
                frame.tables[..frame.visible]
                    .iter()
                    .any(|(_, table)| Dialect::same_name(table, &name.name))
            })
    }
}

struct Walk {
    dialect: Dialect,
    frames: Frames,
    found: Mentions,
}

impl Walk {
    fn relation(&mut self, name: &ObjectName) {
        let Some(relation) = RelationName::of(name, self.dialect) else {
            return;
        };
        if self.frames.has(&relation) || self.found.relations.iter().any(|(known, _)| *known == relation) {
            return;
        }
        let position = name.0.first().and_then(|part| part.as_ident()).map(check::position);
        self.found.relations.push((relation, position.unwrap_or_default()));
    }

    fn called_in_from(&mut self, name: &ObjectName, args: &[sqlparser::ast::FunctionArg]) -> Result<()> {
        if let Some(identifier) = check::identifier(name) {
            let function = check::function(identifier)?;
            let sound = check::arguments(function, check::position(identifier), args)?;
            self.found.calls.push(sound.call);
        }
        Ok(())
    }
}

fn flow(result: Result<()>) -> ControlFlow<StagingError> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

impl Visitor for Walk {
    type Break = StagingError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        self.frames.enter(query, self.dialect);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        self.frames.leave(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Table { name, args: None, .. } => {
                self.relation(name);
                ControlFlow::Continue(())
            }
            TableFactor::Table {
                name, args: Some(args), ..
            } => flow(self.called_in_from(name, &args.args)),
            TableFactor::Function { name, args, .. } => flow(self.called_in_from(name, args)),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Function(function) = expression {
            match check::read(function) {
                Ok(Some(sound)) => self.found.calls.push(sound.call),
                Ok(None) => {}
                Err(error) => return ControlFlow::Break(error),
            }
        }
        ControlFlow::Continue(())
    }
}

/// Whether an identifier is this name, whatever its letters' case.
pub(crate) fn named(identifier: &Ident, name: &str) -> bool {
    Dialect::same_name(&identifier.value, name)
}
