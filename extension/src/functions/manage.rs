//! The SQL functions that change the catalog, and the one behind the views of what the host says.

use pgrx::pg_sys;
use refuel_client::wire::ReportKind;

use super::{Call, export};
use crate::catalog::{self, change, report};
use crate::error::Failure;
use crate::text;

/// What a function returns that returns nothing.
fn void(done: Result<(), Failure>) -> Result<Option<pg_sys::Datum>, Failure> {
    done.map(|()| Some(pg_sys::Datum::null()))
}

/// The number of a version, as an `integer`.
fn version(made: Result<i32, Failure>) -> Result<Option<pg_sys::Datum>, Failure> {
    made.map(|version| Some(pg_sys::Datum::from(version)))
}

export! {
    refuel_create_task => |call| version(change::create_task(&call.text(0)?, &call.json(1)?));
    refuel_alter_task => |call| version(change::alter_task(&call.text(0)?, &call.json(1)?));
    refuel_drop_task => |call| void(change::drop_task(&call.text(0)?));
    refuel_task => |call| text::write_json(&catalog::task_json(&call.text(0)?)?).map(Some);
    refuel_grant_task => |call| void(change::grant_task(&call.text(0)?, &call.text(1)?));
    refuel_revoke_task => |call| void(change::revoke_task(&call.text(0)?, &call.text(1)?));
    refuel_grant_model => |call| void(change::grant_model(&call.text(0)?, &call.text(1)?));
    refuel_revoke_model => |call| void(change::revoke_model(&call.text(0)?, &call.text(1)?));
    refuel_host_report => |call| text::write_json(&report::json(kind_named(&call.text(0)?)?)?).map(Some);
}

/// The report with this name.
fn kind_named(name: &str) -> Result<ReportKind, Failure> {
    match name {
        "host" => Ok(ReportKind::Host),
        "models" => Ok(ReportKind::Models),
        "activity" => Ok(ReportKind::Activity),
        "usage" => Ok(ReportKind::Usage),
        _ => Err(Failure::UnknownReport { kind: name.to_owned() }),
    }
}
