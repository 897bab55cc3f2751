//! Queries of the catalog, by the server programming interface.
//!
//! Nobody is granted the catalog's tables: what a role may see and do is decided by the queries in this folder, which
//! run as the bootstrap superuser with a fixed search path. So they name every table and function with its schema, give
//! operators operands of exactly the types that they are for, take everything that comes from outside as parameters, and
//! call nothing that a user could have made. `current_user` inside them is
//! not who asked; [`role`] is, and goes in as a parameter.

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};

use pgrx::pg_sys;
use rustc_hash::FxHashMap;

use crate::error::Failure;
use crate::text;

/// A parameter.
pub(super) enum Parameter<'a> {
    Text(&'a str),
    Json(&'a str),
    Integer(i32),
    Version(Option<u32>),
    Role(pg_sys::Oid),
}

/// A row of a result: each column as Postgres writes it.
pub(super) type Row = Vec<Option<String>>;

/// What a query does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// It reads, with the snapshot of the statement that asks; allowed in parallel workers and read-only transactions.
    Read,
    /// It changes something, or locks rows.
    Write,
}

/// The role whose rights count.
pub(crate) fn role() -> pg_sys::Oid {
    // SAFETY: reads a variable of the backend.
    unsafe { pg_sys::GetUserId() }
}

/// The name of a role.
pub(crate) fn role_name(role: pg_sys::Oid) -> Result<String, Failure> {
    // SAFETY: a role that is not there is an error of Postgres', which can't be that of the current one.
    unsafe { text::read_c(pg_sys::GetUserNameFromId(role, false)) }
}

impl Parameter<'_> {
    fn kind(&self) -> pg_sys::Oid {
        match self {
            Self::Text(_) => pg_sys::TEXTOID,
            Self::Json(_) => pg_sys::JSONBOID,
            Self::Integer(_) | Self::Version(_) => pg_sys::INT4OID,
            Self::Role(_) => pg_sys::OIDOID,
        }
    }

    fn datum(&self) -> Result<Option<pg_sys::Datum>, Failure> {
        Ok(match self {
            Self::Text(content) => Some(text::write(content)?),
            Self::Json(json) => Some(text::write_json(json)?),
            Self::Integer(number) => Some(pg_sys::Datum::from(*number)),
            // A version beyond what the column holds is one that is not there.
            Self::Version(version) => {
                version.map(|version| pg_sys::Datum::from(i32::try_from(version).unwrap_or(i32::MAX)))
            }
            Self::Role(role) => Some(pg_sys::Datum::from(*role)),
        })
    }
}

thread_local! {
    /// Plans that this backend keeps, by the text of their queries. Postgres plans them anew where the catalog changed.
    static PLANS: RefCell<FxHashMap<&'static str, pg_sys::SPIPlanPtr>> = RefCell::default();
}

/// Runs a query and reads its result.
pub(super) fn run(sql: &'static str, parameters: &[Parameter<'_>], access: Access) -> Result<Vec<Row>, Failure> {
    as_owner(|| {
        // SAFETY: what connects is disconnected below, on success and on our own errors alike; an error of Postgres
        // unwinds past it, and the end of the transaction cleans up.
        checked("SPI_connect", unsafe { pg_sys::SPI_connect() })?;
        // SAFETY: connected.
        let rows = unsafe { execute(sql, parameters, access) };
        // SAFETY: connected.
        checked("SPI_finish", unsafe { pg_sys::SPI_finish() })?;
        rows
    })
}

/// An error for a status that is one.
pub(crate) fn checked(what: &str, status: c_int) -> Result<(), Failure> {
    if status < 0 {
        return Err(Failure::Catalog {
            reason: format!("{what} gave {status}"),
        });
    }
    Ok(())
}

/// Executes a query.
///
/// # Safety
/// To be called while connected.
unsafe fn execute(sql: &'static str, parameters: &[Parameter<'_>], access: Access) -> Result<Vec<Row>, Failure> {
    // SAFETY: the caller's promise.
    let plan = unsafe { plan(sql, parameters)? };
    let mut values = Vec::with_capacity(parameters.len());
    let mut nulls: Vec<c_char> = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        let datum = parameter.datum()?;
        nulls.push(if datum.is_some() { b' ' } else { b'n' } as c_char);
        values.push(datum.unwrap_or(pg_sys::Datum::null()));
    }
    // SAFETY: the plan has as many parameters as the arrays are long, of the types that their datums have.
    unsafe {
        let status = pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), access == Access::Read, 0);
        checked("SPI_execute_plan", status)?;
        rows()
    }
}

/// The plan for a query, made at its first use.
///
/// # Safety
/// To be called while connected.
unsafe fn plan(sql: &'static str, parameters: &[Parameter<'_>]) -> Result<pg_sys::SPIPlanPtr, Failure> {
    if let Some(plan) = PLANS.with_borrow(|plans| plans.get(sql).copied()) {
        return Ok(plan);
    }
    let mut kinds: Vec<pg_sys::Oid> = parameters.iter().map(Parameter::kind).collect();
    let written = CString::new(sql).map_err(|_| Failure::Nul)?;
    // SAFETY: the types are as many as are announced; a plan that is kept belongs to the backend.
    let plan = unsafe { pg_sys::SPI_prepare(written.as_ptr(), kinds.len() as c_int, kinds.as_mut_ptr()) };
    // SAFETY: as above.
    if plan.is_null() || unsafe { pg_sys::SPI_keepplan(plan) } != 0 {
        return Err(Failure::Catalog {
            reason: "a query can't be prepared".to_owned(),
        });
    }
    PLANS.with_borrow_mut(|plans| plans.insert(sql, plan));
    Ok(plan)
}

/// The result of the query that was just executed.
///
/// # Safety
/// To be called while connected, after a query.
unsafe fn rows() -> Result<Vec<Row>, Failure> {
    // SAFETY: the table is there until `SPI_finish`, and holds as many rows as were processed. A column's text is null
    // where the column is.
    unsafe {
        let table = pg_sys::SPI_tuptable;
        if table.is_null() {
            return Ok(Vec::new());
        }
        let descriptor = (*table).tupdesc;
        let columns = (*descriptor).natts;
        (0..pg_sys::SPI_processed as usize)
            .map(|row| {
                let row = *(*table).vals.add(row);
                (1..=columns)
                    .map(|column| {
                        let value = pg_sys::SPI_getvalue(row, descriptor, column);
                        (!value.is_null()).then(|| text::read_c(value)).transpose()
                    })
                    .collect()
            })
            .collect()
    }
}

/// Runs something as the bootstrap superuser, with a search path on which nobody else can put anything.
///
/// It is how Postgres itself runs its maintenance for users (`SetUserIdAndSecContext` with a nest level of settings). An
/// error that unwinds leaves both as they are: the end of the transaction or subtransaction restores them.
fn as_owner<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let (mut role, mut context) = (pg_sys::InvalidOid, 0);
    // SAFETY: what was read is restored below, on success and on our own errors alike.
    unsafe {
        pg_sys::GetUserIdAndSecContext(&raw mut role, &raw mut context);
        pg_sys::SetUserIdAndSecContext(
            pg_sys::Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID),
            context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as c_int,
        );
        let level = pg_sys::NewGUCNestLevel();
        pg_sys::set_config_option(
            c"search_path".as_ptr(),
            c"pg_catalog, pg_temp".as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
        let result = work();
        pg_sys::AtEOXact_GUC(false, level);
        pg_sys::SetUserIdAndSecContext(role, context);
        result
    }
}
