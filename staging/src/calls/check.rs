//! Reading a call: is it one, and is it sound.

use sqlparser::ast::{
    CastKind, Expr, Function as Written, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Value,
};

use super::{Asked, Call, Function};
use crate::{Position, Result, StagingError};

/// What all functions of this kind are named like.
const PREFIX: &str = "refuel_";

/// A call and the texts that it is about.
#[derive(Debug, Clone)]
pub(crate) struct Sound {
    pub(crate) call: Call,
    pub(crate) texts: Vec<Expr>,
}

/// The identifier of a function that asks a model, where the name is one.
pub(crate) fn identifier(name: &ObjectName) -> Option<&Ident> {
    let identifier = name.0.last()?.as_ident()?;
    let start = identifier.value.get(..PREFIX.len())?;
    start.eq_ignore_ascii_case(PREFIX).then_some(identifier)
}

/// Where an identifier is.
pub(crate) fn position(identifier: &Ident) -> Position {
    Position {
        line: identifier.span.start.line as u32,
        column: identifier.span.start.column as u32,
    }
}

/// Reads a function of an expression. None where it asks no model.
pub(crate) fn read(written: &Written) -> Result<Option<Sound>> {
    let Some(identifier) = identifier(&written.name) else {
        return Ok(None);
    };
    let function = function(identifier)?;
    let position = position(identifier);
    let unusual = |how| StagingError::CallForm {
        position,
        function: function.name(),
        how,
    };
    if function.is_of_relations() {
        return Err(unusual("in an expression: it returns rows, and stands in FROM"));
    }
    if written.over.is_some() {
        return Err(unusual("with OVER"));
    }
    if written.filter.is_some() {
        return Err(unusual("with FILTER"));
    }
    if !written.within_group.is_empty() {
        return Err(unusual("with WITHIN GROUP"));
    }
    let args = match &written.args {
        FunctionArguments::List(list) => {
            if list.duplicate_treatment.is_some() {
                return Err(unusual("with DISTINCT or ALL"));
            }
            if !list.clauses.is_empty() {
                return Err(unusual("with a clause among its arguments"));
            }
            &list.args[..]
        }
        FunctionArguments::None => &[],
        FunctionArguments::Subquery(_) => {
            return Err(unusual("with a bare subquery: put it between parentheses of its own"));
        }
    };
    arguments(function, position, args).map(Some)
}

/// Reads the arguments of a call, also of one in `FROM`.
pub(crate) fn arguments(function: Function, position: Position, args: &[FunctionArg]) -> Result<Sound> {
    let unusual = |how| StagingError::CallForm {
        position,
        function: function.name(),
        how,
    };
    let mut values = Vec::with_capacity(args.len());
    for arg in args {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => values.push(expression.clone()),
            FunctionArg::Unnamed(_) => return Err(unusual("with *: name the columns")),
            FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } => return Err(unusual("with named arguments")),
        }
    }
    // Behind the texts stands what is asked: a task or a model, and options where there are some.
    let (texts, options) = match function {
        Function::Complete => (1, 1),
        _ => (values.len().saturating_sub(1), 0),
    };
    if !function.texts().contains(&texts) || !(texts + 1..=texts + 1 + options).contains(&values.len()) {
        return Err(StagingError::Arguments {
            position,
            function: function.name(),
            expected: function.takes(),
            found: values.len(),
        });
    }
    let named = values.split_off(texts);
    let literal_of = |expression: &Expr, what| {
        literal(expression).ok_or_else(|| StagingError::NotLiteral {
            position,
            function: function.name(),
            what,
            found: expression.to_string(),
        })
    };
    let asked = match function {
        Function::Embed => Asked::Embed {
            model: literal_of(&named[0], "model")?,
        },
        Function::Complete => Asked::Complete {
            model: literal_of(&named[0], "model")?,
            options: named.get(1).map(|options| literal_of(options, "options")).transpose()?,
        },
        _ => {
            let name = literal_of(&named[0], "task")?;
            match name.rsplit_once('@').map(|(name, version)| (name, version.parse())) {
                Some((name, Ok(version))) => Asked::Task {
                    name: name.to_owned(),
                    version: Some(version),
                },
                _ => Asked::Task { name, version: None },
            }
        }
    };
    Ok(Sound {
        call: Call {
            function,
            asked,
            position,
        },
        texts: values,
    })
}

/// The function that an identifier names.
pub(crate) fn function(identifier: &Ident) -> Result<Function> {
    let name = identifier.value.to_ascii_lowercase();
    Function::ALL
        .into_iter()
        .find(|function| function.name() == name)
        .ok_or_else(|| StagingError::UnknownFunction {
            position: position(identifier),
            nearest: Function::ALL
                .into_iter()
                .map(|function| (strsim::jaro_winkler(&name, function.name()), function))
                // Every name begins alike, so that only the rest tells.
                .filter(|(likeness, _)| *likeness >= 0.88)
                .max_by(|(left, _), (right, _)| left.total_cmp(right))
                .map(|(_, function)| function.name().to_owned()),
            name,
        })
}

/// The text of a literal, also of one that is cast.
pub(crate) fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text.clone()),
            Value::DollarQuotedString(text) => Some(text.value.clone()),
            _ => None,
        },
        Expr::Nested(inner)
        | Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr: inner,
            ..
        } => literal(inner),
        _ => None,
    }
}
