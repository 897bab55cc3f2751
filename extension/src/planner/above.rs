//! Calls in what a plan node gives out and in its filter: they are made above the node, which gives out what they read.

use pgrx::pg_sys::{self, Expr, Join, List, Node, NodeTag, Plan, TargetEntry};

use super::calls::{Call, Where, calls_in, has_call};
use super::nodes::{INDEX_VAR, OUTER_VAR, equal, is_join, items, list, scans, tag, target_expressions, targets, walk};
use super::stage::{Built, Column, Statement, by_depth, inherit};
use crate::functions::Function;

/// Whether calls can be made above a node of this type: one that projects, and whose rows are the same whatever columns
/// they have.
fn projects(tag: NodeTag) -> bool {
    scans(tag)
        || is_tid_range_scan(tag)
        || matches!(
            tag,
            NodeTag::T_TableFuncScan
                | NodeTag::T_NamedTuplestoreScan
                | NodeTag::T_WorkTableScan
                | NodeTag::T_ForeignScan
                | NodeTag::T_NestLoop
                | NodeTag::T_MergeJoin
                | NodeTag::T_HashJoin
                | NodeTag::T_Agg
                | NodeTag::T_Group
                | NodeTag::T_WindowAgg
                | NodeTag::T_Gather
                | NodeTag::T_GatherMerge
        )
}

/// Whether a plan is a custom scan, of another extension, that can project.
unsafe fn custom_scan_projects(plan: *mut Plan) -> bool {
    // SAFETY: the tag says whether it is one.
    unsafe { tag(plan) == NodeTag::T_CustomScan && says_that_it_projects(&*plan.cast()) }
}

/// Up to version 14 every custom scan has to.
#[cfg(any(feature = "pg13", feature = "pg14"))]
fn says_that_it_projects(_: &pg_sys::CustomScan) -> bool {
    true
}

#[cfg(not(any(feature = "pg13", feature = "pg14")))]
fn says_that_it_projects(scan: &pg_sys::CustomScan) -> bool {
    scan.flags & pg_sys::CUSTOMPATH_SUPPORT_PROJECTION != 0
}

#[cfg(feature = "pg13")]
fn is_tid_range_scan(_: NodeTag) -> bool {
    false
}

#[cfg(not(feature = "pg13"))]
fn is_tid_range_scan(tag: NodeTag) -> bool {
    tag == NodeTag::T_TidRangeScan
}

/// The node with its calls made above it; the node itself where there are none.
pub(super) unsafe fn above(plan: *mut Plan, bounded: bool, statement: &mut Statement) -> *mut Plan {
    // SAFETY: the tag says which type the plan has; its lists are what that type's are.
    unsafe {
        let kind = tag(plan);
        let single_row = kind == NodeTag::T_Result && (*plan).lefttree.is_null();
        if single_row || !(projects(kind) || kind == NodeTag::T_Result || custom_scan_projects(plan)) {
            return plan;
        }
        let filters = Filters::take(plan);
        let outputs = items::<TargetEntry>((*plan).targetlist);
        let output_nodes: Vec<*mut Node> = outputs.iter().map(|entry| (**entry).expr.cast()).collect();
        let calls = calls_in(&output_nodes, Where::Outside);
        if calls.is_empty() && filters.0.is_empty() {
            return plan;
        }

        let mut read: Vec<*mut Expr> = Vec::new();
        for &node in output_nodes.iter().chain(&filters.0) {
            collect_read(node, &mut read);
        }
        let row = statement.cursor.then(|| place_of_row(plan)).flatten().map(|place| {
            let known = read.iter().position(|&known| equal(known, place));
            known.unwrap_or_else(|| {
                read.push(place);
                read.len() - 1
            })
        });
        let original = (*plan).targetlist;
        (*plan).targetlist = targets(&read);
        forget_async(plan);

        let mut built = Built {
            plan,
            columns: read.into_iter().map(Column::always).collect(),
            row,
        };
        let mut asked: Vec<Call> = Vec::new();
        let everything: Vec<*mut Node> = filters.0.iter().chain(&output_nodes).copied().collect();
        let everything = calls_in(&everything, Where::Outside);
        for &filter in &filters.0 {
            let calls = with_siblings(&built, calls_in(&[filter], Where::Outside), &everything);
            let depths: Vec<&[Call]> = by_depth(&calls).collect();
            for (index, calls) in depths.iter().enumerate() {
                let last = index + 1 == depths.len();
                let quals = if last { list([filter]) } else { std::ptr::null_mut() };
                built.stage(calls, quals, bounded, statement);
            }
            if depths.is_empty() {
                let top = built.plan;
                (*top).qual = pg_sys::lappend((*top).qual, built.in_terms_of(INDEX_VAR, filter).cast());
            }
            asked.extend(calls);
        }
        let calls = built.missing(calls);
        for calls in by_depth(&calls) {
            built.stage(calls, std::ptr::null_mut(), bounded, statement);
        }
        asked.extend(calls);
        let top = built.plan;
        (*top).targetlist = built.in_terms_of(INDEX_VAR, original);
        inherit(top, plan, &asked);
        top
    }
}

/// The calls that aren't columns yet, and those of other functions with the same arguments, which cost nothing beside
/// them: each input is sent once.
unsafe fn with_siblings(built: &Built, calls: Vec<Call>, everything: &[Call]) -> Vec<Call> {
    // SAFETY: calls are function expressions of the extension.
    let mut all = unsafe { built.missing(calls) };
    for call in everything {
        // SAFETY: as above.
        unsafe {
            if built.has(call) || all.iter().any(|known| equal(known.expression, call.expression)) {
                continue;
            }
            // What is asked under a condition of its own stays under it, which must not wait for other calls.
            if call.condition.is_some_and(|condition| has_call(condition)) {
                continue;
            }
            if let Some(depth) = all
                .iter()
                .find(|known| known.condition.is_none() && asks_the_same(known, call))
                .map(|known| known.depth)
            {
                all.push(Call { depth, ..call.clone() });
            }
        }
    }
    all.sort_by_key(|call| call.depth);
    all
}

unsafe fn asks_the_same(a: &Call, b: &Call) -> bool {
    // SAFETY: both are function expressions.
    unsafe {
        let functions = (
            Function::of((*a.expression).funcid),
            Function::of((*b.expression).funcid),
        );
        matches!(functions, (Some(a), Some(b)) if a.asks_like(b)) && equal((*a.expression).args, (*b.expression).args)
    }
}

/// `ctid` of the table that a node scans. None where it scans none whose rows have one at hand.
unsafe fn place_of_row(plan: *mut Plan) -> Option<*mut Expr> {
    // SAFETY: nodes of these types begin with a Scan.
    unsafe {
        let kind = tag(plan);
        let scans = matches!(
            kind,
            NodeTag::T_SeqScan
                | NodeTag::T_SampleScan
                | NodeTag::T_IndexScan
                | NodeTag::T_BitmapHeapScan
                | NodeTag::T_TidScan
        ) || is_tid_range_scan(kind);
        scans.then(|| {
            let table = (*plan.cast::<pg_sys::Scan>()).scanrelid;
            pg_sys::makeVar(
                table as _,
                pg_sys::SelfItemPointerAttributeNumber as pg_sys::AttrNumber,
                pg_sys::TIDOID,
                -1,
                pg_sys::InvalidOid,
                0,
            )
            .cast()
        })
    }
}

/// A foreign scan answers its parent later only where the parent is the one that asked for that.
unsafe fn forget_async(plan: *mut Plan) {
    #[cfg(not(feature = "pg13"))]
    // SAFETY: the caller passes a plan.
    unsafe {
        (*plan).async_capable = false;
    }
    #[cfg(feature = "pg13")]
    let _ = plan;
}

/// Conditions with calls, taken out of a node; in the order in which the planner wants them evaluated.
struct Filters(Vec<*mut Node>);

impl Filters {
    unsafe fn take(plan: *mut Plan) -> Self {
        let mut taken = Vec::new();
        // SAFETY: the tag says which type the plan has.
        unsafe {
            if is_join(plan) {
                let join = plan.cast::<Join>();
                // Behind an inner join a condition means the same as in it; behind an outer one it doesn't.
                if (*join).jointype == pg_sys::JoinType::JOIN_INNER {
                    take_from(&mut (*join).joinqual, &mut taken);
                    if !taken.is_empty() {
                        // That one row matches at most may have been known from what was taken.
                        (*join).inner_unique = false;
                    }
                }
            }
            take_from(&mut (*plan).qual, &mut taken);
        }
        Self(taken)
    }
}

/// Takes the first condition with calls and those behind it: they are there because they cost more still, or because
/// what passes them is nobody's to see before (a policy of row security, a view that is a barrier).
unsafe fn take_from(conditions: &mut *mut List, taken: &mut Vec<*mut Node>) {
    // SAFETY: the caller passes a list of conditions.
    unsafe {
        let mut all = items::<Node>(*conditions);
        let first = all
            .iter()
            .position(|&condition| has_call(condition) && !calls_in(&[condition], Where::Outside).is_empty());
        if let Some(first) = first {
            taken.extend(all.drain(first..));
            *conditions = list(all);
        }
    }
}

/// What an expression reads of the node that evaluates it, each once.
pub(super) unsafe fn collect_read(expression: *mut Node, read: &mut Vec<*mut Expr>) {
    // SAFETY: the caller passes an expression.
    unsafe {
        walk(expression, &mut |node| {
            let is_read = matches!(
                tag(node),
                NodeTag::T_Var | NodeTag::T_Aggref | NodeTag::T_WindowFunc | NodeTag::T_GroupingFunc
            );
            if is_read && !read.iter().any(|&known| equal(known, node)) {
                read.push(node.cast());
            }
            !is_read
        });
    }
}

/// Whether a node's target list gives out columns of its child and nothing else.
pub(super) unsafe fn passes_on(plan: *mut Plan) -> bool {
    // SAFETY: the caller passes a plan.
    unsafe {
        target_expressions((*plan).targetlist)
            .iter()
            .all(|&expression| super::nodes::plain_column(expression, OUTER_VAR).is_some())
    }
}
