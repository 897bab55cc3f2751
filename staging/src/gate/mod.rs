//! Carrying the gate of each row.

use sqlparser::ast::Query;

use crate::Dialect;
use crate::stage::{AnswerTables, Gated};

/// The query with the gate of each row.
pub(crate) fn gated(_query: &Query, _dialect: Dialect, _tables: &dyn AnswerTables) -> Option<Gated> {
    None
}
