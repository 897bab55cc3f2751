//! Building trees from short texts.

use sqlparser::ast::{Expr, Query, Select, SetExpr};
use sqlparser::parser::Parser;

use crate::Dialect;
use crate::scopes::walk::{self, Change};

/// Expressions that are built here hold expressions of users, which may be nested deep already.
const NESTING: usize = 2_000;

/// An expression from a text of our own, or from one that was printed from a tree.
///
/// # Panics
///
/// Where the text is no expression: that is a fault of this crate.
pub(crate) fn expression(text: &str) -> Expr {
    expression_in(Dialect::Postgres, text)
}

/// An expression in a dialect.
pub(crate) fn expression_in(dialect: Dialect, text: &str) -> Expr {
    Parser::new(dialect.parser())
        .with_recursion_limit(NESTING)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_expr())
        .unwrap_or_else(|error| panic!("an expression of our own can't be read: {error}: {text}"))
}

/// A query from a text of our own.
pub(crate) fn query(dialect: Dialect, text: &str) -> Box<Query> {
    Parser::new(dialect.parser())
        .with_recursion_limit(NESTING)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_query())
        .unwrap_or_else(|error| panic!("a query of our own can't be read: {error}: {text}"))
}

/// The SELECT of a query that is no set operation.
pub(crate) fn select_mut(query: &mut Query) -> Option<&mut Select> {
    match &mut *query.body {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

/// Puts expressions in the place of the names `__1`, `__2` of a template.
pub(crate) fn fill(template: Expr, values: &[Expr]) -> Expr {
    struct Filling<'a>(&'a [Expr]);
    impl Change for Filling<'_> {
        // After its children, so that what was put in isn't looked through.
        fn expression_left(&mut self, expression: &mut Expr) {
            if let Expr::Identifier(name) = expression
                && let Some(place) = name
                    .value
                    .strip_prefix("__")
                    .and_then(|place| place.parse::<usize>().ok())
                && let Some(value) = place.checked_sub(1).and_then(|place| self.0.get(place))
            {
                *expression = value.clone();
            }
        }
    }
    let mut filled = template;
    let _ = walk::change(&mut filled, &mut Filling(values));
    filled
}

/// The operands of a chain of `AND`, from left to right; parentheses around chains are looked through.
pub(crate) fn conjuncts(expression: &Expr) -> Vec<&Expr> {
    operands(expression, &sqlparser::ast::BinaryOperator::And)
}

/// The operands of a chain of one operator.
pub(crate) fn operands<'a>(expression: &'a Expr, operator: &sqlparser::ast::BinaryOperator) -> Vec<&'a Expr> {
    let mut found = Vec::new();
    let mut open = vec![expression];
    while let Some(next) = open.pop() {
        match next {
            Expr::BinaryOp { left, op, right } if op == operator => {
                open.push(right);
                open.push(left);
            }
            Expr::Nested(inner) if matches!(&**inner, Expr::BinaryOp { op, .. } if op == operator) => open.push(inner),
            other => found.push(other),
        }
    }
    found
}
