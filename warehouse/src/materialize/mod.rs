//! Making relations of queries.
//!
//! A relation is made beside the one that it replaces and put into its place in the same transaction, so that whoever
//! reads sees the old rows or the new ones, and a process that is killed changes nothing. Views of the project that
//! read a table go on reading the one that replaces it.

mod dependents;
mod faults;
mod incremental;
pub(crate) mod names;
mod replace;
mod schema;

use refuel_staging::{Dialect, RelationName};

use crate::contract::{Contract, is_name};
use crate::ownership::{self, Owner};
use crate::{Column, RelationKind, Result, Warehouse, WarehouseError};

pub(crate) use dependents::hanging;
pub use incremental::{Incremental, OnSchemaChange, Strategy, incremental};
pub(crate) use names::beside;
pub(crate) use replace::put_in_place;

/// What is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Make<'a> {
    /// Its name.
    pub relation: &'a RelationName,
    /// The query that gives its rows.
    pub sql: &'a str,
    /// Who makes it.
    pub owner: &'a Owner,
    /// Columns that a row is found by; a table gets an index on them.
    pub unique_key: &'a [String],
    /// What it is declared to be. Constraints hold in tables alone.
    pub contract: Option<&'a Contract>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Made {
    /// Rows that were written; none for a view.
    pub rows: Option<u64>,
    /// Columns that were added, dropped or given another type, each in words.
    pub schema_changes: Vec<String>,
    /// Views of the project that had to be dropped, since they can't read what is there now. Making their models
    /// again brings them back.
    pub lost_views: Vec<RelationName>,
}

impl Make<'_> {
    /// What the query's columns are, where they can be those of a relation and keep the contract.
    fn columns(&self, warehouse: &mut dyn Warehouse) -> Result<Vec<Column>> {
        let dialect = warehouse.dialect();
        let columns = warehouse.describe(self.sql)?;
        for (at, column) in columns.iter().enumerate() {
            if columns[..at]
                .iter()
                .any(|before| is_name(dialect, &before.name, &column.name))
            {
                return Err(WarehouseError::DuplicateColumn {
                    relation: self.relation.clone(),
                    column: column.name.clone(),
                });
            }
        }
        if let Some(contract) = self.contract {
            contract.refuse(dialect, self.relation, &columns)?;
        }
        self.refuse_missing_key(dialect, &columns)?;
        Ok(columns)
    }

    fn refuse_missing_key(&self, dialect: Dialect, columns: &[Column]) -> Result<()> {
        let is_there = |key: &&String| columns.iter().any(|column| is_name(dialect, &column.name, key));
        match self.unique_key.iter().find(|key| !is_there(key)) {
            None => Ok(()),
            Some(missing) => {
                let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
                let hint = match refuel_tables::nearest(missing, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it gives {}", names.join(", ")),
                };
                Err(WarehouseError::MissingKey {
                    relation: self.relation.clone(),
                    column: missing.clone(),
                    hint,
                })
            }
        }
    }
}

/// The query as a part of another statement: without the semicolon at its end, and with a line end, since a comment
/// may stand there.
fn part(sql: &str) -> String {
    format!("{}\n", sql.trim_end().trim_end_matches(';'))
}

/// Makes a view, in the place of what the project had there.
///
/// # Errors
/// When the database refuses the query, it breaks its contract, or a relation of the name is there that the project did
/// not make.
pub fn view(warehouse: &mut dyn Warehouse, make: &Make<'_>) -> Result<Made> {
    make.columns(warehouse)?;
    warehouse.transaction(|warehouse| {
        let there = begin(warehouse, make)?;
        let name = make.relation.sql(warehouse.dialect());
        let create = format!("CREATE VIEW {name} AS\n{}", part(make.sql));
        let lost_views = match (warehouse.dialect(), there) {
            (_, None) => {
                warehouse.execute(&create)?;
                Vec::new()
            }
            (Dialect::Sqlite, Some(kind)) => {
                warehouse.drop_relation(make.relation, kind)?;
                warehouse.execute(&create)?;
                Vec::new()
            }
            (Dialect::Postgres, Some(kind)) => replace::view(warehouse, make, kind, &create)?,
        };
        ownership::note(warehouse, make.relation, make.owner, None)?;
        Ok(Made {
            lost_views,
            ..Made::default()
        })
    })
}

/// Makes a table, in the place of what the project had there.
///
/// # Errors
/// When the database refuses the query or its rows, it breaks its contract, or a relation of the name is there that the
/// project did not make.
pub fn table(warehouse: &mut dyn Warehouse, make: &Make<'_>) -> Result<Made> {
    let columns = make.columns(warehouse)?;
    warehouse.transaction(|warehouse| {
        let there = begin(warehouse, make)?;
        let beside = names::beside(make.relation);
        let dialect = warehouse.dialect();
        let name = beside.sql(dialect);
        // SQLite knows constraints by their table alone; in Postgres the one that is to be replaced has their names.
        let contract = make.contract.map(|contract| match dialect {
            Dialect::Sqlite => contract.clone(),
            Dialect::Postgres => contract.named(&make.relation.name),
        });
        let renamed = match (&contract, dialect) {
            (Some(contract), Dialect::Postgres) => contract.renamed(),
            _ => Vec::new(),
        };
        let definition = match (&contract, dialect) {
            (Some(contract), _) => Some(contract.definition(dialect, &columns, &renamed)),
            // Where a column is one of another table, SQLite knows its declared type, and `CREATE TABLE ... AS` would
            // keep no more of it than whether it is a number or text.
            (None, Dialect::Sqlite) => {
                let columns = with_affinities(warehouse, make, &columns)?;
                Some(Contract::default().definition(dialect, &columns, &[]))
            }
            (None, Dialect::Postgres) => None,
        };
        let query = part(make.sql);
        let rows = match definition {
            None => warehouse.execute(&format!("CREATE TABLE {name} AS\n{query}"))?,
            Some(definition) => {
                warehouse.execute(&format!("CREATE TABLE {name} ({definition})"))?;
                let names = crate::quote::list(dialect, columns.iter().map(|column| column.name.as_str()));
                let inserted = warehouse.execute(&format!("INSERT INTO {name} ({names})\n{query}"));
                inserted.map_err(|error| {
                    let error = faults::in_place(error, &beside, make.relation, &renamed);
                    faults::broken(warehouse, make, &query, error)
                })?
            }
        };
        let lost_views = put_in_place(
            warehouse,
            &beside,
            make.relation,
            there,
            &make.owner.project,
            make.unique_key,
        )?;
        replace::take_names(warehouse, make.relation, &renamed)?;
        ownership::note(warehouse, make.relation, make.owner, None)?;
        Ok(Made {
            rows: Some(rows),
            lost_views,
            ..Made::default()
        })
    })
}

/// The columns of a query with types for those that are expressions too: what SQLite says of a view on it.
fn with_affinities(warehouse: &mut dyn Warehouse, make: &Make<'_>, columns: &[Column]) -> Result<Vec<Column>> {
    let view = RelationName::new(Some("temp"), names::rows(make.relation));
    let name = view.sql(Dialect::Sqlite);
    warehouse.execute(&format!("DROP VIEW IF EXISTS {name}"))?;
    warehouse.execute(&format!(
        "CREATE TEMPORARY VIEW {} AS\n{}",
        Dialect::Sqlite.quote(&view.name),
        part(make.sql)
    ))?;
    let found = warehouse.columns(&view)?;
    warehouse.execute(&format!("DROP VIEW {name}"))?;
    let both = columns.iter().zip(found);
    Ok(both
        .map(|(column, found)| Column {
            data_type: column.data_type.clone().or(found.data_type),
            ..column.clone()
        })
        .collect())
}

/// Says what is there, and refuses what isn't the project's.
fn begin(warehouse: &mut dyn Warehouse, make: &Make<'_>) -> Result<Option<RelationKind>> {
    make_room(warehouse, make.relation, &make.owner.project)
}

/// The same, for whatever is to be made of the name.
pub(crate) fn make_room(
    warehouse: &mut dyn Warehouse,
    relation: &RelationName,
    project: &str,
) -> Result<Option<RelationKind>> {
    if let (Dialect::Postgres, Some(schema)) = (warehouse.dialect(), &relation.schema) {
        make_schema(warehouse, schema)?;
    }
    // What stands beside a relation is gone when the transaction ends, however it ends: if something is there, somebody
    // else made it.
    ownership::refuse_foreign(warehouse, &names::beside(relation), project)?;
    ownership::refuse_foreign(warehouse, relation, project)
}

/// Makes a schema where it isn't there. Asking first needs no right to make any.
fn make_schema(warehouse: &mut dyn Warehouse, schema: &str) -> Result<()> {
    let dialect = warehouse.dialect();
    let (name, text) = (dialect.quote(schema), dialect.literal(schema));
    let sql = format!("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = {text}");
    if warehouse.value(&sql)?.is_none() {
        warehouse.execute(&format!("CREATE SCHEMA IF NOT EXISTS {name}"))?;
    }
    Ok(())
}
