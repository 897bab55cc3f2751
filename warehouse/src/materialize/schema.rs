//! What becomes of a table whose query gives other columns than it has.

use refuel_staging::{Dialect, RelationName};

use super::OnSchemaChange;
use crate::contract::{Difference, is_name};
use crate::{Column, Result, Warehouse, WarehouseError};

/// How a table's columns and those of its query differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    /// Columns of the query that the table lacks.
    added: Vec<&'a Column>,
    /// Columns of the table that the query doesn't give.
    gone: Vec<&'a Column>,
    /// Columns of both with different types: that of the table, that of the query.
    retyped: Vec<(&'a Column, &'a Column)>,
}

impl<'a> Changes<'a> {
    /// Compares the columns of a table (`old`) with those of its query (`new`). SQLite takes values of any type into
    /// any column, and types are not compared there.
    pub(super) fn between(dialect: Dialect, old: &'a [Column], new: &'a [Column]) -> Self {
        let find =
            |columns: &'a [Column], name: &str| columns.iter().find(|column| is_name(dialect, &column.name, name));
        let pairs = new
            .iter()
            .filter_map(|column| find(old, &column.name).map(|there| (there, column)));
        Self {
            added: new.iter().filter(|column| find(old, &column.name).is_none()).collect(),
            gone: old.iter().filter(|column| find(new, &column.name).is_none()).collect(),
            retyped: pairs
                .filter(|(old, new)| dialect == Dialect::Postgres && old.data_type != new.data_type)
                .collect(),
        }
    }

    fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.gone.is_empty() && self.retyped.is_empty()
    }

    /// Whether dropping or retyping columns is asked for, which views may be in the way of.
    pub(super) fn is_deep(&self, how: OnSchemaChange) -> bool {
        how == OnSchemaChange::SyncAllColumns && !(self.gone.is_empty() && self.retyped.is_empty())
    }

    fn differences(&self) -> Vec<Difference> {
        let told = |column: &Column| column.data_type.clone().unwrap_or_else(|| "there".to_owned());
        let row = |column: &Column, declared: String, found: String| Difference {
            column: column.name.clone(),
            declared,
            found,
        };
        let added = self
            .added
            .iter()
            .map(|column| row(column, "not there".to_owned(), told(column)));
        let gone = self
            .gone
            .iter()
            .map(|column| row(column, told(column), "missing".to_owned()));
        let retyped = self.retyped.iter().map(|(old, new)| row(old, told(old), told(new)));
        added.chain(gone).chain(retyped).collect()
    }

    /// Refuses what the model's settings don't allow.
    pub(super) fn refuse(&self, relation: &RelationName, how: OnSchemaChange) -> Result<()> {
        // A column that the query no longer gives may not be forgotten about by mistake.
        let is_wrong = match how {
            OnSchemaChange::Fail => !self.is_nothing(),
            OnSchemaChange::Ignore => !self.gone.is_empty(),
            OnSchemaChange::AppendNewColumns | OnSchemaChange::SyncAllColumns => false,
        };
        if !is_wrong {
            return Ok(());
        }
        let choices = "`on_schema_change: sync_all_columns` makes the table follow, `append_new_columns` keeps columns \
                       that are gone; `--full-refresh` builds it anew";
        Err(WarehouseError::SchemaChange {
            relation: relation.clone(),
            differences: self.differences(),
            hint: choices.to_owned(),
        })
    }

    /// Gives the table the columns that the settings ask for. Returns what was done, in words.
    pub(super) fn apply(
        &self,
        warehouse: &mut dyn Warehouse,
        relation: &RelationName,
        how: OnSchemaChange,
    ) -> Result<Vec<String>> {
        let mut done = Vec::new();
        if matches!(how, OnSchemaChange::Ignore | OnSchemaChange::Fail) {
            return Ok(done);
        }
        let dialect = warehouse.dialect();
        let alter = format!("ALTER TABLE {}", relation.sql(dialect));
        for column in &self.added {
            let (name, data_type) = (
                dialect.quote(&column.name),
                column.data_type.as_deref().unwrap_or_default(),
            );
            warehouse.execute(format!("{alter} ADD COLUMN {name} {data_type}").trim_end())?;
            done.push(format!("added column `{}`", column.name));
        }
        if how == OnSchemaChange::AppendNewColumns {
            return Ok(done);
        }
        for column in &self.gone {
            warehouse.execute(&format!("{alter} DROP COLUMN {}", dialect.quote(&column.name)))?;
            done.push(format!("dropped column `{}`", column.name));
        }
        for (old, new) in &self.retyped {
            let (name, data_type) = (dialect.quote(&old.name), new.data_type.as_deref().unwrap_or_default());
            warehouse.execute(&format!(
                "{alter} ALTER COLUMN {name} TYPE {data_type} USING {name}::{data_type}"
            ))?;
            done.push(format!("made column `{}` {data_type}", old.name));
        }
        Ok(done)
    }

    /// The columns of the query that the table has behind [`Changes::apply`], in the query's order.
    pub(super) fn kept(&self, new: &'a [Column], how: OnSchemaChange) -> Vec<&'a str> {
        let is_ignored = |column: &Column| {
            matches!(how, OnSchemaChange::Ignore | OnSchemaChange::Fail)
                && self.added.iter().any(|added| added.name == column.name)
        };
        let kept = new.iter().filter(|column| !is_ignored(column));
        kept.map(|column| column.name.as_str()).collect()
    }
}
