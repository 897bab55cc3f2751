//! One run at a time in a target on a server, whoever begins it: another checkout of the project has another state, whose
//! lock says nothing here.

use refuel_staging::Dialect;
use refuel_warehouse::{Value, Warehouse};

use crate::error::RunError;
use crate::workspace::Workspace;

/// The lock of a run, held by a connection until this is dropped. On SQLite there is none: a file of its own is the
/// target of one project.
pub(super) struct Exclusion {
    _connection: Option<Box<dyn Warehouse>>,
}

impl Exclusion {
    /// Takes the lock of a project in the target's schema.
    ///
    /// # Errors
    /// [`RunError::InUse`] where another run has it.
    pub(super) fn take(workspace: &Workspace) -> Result<Self, RunError> {
        let mut connection = workspace.warehouses.connect()?;
        if connection.dialect() == Dialect::Sqlite {
            return Ok(Self { _connection: None });
        }
        let project = &workspace.dag.project.settings.name;
        let key = key(connection.schema().unwrap_or_default(), project);
        let taken = connection.value(&format!("SELECT pg_try_advisory_lock({key})"))?;
        if taken != Some(Value::Boolean(true)) {
            return Err(RunError::InUse {
                project: project.clone(),
                target: workspace.target().to_owned(),
                holder: holder(connection.as_mut(), key)?,
            });
        }
        Ok(Self {
            _connection: Some(connection),
        })
    }
}

/// A number for the runs of a project in a schema. It is the same for all versions of the program.
fn key(schema: &str, project: &str) -> i64 {
    let hash = blake3::hash(format!("refuel run\n{schema}\n{project}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    i64::from_le_bytes(first)
}

/// Who holds a lock, as the server knows it. None where they have just let go, or where the server doesn't tell.
fn holder(connection: &mut dyn Warehouse, key: i64) -> Result<Option<String>, RunError> {
    // The server shows the two halves of the number (pg_locks in its documentation).
    let (high, low) = ((key as u64) >> 32, key as u64 & 0xffff_ffff);
    let found = connection.value(&format!(
        "SELECT concat(a.usename, ' from ', coalesce(host(a.client_addr), 'the server itself'), ', since ', \
                to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), ' UTC, backend ', a.pid) \
         FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = {high} AND l.objid = {low} \
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ))?;
    Ok(found.and_then(|value| value.as_text().map(str::to_owned)))
}
