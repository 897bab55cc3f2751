//! Names and texts as SQL. Both dialects follow the standard here.

use refuel_warehouse::{Dialect, RelationName};

/// A relation's name, with its schema where it has one.
pub(crate) fn relation(name: &RelationName) -> String {
    name.sql(Dialect::Postgres)
}

/// The name of a column.
pub(crate) fn identifier(name: &str) -> String {
    Dialect::Postgres.quote(name)
}

/// A text.
pub(crate) fn text(text: &str) -> String {
    Dialect::Postgres.literal(text)
}
