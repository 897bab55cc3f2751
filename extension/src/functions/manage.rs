//! The SQL functions that change the catalog, and the one behind the views of what the host says.

use pgrx::fcinfo::pg_getarg_datum_raw;
use pgrx::pg_sys;
use refuel_client::wire::ReportKind;

use super::export;
use crate::catalog::{change, report};
use crate::error::Failure;
use crate::text;

/// The text of an argument. The functions are strict, so that none is null.
///
/// # Safety
/// The argument is a `text`.
unsafe fn word(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Result<String, Failure> {
    // SAFETY: the caller's promise.
    unsafe { text::read(pg_getarg_datum_raw(fcinfo, position)) }
}

/// The JSON text of an argument.
///
/// # Safety
/// The argument is a `jsonb`.
unsafe fn json(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Result<String, Failure> {
    // SAFETY: the caller's promise.
    unsafe { text::read_json(pg_getarg_datum_raw(fcinfo, position)) }
}

/// What a function returns that returns nothing.
fn void(done: Result<(), Failure>) -> Result<Option<pg_sys::Datum>, Failure> {
    done.map(|()| Some(pg_sys::Datum::null()))
}

/// The number of a version, as an `integer`.
fn version(made: Result<i32, Failure>) -> Result<Option<pg_sys::Datum>, Failure> {
    made.map(|version| Some(pg_sys::Datum::from(version)))
}

export! {
    // SAFETY, for each: the arguments are of the types that the install script declares.
    refuel_create_task => |fcinfo| unsafe { version(change::create_task(&word(fcinfo, 0)?, &json(fcinfo, 1)?)) };
    refuel_alter_task => |fcinfo| unsafe { version(change::alter_task(&word(fcinfo, 0)?, &json(fcinfo, 1)?)) };
    refuel_drop_task => |fcinfo| unsafe { void(change::drop_task(&word(fcinfo, 0)?)) };
    refuel_task => |fcinfo| unsafe { text::write_json(&crate::catalog::task_json(&word(fcinfo, 0)?)?).map(Some) };
    refuel_grant_task => |fcinfo| unsafe { void(change::grant_task(&word(fcinfo, 0)?, &word(fcinfo, 1)?)) };
    refuel_revoke_task => |fcinfo| unsafe { void(change::revoke_task(&word(fcinfo, 0)?, &word(fcinfo, 1)?)) };
    refuel_grant_model => |fcinfo| unsafe { void(change::grant_model(&word(fcinfo, 0)?, &word(fcinfo, 1)?)) };
    refuel_revoke_model => |fcinfo| unsafe { void(change::revoke_model(&word(fcinfo, 0)?, &word(fcinfo, 1)?)) };
    refuel_host_report => |fcinfo| unsafe {
        let kind = match word(fcinfo, 0)?.as_str() {
            "models" => ReportKind::Models,
            "activity" => ReportKind::Activity,
            "usage" => ReportKind::Usage,
            _ => ReportKind::Host,
        };
        text::write_json(&report::json(kind)?).map(Some)
    };
}
