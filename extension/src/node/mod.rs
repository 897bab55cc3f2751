//! The custom scan node that batches calls, in four parts: what the plan says of it (here), its state, how rows are
//! gathered and given out ([`run`]), and what it tells of itself ([`explain`], [`statistics`]).

mod explain;
mod run;
mod state;
mod statistics;
mod window;

use pgrx::pg_sys::{self, CustomExecMethods, CustomScan, CustomScanMethods, List, Oid};

use crate::functions::Function;

/// A table of C that is never changed.
#[repr(transparent)]
struct Table<T>(T);

// SAFETY: the tables hold addresses of functions and of constant texts, and are never written.
unsafe impl<T> Sync for Table<T> {}

static SCAN_METHODS: Table<CustomScanMethods> = Table(CustomScanMethods {
    CustomName: c"Refuel Batch".as_ptr(),
    CreateCustomScanState: Some(state::create),
});

static EXEC_METHODS: Table<CustomExecMethods> = Table(CustomExecMethods {
    CustomName: c"Refuel Batch".as_ptr(),
    BeginCustomScan: Some(state::begin),
    ExecCustomScan: Some(run::next),
    EndCustomScan: Some(state::end),
    ReScanCustomScan: Some(state::rescan),
    MarkPosCustomScan: None,
    RestrPosCustomScan: None,
    EstimateDSMCustomScan: Some(statistics::estimate),
    InitializeDSMCustomScan: Some(statistics::initialize),
    ReInitializeDSMCustomScan: Some(statistics::reinitialize),
    InitializeWorkerCustomScan: Some(statistics::attach),
    ShutdownCustomScan: Some(statistics::shutdown),
    ExplainCustomScan: Some(explain::explain),
});

/// What Postgres calls to make the node's state.
pub(crate) fn scan_methods() -> *const CustomScanMethods {
    &raw const SCAN_METHODS.0
}

/// Makes the node known by name, as parallel workers look it up.
pub(crate) fn register() {
    // SAFETY: the table is never changed or freed.
    unsafe { pg_sys::RegisterCustomScanMethods(scan_methods()) };
}

/// What a plan says of one call. Its arguments, and its condition behind them, are in `custom_exprs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Described {
    /// The function.
    pub(crate) function: Oid,
    /// Whether it has a condition.
    pub(crate) conditional: bool,
}

/// `custom_private` of a node: whether not all of its rows may be wanted, the column of its child with the place of the
/// row in its table (0 where there is none), then two numbers a call.
pub(crate) unsafe fn describe(bounded: bool, row: Option<usize>, calls: &[Described]) -> *mut List {
    // SAFETY: numbers are appended to a list of numbers.
    unsafe {
        let mut list = pg_sys::lappend_int(std::ptr::null_mut(), i32::from(bounded));
        list = pg_sys::lappend_int(list, row.map_or(0, |row| row as i32 + 1));
        for call in calls {
            list = pg_sys::lappend_int(list, call.function.to_u32() as i32);
            list = pg_sys::lappend_int(list, i32::from(call.conditional));
        }
        list
    }
}

/// What [`describe`] wrote.
unsafe fn described(scan: *mut CustomScan) -> (bool, Option<usize>, Vec<Described>) {
    // SAFETY: the list was made by `describe`.
    unsafe {
        let list = (*scan).custom_private;
        let number = |index: i32| pg_sys::list_nth_int(list, index);
        let calls = (2..(*list).length)
            .step_by(2)
            .map(|index| Described {
                function: Oid::from_u32(number(index) as u32),
                conditional: number(index + 1) != 0,
            })
            .collect();
        let row = usize::try_from(number(1) - 1).ok();
        (number(0) != 0, row, calls)
    }
}

/// The function of a call in a plan. It can only be missing where it was dropped behind the plan's back.
fn function(call: Described) -> &'static Function {
    Function::of(call.function).unwrap_or_else(|| {
        pgrx::error!(
            "function {} of the plan is not one of refuel any more",
            call.function.to_u32()
        )
    })
}
