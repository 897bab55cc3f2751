//! What relations a database has, and which columns they have.

use std::ops::ControlFlow;

use refuel_staging::{Dialect, RelationName};

use super::Connection;
use crate::warehouse::Warehouse;
use crate::{Column, Digest, Relation, RelationKind, Result, Value};

/// Seeds of the two hashes of a row; any two numbers do.
const SEEDS: [i64; 2] = [0, 7_640_891_576_956_012_809];

fn kind(letter: &str) -> RelationKind {
    match letter {
        "v" => RelationKind::View,
        "m" => RelationKind::MaterializedView,
        "f" => RelationKind::ForeignTable,
        _ => RelationKind::Table,
    }
}

fn text(value: &Value) -> String {
    value.as_text().unwrap_or_default().to_owned()
}

impl Connection {
    /// The condition that a row of `pg_class` (`c`) with its `pg_namespace` (`n`) is the relation.
    fn is_relation(&self, relation: &RelationName) -> String {
        let schema = relation.schema.as_deref().unwrap_or(self.schema_name());
        format!(
            "n.nspname = {} AND c.relname = {}",
            Dialect::Postgres.literal(schema),
            Dialect::Postgres.literal(&relation.name)
        )
    }

    pub(super) fn find_relation(&mut self, relation: &RelationName) -> Result<Option<RelationKind>> {
        let sql = format!(
            "SELECT c.relkind::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE {} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
            self.is_relation(relation)
        );
        let found = (self as &mut dyn Warehouse).value(&sql)?;
        Ok(found.map(|letter| kind(letter.as_text().unwrap_or_default())))
    }

    pub(super) fn list_relations(&mut self, schema: Option<&str>) -> Result<Vec<Relation>> {
        let name = schema.unwrap_or(self.schema_name()).to_owned();
        let sql = format!(
            "SELECT c.relname::text, c.relkind::text \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = {} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY c.relname COLLATE \"C\"",
            Dialect::Postgres.literal(&name)
        );
        let rows = (self as &mut dyn Warehouse).rows(&sql)?;
        let relations = rows.iter().map(|row| Relation {
            name: RelationName::new(Some(&name), text(&row[0])),
            kind: kind(row[1].as_text().unwrap_or_default()),
        });
        Ok(relations.collect())
    }

    pub(super) fn list_columns(&mut self, relation: &RelationName) -> Result<Vec<Column>> {
        let sql = format!(
            "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull \
             FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE {} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            self.is_relation(relation)
        );
        let rows = (self as &mut dyn Warehouse).rows(&sql)?;
        let columns = rows.iter().map(|row| Column {
            name: text(&row[0]),
            data_type: Some(text(&row[1])),
            not_null: row[2] == Value::Boolean(true),
        });
        Ok(columns.collect())
    }

    /// The server hashes the rows, so that none has to be sent.
    pub(super) fn digest_rows(&mut self, relation: &RelationName) -> Result<Digest> {
        let columns = self.list_columns(relation)?;
        let sums =
            SEEDS.map(|seed| format!("coalesce(sum(pg_catalog.hashtextextended(refuel_row::text, {seed})), 0)::text"));
        let sql = format!(
            "SELECT count(*), {}, {} FROM {} AS refuel_row",
            sums[0],
            sums[1],
            relation.sql(Dialect::Postgres)
        );
        let mut row = Vec::new();
        self.query(&sql, &mut |values| {
            row = values.to_vec();
            ControlFlow::Continue(())
        })?;
        let described = columns
            .iter()
            .map(|column| (column.name.as_str(), column.data_type.as_deref()));
        let rows = row[0].as_integer().and_then(|rows| u64::try_from(rows).ok());
        let sums = [text(&row[1]), text(&row[2])];
        Ok(Digest::new(
            described,
            rows.unwrap_or(0),
            &[sums[0].as_bytes(), sums[1].as_bytes()],
        ))
    }
}
