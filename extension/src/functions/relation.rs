//! The functions over whole relations: rows go to the host together, and a set of rows comes back.
//!
//! A relation is read by the server programming interface as whoever calls may read it, with the snapshot of the
//! statement that calls.

use std::ffi::c_char;

use pgrx::PgMemoryContexts;
use pgrx::pg_sys;
use refuel_client::wire::{Relation, Row};
use refuel_task::{TableTask, Task};

use super::{Call, Subject, export};
use crate::catalog::{self, Resolved};
use crate::error::Failure;
use crate::{host, text};

/// Rows that are read at a time.
const TOGETHER: i64 = 1024;

/// Rows that are written before what writing them took is given back.
const WRITTEN: usize = 256;

export! {
    refuel_resolve => |call| answer(call, 1, Shape::RESOLVE);
    refuel_resolve_two => |call| answer(call, 2, Shape::RESOLVE);
    refuel_repair => |call| answer(call, 1, Shape::REPAIR);
}

/// What tells the functions apart.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    kind: &'static str,
}

impl Shape {
    const RESOLVE: Self = Self {
        name: "refuel_resolve",
        kind: "resolve",
    };
    const REPAIR: Self = Self {
        name: "refuel_repair",
        kind: "repair",
    };
}

/// The function over relations that tasks of a kind are for, if there is one.
pub(super) fn for_kind(kind: &str) -> Option<&'static str> {
    let shape = [Shape::RESOLVE, Shape::REPAIR]
        .into_iter()
        .find(|shape| shape.kind == kind)?;
    Some(shape.name)
}

/// The name of the function over relations behind an OID. None where it is another's.
pub(crate) fn named(oid: pg_sys::Oid) -> Option<&'static str> {
    if oid.to_u32() < pg_sys::FirstNormalObjectId {
        return None;
    }
    let call: super::Address;
    let shape;
    match super::symbol_of(oid)?.as_str() {
        "refuel_resolve" => (shape, call) = (Shape::RESOLVE, refuel_resolve::call),
        "refuel_resolve_two" => (shape, call) = (Shape::RESOLVE, refuel_resolve_two::call),
        "refuel_repair" => (shape, call) = (Shape::REPAIR, refuel_repair::call),
        _ => return None,
    }
    (super::address_of(oid)? == call as usize).then_some(shape.name)
}

/// Answers one call: its first arguments are relations, and the one behind them names the task.
fn answer(call: Call, relations: usize, shape: Shape) -> Result<Option<pg_sys::Datum>, Failure> {
    let resolved = catalog::resolve(&Subject::Task(call.text(relations)?))?;
    if resolved.kind != shape.kind {
        return Err(Failure::WrongKind {
            function: shape.name,
            task: resolved.spec.name.clone(),
            kind: resolved.kind.clone(),
            right: super::for_kind(&resolved.kind),
        });
    }
    let table = table(&resolved)?;
    let relations = (0..relations).map(|position| {
        let relation = call.argument(position).ok_or(Failure::Encoding)?;
        // SAFETY: a `regclass` by the declaration, which is an OID in the low half of a datum.
        unsafe { read(pg_sys::Oid::from(relation.value() as u32), &table) }
    });
    let relations = relations.collect::<Result<Vec<_>, _>>()?;
    let (rows, notes) = host::relate(&resolved, relations)?;
    for note in notes {
        pgrx::notice!("{}", text::printable(note));
    }
    // SAFETY: the call is Postgres' own.
    unsafe { write(call, &rows) }?;
    Ok(None)
}

/// What the task says of the relation.
fn table(resolved: &Resolved) -> Result<TableTask, Failure> {
    let json = serde_json::from_str(&resolved.spec.json).map_err(|error| Failure::Catalog {
        reason: format!("a task is no JSON: {error}"),
    })?;
    let table = Task::from_catalog(&json, &resolved.spec.name)?.table;
    table.ok_or_else(|| Failure::WrongKind {
        function: Shape::RESOLVE.name,
        task: resolved.spec.name.clone(),
        kind: resolved.kind.clone(),
        right: None,
    })
}

/// Reads a relation, as far as the task does.
///
/// # Safety
/// To be called in a transaction.
unsafe fn read(relation: pg_sys::Oid, table: &TableTask) -> Result<Relation, Failure> {
    // SAFETY: what connects is disconnected below, on success and on our own errors alike; an error of Postgres unwinds
    // past it, and the end of the transaction cleans up.
    unsafe {
        let name = name_of(relation)?;
        catalog::checked("SPI_connect", pg_sys::SPI_connect())?;
        let read = rows(&name, table);
        catalog::checked("SPI_finish", pg_sys::SPI_finish())?;
        Ok(Relation { name, ..read? })
    }
}

/// The name of a relation as SQL writes it.
unsafe fn name_of(relation: pg_sys::Oid) -> Result<String, Failure> {
    // SAFETY: both names are null where there is no such relation; what is made of them is in the current memory context.
    unsafe {
        let name = pg_sys::get_rel_name(relation);
        let schema = pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relation));
        if name.is_null() || schema.is_null() {
            return Err(Failure::NoRelation { oid: relation.to_u32() });
        }
        // A schema that needs no naming is left out, as `regclass` does.
        let schema = if pg_sys::RelationIsVisible(relation) {
            std::ptr::null_mut()
        } else {
            schema
        };
        text::read_c(pg_sys::quote_qualified_identifier(schema, name))
    }
}

/// The rows of a relation.
///
/// # Safety
/// To be called while connected.
unsafe fn rows(name: &str, table: &TableTask) -> Result<Relation, Failure> {
    let query = text::write_c(&format!("SELECT * FROM {name}"))?;
    // SAFETY: connected; the query ends with a zero and has no parameters. A portal's descriptor is there as long as it
    // is open, and rows are until the next are read.
    unsafe {
        let plan = pg_sys::SPI_prepare(query, 0, std::ptr::null_mut());
        let portal = if plan.is_null() {
            std::ptr::null_mut()
        } else {
            pg_sys::SPI_cursor_open(std::ptr::null(), plan, std::ptr::null_mut(), std::ptr::null(), true)
        };
        if portal.is_null() {
            return Err(Failure::Catalog {
                reason: format!("{name} can't be read"),
            });
        }
        let descriptor = (*portal).tupDesc;
        let columns = (1..=(*descriptor).natts).map(|column| text::read_c(pg_sys::SPI_fname(descriptor, column)));
        let mut relation = Relation {
            columns: columns.collect::<Result<_, _>>()?,
            ..Relation::default()
        };
        let reads: Vec<bool> = relation.columns.iter().map(|column| table.reads(column)).collect();
        loop {
            pg_sys::SPI_cursor_fetch(portal, true, TOGETHER as std::ffi::c_long);
            let fetched = pg_sys::SPI_tuptable;
            let count = pg_sys::SPI_processed as usize;
            if count == 0 {
                break;
            }
            for row in 0..count {
                let row = *(*fetched).vals.add(row);
                let values = (1..).zip(&reads).map(|(column, reads)| {
                    let value = if *reads {
                        pg_sys::SPI_getvalue(row, (*fetched).tupdesc, column)
                    } else {
                        std::ptr::null_mut()
                    };
                    (!value.is_null()).then(|| read_and_free(value)).transpose()
                });
                relation.rows.push(values.collect::<Result<Row, _>>()?);
            }
            pg_sys::SPI_freetuptable(fetched);
        }
        pg_sys::SPI_cursor_close(portal);
        Ok(relation)
    }
}

/// # Safety
/// `value` is a string that was made by Postgres and is nobody else's.
unsafe fn read_and_free(value: *mut c_char) -> Result<String, Failure> {
    // SAFETY: the caller's promise.
    unsafe {
        let read = text::read_c(value);
        pg_sys::pfree(value.cast());
        read
    }
}

/// Returns rows as the result of a call.
///
/// # Safety
/// The call is under way.
#[expect(
    clippy::cast_ptr_alignment,
    reason = "the tag of the node says that it is of that type"
)]
unsafe fn write(call: Call, rows: &[Row]) -> Result<(), Failure> {
    let fcinfo = call.0;
    // SAFETY: whoever calls a function that returns a set says how the set may be returned, in this node. What the result
    // is made of has to live as long as the statement; each row is made in a context that is emptied now and then.
    unsafe {
        let result = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        let materialize = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
        if result.is_null()
            || (*result).type_ != pg_sys::NodeTag::T_ReturnSetInfo
            || (*result).allowedModes as u32 & materialize == 0
        {
            return Err(Failure::NotInFrom);
        }
        let mut descriptor = std::ptr::null_mut();
        if pg_sys::get_call_result_type(fcinfo, std::ptr::null_mut(), &raw mut descriptor)
            != pg_sys::TypeFuncClass::TYPEFUNC_COMPOSITE
        {
            return Err(Failure::NotInFrom);
        }
        let before = pg_sys::MemoryContextSwitchTo((*(*result).econtext).ecxt_per_query_memory);
        let descriptor = pg_sys::CreateTupleDescCopy(descriptor);
        let random = (*result).allowedModes as u32 & pg_sys::SetFunctionReturnMode::SFRM_Materialize_Random != 0;
        let store = pg_sys::tuplestore_begin_heap(random, false, pg_sys::work_mem);
        pg_sys::MemoryContextSwitchTo(before);
        let reader = pg_sys::TupleDescGetAttInMetadata(descriptor);
        let width = (*descriptor).natts as usize;
        let mut context = PgMemoryContexts::new("rows of a refuel function");
        for part in rows.chunks(WRITTEN) {
            context.switch_to(|_| {
                for row in part {
                    let values = row.iter().take(width).map(|value| match value {
                        Some(value) => text::write_c(value),
                        None => Ok(std::ptr::null_mut()),
                    });
                    let mut values = values.collect::<Result<Vec<_>, _>>()?;
                    values.resize(width, std::ptr::null_mut());
                    let tuple = pg_sys::BuildTupleFromCStrings(reader, values.as_mut_ptr());
                    pg_sys::tuplestore_puttuple(store, tuple);
                }
                Ok::<(), Failure>(())
            })?;
            context.reset();
            pgrx::check_for_interrupts!();
        }
        (*result).returnMode = materialize;
        (*result).setResult = store;
        (*result).setDesc = descriptor;
    }
    Ok(())
}
