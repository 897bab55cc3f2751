//! The two kinds of SQL, and names of relations in them.

use std::fmt;

use serde::{Deserialize, Serialize};
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

/// The SQL of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// SQLite 3.35 and later.
    Sqlite,
    /// Postgres 13 and later.
    Postgres,
}

impl Dialect {
    /// The dialect that this one is not.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Sqlite => Self::Postgres,
            Self::Postgres => Self::Sqlite,
        }
    }

    /// A name as this dialect quotes it, so that it is read as it is written: `we"ird` gives `"we""ird"`.
    pub fn quote(self, name: &str) -> String {
        // Both follow the standard here.
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// A text as a literal: `it's` gives `'it''s'`.
    pub fn literal(self, text: &str) -> String {
        format!("'{}'", text.replace('\'', "''"))
    }

    /// Whether two names that were written without quotes name the same thing.
    pub(crate) fn same_name(left: &str, right: &str) -> bool {
        left.eq_ignore_ascii_case(right)
    }

    pub(crate) fn parser(self) -> &'static dyn sqlparser::dialect::Dialect {
        match self {
            Self::Sqlite => &sqlparser::dialect::SQLiteDialect {},
            Self::Postgres => &sqlparser::dialect::PostgreSqlDialect {},
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        })
    }
}

/// The name of a table or view. Names are as the database has them, without quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationName {
    /// The schema (in SQLite the attached database, such as `main`); none where the connection decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The name within the schema.
    pub name: String,
}

impl RelationName {
    /// A relation of a schema, or of the one that the connection decides on.
    pub fn new(schema: Option<&str>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.map(ToOwned::to_owned),
            name: name.into(),
        }
    }

    /// The name quoted for SQL: `"shop"."orders"`.
    pub fn sql(&self, dialect: Dialect) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", dialect.quote(schema), dialect.quote(&self.name)),
            None => dialect.quote(&self.name),
        }
    }

    /// The same schema, another name.
    #[must_use]
    pub fn sibling(&self, name: impl Into<String>) -> Self {
        Self {
            schema: self.schema.clone(),
            name: name.into(),
        }
    }

    /// The name as a query wrote it. Postgres reads names without quotes in lower case; a leading database is dropped,
    /// since a connection reads no other. None where it is no plain name.
    pub(crate) fn of(name: &ObjectName, dialect: Dialect) -> Option<Self> {
        let mut parts = Vec::with_capacity(name.0.len());
        for part in &name.0 {
            let ObjectNamePart::Identifier(identifier) = part else {
                return None;
            };
            parts.push(folded(identifier, dialect));
        }
        let name = parts.pop()?;
        Some(Self {
            schema: parts.pop(),
            name,
        })
    }
}

/// A name as messages show it: `shop.orders`.
impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What a database makes of a name: Postgres folds those without quotes to lower case.
pub(crate) fn folded(identifier: &Ident, dialect: Dialect) -> String {
    if dialect == Dialect::Postgres && identifier.quote_style.is_none() {
        identifier.value.to_lowercase()
    } else {
        identifier.value.clone()
    }
}
