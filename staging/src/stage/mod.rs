//! Cutting a query into stages.
//!
//! Each call whose answers are in a table is marked ([`marks`]). Then, one mark after the other: the query for its inputs
//! is made from the tree as it is ([`collect`]), and a lookup takes the place of the call ([`lookup`]). What the inputs are
//! read with must hold no mark itself; where it does, that mark comes first, so that the order follows from the query. Where
//! no lookup can stand in place of a call, its block is rewritten ([`restructure`]).

pub(crate) mod block;
mod collect;
mod joins;
pub(crate) mod locate;
pub(crate) mod lookup;
pub(crate) mod marks;
pub(crate) mod relations;
mod restructure;
mod rows;
pub(crate) mod sql;

use serde::{Deserialize, Serialize};
use sqlparser::ast::{Expr, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, Query, VisitMut};

use self::collect::Collecting;
use self::marks::Site;
pub use self::relations::Computed;
use self::rows::{Rows, Value};
use crate::scopes::walk::{self, Change, Flow, ON};
use crate::{Asked, Call, Dialect, Function, RelationName, Result, StagingError};

/// Where the answers of a call are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// In this table, which the run fills before the query is asked.
    Table(RelationName),
    /// In the database itself: the extension answers the call as it is written.
    AsWritten,
}

/// Where answers are: what a run knows, and this crate does not.
///
/// A table of answers has the columns
///
/// | column | SQLite | Postgres | |
/// |---|---|---|---|
/// | `key_1`, and `key_2` where a call has two arguments | `TEXT COLLATE BINARY` | `bytea` | primary key: the argument as text; in Postgres `sha256(convert_to(argument, 'UTF8'))` |
/// | `argument_1`, `argument_2` | `TEXT` | `text` | the argument as text |
/// | `value` | what the function returns; lists and records as JSON text | what the function returns | after the gate |
/// | `confidence`, `score` | `REAL` | `real` | |
/// | `gate` | `INTEGER` | `smallint` | 0 accepted, 1 review, 2 rejected |
/// | `status`, `source`, `reason` | `TEXT` | `text` | a row of status `error` counts as not answered |
pub trait AnswerTables {
    /// Where the answers to `asked` over `arguments` texts are: 2 for tasks that read two sides, such as those of
    /// `refuel_match` and `refuel_answer`, otherwise 1.
    fn place(&self, asked: &Asked, arguments: u8) -> Placement;

    /// The table that holds what comes of a function over a whole relation; none where the database itself has the function.
    fn relation(&self, _call: &Call, _relation: &RelationName) -> Option<RelationName> {
        None
    }

    /// The columns of a relation in their order, where they are known. They are needed only where `*` has to be written
    /// out: a query with a call over a window function, or gates behind `*`.
    fn columns(&self, _relation: &RelationName) -> Option<Vec<String>> {
        None
    }
}

/// One step of a plan: the distinct inputs of one call that have no answer yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The function of the first call that needs these answers.
    pub function: Function,
    /// What is asked.
    pub asked: Asked,
    /// The task as the query names it (`topic`, `topic@2`), or the model.
    pub task: String,
    /// How many texts an input has: 1 or 2.
    pub arguments: u8,
    /// A `SELECT` of one column `argument_1`, or of two with `argument_2`: distinct texts, none NULL, that the table of
    /// answers has no answer for.
    pub inputs: String,
    /// The same with those that are answered.
    pub all_inputs: String,
    /// The table of answers.
    pub table: RelationName,
    /// Stages (by their place in [`Plan::stages`]) that must be answered before `inputs` is asked.
    pub after: Vec<usize>,
}

/// How to get the rows of a query whose calls are answered by a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The stages, in an order in which they can be answered.
    pub stages: Vec<Stage>,
    /// Relations that tasks are applied to as a whole, before any stage is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<Computed>,
    /// The `SELECT` itself, with answers looked up where calls were.
    pub sql: String,
    /// The same with the gate of each row; none where the query has no calls.
    pub gated: Option<Gated>,
}

/// A query with the gate of each row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gated {
    /// The `SELECT` with one more last column `refuel_gate`: 0 accepted, 1 review, 2 rejected; the worst of the answers
    /// that a row was made from.
    Sql(String),
    /// Why a row has no gate of its own.
    Impossible(String),
}

/// Why the inputs of a mark can't be told yet, or ever.
#[derive(Debug)]
pub(crate) enum Stop {
    /// This mark comes first.
    Blocked(usize),
    /// The call is about groups: its block has to be put around one that groups.
    Ungroup,
    /// The call is about a window or a set of rows: its block has to be put around one that has it.
    Unwindow,
    /// It can't be.
    Failed(StagingError),
}

impl Stop {
    /// A mark that isn't where it was seen to be: a fault of this crate.
    fn lost(mark: usize) -> Self {
        debug_assert!(false, "mark {mark} is lost");
        Self::Blocked(mark)
    }
}

/// A query while it is cut into stages.
pub(crate) struct Staging {
    pub(crate) dialect: Dialect,
    query: Query,
    pub(crate) sites: Vec<Site>,
    /// Whether a lookup has taken the place of a mark.
    answered: Vec<bool>,
    stages: Vec<Open>,
    /// How many blocks were rewritten, for names that no two of them share.
    rewritten: usize,
}

/// A stage whose inputs are still being put together.
struct Open {
    site: Site,
    rows: Vec<Rows>,
    after: Vec<usize>,
}

impl Staging {
    /// Cuts a query into stages.
    pub(crate) fn plan(query: &Query, dialect: Dialect, tables: &dyn AnswerTables) -> Result<Plan> {
        let mut query = query.clone();
        let relations = relations::place(&mut query, dialect, tables)?;
        let sites = marks::mark(&mut query, dialect, tables)?;
        let mut staging = Staging {
            dialect,
            query,
            answered: vec![false; sites.len()],
            sites,
            stages: Vec::new(),
            rewritten: 0,
        };
        for mark in 0..staging.sites.len() {
            staging.answer(mark, &mut Vec::new())?;
        }
        let gated = crate::gate::gated(&staging.query, dialect, tables);
        let stages = staging.stages.iter().map(|stage| staging.finished(stage)).collect();
        Ok(Plan {
            stages,
            relations,
            sql: staging.query.to_string(),
            gated,
        })
    }

    fn finished(&self, open: &Open) -> Stage {
        let call = &open.site.call;
        Stage {
            function: call.function,
            task: call.asked.name(),
            asked: call.asked.clone(),
            arguments: open.site.texts,
            inputs: rows::inputs(&open.rows, self.dialect, Some(&open.site.table)),
            all_inputs: rows::inputs(&open.rows, self.dialect, None),
            table: open.site.table.clone(),
            after: open.after.clone(),
        }
    }

    /// Makes the stage of a mark, after those that come first, and puts the lookup in its place. `waiting` are the marks
    /// that wait for this one.
    fn answer(&mut self, mark: usize, waiting: &mut Vec<usize>) -> Result<()> {
        while !self.answered[mark] {
            let collecting = Collecting::of(self, mark);
            match collecting.query(&self.query) {
                Ok(rows) => {
                    self.place(mark, &rows);
                    self.add(mark, rows);
                    self.answered[mark] = true;
                }
                Err(Stop::Blocked(first)) if first == mark || waiting.contains(&first) => {
                    let call = &self.sites[mark].call;
                    return Err(StagingError::Unsupported {
                        position: call.position,
                        function: call.function.name(),
                        place: "where its input depends on itself".to_owned(),
                        instead: "make the inner call in a CTE, and the outer one on what that returns".to_owned(),
                    });
                }
                Err(Stop::Blocked(first)) => {
                    waiting.push(mark);
                    self.answer(first, waiting)?;
                    waiting.pop();
                }
                Err(Stop::Ungroup) => self.restructure(mark, restructure::Kind::Groups)?,
                Err(Stop::Unwindow) => self.restructure(mark, restructure::Kind::Windows)?,
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn restructure(&mut self, mark: usize, kind: restructure::Kind) -> Result<()> {
        self.rewritten += 1;
        let site = self.sites[mark].clone();
        restructure::restructure(&mut self.query, mark, &site.call, kind, self.rewritten, self.dialect)
    }

    /// Adds rows to the stages: to one that is about the same table and needs nothing later, or as one of their own.
    fn add(&mut self, mark: usize, rows: Rows) {
        let site = self.sites[mark].clone();
        let same = |open: &Open| open.site.table == site.table;
        if self
            .stages
            .iter()
            .any(|open| same(open) && open.rows.iter().any(|earlier| rows.are_part_of(earlier)))
        {
            return;
        }
        let text = rows.text();
        let reads = |open: &Open| text.contains(&open.site.table.sql(self.dialect));
        let after: Vec<usize> = (0..self.stages.len())
            .filter(|place| reads(&self.stages[*place]))
            .collect();
        let earliest = after.last().map_or(0, |last| last + 1);
        if let Some(open) = self.stages[earliest..].iter_mut().find(|open| same(open)) {
            for stage in after {
                if !open.after.contains(&stage) {
                    open.after.push(stage);
                }
            }
            open.after.sort_unstable();
            open.rows.push(rows);
            return;
        }
        // What one stage answered, the next doesn't ask again.
        let after = (0..self.stages.len())
            .filter(|place| after.contains(place) || same(&self.stages[*place]))
            .collect();
        self.stages.push(Open {
            site,
            rows: vec![rows],
            after,
        });
    }

    /// Whether a call has no answer at all, as a key of ORDER BY.
    fn missing(&self, mark: usize, value: &Value) -> Expr {
        let texts: Vec<Expr> = value
            .columns
            .iter()
            .map(|column| sql::expression_in(self.dialect, column))
            .collect();
        lookup::missing(self.dialect, &self.sites[mark], &texts)
    }

    /// A part of the query as it will be when every mark in it is answered.
    fn as_answered<N: VisitMut + Clone>(&self, part: &N) -> N {
        struct Answering<'a>(&'a Staging);
        impl Change for Answering<'_> {
            fn expression(&mut self, expression: &mut Expr) -> Flow {
                if let Some(mark) = marks::number(expression)
                    && let Some(site) = self.0.sites.get(mark)
                {
                    *expression = looked_up(expression, site, self.0.dialect);
                }
                ON
            }
        }
        let mut part = part.clone();
        let _ = walk::change(&mut part, &mut Answering(self));
        part
    }

    /// Puts the lookup in the place of a mark.
    fn place(&mut self, mark: usize, rows: &Rows) {
        let site = self.sites[mark].clone();
        let mut placing = Placing {
            dialect: self.dialect,
            mark,
            site: &site,
            first: rows.missing.clone(),
        };
        let _ = walk::change(&mut self.query, &mut placing);
    }
}

struct Placing<'a> {
    dialect: Dialect,
    mark: usize,
    site: &'a Site,
    /// The key that puts rows with an answer first, for the ORDER BY of the block that has the call.
    first: Option<Expr>,
}

impl Change for Placing<'_> {
    fn query(&mut self, query: &mut Query) -> Flow {
        if self.first.is_some()
            && let Some(select) = sql::select_mut(query)
            && block::own_marks(select, None).contains(&self.mark)
            && let Some(first) = self.first.take()
        {
            let key = OrderByExpr {
                expr: first,
                options: OrderByOptions {
                    sort: None,
                    nulls_first: None,
                },
                with_fill: None,
            };
            match &mut query.order_by {
                Some(OrderBy {
                    kind: OrderByKind::Expressions(keys),
                    ..
                }) => keys.push(key),
                other => {
                    *other = Some(OrderBy {
                        kind: OrderByKind::Expressions(vec![key]),
                        interpolate: None,
                    });
                }
            }
        }
        ON
    }

    fn expression(&mut self, expression: &mut Expr) -> Flow {
        if marks::number(expression) == Some(self.mark) {
            *expression = looked_up(expression, self.site, self.dialect);
        }
        ON
    }
}

/// The lookup for a marked call.
fn looked_up(marked: &Expr, site: &Site, dialect: Dialect) -> Expr {
    match marked {
        Expr::Function(function) => lookup::lookup(
            dialect,
            &site.table,
            site.call.function.column(),
            &marks::texts(function),
        ),
        other => other.clone(),
    }
}
