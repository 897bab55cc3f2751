//! Changes of the catalog: tasks, their versions, and grants.

use std::ffi::CStr;

use pgrx::pg_sys;
use pgrx::pg_sys::elog::PgLogLevel;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::pg_sys::panic::ErrorReport;

use super::TaskName;
use super::query::{Access, Parameter, role, role_name, run};
use super::spec;
use crate::error::Failure;
use crate::text;

/// Who a grant is for when it is for everybody, as in `GRANT`. It is kept as the role 0, which there is not.
const PUBLIC: &str = "public";

/// Makes a task, owned by the current role. Returns its version, which is 1.
pub(crate) fn create_task(name: &str, json: &str) -> Result<i32, Failure> {
    const TASK: &str = "
        INSERT INTO refuel.task (name, owner, last_version) VALUES ($1, $2, 1) ON CONFLICT (name) DO NOTHING
        RETURNING name";
    writable(c"refuel_create_task()");
    let checked = spec::check(name, json)?;
    let owner = role();
    if run(TASK, &[Parameter::Text(name), Parameter::Role(owner)], Access::Write)?.is_empty() {
        return Err(Failure::TaskExists { name: name.to_owned() });
    }
    keep(&checked, 1, owner)?;
    Ok(1)
}

/// Gives a task a new version. Returns its number, or that of the current one where nothing changed.
pub(crate) fn alter_task(name: &str, json: &str) -> Result<i32, Failure> {
    const CURRENT: &str = "
        SELECT v.version, v.spec = $2 FROM refuel.task_version v WHERE v.task = $1 ORDER BY v.version DESC LIMIT 1";
    const NEXT: &str = "UPDATE refuel.task SET last_version = last_version + 1 WHERE name = $1 RETURNING last_version";
    writable(c"refuel_alter_task()");
    owned(name)?;
    let checked = spec::check(name, json)?;
    let current = run(
        CURRENT,
        &[Parameter::Text(name), Parameter::Json(&checked.json)],
        Access::Write,
    )?;
    if let Some([Some(version), Some(same)]) = current.first().map(Vec::as_slice)
        && same == "t"
    {
        notice(&format!(
            "version {version} of task \"{name}\" is the same; nothing was changed"
        ));
        return number(version);
    }
    let next = run(NEXT, &[Parameter::Text(name)], Access::Write)?;
    let Some([Some(version)]) = next.first().map(Vec::as_slice) else {
        return Err(Failure::NoTask { name: name.to_owned() });
    };
    let version = number(version)?;
    keep(&checked, version, role())?;
    Ok(version)
}

/// Drops a task, or one version of it: `name@2`. The number is not given to another version.
pub(crate) fn drop_task(written: &str) -> Result<(), Failure> {
    const TASK: &str = "DELETE FROM refuel.task WHERE name = $1";
    const OTHERS: &str = "SELECT pg_catalog.count(*) FROM refuel.task_version WHERE task = $1 AND version <> $2";
    const VERSION: &str = "DELETE FROM refuel.task_version WHERE task = $1 AND version = $2 RETURNING version";
    writable(c"refuel_drop_task()");
    let TaskName { name, version } = TaskName::read(written)?;
    owned(name)?;
    let Some(version) = version else {
        run(TASK, &[Parameter::Text(name)], Access::Write)?;
        return Ok(());
    };
    let parameters = || [Parameter::Text(name), Parameter::Version(Some(version))];
    let others = run(OTHERS, &parameters(), Access::Write)?;
    if run(VERSION, &parameters(), Access::Write)?.is_empty() {
        return Err(Failure::NoVersion {
            name: name.to_owned(),
            version,
        });
    }
    if others.first().and_then(|row| row[0].as_deref()) == Some("0") {
        return Err(Failure::OnlyVersion {
            name: name.to_owned(),
            version,
        });
    }
    Ok(())
}

/// Runs a statement about what a role may use.
fn change_grant(sql: &'static str, what: &str, grantee: &str) -> Result<(), Failure> {
    let parameters = [Parameter::Text(what), Parameter::Role(grantee_named(grantee)?)];
    run(sql, &parameters, Access::Write)?;
    Ok(())
}

/// Lets a role use a task.
pub(crate) fn grant_task(name: &str, grantee: &str) -> Result<(), Failure> {
    const GRANT: &str =
        "INSERT INTO refuel.task_grant (task, grantee) VALUES ($1, $2) ON CONFLICT (task, grantee) DO NOTHING";
    writable(c"refuel_grant_task()");
    owned(name)?;
    change_grant(GRANT, name, grantee)
}

/// Takes a role's grant on a task back.
pub(crate) fn revoke_task(name: &str, grantee: &str) -> Result<(), Failure> {
    const REVOKE: &str = "DELETE FROM refuel.task_grant WHERE task = $1 AND grantee::oid = $2";
    writable(c"refuel_revoke_task()");
    owned(name)?;
    change_grant(REVOKE, name, grantee)
}

/// Lets a role use a model. That only superusers may is the privilege on the SQL function, which they can grant on.
pub(crate) fn grant_model(model: &str, grantee: &str) -> Result<(), Failure> {
    const GRANT: &str =
        "INSERT INTO refuel.model_grant (model, grantee) VALUES ($1, $2) ON CONFLICT (model, grantee) DO NOTHING";
    writable(c"refuel_grant_model()");
    change_grant(GRANT, spec::without_digest(model), grantee)
}

/// Takes a role's grant on a model back.
pub(crate) fn revoke_model(model: &str, grantee: &str) -> Result<(), Failure> {
    const REVOKE: &str = "DELETE FROM refuel.model_grant WHERE model = $1 AND grantee::oid = $2";
    writable(c"refuel_revoke_model()");
    change_grant(REVOKE, spec::without_digest(model), grantee)
}

/// Raises Postgres' own error where the transaction is read-only; it names the function rather than the query inside.
fn writable(function: &CStr) {
    // SAFETY: reads the state of the transaction, and a string that ends with a zero.
    unsafe { pg_sys::PreventCommandIfReadOnly(function.as_ptr()) };
}

/// Keeps a version of a task.
fn keep(checked: &spec::Checked, version: i32, by: pg_sys::Oid) -> Result<(), Failure> {
    const VERSION: &str = "
        INSERT INTO refuel.task_version (task, version, kind, model, on_error, spec, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    run(
        VERSION,
        &[
            Parameter::Text(&checked.name),
            Parameter::Integer(version),
            Parameter::Text(checked.kind),
            Parameter::Text(&checked.model),
            Parameter::Text(spec::on_error_name(checked.on_error)),
            Parameter::Json(&checked.json),
            Parameter::Text(&role_name(by)?),
        ],
        Access::Write,
    )?;
    Ok(())
}

/// Checks that the current role owns a task, and locks it against other changes until the transaction ends.
fn owned(name: &str) -> Result<(), Failure> {
    const OWNED: &str =
        "SELECT pg_catalog.pg_has_role($2, t.owner::oid, 'USAGE') FROM refuel.task t WHERE t.name = $1 FOR UPDATE";
    let rows = run(OWNED, &[Parameter::Text(name), Parameter::Role(role())], Access::Write)?;
    match rows.first().map(|row| row[0].as_deref() == Some("t")) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::NotOwner { name: name.to_owned() }),
        None => Err(Failure::NoTask { name: name.to_owned() }),
    }
}

/// The OID of who a grant is for.
fn grantee_named(grantee: &str) -> Result<pg_sys::Oid, Failure> {
    if grantee == PUBLIC {
        return Ok(pg_sys::InvalidOid);
    }
    let name = text::write_c(grantee)?;
    // SAFETY: the name ends with a zero; a role that is not there gives the invalid OID.
    let role = unsafe { pg_sys::get_role_oid(name, true) };
    if role == pg_sys::InvalidOid {
        return Err(Failure::NoRole {
            role: grantee.to_owned(),
        });
    }
    Ok(role)
}

fn number(version: &str) -> Result<i32, Failure> {
    version.parse().map_err(|_| Failure::Catalog {
        reason: format!("\"{version}\" is no version"),
    })
}

fn notice(message: &str) {
    ErrorReport::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        text::printable(message.to_owned()),
        "refuel",
    )
    .report(PgLogLevel::NOTICE);
}
