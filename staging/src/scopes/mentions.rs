//! The calls and the base relations of a query, found in one walk.

use sqlparser::ast::{Expr, Ident, ObjectName, Query, TableFactor};

use crate::calls::{InFrom, check};
use crate::dialect::folded;
use crate::scopes::walk::{self, Flow, Look, ON, STOP};
use crate::stage::relations;
use crate::{Call, Dialect, Position, RelationName, Result, StagingError};

/// What a query mentions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mentions {
    pub(crate) calls: Vec<Call>,
    pub(crate) relations: Vec<(RelationName, Position)>,
    /// Calls on whole relations, with the relation of each.
    pub(crate) computed: Vec<(Call, RelationName)>,
}

/// Walks a query. A call that isn't sound is an error.
pub(crate) fn mentions(query: &Query, dialect: Dialect) -> Result<Mentions> {
    let mut walk = Walk {
        dialect,
        frames: Frames::default(),
        found: Mentions::default(),
        wrong: None,
    };
    let _ = walk::look(query, &mut walk);
    if let Some(error) = walk.wrong {
        return Err(error);
    }
    let mut found = walk.found;
    // A tree is walked clause by clause, and a WITH within one is walked before what stands before it.
    found.calls.sort_by_key(|call| call.position);
    Ok(found)
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
    /// The first call that isn't sound.
    wrong: Option<StagingError>,
}

impl Walk {
    fn add_relation(&mut self, name: &ObjectName) {
        let Some(relation) = RelationName::of(name, self.dialect) else {
            return;
        };
        if self.frames.has(&relation) || self.found.relations.iter().any(|(known, _)| *known == relation) {
            return;
        }
        let position = name.0.first().and_then(|part| part.as_ident()).map(check::position);
        self.found.relations.push((relation, position.unwrap_or_default()));
    }

    /// Goes on, or ends the walk with an error.
    fn flow(&mut self, result: Result<()>) -> Flow {
        match result {
            Ok(()) => ON,
            Err(error) => {
                self.wrong = Some(error);
                STOP
            }
        }
    }

    fn called_in_from(&mut self, factor: &TableFactor) -> Result<()> {
        let Some(call) = InFrom::of(factor)? else {
            return Ok(());
        };
        let sound = call.sound()?;
        if call.function.is_of_relations() {
            let relation = relations::relation(&sound.call, &sound.texts[0], self.dialect)?;
            if self.frames.has(&relation) {
                return Err(relations::not_of_a_cte(&sound.call, &relation));
            }
            if self.found.relations.iter().all(|(known, _)| *known != relation) {
                self.found.relations.push((relation.clone(), sound.call.position));
            }
            self.found.computed.push((sound.call.clone(), relation));
        }
        self.found.calls.push(sound.call);
        Ok(())
    }
}

impl Look for Walk {
    fn query(&mut self, query: &Query) -> Flow {
        self.frames.enter(query, self.dialect);
        ON
    }

    fn query_left(&mut self, query: &Query) {
        self.frames.leave(query);
    }

    fn factor(&mut self, factor: &TableFactor) -> Flow {
        if let TableFactor::Table { name, args: None, .. } = factor {
            self.add_relation(name);
            return ON;
        }
        let called = self.called_in_from(factor);
        self.flow(called)
    }

    fn expression(&mut self, expression: &Expr) -> Flow {
        if let Expr::Function(function) = expression {
            let read = check::read(function).map(|sound| self.found.calls.extend(sound.map(|sound| sound.call)));
            return self.flow(read);
        }
        ON
    }
}

/// Whether an identifier is this name, whatever its letters' case.
pub(crate) fn named(identifier: &Ident, name: &str) -> bool {
    Dialect::same_name(&identifier.value, name)
}
