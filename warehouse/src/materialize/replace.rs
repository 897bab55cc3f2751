//! Putting a table or a view into the place of what is there.

use refuel_staging::{Dialect, RelationName};

use super::dependents::{Dependents, hanging};
use super::{Make, names};
use crate::contract::Renamed;
use crate::{Column, RelationKind, Result, Warehouse, WarehouseError};

/// Puts the table `beside` into the place of `relation`, which is a `there` now, and gives it its index. Returns the
/// views of the project that can't read it any more. It belongs into a transaction.
pub(crate) fn put_in_place(
    warehouse: &mut dyn Warehouse,
    beside: &RelationName,
    relation: &RelationName,
    there: Option<RelationKind>,
    project: &str,
    unique_key: &[String],
) -> Result<Vec<RelationName>> {
    if warehouse.dialect() == Dialect::Sqlite {
        if let Some(kind) = there {
            warehouse.drop_relation(relation, kind)?;
        }
        warehouse.rename_table(beside, &relation.name)?;
        index(warehouse, relation, &names::index(relation), unique_key)?;
        return Ok(Vec::new());
    }
    // The index is made before anybody has to wait for it.
    let beside_index = names::index(beside);
    index(warehouse, beside, &beside_index, unique_key)?;
    let Some(kind) = there else {
        take_name(warehouse, beside, relation, &beside_index, unique_key)?;
        return Ok(Vec::new());
    };
    take_turn(warehouse)?;
    let mut dependents = Dependents::of(warehouse, relation, project)?;
    if !dependents.others.is_empty() {
        return copy_over(warehouse, beside, relation, kind, &dependents).map(|()| Vec::new());
    }
    let grants = dependents.drop_all(warehouse)?;
    let own = super::dependents::grants(warehouse, relation)?;
    let dropped = warehouse.drop_relation(relation, kind);
    dropped.map_err(|error| hanging(error, warehouse.target(), relation))?;
    take_name(warehouse, beside, relation, &beside_index, unique_key)?;
    for grant in own {
        warehouse.execute(&grant)?;
    }
    dependents.make_again(warehouse, &grants)
}

/// Gives the table and its index the names that they are to have.
fn take_name(
    warehouse: &mut dyn Warehouse,
    beside: &RelationName,
    relation: &RelationName,
    beside_index: &str,
    unique_key: &[String],
) -> Result<()> {
    warehouse.rename_table(beside, &relation.name)?;
    if !unique_key.is_empty() {
        let from = relation.sibling(beside_index).sql(Dialect::Postgres);
        let to = Dialect::Postgres.quote(&names::index(relation));
        warehouse.execute(&format!("ALTER INDEX {from} RENAME TO {to}"))?;
    }
    Ok(())
}

/// Gives constraints of a table of Postgres the names that they are to have, now that the table which had them is gone.
/// Where that table is still there, since somebody else's views hang on it, its constraints are too.
pub(super) fn take_names(warehouse: &mut dyn Warehouse, relation: &RelationName, renamed: &[Renamed]) -> Result<()> {
    let dialect = Dialect::Postgres;
    let name = relation.sql(dialect);
    for renamed in renamed {
        let sql = format!(
            "SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = {}::regclass AND conname = {}",
            dialect.literal(&name),
            dialect.literal(&renamed.beside)
        );
        if warehouse.value(&sql)?.is_some() {
            let (from, to) = (dialect.quote(&renamed.beside), dialect.quote(&renamed.name));
            warehouse.execute(&format!("ALTER TABLE {name} RENAME CONSTRAINT {from} TO {to}"))?;
        }
    }
    Ok(())
}

/// Makes an index on the unique key of a table.
pub(super) fn index(
    warehouse: &mut dyn Warehouse,
    relation: &RelationName,
    name: &str,
    unique_key: &[String],
) -> Result<()> {
    if unique_key.is_empty() {
        return Ok(());
    }
    let dialect = warehouse.dialect();
    let columns = crate::quote::list(dialect, unique_key.iter().map(String::as_str));
    // SQLite wants the schema before the index, Postgres before the table.
    let sql = match dialect {
        Dialect::Sqlite => format!(
            "CREATE INDEX IF NOT EXISTS {} ON {} ({columns})",
            relation.sibling(name).sql(dialect),
            dialect.quote(&relation.name)
        ),
        Dialect::Postgres => format!(
            "CREATE INDEX IF NOT EXISTS {} ON {} ({columns})",
            dialect.quote(name),
            relation.sql(dialect)
        ),
    };
    warehouse.execute(&sql).map(|_| ())
}

/// Puts the rows of `beside` into the table that is there, since somebody else's views hang on it.
fn copy_over(
    warehouse: &mut dyn Warehouse,
    beside: &RelationName,
    relation: &RelationName,
    kind: RelationKind,
    dependents: &Dependents,
) -> Result<()> {
    let (new, old) = (warehouse.columns(beside)?, warehouse.columns(relation)?);
    let plain = |column: &Column| (column.name.clone(), column.data_type.clone());
    if kind != RelationKind::Table || !new.iter().map(plain).eq(old.iter().map(plain)) {
        return Err(dependents.error(warehouse.target(), relation));
    }
    let names = crate::quote::list(Dialect::Postgres, new.iter().map(|column| column.name.as_str()));
    let (from, to) = (beside.sql(Dialect::Postgres), relation.sql(Dialect::Postgres));
    warehouse.execute(&format!("TRUNCATE {to}"))?;
    warehouse.execute(&format!("INSERT INTO {to} ({names}) SELECT {names} FROM {from}"))?;
    warehouse.drop_relation(beside, RelationKind::Table)
}

/// Makes a view in the place of a relation of Postgres, where one that has the same columns takes the place of the
/// other without more ado.
pub(super) fn view(
    warehouse: &mut dyn Warehouse,
    make: &Make<'_>,
    there: RelationKind,
    create: &str,
) -> Result<Vec<RelationName>> {
    take_turn(warehouse)?;
    if there == RelationKind::View {
        let replace = create.replacen("CREATE VIEW", "CREATE OR REPLACE VIEW", 1);
        if attempt(warehouse, &replace)? {
            return Ok(Vec::new());
        }
    }
    let mut dependents = Dependents::of(warehouse, make.relation, &make.owner.project)?;
    if !dependents.others.is_empty() {
        return Err(dependents.error(warehouse.target(), make.relation));
    }
    let grants = dependents.drop_all(warehouse)?;
    let own = super::dependents::grants(warehouse, make.relation)?;
    let dropped = warehouse.drop_relation(make.relation, there);
    dropped.map_err(|error| hanging(error, warehouse.target(), make.relation))?;
    warehouse.execute(create)?;
    for grant in own {
        warehouse.execute(&grant)?;
    }
    dependents.make_again(warehouse, &grants)
}

/// Waits until no other connection puts something into its place in this schema of Postgres: two of them may have
/// views in common, which each would drop and make again.
pub(super) fn take_turn(warehouse: &mut dyn Warehouse) -> Result<()> {
    let key = format!("refuel: relations of {}", warehouse.schema().unwrap_or_default());
    let key = Dialect::Postgres.literal(&key);
    let sql = format!("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended({key}, 0))");
    warehouse.execute(&sql).map(|_| ())
}

/// Runs a statement that may be refused without an end to the transaction around it. Returns whether it was done.
pub(super) fn attempt(warehouse: &mut dyn Warehouse, sql: &str) -> Result<bool> {
    warehouse.execute("SAVEPOINT refuel_attempt")?;
    match warehouse.execute(sql) {
        Ok(_) => {
            warehouse.execute("RELEASE SAVEPOINT refuel_attempt")?;
            Ok(true)
        }
        Err(WarehouseError::Statement { .. }) => {
            warehouse.execute("ROLLBACK TO SAVEPOINT refuel_attempt")?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
