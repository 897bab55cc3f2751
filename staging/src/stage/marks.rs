//! Marks: while a query is staged, each call that a lookup will replace is a function named `__refuel_call_N` of the call's
//! texts, so that it can be found again wherever the tree moves it.

use std::cell::Cell;

use sqlparser::ast::{
    Array, CastKind, DataType, Expr, Function as Written, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, Query, Select, SelectItem, TableFactor, Visit,
};

use super::{AnswerTables, Placement, sql};
use crate::calls::InFrom;
use crate::calls::check::{self, Sound};
use crate::scopes::functions;
use crate::scopes::walk::{self, Change, Flow, ON, STOP};
use crate::{Call, Dialect, Function, RelationName, Result, StagingError};

const PREFIX: &str = "__refuel_call_";

/// A call that a lookup replaces.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) call: Call,
    /// How many texts it is about.
    pub(crate) texts: u8,
    pub(crate) table: RelationName,
}

/// Marks every call whose answers are in a table.
pub(crate) fn mark(query: &mut Query, dialect: Dialect, tables: &dyn AnswerTables) -> Result<Vec<Site>> {
    let _ = walk::change(query, &mut Naming { dialect });
    let mut marking = Marking {
        dialect,
        tables,
        sites: Vec::new(),
        wrong: None,
    };
    let _ = walk::change(query, &mut marking);
    match marking.wrong {
        Some(error) => Err(error),
        None => Ok(marking.sites),
    }
}

/// The number of a mark.
pub(crate) fn number(expression: &Expr) -> Option<usize> {
    let Expr::Function(function) = expression else {
        return None;
    };
    let [ObjectNamePart::Identifier(name)] = &function.name.0[..] else {
        return None;
    };
    name.value.strip_prefix(PREFIX)?.parse().ok()
}

/// The first mark in a part of a query.
pub(crate) fn first<N: Visit>(node: &N) -> Option<usize> {
    any(node, &|_| true)
}

/// Whether a mark is in a part of a query.
pub(crate) fn contains<N: Visit>(node: &N, mark: usize) -> bool {
    any(node, &|number| number == mark).is_some()
}

/// The first mark in a part of a query that is as wanted.
pub(crate) fn any<N: Visit>(node: &N, wanted: &dyn Fn(usize) -> bool) -> Option<usize> {
    let found = Cell::new(None);
    walk::holds(node, &|expression| match number(expression) {
        Some(number) if wanted(number) => {
            found.set(Some(number));
            true
        }
        _ => false,
    });
    found.get()
}

/// Every mark in a part of a query.
pub(crate) fn all<N: Visit>(node: &N) -> Vec<usize> {
    let found = std::cell::RefCell::new(Vec::new());
    any(node, &|number| {
        found.borrow_mut().push(number);
        false
    });
    found.into_inner()
}

/// The texts that a marked call is about.
pub(crate) fn texts(function: &Written) -> Vec<Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return Vec::new();
    };
    list.args
        .iter()
        .filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression.clone()),
            _ => None,
        })
        .collect()
}

/// Whether a function that asks a model is in a part of a query.
pub(crate) fn calls<N: Visit>(node: &N) -> bool {
    walk::holds(
        node,
        &|expression| matches!(expression, Expr::Function(function) if check::identifier(&function.name).is_some()),
    )
}

/// Names the columns that have no name and hold a call, as the database would: a lookup in place of the call would
/// name them otherwise.
struct Naming {
    dialect: Dialect,
}

impl Change for Naming {
    fn select(&mut self, select: &mut Select) -> Flow {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expression) = item
                && calls(expression)
                && let Some(name) = output_name(expression, self.dialect)
            {
                *item = SelectItem::ExprWithAlias {
                    expr: expression.clone(),
                    alias: Ident::with_quote('"', name),
                };
            }
        }
        ON
    }
}

/// What the database would name the column of an expression; none where Postgres has no name for it.
pub(crate) fn output_name(expression: &Expr, dialect: Dialect) -> Option<String> {
    functions::column_name(expression).or_else(|| (dialect == Dialect::Sqlite).then(|| expression.to_string()))
}

struct Marking<'a> {
    dialect: Dialect,
    tables: &'a dyn AnswerTables,
    sites: Vec<Site>,
    wrong: Option<StagingError>,
}

impl Marking<'_> {
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

    /// The mark of a call, or none where it stays as it is written.
    fn place(&mut self, sound: &Sound) -> Result<Option<ObjectName>> {
        let call = &sound.call;
        let texts = sound.texts.len() as u8;
        let Placement::Table(table) = self.tables.place(&call.asked, texts) else {
            return Ok(None);
        };
        if call.function == Function::Detail {
            return Err(StagingError::NeedsExtension {
                position: call.position,
                what: "refuel_detail",
                instead: "refuel_label is the value and refuel_confidence how sure it is; gates send uncertain rows to review",
            });
        }
        if sound.texts.iter().any(is_array) {
            return Err(StagingError::NeedsExtension {
                position: call.position,
                what: "a call on an array of texts",
                instead: "call it on one text a row, such as the rows of unnest(...)",
            });
        }
        let name = Ident::new(format!("{PREFIX}{}", self.sites.len()));
        self.sites.push(Site {
            call: call.clone(),
            texts,
            table,
        });
        Ok(Some(ObjectName(vec![ObjectNamePart::Identifier(name)])))
    }

    fn mark_expression(&mut self, expression: &mut Expr) -> Result<()> {
        if let Expr::Function(function) = expression
            && let Some(sound) = check::read(function)?
            && let Some(name) = self.place(&sound)?
        {
            function.name = name;
            if let FunctionArguments::List(list) = &mut function.args {
                list.args.truncate(sound.texts.len());
            }
        }
        Ok(())
    }

    /// A call in FROM becomes a SELECT of the call, which may name columns of what stands before it.
    fn mark_factor(&mut self, factor: &mut TableFactor) -> Result<()> {
        let Some(called) = InFrom::of(factor)? else {
            return Ok(());
        };
        if called.function.is_of_relations() {
            // What is left of them the database answers.
            return Ok(());
        }
        let sound = called.sound()?;
        let Placement::Table(_) = self.tables.place(&sound.call.asked, sound.texts.len() as u8) else {
            return Ok(());
        };
        if self.dialect == Dialect::Sqlite {
            return Err(StagingError::Unsupported {
                position: sound.call.position,
                function: called.function.name(),
                place: "in FROM in SQLite".to_owned(),
                instead: "call it in SELECT".to_owned(),
            });
        }
        let alias = called.alias();
        let column = alias.columns.first().map_or(&alias.name, |column| &column.name).clone();
        let call = sql::expression(&format!(
            "{}({})",
            called.name,
            called
                .args
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        ));
        let mut subquery = sql::query(self.dialect, "SELECT 1");
        if let Some(select) = sql::select_mut(&mut subquery) {
            select.projection = vec![SelectItem::ExprWithAlias {
                expr: relocated(call, called.identifier),
                alias: column,
            }];
        }
        *factor = TableFactor::Derived {
            lateral: true,
            subquery,
            alias: Some(alias),
            sample: None,
        };
        Ok(())
    }
}

/// A call that was written anew, at its old place.
fn relocated(mut call: Expr, place: &Ident) -> Expr {
    if let Expr::Function(function) = &mut call
        && let Some(ObjectNamePart::Identifier(name)) = function.name.0.last_mut()
    {
        name.span = place.span;
    }
    call
}

impl Change for Marking<'_> {
    fn expression(&mut self, expression: &mut Expr) -> Flow {
        let marked = self.mark_expression(expression);
        self.flow(marked)
    }

    fn factor(&mut self, factor: &mut TableFactor) -> Flow {
        let marked = self.mark_factor(factor);
        self.flow(marked)
    }
}

/// Whether an expression is plainly an array.
fn is_array(expression: &Expr) -> bool {
    match expression {
        Expr::Array(Array { .. }) => true,
        Expr::Nested(inner) => is_array(inner),
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            data_type,
            ..
        } => matches!(data_type, DataType::Array(_)),
        Expr::Function(function) => function.name.0.last().is_some_and(|name| {
            let name = name.to_string().to_ascii_lowercase();
            matches!(
                name.as_str(),
                "array" | "array_agg" | "string_to_array" | "regexp_split_to_array" | "array_remove"
            )
        }),
        _ => false,
    }
}
