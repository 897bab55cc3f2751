//! Gates of the rows that a block reads.

use sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, Select, SelectItem, SelectItemQualifiedWildcardKind, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins,
};

use super::{COLUMN, Carrying, Reason};
use crate::scopes::outputs::{alias, sources};
use crate::scopes::walk;
use crate::{Dialect, RelationName};

/// What the tables of FROM carry.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// The gates, as SQL.
    pub(super) gates: Vec<String>,
    /// The names of the tables that carry one.
    pub(super) carrying: Vec<String>,
}

/// Names the gate where an alias names every column.
pub(super) fn name_gate(alias: &mut TableAlias) {
    if !alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef {
            name: Ident::new(COLUMN),
            data_type: None,
        });
    }
}

/// Whether FROM is one table.
pub(super) fn is_alone(from: &[TableWithJoins]) -> bool {
    matches!(from, [only] if only.joins.is_empty())
}

/// Whether an expression reads columns of queries around its block alone. An aggregate of it would be one of the query that
/// has the columns.
pub(super) fn is_from_outside(expression: &Expr, own: &[TableWithJoins]) -> bool {
    let own: Vec<String> = sources(own).into_iter().filter_map(alias).collect();
    !walk::holds(expression, &|part| match part {
        Expr::Identifier(_) => true,
        Expr::CompoundIdentifier(parts) => match &parts[..] {
            [.., table, _] => own.iter().any(|name| Dialect::same_name(name, &table.value)),
            _ => true,
        },
        _ => false,
    })
}

impl Carrying<'_> {
    /// Has the tables of FROM carry their gates.
    pub(super) fn sources(&mut self, select: &mut Select) -> Result<Sources, Reason> {
        let mut found = Sources::default();
        for table in &mut select.from {
            self.table(table, &mut found)?;
        }
        Ok(found)
    }

    fn table(&mut self, table: &mut TableWithJoins, found: &mut Sources) -> Result<(), Reason> {
        self.factor(&mut table.relation, found)?;
        for join in &mut table.joins {
            self.factor(&mut join.relation, found)?;
            match constraint(&join.join_operator) {
                Some(JoinConstraint::On(condition)) => self.answers(condition, false, &mut found.gates)?,
                Some(JoinConstraint::Natural) if !found.carrying.is_empty() => {
                    return Err("NATURAL JOIN would compare the gates".to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn factor(&mut self, factor: &mut TableFactor, found: &mut Sources) -> Result<(), Reason> {
        match factor {
            TableFactor::Table {
                name,
                args: None,
                alias,
                ..
            } => {
                let carries = RelationName::of(name, self.dialect).is_some_and(|relation| {
                    relation.schema.is_none()
                        && self
                            .carriers
                            .iter()
                            .any(|carrier| Dialect::same_name(carrier, &relation.name))
                });
                if carries {
                    if let Some(alias) = alias {
                        name_gate(alias);
                    }
                    carry(factor, found);
                }
                Ok(())
            }
            TableFactor::Derived { subquery, alias, .. } if self.concerns(&**subquery) => {
                self.query(subquery, true)?;
                match alias {
                    Some(alias) => name_gate(alias),
                    None => {
                        *alias = Some(TableAlias {
                            explicit: true,
                            name: Ident::new(format!("refuel_source_{}", found.carrying.len() + 1)),
                            columns: Vec::new(),
                            at: None,
                        });
                    }
                }
                carry(factor, found);
                Ok(())
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.table(table_with_joins, found),
            TableFactor::Derived { .. } => Ok(()),
            other => self.answers(&*other, false, &mut found.gates),
        }
    }

    /// Writes `*` out where it would bring a gate along among the columns.
    pub(super) fn write_out_stars(
        &mut self,
        select: &mut Select,
        own: &[TableWithJoins],
        carrying: &[String],
    ) -> Result<(), Reason> {
        let carries = |name: &str| carrying.iter().any(|carrier| Dialect::same_name(carrier, name));
        let mut items = Vec::new();
        for item in std::mem::take(&mut select.projection) {
            let only = match &item {
                SelectItem::Wildcard(_) => None,
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = name.0.last().map(ToString::to_string).unwrap_or_default();
                    let name = name.trim_matches('"').to_owned();
                    if !carries(&name) {
                        items.push(item);
                        continue;
                    }
                    Some(name)
                }
                _ => {
                    items.push(item);
                    continue;
                }
            };
            if only.is_none() && merges_columns(own) {
                return Err("* beside USING or NATURAL would bring a gate along among the columns".to_owned());
            }
            for source in sources(own) {
                let Some(name) = alias(source) else {
                    return Err("* of a table without a name would bring a gate along among the columns".to_owned());
                };
                if only.as_ref().is_some_and(|only| !Dialect::same_name(only, &name)) {
                    continue;
                }
                let columns = self
                    .outputs
                    .source(source)
                    .ok_or_else(|| format!("the columns of \"{name}\" behind * aren't known: name them"))?;
                items.extend(columns.into_iter().filter(|column| column != COLUMN).map(|column| {
                    SelectItem::UnnamedExpr(Expr::CompoundIdentifier(vec![
                        Ident::with_quote('"', &name),
                        Ident::with_quote('"', column),
                    ]))
                }));
            }
        }
        select.projection = items;
        Ok(())
    }
}

fn carry(factor: &TableFactor, found: &mut Sources) {
    if let Some(name) = alias(factor) {
        let quoted = match factor {
            TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
                alias.name.to_string()
            }
            TableFactor::Table { name, .. } => name.to_string(),
            _ => name.clone(),
        };
        found.gates.push(format!("{quoted}.{COLUMN}"));
        found.carrying.push(name);
    }
}

fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}

fn merges_columns(from: &[TableWithJoins]) -> bool {
    from.iter().flat_map(|table| &table.joins).any(|join| {
        matches!(
            constraint(&join.join_operator),
            Some(JoinConstraint::Using(_) | JoinConstraint::UsingAlias(..) | JoinConstraint::Natural)
        )
    })
}
