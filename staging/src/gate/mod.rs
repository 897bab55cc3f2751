//! Carrying the gate of each row.
//!
//! The gate of a row is the worst of the answers that it was made from: those that its block looks up, and the gates of
//! the rows of common table expressions and derived tables that it comes from, which carry theirs in a column more.

mod once;
mod source;

use sqlparser::ast::{
    Expr, Ident, InTarget, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, Visit, VisitMut,
};

use crate::calls::check;
use crate::scopes::outputs::Outputs;
use crate::scopes::walk::{self, Change, Flow, ON};
use crate::stage::block::Part;
use crate::stage::locate::locate;
use crate::stage::lookup::{self, Lookup};
use crate::stage::{AnswerTables, Gated, block, sql};
use crate::{Asked, Dialect, RelationName};

/// The name of the column.
const COLUMN: &str = "refuel_gate";

/// The query with the gate of each row; none where it makes no call.
pub(crate) fn gated(query: &Query, dialect: Dialect, tables: &dyn AnswerTables) -> Option<Gated> {
    if !asks(query) {
        return None;
    }
    let relation = |relation: &RelationName| tables.columns(relation);
    let mut carrying = Carrying {
        dialect,
        carriers: Vec::new(),
        outputs: Outputs {
            dialect,
            relation: &relation,
            tables: Vec::new(),
        },
    };
    let mut query = query.clone();
    Some(match carrying.query(&mut query, true) {
        Ok(_) => Gated::Sql(query.to_string()),
        Err(reason) => Gated::Impossible(reason),
    })
}

/// Whether a part of a query looks an answer up, or makes a call.
fn asks<N: Visit>(node: &N) -> bool {
    walk::holds(node, &is_answer)
}

fn is_answer(expression: &Expr) -> bool {
    lookup::read(expression, Dialect::Postgres).is_some()
        || matches!(expression, Expr::Function(function) if check::identifier(&function.name).is_some())
}

/// Why a row has no gate.
type Reason = String;

struct Carrying<'a> {
    dialect: Dialect,
    /// The common table expressions whose rows carry a gate.
    carriers: Vec<String>,
    outputs: Outputs<'a>,
}

impl Carrying<'_> {
    /// Whether rows that a part of a query returns may carry a gate.
    fn concerns<N: Visit>(&self, node: &N) -> bool {
        asks(node) || self.carriers.iter().any(|name| block::reads(node, name))
    }

    /// Adds the gate to the rows of a query, and says whether it did. With `always`, a query that nothing is behind gets
    /// a gate too, which is always open.
    fn query(&mut self, query: &mut Query, always: bool) -> Result<bool, Reason> {
        let seen = (self.carriers.len(), self.outputs.tables.len());
        if let Some(with) = &mut query.with {
            let recursive = with.recursive || self.dialect == Dialect::Sqlite;
            for table in &mut with.cte_tables {
                let name = table.alias.name.value.clone();
                let columns = self.outputs.query(&table.query);
                if self.concerns(&table.query) {
                    if recursive && block::reads(&table.query, &name) {
                        if once::is_once(&table.query.body) {
                            return Err(
                                "a row that a recursive query with UNION returns can come from several rows, with \
                                        gates of their own"
                                    .to_owned(),
                            );
                        }
                        self.carriers.push(name.clone());
                    }
                    self.query(&mut table.query, true)?;
                    source::name_gate(&mut table.alias);
                    self.carriers.push(name.clone());
                }
                self.outputs.tables.push((name, columns));
            }
        }
        let carried = self.set(&mut query.body, always);
        self.carriers.truncate(seen.0);
        self.outputs.tables.truncate(seen.1);
        carried
    }

    fn set(&mut self, part: &mut SetExpr, always: bool) -> Result<bool, Reason> {
        if !always && !self.concerns(part) {
            return Ok(false);
        }
        match part {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query, true),
            SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                left,
                right,
            } => {
                self.set(left, true)?;
                self.set(right, true)
            }
            _ if once::is_once(part) => self.set_once(part),
            SetExpr::SetOperation { op, set_quantifier, .. } => Err(format!(
                "a row that {op} {set_quantifier} returns can come from several rows, with gates of their own"
            )),
            _ => Err("a row of VALUES has no gate".to_owned()),
        }
    }

    fn select(&mut self, select: &mut Select) -> Result<bool, Reason> {
        let grouped = block::is_grouped(select, None, self.dialect);
        let own = select.from.clone();
        let before = select.clone();
        let sources = self.sources(select)?;
        let mut gates = sources.gates.clone();
        for (_, part) in block::clauses(&before, None) {
            match part {
                Part::GroupBy(part) => self.answers(part, grouped, &mut gates)?,
                Part::Item(part) => self.answers(part, grouped, &mut gates)?,
                Part::Expression(part) => self.answers(part, grouped, &mut gates)?,
                Part::Window(part) => self.answers(part, grouped, &mut gates)?,
                Part::OrderBy(part) => self.answers(part, grouped, &mut gates)?,
            }
        }
        if let Some(selection) = &select.selection {
            self.answers(selection, grouped, &mut gates)?;
        }
        let has_gates = !gates.is_empty();
        let alone = sources.gates.len() == 1
            && gates.len() == 1
            && source::is_alone(&own)
            && !grouped
            && select.distinct.is_none();
        if alone
            && matches!(
                &select.projection[..],
                [SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)]
            )
        {
            // The star has the gate as its last column.
            return Ok(true);
        }
        if !sources.gates.is_empty() {
            self.write_out_stars(select, &own, &sources.carrying)?;
        }
        let is_once = has_gates && self.is_select_once(select, grouped)?;
        let worst = match (&gates[..], self.dialect) {
            ([], _) => "0".to_owned(),
            ([gate], _) => format!("COALESCE({gate}, 0)"),
            (several, dialect) => {
                let greatest = if dialect == Dialect::Sqlite { "max" } else { "GREATEST" };
                let several: Vec<String> = several.iter().map(|gate| format!("COALESCE({gate}, 0)")).collect();
                format!("{greatest}({})", several.join(", "))
            }
        };
        let worst = if !has_gates || !(grouped || is_once) {
            worst
        } else if source::is_from_outside(&sql::expression_in(self.dialect, &worst), &own) {
            format!("CASE WHEN count(*) > 0 THEN {worst} ELSE 0 END")
        } else {
            format!("COALESCE(max({worst}), 0)")
        };
        if is_once {
            once::group(select, select.projection.len());
        }
        select.projection.push(SelectItem::ExprWithAlias {
            expr: sql::expression_in(self.dialect, &worst),
            alias: Ident::new(COLUMN),
        });
        Ok(true)
    }

    /// The gates of the answers that a part of a block reads, as SQL.
    fn answers<N: Visit + VisitMut + Clone>(
        &mut self,
        node: &N,
        grouped: bool,
        gates: &mut Vec<String>,
    ) -> Result<(), Reason> {
        let (node, answers) = Places::of(node);
        for (place, answer) in answers.iter().enumerate() {
            let wanted = |expression: &Expr| Places::number(expression) == Some(place);
            let Some(located) = locate(&node, self.dialect, &wanted) else {
                continue;
            };
            // A condition around a key of groups may be one about groups, which is none about rows.
            let guards = if grouped && !located.aggregated {
                Vec::new()
            } else {
                located.guards(self.dialect, &wanted).unwrap_or_default()
            };
            let mut found = Vec::new();
            self.answer(answer, grouped, &mut found)?;
            for gate in found {
                let guarded = guards.iter().rev().fold(gate, |gate, guard| guard.around(&gate));
                gates.push(Places::filled(guarded, &answers));
            }
        }
        Ok(())
    }

    /// The gates of one answer, or of the answers in a subquery.
    fn answer(&mut self, expression: &Expr, grouped: bool, gates: &mut Vec<String>) -> Result<(), Reason> {
        if let Some(Lookup { table, texts }) = lookup::read(expression, self.dialect) {
            for text in &texts {
                self.answers(text, grouped, gates)?;
            }
            gates.push(lookup::lookup(self.dialect, &table, "gate", &texts).to_string());
            return Ok(());
        }
        if let Expr::Function(function) = expression {
            let sound = check::read(function).map_err(|error| error.to_string())?;
            let Some(sound) = sound else { return Ok(()) };
            for text in &sound.texts {
                self.answers(text, grouped, gates)?;
            }
            let call = &sound.call;
            if let Asked::Task { .. } = &call.asked {
                let task = self.dialect.literal(&call.asked.name());
                let texts: Vec<String> = sound.texts.iter().map(ToString::to_string).collect();
                let asked: Vec<String> = texts.iter().map(|text| format!("({text}) IS NOT NULL")).collect();
                gates.push(format!(
                    "CASE (refuel_detail({}, {task})).status WHEN 'ok' THEN 0 WHEN 'abstained' THEN 1 ELSE \
                     CASE WHEN {} THEN 2 END END",
                    texts.join(", "),
                    asked.join(" AND "),
                ));
            }
            return Ok(());
        }
        let mut subquery = match expression {
            Expr::Subquery(query) | Expr::Exists { subquery: query, .. } => query.clone(),
            Expr::In {
                expr,
                target: InTarget::Subquery(query),
                ..
            } => {
                self.answers(&**expr, grouped, gates)?;
                query.clone()
            }
            _ => return Ok(()),
        };
        self.query(&mut subquery, true)?;
        gates.push(format!("(SELECT max(q.{COLUMN}) FROM ({subquery}) AS q)"));
        Ok(())
    }
}

/// A part of a block while names stand for the answers in it, and for the subqueries that hold some.
struct Places(Vec<Expr>);

impl Places {
    /// The part with names, and what they stand for.
    fn of<N: VisitMut + Clone>(node: &N) -> (N, Vec<Expr>) {
        let mut node = node.clone();
        let mut places = Self(Vec::new());
        let _ = walk::change(&mut node, &mut places);
        (node, places.0)
    }

    fn name(place: usize) -> String {
        format!("__refuel_place_{place}()")
    }

    /// Which of the names an expression is.
    fn number(expression: &Expr) -> Option<usize> {
        let Expr::Function(function) = expression else {
            return None;
        };
        function
            .name
            .0
            .last()?
            .as_ident()?
            .value
            .strip_prefix("__refuel_place_")?
            .parse()
            .ok()
    }

    /// A text with what the names in it stand for.
    fn filled(text: String, answers: &[Expr]) -> String {
        answers.iter().enumerate().fold(text, |text, (place, answer)| {
            text.replace(&Self::name(place), &format!("({answer})"))
        })
    }
}

impl Change for Places {
    fn expression(&mut self, expression: &mut Expr) -> Flow {
        let holds = match &*expression {
            Expr::Subquery(query)
            | Expr::Exists { subquery: query, .. }
            | Expr::In {
                target: InTarget::Subquery(query),
                ..
            } => asks(query),
            _ => false,
        };
        if holds || is_answer(expression) {
            let name = sql::expression(&Self::name(self.0.len()));
            self.0.push(std::mem::replace(expression, name));
        }
        ON
    }
}
