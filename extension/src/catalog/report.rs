//! What the host says of itself, as far as the current role may know.

use pgrx::pg_sys;
use refuel_client::wire::{Report, ReportKind};

use super::query::role;
use crate::error::Failure;
use crate::{host, text};

/// A report as JSON, a list of objects. What roles did is told to those who have their rights, and to those with the
/// rights of `pg_read_all_stats`, which also see the host's warnings.
pub(crate) fn json(kind: ReportKind) -> Result<String, Failure> {
    let everything = may_see("pg_read_all_stats")?;
    let json = match host::report(kind)? {
        Report::Host(mut host) => {
            if !everything {
                host.warnings.clear();
            }
            serde_json::to_string(&[host])
        }
        Report::Models(models) => serde_json::to_string(&models),
        Report::Activity(rows) => serde_json::to_string(&kept(rows, everything, |row| &row.role)?),
        Report::Usage(rows) => serde_json::to_string(&kept(rows, everything, |row| &row.role)?),
    };
    json.map_err(|error| Failure::Catalog {
        reason: format!("a report can't be written: {error}"),
    })
}

/// The rows that the current role may see.
fn kept<T>(rows: Vec<T>, everything: bool, role_of: impl Fn(&T) -> &str) -> Result<Vec<T>, Failure> {
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        if everything || may_see(role_of(&row))? {
            kept.push(row);
        }
    }
    Ok(kept)
}

/// Whether the current role has the rights of another.
fn may_see(other: &str) -> Result<bool, Failure> {
    let name = text::write_c(other)?;
    // SAFETY: the name ends with a zero. A role that is not there is nobody's but a superuser's.
    unsafe {
        let other = pg_sys::get_role_oid(name, true);
        Ok(if other == pg_sys::InvalidOid {
            pg_sys::superuser_arg(role())
        } else {
            pg_sys::has_privs_of_role(role(), other)
        })
    }
}
