//! The node's state, from its making to its end.

use std::rc::Rc;

use pgrx::pg_sys::{self, CustomScan, CustomScanState, EState, Expr, ExprState, Node, NodeTag, PlanState};
use pgrx::{PgMemoryContexts, pg_guard};

use super::window::Window;
use super::{EXEC_METHODS, described, function, statistics::Statistics};
use crate::catalog::Resolved;
use crate::functions::Function;
use crate::planner::items;
use crate::settings;

/// Rows that are gathered first where not all of the node's rows may be wanted (a cursor, a limit above): one small batch.
const FIRST_BOUNDED: usize = 16;

/// The node as Postgres sees it, with ours behind it.
#[repr(C)]
pub(super) struct BatchScan {
    pub(super) scan: CustomScanState,
    /// Lives as long as the query's memory. Null until the node begins.
    pub(super) state: *mut State,
}

/// One call, ready to be evaluated.
pub(super) struct Call {
    pub(super) function: &'static Function,
    /// In the order of the function's arguments.
    pub(super) arguments: Vec<*mut ExprState>,
    pub(super) condition: Option<*mut ExprState>,
    /// Whether what it asks is the same for every row.
    pub(super) constant: bool,
    /// That, once it is known.
    pub(super) resolved: Option<Rc<Resolved>>,
}

/// What a node holds.
pub(super) struct State {
    pub(super) calls: Vec<Call>,
    /// Columns of the child; those of the calls stand behind them.
    pub(super) child_columns: usize,
    /// The column with the place of the row in its table, where a cursor stands on the node's rows.
    pub(super) row: Option<usize>,
    pub(super) child: *mut PlanState,
    /// Rows that were gathered. Null where the query is only explained.
    pub(super) store: *mut pg_sys::Tuplestorestate,
    /// A row as the store gives it.
    pub(super) stored: *mut pg_sys::TupleTableSlot,
    pub(super) window: Window,
    /// Rows of the next window at most.
    pub(super) size: usize,
    first_size: usize,
    /// Whether the child has no more rows.
    pub(super) exhausted: bool,
    pub(super) statistics: Statistics,
}

#[pg_guard]
pub(super) unsafe extern "C-unwind" fn create(_scan: *mut CustomScan) -> *mut Node {
    // SAFETY: zeros are a state that hasn't begun; the tag and the methods make it one of ours.
    unsafe {
        let made: *mut BatchScan = pg_sys::palloc0(size_of::<BatchScan>()).cast();
        (*made).scan.ss.ps.type_ = NodeTag::T_CustomScanState;
        (*made).scan.methods = &raw const EXEC_METHODS.0;
        made.cast()
    }
}

/// The state behind a node that has begun.
pub(super) unsafe fn state<'a>(node: *mut CustomScanState) -> &'a mut State {
    // SAFETY: `begin` has set it, and only one function of the node runs at a time.
    unsafe { &mut *(*node.cast::<BatchScan>()).state }
}

#[pg_guard]
pub(super) unsafe extern "C-unwind" fn begin(node: *mut CustomScanState, estate: *mut EState, flags: i32) {
    // SAFETY: Postgres calls this once, with the query's memory current and the plan that `stage` made.
    unsafe {
        let scan = (*node).ss.ps.plan.cast::<CustomScan>();
        let unsupported = (pg_sys::EXEC_FLAG_BACKWARD | pg_sys::EXEC_FLAG_MARK) as i32;
        let child = pg_sys::ExecInitNode((*scan).scan.plan.lefttree, estate, flags & !unsupported);
        let planstate = &raw mut (*node).ss.ps;
        (*planstate).lefttree = child;
        // Arguments read the child's own tuple; what kind of slot that is in may differ from row to row.
        (*planstate).outeropsset = true;
        (*planstate).outeropsfixed = false;

        let (bounded, row, calls) = described(scan);
        if row.is_some() {
            // `WHERE CURRENT OF` finds the node by its table, and the row in its slot.
            let table = scanned(child);
            (*node).ss.ss_currentRelation = table;
            if !table.is_null() {
                (*(*node).ss.ss_ScanTupleSlot).tts_tableOid = (*table).rd_id;
            }
        }
        let expressions = items::<Expr>((*scan).custom_exprs);
        let mut rest = expressions.as_slice();
        let calls = calls
            .into_iter()
            .map(|call| {
                check_right(call.function);
                let function = function(call);
                let (arguments, behind) = rest.split_at(function.arguments);
                let (condition, behind) = behind.split_at(usize::from(call.conditional));
                rest = behind;
                Call {
                    function,
                    arguments: arguments
                        .iter()
                        .map(|&it| pg_sys::ExecInitExpr(it, planstate))
                        .collect(),
                    condition: condition.first().map(|&it| pg_sys::ExecInitExpr(it, planstate)),
                    constant: function
                        .subject_arguments()
                        .iter()
                        .all(|&index| (*arguments[index].cast::<Node>()).type_ == NodeTag::T_Const),
                    resolved: None,
                }
            })
            .collect();
        let child_row = pg_sys::ExecGetResultType(child);
        let stored = pg_sys::ExecInitExtraTupleSlot(estate, child_row, &raw const pg_sys::TTSOpsMinimalTuple);
        let only_explained = flags & pg_sys::EXEC_FLAG_EXPLAIN_ONLY as i32 != 0;
        let store = if only_explained {
            std::ptr::null_mut()
        } else {
            pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem)
        };
        // Where all rows are wanted, a small batch at first would only leave the model's last run half empty.
        let most = settings::batch_rows();
        let first_size = if bounded { FIRST_BOUNDED.min(most) } else { most };
        let state = State {
            calls,
            child_columns: (*child_row).natts as usize,
            row,
            child,
            store,
            stored,
            window: Window::default(),
            size: first_size,
            first_size,
            exhausted: false,
            statistics: Statistics::default(),
        };
        (*node.cast::<BatchScan>()).state =
            PgMemoryContexts::For((*estate).es_query_cxt).leak_and_drop_on_delete(state);
    }
}

/// Ends the statement where the current role may not execute a function, as Postgres does when it prepares an expression
/// that calls it: these calls stand in no expression any more.
unsafe fn check_right(function: pg_sys::Oid) {
    // SAFETY: the function is there, or the check is an error of Postgres'.
    unsafe {
        let result = execute_right(function, pg_sys::GetUserId());
        if result != pg_sys::AclResult::ACLCHECK_OK {
            let name = pg_sys::get_func_name(function);
            pg_sys::aclcheck_error(result, pg_sys::ObjectType::OBJECT_FUNCTION, name);
        }
        if (&raw const pg_sys::object_access_hook).read().is_some() {
            pg_sys::RunFunctionExecuteHook(function);
        }
    }
}

#[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
unsafe fn execute_right(function: pg_sys::Oid, role: pg_sys::Oid) -> pg_sys::AclResult::Type {
    // SAFETY: it reads the catalog.
    unsafe { pg_sys::pg_proc_aclcheck(function, role, pg_sys::ACL_EXECUTE as pg_sys::AclMode) }
}

#[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
unsafe fn execute_right(function: pg_sys::Oid, role: pg_sys::Oid) -> pg_sys::AclResult::Type {
    // SAFETY: it reads the catalog.
    unsafe {
        pg_sys::object_aclcheck(
            pg_sys::ProcedureRelationId,
            function,
            role,
            pg_sys::ACL_EXECUTE as pg_sys::AclMode,
        )
    }
}

/// The table whose rows a node gives out. Null where there is more than a scan below it.
unsafe fn scanned(node: *mut PlanState) -> pg_sys::Relation {
    // SAFETY: the tag says which type the node has; scans, and nodes of ours, begin with a ScanState.
    unsafe {
        match (*node).type_ {
            NodeTag::T_LimitState => scanned((*node).lefttree),
            NodeTag::T_SeqScanState
            | NodeTag::T_SampleScanState
            | NodeTag::T_IndexScanState
            | NodeTag::T_BitmapHeapScanState
            | NodeTag::T_TidScanState
            | NodeTag::T_CustomScanState => (*node.cast::<pg_sys::ScanState>()).ss_currentRelation,
            _ => std::ptr::null_mut(),
        }
    }
}

#[pg_guard]
pub(super) unsafe extern "C-unwind" fn end(node: *mut CustomScanState) {
    // SAFETY: the node has begun. The store is Postgres' and is freed once; after an error its memory goes with the query's.
    unsafe {
        let state = state(node);
        state.window = Window::default();
        if !state.store.is_null() {
            pg_sys::tuplestore_end(state.store);
            state.store = std::ptr::null_mut();
        }
        pg_sys::ExecEndNode((*node).ss.ps.lefttree);
    }
}

#[pg_guard]
pub(super) unsafe extern "C-unwind" fn rescan(node: *mut CustomScanState) {
    // SAFETY: the node has begun.
    unsafe {
        let state = state(node);
        state.window = Window::default();
        state.size = state.first_size;
        state.exhausted = false;
        for call in &mut state.calls {
            call.resolved = None;
        }
        pg_sys::tuplestore_clear(state.store);
        // A child whose parameters have changed is scanned again when its next row is asked for.
        if (*state.child).chgParam.is_null() {
            pg_sys::ExecReScan(state.child);
        }
    }
}
