//! Putting new rows into a table that is there.

use refuel_staging::{Dialect, RelationName};

use super::dependents::Dependents;
use super::schema::Changes;
use super::{Made, Make, begin, faults, names, part, replace, table};
use crate::contract::is_name;
use crate::ownership;
use crate::quote::{joined, list};
use crate::{Column, RelationKind, Result, Warehouse, WarehouseError};

/// How new rows come into a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incremental {
    /// What becomes of rows that have the key of a new one.
    pub strategy: Strategy,
    /// What becomes of a table whose query gives other columns.
    pub on_schema_change: OnSchemaChange,
}

/// What becomes of rows that have the unique key of a new one. A key with a null is like no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Nothing: new rows are put behind those that are there.
    #[default]
    Append,
    /// They get the values of the new one; only one new row may have a key.
    Merge,
    /// They are deleted.
    DeleteInsert,
}

/// What becomes of a table whose query gives other columns than it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnSchemaChange {
    /// New columns are left out; one that is missing is an error.
    #[default]
    Ignore,
    /// Any change is an error.
    Fail,
    /// New columns are added; those that are gone have nulls.
    AppendNewColumns,
    /// New columns are added, those that are gone dropped, and types changed.
    SyncAllColumns,
}

/// Puts the rows of a query into the table of the name, which is made where it isn't there.
///
/// # Errors
/// As [`table`]; and when the columns or the keys of the new rows don't fit.
pub fn incremental(warehouse: &mut dyn Warehouse, make: &Make<'_>, how: Incremental) -> Result<Made> {
    match warehouse.relation(make.relation)? {
        Some(RelationKind::Table) => {}
        _ => return table(warehouse, make),
    }
    let new = make.columns(warehouse)?;
    warehouse.transaction(|warehouse| {
        begin(warehouse, make)?;
        let dialect = warehouse.dialect();
        let old = warehouse.columns(make.relation)?;
        let rows = new_rows(warehouse, make)?;
        let new = if dialect == Dialect::Sqlite {
            // The types of expressions are known only now.
            typed(warehouse, &rows, &new)?
        } else {
            new.clone()
        };
        let changes = Changes::between(dialect, &old, &new);
        changes.refuse(make.relation, how.on_schema_change)?;
        let mut made = Made::default();
        if dialect == Dialect::Postgres && changes.is_deep(how.on_schema_change) {
            // Views that read a column are in the way of another type for it.
            replace::take_turn(warehouse)?;
            let mut dependents = Dependents::of(warehouse, make.relation, &make.owner.project)?;
            if !dependents.others.is_empty() {
                return Err(dependents.error(warehouse.target(), make.relation));
            }
            let grants = dependents.drop_all(warehouse)?;
            made.schema_changes = changes.apply(warehouse, make.relation, how.on_schema_change)?;
            made.lost_views = dependents.make_again(warehouse, &grants)?;
        } else {
            made.schema_changes = changes.apply(warehouse, make.relation, how.on_schema_change)?;
        }
        replace::index(warehouse, make.relation, &names::index(make.relation), make.unique_key)?;
        let kept = changes.kept(&new, how.on_schema_change);
        let work = Work {
            relation: make.relation,
            rows: &rows,
            columns: &kept,
            key: make.unique_key,
        };
        // Without a key no row can be found, and every strategy appends.
        let written = match how.strategy {
            _ if make.unique_key.is_empty() => work.append(warehouse),
            Strategy::Append => work.append(warehouse),
            Strategy::Merge => work.merge(warehouse),
            Strategy::DeleteInsert => work.delete_and_insert(warehouse),
        };
        let written =
            written.map_err(|error| faults::broken(warehouse, make, &format!("SELECT * FROM {rows}"), error))?;
        made.rows = Some(written);
        warehouse.execute(&format!("DROP TABLE {rows}"))?;
        ownership::note(warehouse, make.relation, make.owner, None)?;
        Ok(made)
    })
}

/// Puts the rows of the query into a table of the connection's own. Returns its name as SQL.
fn new_rows(warehouse: &mut dyn Warehouse, make: &Make<'_>) -> Result<String> {
    let dialect = warehouse.dialect();
    let own = match dialect {
        Dialect::Sqlite => "temp",
        Dialect::Postgres => "pg_temp",
    };
    let rows = format!("{own}.{}", dialect.quote(&names::rows(make.relation)));
    warehouse.execute(&format!("DROP TABLE IF EXISTS {rows}"))?;
    warehouse.execute(&format!(
        "CREATE TEMPORARY TABLE {} AS\n{}",
        dialect.quote(&names::rows(make.relation)),
        part(make.sql)
    ))?;
    if dialect == Dialect::Postgres {
        // Nobody else counts the rows of a temporary table.
        warehouse.execute(&format!("ANALYZE {rows}"))?;
    }
    Ok(rows)
}

/// The columns of the query, those that are expressions with the types that SQLite gave them in a table.
fn typed(warehouse: &mut dyn Warehouse, rows: &str, new: &[Column]) -> Result<Vec<Column>> {
    let described = warehouse.describe(&format!("SELECT * FROM {rows}"))?;
    Ok(described
        .into_iter()
        .zip(new)
        .map(|(column, new)| Column {
            name: new.name.clone(),
            data_type: new.data_type.clone().or(column.data_type),
            not_null: false,
        })
        .collect())
}

/// New rows on their way into a table.
struct Work<'a> {
    relation: &'a RelationName,
    /// The table with the new rows, as SQL.
    rows: &'a str,
    /// The columns that both have.
    columns: &'a [&'a str],
    key: &'a [String],
}

impl Work<'_> {
    /// The condition that `r`, a row of the table, has the key of `n`, a new one.
    fn has_key(&self, dialect: Dialect) -> String {
        let equal = self.key.iter().map(|column| {
            let column = dialect.quote(column);
            format!("r.{column} = n.{column}")
        });
        equal.collect::<Vec<String>>().join(" AND ")
    }

    fn append(&self, warehouse: &mut dyn Warehouse) -> Result<u64> {
        let dialect = warehouse.dialect();
        let names = list(dialect, self.columns.iter().copied());
        warehouse.execute(&format!(
            "INSERT INTO {} ({names}) SELECT {names} FROM {}",
            self.relation.sql(dialect),
            self.rows
        ))
    }

    fn delete_and_insert(&self, warehouse: &mut dyn Warehouse) -> Result<u64> {
        let dialect = warehouse.dialect();
        let (name, key) = (self.relation.sql(dialect), self.has_key(dialect));
        let rows = self.rows;
        // By their numbers SQLite finds the few rows through the index on the key.
        warehouse.execute(&match dialect {
            Dialect::Sqlite => {
                format!("DELETE FROM {name} WHERE rowid IN (SELECT r.rowid FROM {rows} AS n JOIN {name} AS r ON {key})")
            }
            Dialect::Postgres => format!("DELETE FROM {name} AS r USING {rows} AS n WHERE {key}"),
        })?;
        self.append(warehouse)
    }

    fn merge(&self, warehouse: &mut dyn Warehouse) -> Result<u64> {
        self.refuse_duplicates(warehouse)?;
        let dialect = warehouse.dialect();
        let (name, key) = (self.relation.sql(dialect), self.has_key(dialect));
        let rows = self.rows;
        let is_key = |column: &str| self.key.iter().any(|key| is_name(dialect, key, column));
        let values: Vec<String> = self
            .columns
            .iter()
            .filter(|column| !is_key(column))
            .map(|column| {
                let column = dialect.quote(column);
                format!("{column} = n.{column}")
            })
            .collect();
        let mut changed = 0;
        if !values.is_empty() {
            let values = values.join(", ");
            changed += warehouse.execute(&format!("UPDATE {name} AS r SET {values} FROM {rows} AS n WHERE {key}"))?;
        }
        let names = list(dialect, self.columns.iter().copied());
        let selected = joined(dialect, self.columns.iter().copied(), "n.", ", ");
        changed += warehouse.execute(&format!(
            "INSERT INTO {name} ({names}) SELECT {selected} FROM {rows} AS n \
             WHERE NOT EXISTS (SELECT 1 FROM {name} AS r WHERE {key})"
        ))?;
        Ok(changed)
    }

    /// Refuses new rows of which two have the same key: which of them is to be kept nobody has said.
    fn refuse_duplicates(&self, warehouse: &mut dyn Warehouse) -> Result<()> {
        let dialect = warehouse.dialect();
        let names = list(dialect, self.key.iter().map(String::as_str));
        let is_whole = joined(dialect, self.key.iter().map(String::as_str), "", " IS NOT NULL AND ");
        let found = warehouse.rows(&format!(
            "SELECT {names}, count(*) FROM {} WHERE {is_whole} IS NOT NULL GROUP BY {names} \
             HAVING count(*) > 1 ORDER BY {names} LIMIT 1",
            self.rows
        ))?;
        let Some(row) = found.first() else { return Ok(()) };
        let pairs = self
            .key
            .iter()
            .zip(row)
            .map(|(column, value)| format!("{column} = {value}"));
        Err(WarehouseError::DuplicateKey {
            relation: self.relation.clone(),
            rows: row.last().and_then(crate::Value::as_integer).unwrap_or(2),
            key: pairs.collect::<Vec<String>>().join(", "),
        })
    }
}
