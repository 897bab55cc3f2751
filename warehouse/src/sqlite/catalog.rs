//! What relations a file has, and which columns they have.

use refuel_staging::{Dialect, RelationName};
use rusqlite::OptionalExtension;

use super::connection::Connection;
use crate::{Column, Relation, RelationKind, Result};

/// The database that relations are made in where no other is named.
const MAIN: &str = "main";

fn kind(word: &str) -> RelationKind {
    if word == "view" {
        RelationKind::View
    } else {
        RelationKind::Table
    }
}

impl Connection {
    pub(super) fn find_relation(&self, relation: &RelationName) -> Result<Option<RelationKind>> {
        let schema = Dialect::Sqlite.quote(relation.schema.as_deref().unwrap_or(MAIN));
        let sql = format!(
            "SELECT type FROM {schema}.sqlite_schema WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')"
        );
        let found = self
            .inner
            .query_row(&sql, [&relation.name], |row| row.get::<_, String>(0));
        let found = found.optional().map_err(|error| self.fault(&error))?;
        Ok(found.map(|word| kind(&word)))
    }

    pub(super) fn list_relations(&self, schema: Option<&str>) -> Result<Vec<Relation>> {
        let quoted = Dialect::Sqlite.quote(schema.unwrap_or(MAIN));
        let sql = format!(
            "SELECT name, type FROM {quoted}.sqlite_schema \
             WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        );
        let list = || {
            let mut statement = self.inner.prepare(&sql)?;
            let relations = statement.query_map([], |row| {
                Ok(Relation {
                    name: RelationName::new(schema, row.get::<_, String>(0)?),
                    kind: kind(&row.get::<_, String>(1)?),
                })
            })?;
            relations.collect::<rusqlite::Result<Vec<Relation>>>()
        };
        list().map_err(|error| self.fault(&error))
    }

    pub(super) fn list_columns(&self, relation: &RelationName) -> Result<Vec<Column>> {
        // Hidden columns (1) belong to virtual tables; generated ones (2 and 3) are read as others are.
        let sql = "SELECT name, type, \"notnull\" FROM pragma_table_xinfo(?1, ?2) WHERE hidden <> 1 ORDER BY cid";
        let schema = relation.schema.as_deref().unwrap_or(MAIN);
        let list = || {
            let mut statement = self.inner.prepare(sql)?;
            let columns = statement.query_map([relation.name.as_str(), schema], |row| {
                let data_type: String = row.get(1)?;
                Ok(Column {
                    name: row.get(0)?,
                    data_type: (!data_type.is_empty()).then(|| data_type.to_lowercase()),
                    not_null: row.get(2)?,
                })
            })?;
            columns.collect::<rusqlite::Result<Vec<Column>>>()
        };
        list().map_err(|error| self.fault(&error))
    }
}
