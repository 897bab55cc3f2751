//! What hangs on a relation of Postgres: views know what they read by number, not by name, and a relation can't be
//! dropped while they do. Those that the project made are dropped and made again; others are left alone.
//!
//! Views of SQLite know names alone, and need nothing of this.

use std::collections::HashSet;

use refuel_staging::{Dialect, RelationName};

use super::replace::attempt;
use crate::ownership;
use crate::{Result, Value, Warehouse, WarehouseError};

/// The SQL states of what can't be dropped because of what hangs on it.
const HANGING: [&str; 2] = ["2BP01", "0A000"];

/// A view that reads a relation, directly or through others.
#[derive(Debug)]
pub(super) struct View {
    name: RelationName,
    /// The statement that makes it again.
    create: String,
}

/// What hangs on a relation.
#[derive(Debug)]
pub(super) struct Dependents {
    /// Views that the project made, each behind those that it reads.
    views: Vec<View>,
    /// Names of what others made, or what isn't a plain view.
    pub(super) others: Vec<RelationName>,
}

impl Dependents {
    /// Looks for them.
    pub(super) fn of(warehouse: &mut dyn Warehouse, relation: &RelationName, project: &str) -> Result<Self> {
        let literal = Dialect::Postgres.literal(&relation.sql(Dialect::Postgres));
        // A view depends on what it reads through its rule, and its rule on itself.
        let sql = format!(
            "WITH RECURSIVE reading(id, steps) AS (
                 SELECT r.ev_class, 1
                 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
                 WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
                   AND d.refobjid = {literal}::regclass AND r.ev_class <> d.refobjid
                 UNION
                 SELECT r.ev_class, reading.steps + 1
                 FROM reading JOIN pg_catalog.pg_depend d ON d.refobjid = reading.id
                 JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
                 WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
                   AND r.ev_class <> d.refobjid
             )
             SELECT n.nspname::text, c.relname::text, c.relkind::text, pg_catalog.pg_get_viewdef(c.oid),
                    array_to_string(c.reloptions, ', ')
             FROM (SELECT id, max(steps) AS steps FROM reading GROUP BY id) AS reading
             JOIN pg_catalog.pg_class c ON c.oid = reading.id
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             ORDER BY reading.steps, n.nspname, c.relname"
        );
        let rows = warehouse.rows(&sql)?;
        let mut found = Self {
            views: Vec::new(),
            others: Vec::new(),
        };
        if rows.is_empty() {
            return Ok(found);
        }
        let owned: HashSet<RelationName> = ownership::owned(warehouse, project)?
            .into_iter()
            .map(|owned| owned.relation)
            .collect();
        let text = |value: &Value| value.as_text().unwrap_or_default().to_owned();
        for row in rows {
            let name = RelationName::new(Some(&text(&row[0])), text(&row[1]));
            if row[2].as_text() != Some("v") || !owned.contains(&name) {
                found.others.push(name);
                continue;
            }
            let options = row[4].as_text().map(|options| format!(" WITH ({options})"));
            let create = format!(
                "CREATE VIEW {}{} AS {}",
                name.sql(Dialect::Postgres),
                options.unwrap_or_default(),
                text(&row[3]).trim_end_matches(';')
            );
            found.views.push(View { name, create });
        }
        Ok(found)
    }

    /// The error of a relation that can't be replaced because of what others made.
    pub(super) fn error(&self, target: &str, relation: &RelationName) -> WarehouseError {
        let names: Vec<String> = self.others.iter().map(|name| format!("`{name}`")).collect();
        WarehouseError::Dependents {
            target: target.to_owned(),
            relation: relation.clone(),
            dependents: names.join(", "),
        }
    }

    /// Drops the project's views. Returns the grants that they had, each beside its view.
    pub(super) fn drop_all(&self, warehouse: &mut dyn Warehouse) -> Result<Vec<Vec<String>>> {
        let mut all = Vec::new();
        for view in &self.views {
            all.push(grants(warehouse, &view.name)?);
        }
        for view in self.views.iter().rev() {
            warehouse.execute(&format!("DROP VIEW {}", view.name.sql(Dialect::Postgres)))?;
        }
        Ok(all)
    }

    /// Makes the project's views again. Returns those that can't be, since what they read has other columns now.
    pub(super) fn make_again(
        &mut self,
        warehouse: &mut dyn Warehouse,
        grants: &[Vec<String>],
    ) -> Result<Vec<RelationName>> {
        let mut lost = Vec::new();
        for (view, grants) in self.views.drain(..).zip(grants) {
            if !attempt(warehouse, &view.create)? {
                lost.push(view.name);
                continue;
            }
            for grant in grants {
                warehouse.execute(grant)?;
            }
        }
        Ok(lost)
    }
}

/// The statements that grant again what was granted on a relation, but for what its owner has anyway.
pub(super) fn grants(warehouse: &mut dyn Warehouse, relation: &RelationName) -> Result<Vec<String>> {
    let name = relation.sql(Dialect::Postgres);
    let literal = Dialect::Postgres.literal(&name);
    let sql = format!(
        "SELECT format('GRANT %s ON %s TO %s%s', a.privilege_type, {literal},
                       CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
                       CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
         FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
         WHERE c.oid = {literal}::regclass AND a.grantee <> c.relowner"
    );
    let rows = warehouse.rows(&sql)?;
    Ok(rows
        .iter()
        .filter_map(|row| row[0].as_text().map(ToOwned::to_owned))
        .collect())
}

/// The error of a statement that drops a relation, in words of what hangs on it where that is why.
pub(crate) fn hanging(error: WarehouseError, target: &str, relation: &RelationName) -> WarehouseError {
    match error {
        WarehouseError::Statement { refusal, .. }
            if refusal
                .sql_state
                .as_deref()
                .is_some_and(|state| HANGING.contains(&state)) =>
        {
            WarehouseError::Dependents {
                target: target.to_owned(),
                relation: relation.clone(),
                dependents: format!("something ({})", refusal.message),
            }
        }
        other => other,
    }
}
