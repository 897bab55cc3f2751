//! Rows that DISTINCT and set operations return once, however often they come up: such a row has the worst gate of all
//! that it stands for.

use sqlparser::ast::{Distinct, Expr, GroupByExpr, Ident, Select, SelectItem, SetExpr, SetOperator, SetQuantifier};

use super::{COLUMN, Carrying, Reason};
use crate::stage::{block, sql};

/// The column that tells the rows of the first query of a set operation from those of the second.
const SIDE: &str = "refuel_side";

/// The rows of both.
const ROWS: &str = "refuel_rows";

/// Whether a set operation returns equal rows once.
pub(super) fn is_once(part: &SetExpr) -> bool {
    matches!(
        part,
        SetExpr::SetOperation {
            op: SetOperator::Union | SetOperator::Intersect | SetOperator::Except,
            set_quantifier: SetQuantifier::None | SetQuantifier::Distinct,
            ..
        }
    )
}

impl Carrying<'_> {
    /// Adds the gate to a set operation that returns equal rows once: the rows of both queries are grouped by all columns.
    pub(super) fn set_once(&mut self, part: &mut SetExpr) -> Result<bool, Reason> {
        let columns = self.columns(part)?;
        let SetExpr::SetOperation { op, left, right, .. } = part else {
            return Ok(false);
        };
        let op = *op;
        self.set(left, true)?;
        self.set(right, true)?;
        let having = if op == SetOperator::Union {
            String::new()
        } else {
            // A row is in both, or in the first alone.
            for (side, query) in [(1, &mut *left), (2, &mut *right)] {
                let SetExpr::Select(select) = &mut **query else {
                    return Err(format!(
                        "{op} of something else than two SELECTs can return rows with gates of several"
                    ));
                };
                select.projection.push(SelectItem::ExprWithAlias {
                    expr: sql::expression_in(self.dialect, &side.to_string()),
                    alias: Ident::new(SIDE),
                });
            }
            let sides = format!("{ROWS}.{SIDE}");
            if op == SetOperator::Intersect {
                format!(" HAVING min({sides}) < max({sides})")
            } else {
                format!(" HAVING max({sides}) = 1")
            }
        };
        let columns: Vec<String> = columns
            .iter()
            .map(|column| format!("{ROWS}.{}", self.dialect.quote(column)))
            .collect();
        let columns = columns.join(", ");
        let grouped = sql::query(
            self.dialect,
            &format!(
                "SELECT {columns}, max({ROWS}.{COLUMN}) AS {COLUMN} FROM ({left} UNION ALL {right}) AS {ROWS} \
                 GROUP BY {columns}{having}"
            ),
        );
        *part = *grouped.body;
        Ok(true)
    }

    /// The names of the columns of a set operation, by which its rows can be grouped.
    fn columns(&mut self, part: &SetExpr) -> Result<Vec<String>, Reason> {
        let unknown =
            || "the columns of its first SELECT aren't all known by names: give them names with AS".to_owned();
        let mut first = part;
        while let SetExpr::SetOperation { left, .. } = first {
            first = left;
        }
        let is_named = match first {
            SetExpr::Select(select) => select.projection.iter().all(|item| {
                !matches!(item, SelectItem::UnnamedExpr(expression)
                    if !matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_)))
            }),
            _ => true,
        };
        let columns = self.outputs.set(part).filter(|_| is_named).ok_or_else(unknown)?;
        let is_unique = columns
            .iter()
            .enumerate()
            .all(|(at, column)| columns[..at].iter().all(|other| !other.eq_ignore_ascii_case(column)));
        if is_unique { Ok(columns) } else { Err(unknown()) }
    }

    /// Whether the rows of a SELECT come once, and can be grouped instead, which keeps the gate of each.
    pub(super) fn is_select_once(&self, select: &Select, grouped: bool) -> Result<bool, Reason> {
        let reason = match &select.distinct {
            None | Some(Distinct::All) => return Ok(false),
            Some(Distinct::On(_)) => "a row that DISTINCT ON returns was chosen among rows with gates of their own",
            Some(Distinct::Distinct) if grouped => {
                "a row that DISTINCT returns of groups can come from several, with gates of their own"
            }
            Some(Distinct::Distinct) => {
                let is_window = |item: &SelectItem| block::needs_its_own_block(item, self.dialect);
                let is_star =
                    |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
                if select.projection.iter().any(is_window) {
                    "a row that DISTINCT returns of windows or sets can come from several, with gates of their own"
                } else if select.projection.iter().any(is_star) {
                    "a row that DISTINCT * returns can come from several, with gates of their own: name the columns"
                } else {
                    return Ok(true);
                }
            }
        };
        Err(reason.to_owned())
    }
}

/// Groups by all columns what DISTINCT would return once.
pub(super) fn group(select: &mut Select, columns: usize) {
    select.distinct = None;
    let places = (1..=columns).map(|place| sql::expression(&place.to_string()));
    select.group_by = GroupByExpr::Expressions(places.collect(), Vec::new());
}
