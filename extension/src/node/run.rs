//! Rows in, answers beside them, rows out.

use std::rc::Rc;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, CustomScanState, Datum, ExprContext, TupleTableSlot};
use refuel_client::wire::Input;

use super::state::{Call, State, state};
use super::window::Window;
use crate::catalog::{self, Resolved};
use crate::error::Failure;
use crate::{host, settings};

/// Gives out the next row, or an empty slot where there is none.
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn next(node: *mut CustomScanState) -> *mut TupleTableSlot {
    // SAFETY: the node has begun. Slots and contexts are the node's own.
    unsafe {
        let state = state(node);
        let planstate = &raw mut (*node).ss.ps;
        let context = (*planstate).ps_ExprContext;
        let slot = (*node).ss.ss_ScanTupleSlot;
        loop {
            if state.window.position == state.window.rows {
                if state.exhausted {
                    return pg_sys::ExecClearTuple(slot);
                }
                if let Err(failure) = fill(state, context) {
                    failure.raise();
                }
                continue;
            }
            pg_sys::MemoryContextReset((*context).ecxt_per_tuple_memory);
            if let Err(failure) = give(state, context, slot) {
                failure.raise();
            }
            (*context).ecxt_scantuple = slot;
            if !(*planstate).qual.is_null() && !pg_sys::ExecQual((*planstate).qual, context) {
                if !(*planstate).instrument.is_null() {
                    (*(*planstate).instrument).nfiltered1 += 1.0;
                }
                continue;
            }
            let projection = (*planstate).ps_ProjInfo;
            return if projection.is_null() {
                slot
            } else {
                pg_sys::ExecProject(projection)
            };
        }
    }
}

/// Gathers rows of the child, and gets the answers that they need.
unsafe fn fill(state: &mut State, context: *mut ExprContext) -> Result<(), Failure> {
    state.window = Window::default();
    let most_bytes = settings::batch_memory();
    // SAFETY: the child is a plan state, the store and the slot are the node's own.
    unsafe {
        pg_sys::tuplestore_clear(state.store);
        while state.window.rows < state.size && state.window.bytes < most_bytes {
            let row = pg_sys::ExecProcNode(state.child);
            if row.is_null() || (*row).tts_flags & pg_sys::TTS_FLAG_EMPTY as u16 != 0 {
                state.exhausted = true;
                break;
            }
            pg_sys::MemoryContextReset((*context).ecxt_per_tuple_memory);
            (*context).ecxt_outertuple = row;
            // What reading the arguments leaves behind goes with the row.
            let before = pg_sys::MemoryContextSwitchTo((*context).ecxt_per_tuple_memory);
            for call in &mut state.calls {
                match evaluate(call, context)? {
                    Some((resolved, input)) => state.window.add(Some((&resolved, call.function.detail(), input))),
                    None => state.window.add(None),
                }
            }
            pg_sys::MemoryContextSwitchTo(before);
            pg_sys::tuplestore_puttupleslot(state.store, row);
            state.window.rows += 1;
        }
    }
    state.statistics.rows += state.window.rows as u64;
    state.statistics.asked += state.window.asked as u64;
    state.statistics.distinct += state.window.distinct() as u64;
    let started = std::time::Instant::now();
    // SAFETY: the context is the node's own, and is reset before the next row.
    let work = unsafe {
        let before = pg_sys::MemoryContextSwitchTo((*context).ecxt_per_tuple_memory);
        let work = state.window.settle(host::answer)?;
        pg_sys::MemoryContextSwitchTo(before);
        work
    };
    state.statistics.add(&work, started.elapsed());
    state.size = (state.size * 2).min(settings::batch_rows());
    Ok(())
}

/// What a call asks for the current row. None where its result is null: an argument is, or its value isn't wanted.
unsafe fn evaluate(call: &mut Call, context: *mut ExprContext) -> Result<Option<(Rc<Resolved>, Input)>, Failure> {
    let value = |expression| {
        let mut null = false;
        // SAFETY: the expression was made for this node, and reads the tuple that the context has.
        let value = unsafe { pg_sys::ExecEvalExprSwitchContext(expression, context, &raw mut null) };
        (!null).then_some(value)
    };
    if let Some(condition) = call.condition {
        // SAFETY: a condition is a boolean.
        let holds = value(condition).is_some_and(|datum| datum.value() != 0);
        if !holds {
            return Ok(None);
        }
    }
    let values = |positions: &[usize]| -> Option<Vec<Datum>> {
        positions
            .iter()
            .map(|&position| value(call.arguments[position]))
            .collect()
    };
    let Some(input) = values(call.function.input_arguments()) else {
        return Ok(None);
    };
    let resolved = if let Some(resolved) = &call.resolved {
        Rc::clone(resolved)
    } else {
        let Some(subject) = values(call.function.subject_arguments()) else {
            return Ok(None);
        };
        // SAFETY: the arguments are those that the function asks for, none of them null.
        let resolved = catalog::resolve(&unsafe { call.function.subject(&subject)? })?;
        call.function.check(&resolved)?;
        if call.constant {
            call.resolved = Some(Rc::clone(&resolved));
        }
        resolved
    };
    // SAFETY: as above.
    let input = unsafe { call.function.input(&input)? };
    Ok(Some((resolved, input)))
}

/// Puts the window's next row with its answers into the node's slot. Results live until the next row.
unsafe fn give(state: &mut State, context: *mut ExprContext, slot: *mut TupleTableSlot) -> Result<(), Failure> {
    // SAFETY: the slot has room for the child's columns and one for each call.
    unsafe {
        pg_sys::ExecClearTuple(slot);
        let stored = state.stored;
        if !pg_sys::tuplestore_gettupleslot(state.store, true, false, stored) {
            pgrx::error!("rows that were gathered are not there any more");
        }
        pg_sys::slot_getallattrs(stored);
        let columns = state.child_columns;
        std::ptr::copy_nonoverlapping((*stored).tts_values, (*slot).tts_values, columns);
        std::ptr::copy_nonoverlapping((*stored).tts_isnull, (*slot).tts_isnull, columns);
        let before = pg_sys::MemoryContextSwitchTo((*context).ecxt_per_tuple_memory);
        for (index, call) in state.calls.iter().enumerate() {
            let result = match state.window.answer(state.window.position, index, state.calls.len()) {
                Some((answer, resolved)) => call.function.result(answer, resolved)?,
                None => None,
            };
            *(*slot).tts_values.add(columns + index) = result.unwrap_or(Datum::null());
            *(*slot).tts_isnull.add(columns + index) = result.is_none();
        }
        pg_sys::MemoryContextSwitchTo(before);
        pg_sys::ExecStoreVirtualTuple(slot);
        if let Some(row) = state.row {
            (*slot).tts_tid = *(*slot)
                .tts_values
                .add(row)
                .read()
                .cast_mut_ptr::<pg_sys::ItemPointerData>();
        }
        state.window.position += 1;
    }
    Ok(())
}
