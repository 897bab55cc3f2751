//! What a project owns in a target: the relations that it made, noted in a table there. Nothing else is ever replaced
//! or dropped, so that a target can hold other projects, and what people made by hand.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use refuel_staging::{Dialect, RelationName};

use crate::{RelationKind, Result, Value, Warehouse, WarehouseError};

/// The table in the target's schema that says what projects own.
pub const TABLE: &str = "_refuel_relations";

/// Who makes a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The project's name.
    pub project: String,
    /// The node's unique id, such as `model.shop.orders`.
    pub node: String,
    /// What it is made from, as text that changes with it; kept beside the relation for who asks.
    pub fingerprint: String,
}

/// A relation that a project made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Its name; with its schema where the database has schemas.
    pub relation: RelationName,
    /// Who made it.
    pub owner: Owner,
    /// When, in UTC, such as `2026-01-31T08:00:00Z`.
    pub made_at: String,
    /// The BLAKE3 of the file that it was loaded from, with what else decides about its rows.
    pub content: Option<String>,
}

/// The name of the table.
fn table(warehouse: &dyn Warehouse) -> RelationName {
    RelationName::new(warehouse.schema(), TABLE)
}

/// The schema that a relation is in, as the table keeps it.
fn schema<'a>(warehouse: &'a dyn Warehouse, relation: &'a RelationName) -> &'a str {
    match (warehouse.dialect(), relation.schema.as_deref()) {
        (Dialect::Sqlite, None | Some("main")) => "",
        (_, Some(schema)) => schema,
        (_, None) => warehouse.schema().unwrap_or_default(),
    }
}

/// A name as one is told from others: SQLite doesn't look at case.
fn key(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Sqlite => name.to_ascii_lowercase(),
        Dialect::Postgres => name.to_owned(),
    }
}

/// Makes the table where it isn't there.
pub(crate) fn prepare(warehouse: &mut dyn Warehouse) -> Result<()> {
    let table = table(warehouse);
    if warehouse.relation(&table)?.is_some() {
        return Ok(());
    }
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (schema_name text NOT NULL, name text NOT NULL, project text NOT NULL, \
         node text NOT NULL, fingerprint text NOT NULL, made_at text NOT NULL, content text, \
         PRIMARY KEY (schema_name, name))",
        table.sql(warehouse.dialect())
    );
    match warehouse.execute(&sql) {
        // Another run makes it at this moment.
        Err(_) if warehouse.relation(&table)?.is_some() => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Everything that a project owns, in the order of schemas and names.
pub fn owned(warehouse: &mut dyn Warehouse, project: &str) -> Result<Vec<Owned>> {
    let dialect = warehouse.dialect();
    let table = table(warehouse);
    if warehouse.relation(&table)?.is_none() {
        return Ok(Vec::new());
    }
    read(warehouse, &format!("project = {}", dialect.literal(project)))
}

/// Who owns a relation, if anybody does.
pub fn owner(warehouse: &mut dyn Warehouse, relation: &RelationName) -> Result<Option<Owned>> {
    let condition = is(warehouse, relation);
    Ok(read(warehouse, &condition)?.pop())
}

/// The condition that a row of the table is of a relation.
fn is(warehouse: &dyn Warehouse, relation: &RelationName) -> String {
    let dialect = warehouse.dialect();
    let name = dialect.literal(&relation.name);
    let schema = dialect.literal(schema(warehouse, relation));
    match dialect {
        Dialect::Sqlite => format!("schema_name = {schema} AND lower(name) = lower({name})"),
        Dialect::Postgres => format!("schema_name = {schema} AND name = {name}"),
    }
}

fn read(warehouse: &mut dyn Warehouse, condition: &str) -> Result<Vec<Owned>> {
    let sql = format!(
        "SELECT schema_name, name, project, node, fingerprint, made_at, content FROM {} WHERE {condition} \
         ORDER BY schema_name, name",
        table(warehouse).sql(warehouse.dialect())
    );
    let rows = warehouse.rows(&sql)?;
    let text = |value: &Value| value.as_text().unwrap_or_default().to_owned();
    let owned = rows.iter().map(|row| Owned {
        relation: RelationName::new(row[0].as_text().filter(|schema| !schema.is_empty()), text(&row[1])),
        owner: Owner {
            project: text(&row[2]),
            node: text(&row[3]),
            fingerprint: text(&row[4]),
        },
        made_at: text(&row[5]),
        content: row[6].as_text().map(ToOwned::to_owned),
    });
    Ok(owned.collect())
}

/// Notes that a relation was made just now. It belongs into the transaction that makes it.
pub fn note(
    warehouse: &mut dyn Warehouse,
    relation: &RelationName,
    owner: &Owner,
    content: Option<&str>,
) -> Result<()> {
    let dialect = warehouse.dialect();
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let content = content.map_or_else(|| "NULL".to_owned(), |content| dialect.literal(content));
    let texts = [
        schema(warehouse, relation),
        &relation.name,
        &owner.project,
        &owner.node,
        &owner.fingerprint,
        &now,
    ];
    let texts: Vec<String> = texts.iter().map(|text| dialect.literal(text)).collect();
    let sql = format!(
        "INSERT INTO {} (schema_name, name, project, node, fingerprint, made_at, content) VALUES ({}, {content}) \
         ON CONFLICT (schema_name, name) DO UPDATE SET project = excluded.project, node = excluded.node, \
         fingerprint = excluded.fingerprint, made_at = excluded.made_at, content = excluded.content",
        table(warehouse).sql(dialect),
        texts.join(", ")
    );
    warehouse.execute(&sql).map(|_| ())
}

/// Forgets that a relation was made.
pub(crate) fn forget(warehouse: &mut dyn Warehouse, relation: &RelationName) -> Result<()> {
    let condition = is(warehouse, relation);
    let table = table(warehouse).sql(warehouse.dialect());
    warehouse
        .execute(&format!("DELETE FROM {table} WHERE {condition}"))
        .map(|_| ())
}

/// Refuses a relation that is there and that the project did not make; says what it is where it is there.
pub(crate) fn refuse_foreign(
    warehouse: &mut dyn Warehouse,
    relation: &RelationName,
    project: &str,
) -> Result<Option<RelationKind>> {
    let Some(kind) = warehouse.relation(relation)? else {
        return Ok(None);
    };
    let owned = owner(warehouse, relation)?;
    let maker = owned.map(|owned| owned.owner.project);
    if maker.as_deref() == Some(project) {
        return Ok(Some(kind));
    }
    Err(not_ours(warehouse, kind, relation, maker.as_deref()))
}

fn not_ours(
    warehouse: &dyn Warehouse,
    kind: RelationKind,
    relation: &RelationName,
    maker: Option<&str>,
) -> WarehouseError {
    WarehouseError::NotOurs {
        target: warehouse.target().to_owned(),
        kind: kind.to_string(),
        relation: relation.clone(),
        by: maker.map_or_else(
            || "which this project did not make".to_owned(),
            |project| format!("which the project `{project}` made"),
        ),
    }
}

/// Refuses relations that are there and that the project did not make, before anything runs. It asks once a schema,
/// however many there are.
///
/// # Errors
/// [`WarehouseError::NotOurs`] for the first of them.
pub fn check(warehouse: &mut dyn Warehouse, project: &str, wanted: &[RelationName]) -> Result<()> {
    let dialect = warehouse.dialect();
    let place = |warehouse: &dyn Warehouse, relation: &RelationName| {
        (schema(warehouse, relation).to_owned(), key(dialect, &relation.name))
    };
    let schemas: BTreeSet<Option<&str>> = wanted.iter().map(|relation| relation.schema.as_deref()).collect();
    let mut there = HashMap::new();
    for schema in schemas {
        for relation in warehouse.relations(schema)? {
            there.insert(place(warehouse, &relation.name), relation.kind);
        }
    }
    let mut makers = HashMap::new();
    for owned in read(warehouse, "true")? {
        makers.insert(place(warehouse, &owned.relation), owned.owner.project);
    }
    for relation in wanted {
        let place = place(warehouse, relation);
        let Some(kind) = there.get(&place) else { continue };
        let maker = makers.get(&place).map(String::as_str);
        if maker != Some(project) {
            return Err(not_ours(warehouse, *kind, relation, maker));
        }
    }
    Ok(())
}

/// Drops relations that the project made, all of them or none. What is gone already is no error.
///
/// # Errors
/// When the project did not make one of them, or something else depends on it.
pub fn drop(warehouse: &mut dyn Warehouse, project: &str, relations: &[RelationName]) -> Result<()> {
    warehouse.transaction(|warehouse| {
        let mut found = Vec::new();
        for relation in relations {
            if let Some(kind) = refuse_foreign(warehouse, relation, project)? {
                found.push((relation, kind));
            }
            forget(warehouse, relation)?;
        }
        // A view may read a table, and never the other way round.
        for kind in [RelationKind::View, RelationKind::MaterializedView, RelationKind::Table] {
            let names = found
                .iter()
                .filter(|(_, there)| *there == kind)
                .map(|(relation, _)| relation);
            match warehouse.dialect() {
                Dialect::Sqlite => {
                    for relation in names {
                        warehouse.drop_relation(relation, kind)?;
                    }
                }
                // Together, since they may read each other.
                Dialect::Postgres => {
                    let all: Vec<String> = names.map(|relation| relation.sql(Dialect::Postgres)).collect();
                    if !all.is_empty() {
                        let sql = format!("DROP {} {}", kind.keyword(), all.join(", "));
                        let done = warehouse.execute(&sql);
                        done.map_err(|error| {
                            crate::materialize::hanging(error, warehouse.target(), &found[0].0.clone())
                        })?;
                    }
                }
            }
        }
        Ok(())
    })
}
