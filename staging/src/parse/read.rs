//! From text to a tree of one query.

use sqlparser::ast::{Query, Select, SetExpr, Statement};
use sqlparser::parser::{Parser, ParserError};

use crate::scopes::walk::{self, Flow, Look, ON, STOP};
use crate::{Dialect, Position, Result, StagingError};

/// How deep parentheses, subqueries and expressions may be nested. The parser takes more stack as it needs it.
const NESTING: usize = 300;

/// The one query of a text.
pub(crate) fn query(sql: &str, dialect: Dialect) -> Result<Box<Query>> {
    let mut statements = statements(sql, dialect).map_err(|error| syntax(sql, dialect, &error))?;
    if statements.len() > 1 {
        return Err(StagingError::NotSelect {
            position: Position { line: 1, column: 1 },
            found: format!("{} statements", statements.len()),
        });
    }
    let query = match statements.pop() {
        Some(Statement::Query(query)) => query,
        Some(other) => {
            let text = other.to_string();
            let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
            return Err(StagingError::NotSelect {
                position: Position { line: 1, column: 1 },
                found: format!("a statement of {}", word.to_uppercase()),
            });
        }
        None => {
            return Err(StagingError::NotSelect {
                position: Position { line: 1, column: 1 },
                found: "empty".to_owned(),
            });
        }
    };
    let mut reads = OnlyReads { change: None };
    let _ = walk::look(&*query, &mut reads);
    match reads.change {
        Some(found) => Err(StagingError::NotSelect {
            position: Position { line: 1, column: 1 },
            found: found.to_owned(),
        }),
        None => Ok(query),
    }
}

fn statements(sql: &str, dialect: Dialect) -> std::result::Result<Vec<Statement>, ParserError> {
    Parser::new(dialect.parser())
        .with_recursion_limit(NESTING)
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_statements())
}

/// Stops at what changes a database within a query.
struct OnlyReads {
    change: Option<&'static str>,
}

impl Look for OnlyReads {
    fn query(&mut self, query: &Query) -> Flow {
        self.change = match *query.body {
            SetExpr::Insert(_) => Some("a query with an INSERT in it"),
            SetExpr::Update(_) => Some("a query with an UPDATE in it"),
            SetExpr::Delete(_) => Some("a query with a DELETE in it"),
            SetExpr::Merge(_) => Some("a query with a MERGE in it"),
            _ => return ON,
        };
        STOP
    }

    fn select(&mut self, select: &Select) -> Flow {
        if select.into.is_some() {
            self.change = Some("a SELECT INTO");
            STOP
        } else {
            ON
        }
    }
}

/// The parser's message without the place that it ends in.
fn syntax(sql: &str, dialect: Dialect, error: &ParserError) -> StagingError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => format!("it is nested more than {NESTING} levels deep"),
    };
    let (message, place) = text.rsplit_once(" at Line: ").unwrap_or((&text, ""));
    let mut numbers = place.split(", Column: ").map(|number| number.trim().parse().ok());
    let position = match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(line), Some(column)) => Position { line, column },
        _ => Position::default(),
    };
    let mut message = message.to_owned();
    if let Some(first) = message.get_mut(0..1) {
        first.make_ascii_lowercase();
    }
    StagingError::Syntax {
        position,
        dialect,
        message,
        is_other: statements(sql, dialect.other()).is_ok(),
    }
}
