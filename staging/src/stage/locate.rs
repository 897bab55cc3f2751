//! Finding a mark in an expression, and under which conditions the expression reaches it.

use sqlparser::ast::{
    BinaryOperator, Expr, Function as Written, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Visit,
};

use super::{Stop, marks, sql};
use crate::Dialect;
use crate::scopes::functions;
use crate::scopes::walk::{self, Flow, Look, ON, STOP, holds};

/// What was looked for.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// The call itself.
    Call(Box<Expr>),
    /// A subquery that holds it.
    Query(Box<Query>),
}

/// Where a mark is in an expression.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    pub(crate) found: Found,
    /// What stands around it and decides whether it is reached, from the outside in. What is around an aggregate or a
    /// window isn't here: it decides about other rows than those that the call is made for.
    around: Vec<Expr>,
    /// Whether it is within an aggregate of its own block.
    pub(crate) aggregated: bool,
    /// Whether it is within a function over a window of its own block.
    pub(crate) windowed: bool,
}

/// A condition under which a call is reached: text before and after what it guards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guard {
    before: String,
    after: &'static str,
}

impl Guard {
    /// NULL where the condition doesn't hold, otherwise `value`.
    pub(crate) fn around(&self, value: &str) -> String {
        format!("{}{value}{}", self.before, self.after)
    }
}

/// Finds the expression that is as wanted, or the subquery at this level that holds it.
pub(crate) fn locate<N: Visit>(node: &N, dialect: Dialect, wanted: &dyn Fn(&Expr) -> bool) -> Option<Located> {
    let mut finding = Finding {
        dialect,
        wanted,
        above: Vec::new(),
        found: None,
    };
    let _ = walk::look(node, &mut finding);
    match finding.found {
        None => None,
        Some(found) => {
            let mut located = Located {
                found,
                around: Vec::new(),
                aggregated: false,
                windowed: false,
            };
            for above in finding.above {
                match above {
                    Above::Plain => {}
                    Above::Guarding(expression) => located.around.push(*expression),
                    Above::Aggregate => {
                        located.aggregated = true;
                        located.around.clear();
                    }
                    Above::Window => {
                        located.windowed = true;
                        located.around.clear();
                    }
                }
            }
            Some(located)
        }
    }
}

/// What an expression above the wanted one is.
enum Above {
    Plain,
    Guarding(Box<Expr>),
    Aggregate,
    Window,
}

struct Finding<'a> {
    dialect: Dialect,
    wanted: &'a dyn Fn(&Expr) -> bool,
    above: Vec<Above>,
    found: Option<Found>,
}

impl Look for Finding<'_> {
    fn expression(&mut self, expression: &Expr) -> Flow {
        if (self.wanted)(expression) {
            self.found = Some(Found::Call(Box::new(expression.clone())));
            return STOP;
        }
        let above = match expression {
            Expr::Case { .. }
            | Expr::BinaryOp {
                op: BinaryOperator::And | BinaryOperator::Or,
                ..
            } if holds(expression, self.wanted) => Above::Guarding(Box::new(expression.clone())),
            Expr::Function(function) if function.over.is_some() => Above::Window,
            Expr::Function(function) if functions::is_aggregate(function, self.dialect) => Above::Aggregate,
            Expr::Function(function) if lazy(function, self.dialect).is_some() && holds(expression, self.wanted) => {
                Above::Guarding(Box::new(expression.clone()))
            }
            _ => Above::Plain,
        };
        self.above.push(above);
        ON
    }

    fn expression_left(&mut self, _expression: &Expr) {
        self.above.pop();
    }

    fn query(&mut self, query: &Query) -> Flow {
        if holds(query, self.wanted) {
            self.found = Some(Found::Query(Box::new(query.clone())));
            STOP
        } else {
            ON
        }
    }
}

/// Functions that evaluate an argument only if they need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lazy {
    Coalesce,
    If,
}

fn lazy(function: &Written, dialect: Dialect) -> Option<Lazy> {
    let name = function.name.to_string().to_ascii_lowercase();
    match name.as_str() {
        "coalesce" => Some(Lazy::Coalesce),
        "ifnull" if dialect == Dialect::Sqlite => Some(Lazy::Coalesce),
        "iif" | "if" if dialect == Dialect::Sqlite => Some(Lazy::If),
        _ => None,
    }
}

/// The text of an expression that is evaluated before a call, or what must be answered first.
fn text<N: Visit + std::fmt::Display>(node: &N) -> Result<String, Stop> {
    match marks::first(node) {
        Some(mark) => Err(Stop::Blocked(mark)),
        None => Ok(node.to_string()),
    }
}

impl Located {
    /// The conditions under which the call is reached, from the outside in.
    pub(crate) fn guards(&self, dialect: Dialect, wanted: &dyn Fn(&Expr) -> bool) -> Result<Vec<Guard>, Stop> {
        let mut guards = Vec::new();
        for expression in &self.around {
            match expression {
                Expr::Case {
                    operand,
                    conditions,
                    else_result,
                    ..
                } => {
                    let operand = operand.as_deref().filter(|operand| !holds(*operand, wanted));
                    let within = |part: &Expr| holds(part, wanted);
                    // How many conditions come before, and whether the last of them must hold.
                    let reached = conditions
                        .iter()
                        .enumerate()
                        .find_map(|(place, when)| {
                            if within(&when.condition) {
                                Some((place, false))
                            } else if within(&when.result) {
                                Some((place + 1, true))
                            } else {
                                None
                            }
                        })
                        .or_else(|| {
                            else_result
                                .as_deref()
                                .is_some_and(within)
                                .then_some((conditions.len(), false))
                        });
                    let Some((before, holding)) = reached.filter(|(before, _)| *before > 0) else {
                        continue;
                    };
                    let mut opening = "CASE".to_owned();
                    if let Some(operand) = operand {
                        opening.push_str(&format!(" {}", text(operand)?));
                    }
                    for (place, when) in conditions[..before].iter().enumerate() {
                        opening.push_str(&format!(" WHEN {} THEN ", text(&when.condition)?));
                        if !(holding && place + 1 == before) {
                            opening.push_str("NULL");
                        }
                    }
                    if !holding {
                        opening.push_str(" ELSE ");
                    }
                    guards.push(Guard {
                        before: opening,
                        after: " END",
                    });
                }
                Expr::BinaryOp { left, op, right } => {
                    let on_the_left = holds(&**left, wanted);
                    let other = if on_the_left { right } else { left };
                    let test = if *op == BinaryOperator::And {
                        "IS NOT FALSE"
                    } else {
                        "IS NOT TRUE"
                    };
                    for operand in sql::operands(other, op) {
                        match marks::first(operand) {
                            // What stands to the right is answered later, and is no condition yet.
                            Some(_) if on_the_left => {}
                            Some(mark) => return Err(Stop::Blocked(mark)),
                            None => guards.push(Guard {
                                before: format!("CASE WHEN ({operand}) {test} THEN "),
                                after: " END",
                            }),
                        }
                    }
                }
                Expr::Function(function) => {
                    let args = arguments(function);
                    let Some(place) = args.iter().position(|arg| holds(*arg, wanted)) else {
                        continue;
                    };
                    let before = match lazy(function, dialect) {
                        Some(Lazy::Coalesce) if place > 0 => {
                            let nulls = args[..place]
                                .iter()
                                .map(|arg| Ok(format!("({}) IS NULL", text(*arg)?)))
                                .collect::<Result<Vec<_>, Stop>>()?;
                            format!("CASE WHEN {} THEN ", nulls.join(" AND "))
                        }
                        Some(Lazy::If) if place == 1 => format!("CASE WHEN {} THEN ", text(args[0])?),
                        Some(Lazy::If) if place == 2 => format!("CASE WHEN {} THEN NULL ELSE ", text(args[0])?),
                        _ => continue,
                    };
                    guards.push(Guard { before, after: " END" });
                }
                _ => {}
            }
        }
        Ok(guards)
    }
}

/// The plain arguments of a function.
pub(crate) fn arguments(function: &Written) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return Vec::new();
    };
    list.args
        .iter()
        .filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
            _ => None,
        })
        .collect()
}
