//! The planner hook: when the planner is done, calls of the extension's functions are taken out of the plan's
//! expressions and made by nodes of our own, which gather rows and ask in batches.
//!
//! Working on finished plans, rather than on paths, serves every shape of query alike: whatever way the planner has found,
//! a call stands in the target list, the filter or the inner expressions of some node, and can be made above or below it.
//! Cheap conditions stay where they were, so that they come first, and joins that leave fewer rows come before calls
//! ([`hoist`]). What can't be moved stays, is answered row by row, and
//! `EXPLAIN` says why ([`explain`]).

#![expect(
    clippy::cast_ptr_alignment,
    reason = "a node was allocated as the type that its tag says"
)]

mod above;
mod barriers;
mod below;
mod calls;
mod explain;
mod hoist;
mod nodes;
mod placeholders;
mod reasons;
mod stage;

use std::ffi::c_char;
use std::sync::OnceLock;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, NodeTag, ParamListInfo, Plan, PlannedStmt, Query, planner_hook_type};

pub(crate) use nodes::{INDEX_VAR, items, list};
pub(crate) use stage::is_stage;

use crate::settings;
use calls::has_call;
use nodes::{bitmaps, children, make, places, plain_column, tag, target_expressions, targets};
use stage::{Statement, lift, only_adds};

/// The hook that was there before ours.
static EARLIER_PLANNER: OnceLock<planner_hook_type> = OnceLock::new();

/// Puts the hooks in place, in front of those of other extensions.
pub(crate) fn install() {
    // SAFETY: `_PG_init` runs alone in its process, before any query.
    unsafe {
        if EARLIER_PLANNER.set(pg_sys::planner_hook).is_ok() {
            pg_sys::planner_hook = Some(plan);
        }
    }
    explain::install();
}

/// Options of DECLARE CURSOR: rows are fetched as somebody wants them.
const CURSOR: u32 = pg_sys::CURSOR_OPT_BINARY
    | pg_sys::CURSOR_OPT_SCROLL
    | pg_sys::CURSOR_OPT_NO_SCROLL
    | pg_sys::CURSOR_OPT_INSENSITIVE
    | pg_sys::CURSOR_OPT_HOLD
    | pg_sys::CURSOR_OPT_FAST_PLAN;

#[pg_guard]
unsafe extern "C-unwind" fn plan(
    parse: *mut Query,
    text: *const c_char,
    options: i32,
    parameters: ParamListInfo,
) -> *mut PlannedStmt {
    let batching = settings::batching();
    // SAFETY: the caller passes a query.
    let has_barrier = batching && unsafe { barriers::has_barrier(parse) };
    // SAFETY: the arguments are passed on as they came.
    let statement = unsafe {
        match EARLIER_PLANNER.get().copied().flatten() {
            Some(earlier) => earlier(parse, text, options, parameters),
            None => pg_sys::standard_planner(parse, text, options, parameters),
        }
    };
    if batching {
        // SAFETY: the planner gave a statement, which nobody else has seen yet.
        unsafe { batch(statement, options, has_barrier) };
    }
    // SAFETY: as above.
    unsafe { explain::note(statement) };
    statement
}

/// Batches the calls of a statement. `has_barrier` says that conditions must stay in their order.
unsafe fn batch(statement: *mut PlannedStmt, options: i32, has_barrier: bool) {
    // SAFETY: a statement's trees are plans.
    unsafe {
        let mut roots: Vec<*mut *mut Plan> = vec![&raw mut (*statement).planTree];
        roots.extend(
            places((*statement).subplans)
                .into_iter()
                .filter(|&place| !(*place).is_null()),
        );
        let mut greatest = 0;
        let mut found = false;
        for &root in &roots {
            survey(*root, &mut greatest, &mut found);
        }
        if !found {
            return;
        }
        // Models' time is no reason to compile expressions, whose time it isn't.
        (*statement).jitFlags = pg_sys::PGJIT_NONE as i32;
        let mut made = Statement {
            next_id: greatest + 1,
            cursor: false,
        };
        let backward = options as u32 & pg_sys::CURSOR_OPT_SCROLL != 0;
        let top = (*statement).planTree;
        let could_go_back = backward && pg_sys::ExecSupportsBackwardScan(top);
        for (index, &root) in roots.iter().enumerate() {
            let bounded = index > 0 || options as u32 & CURSOR != 0;
            // Where rows are locked, it is the lock that `WHERE CURRENT OF` looks for.
            made.cursor = index == 0 && options as u32 & CURSOR != 0 && (*statement).rowMarks.is_null();
            if !has_barrier {
                hoist::hoist(*root);
            }
            *root = rewrite(*root, bounded, &mut made);
            mark_parallel(*root, false);
        }
        if could_go_back && !pg_sys::ExecSupportsBackwardScan((*statement).planTree) {
            (*statement).planTree = materialized((*statement).planTree, &mut made);
        }
    }
}

/// Finds the greatest number of a node, and whether there is a call anywhere.
unsafe fn survey(plan: *mut Plan, greatest: &mut i32, found: &mut bool) {
    // SAFETY: the caller passes a plan.
    unsafe {
        *greatest = (*greatest).max((*plan).plan_node_id);
        *found = *found || reasons::expressions(plan).iter().any(|part| has_call(part.node));
        for child in children(plan).into_iter().chain(bitmaps(plan)) {
            survey(*child, greatest, found);
        }
    }
}

/// The plan with its calls batched. `bounded` says that not all of its rows may be wanted.
unsafe fn rewrite(plan: *mut Plan, bounded: bool, statement: &mut Statement) -> *mut Plan {
    // SAFETY: the tags say which types plans have.
    unsafe {
        let kind = tag(plan);
        for child in children(plan) {
            let inner = kind == NodeTag::T_NestLoop && child == &raw mut (*plan).righttree;
            let bounded = match kind {
                NodeTag::T_Limit => true,
                // These take all of their child's rows before they give one out.
                NodeTag::T_Sort | NodeTag::T_Hash | NodeTag::T_ModifyTable => false,
                NodeTag::T_Agg if (*plan.cast::<pg_sys::Agg>()).aggstrategy != pg_sys::AggStrategy::AGG_SORTED => false,
                _ => bounded || inner,
            };
            *child = rewrite(*child, bounded, statement);
        }
        if kind == NodeTag::T_MergeJoin
            && !(*plan.cast::<pg_sys::MergeJoin>()).skip_mark_restore
            && !supports_mark((*plan).righttree)
        {
            (*plan).righttree = materialized((*plan).righttree, statement);
        }
        match kind {
            NodeTag::T_Limit if (*plan.cast::<pg_sys::Limit>()).uniqNumCols == 0 => {
                return lift_all(plan, |stage| only_adds(stage));
            }
            NodeTag::T_Gather if above::passes_on(plan) => return lift_all(plan, |_| true),
            NodeTag::T_GatherMerge if above::passes_on(plan) => return lift_merge(plan.cast()),
            _ => {}
        }
        below::below(plan, bounded, statement);
        above::above(plan, bounded, statement)
    }
}

/// Marks nodes of ours that run in parallel workers too, so that they are given memory to share what they count.
unsafe fn mark_parallel(plan: *mut Plan, in_workers: bool) {
    // SAFETY: the caller passes a plan.
    unsafe {
        (*plan).parallel_aware |= in_workers && is_stage(plan);
        let in_workers = in_workers || matches!(tag(plan), NodeTag::T_Gather | NodeTag::T_GatherMerge);
        for child in children(plan) {
            mark_parallel(*child, in_workers);
        }
    }
}

/// Moves nodes of ours from below a node to above it, as long as `may` says so.
unsafe fn lift_all(plan: *mut Plan, may: impl Fn(*mut Plan) -> bool) -> *mut Plan {
    let mut lifted = Vec::new();
    // SAFETY: the node has one child, and passes on its rows as they are.
    unsafe {
        while is_stage((*plan).lefttree) && may((*plan).lefttree) {
            let parent = plan;
            let stage = (*plan).lefttree;
            let top = lift(parent, stage);
            lifted.push(top);
        }
        // Each was put right above the node; the first that was lifted is the last that runs.
        let mut top = plan;
        for &stage in lifted.iter().rev() {
            (*stage).lefttree = top;
            top = stage;
        }
        top
    }
}

/// The same for a node that merges sorted children: the columns that it sorts by must be there below the calls.
unsafe fn lift_merge(merge: *mut pg_sys::GatherMerge) -> *mut Plan {
    // SAFETY: `sortColIdx` has `numCols` elements, positions in the child's target list counted from 1.
    unsafe {
        let plan = merge.cast::<Plan>();
        let columns = (*merge).sortColIdx;
        lift_all(plan, |stage| {
            let made = target_expressions((*stage).targetlist);
            let passed = target_expressions((*(*stage).lefttree).targetlist).len();
            let positions: Option<Vec<usize>> = (0..(*merge).numCols as usize)
                .map(|key| plain_column(made[*columns.add(key) as usize - 1], INDEX_VAR))
                .map(|position| position.filter(|&position| position < passed))
                .collect();
            let Some(positions) = positions else {
                return false;
            };
            for (key, position) in positions.into_iter().enumerate() {
                *columns.add(key) = (position + 1) as pg_sys::AttrNumber;
            }
            true
        })
    }
}

/// Whether a merge join can still go back to a place in the rows of its inner side, which the planner has made sure of.
/// Only a Result has it from its child.
unsafe fn supports_mark(plan: *mut Plan) -> bool {
    // SAFETY: the tag says which type the plan has.
    unsafe {
        !is_stage(plan)
            && (tag(plan) != NodeTag::T_Result || (*plan).lefttree.is_null() || supports_mark((*plan).lefttree))
    }
}

/// A node that keeps a plan's rows, so that they can be read again.
unsafe fn materialized(plan: *mut Plan, statement: &mut Statement) -> *mut Plan {
    // SAFETY: a Material is a plan node and nothing more; its target list is its child's columns.
    unsafe {
        let made: *mut pg_sys::Material = make(NodeTag::T_Material);
        let material = made.cast::<Plan>();
        *material = *plan;
        (*material).type_ = NodeTag::T_Material;
        (*material).targetlist = targets(&nodes::columns_of((*plan).targetlist));
        nodes::name_columns(material, plan);
        (*material).qual = std::ptr::null_mut();
        (*material).initPlan = std::ptr::null_mut();
        (*material).lefttree = plan;
        (*material).righttree = std::ptr::null_mut();
        (*material).plan_node_id = statement.next_id;
        statement.next_id += 1;
        material
    }
}
