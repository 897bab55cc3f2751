//! Conditions with calls are moved above joins that leave no more rows, so that only those are sent to a model. The planner
//! itself evaluates every condition as early as it can, whatever it costs.
//!
//! This works on the plan as the planner made it, before calls are taken out of it: a condition that has been moved stands
//! among the join's own.

use pgrx::pg_sys::{self, Expr, Join, JoinType, List, Node, NodeTag, Plan, TargetEntry};

use super::calls::has_call;
use super::nodes::{
    INNER_VAR, OUTER_VAR, children, column, copy, equal, is_join, items, list, replace, scans, tag, targets,
};

/// Moves conditions up in a plan, as far as that saves calls. Not to be done where one of them hides rows from those that
/// would then come before it ([`super::barriers`]).
pub(super) unsafe fn hoist(plan: *mut Plan) {
    // SAFETY: the tags say which types plans have.
    unsafe {
        for child in children(plan) {
            hoist(*child);
        }
        if !is_join(plan) {
            return;
        }
        let join = plan.cast::<Join>();
        let inner_join = (*join).jointype == JoinType::JOIN_INNER;
        let keeps_outer = inner_join || matches!((*join).jointype, JoinType::JOIN_SEMI | JoinType::JOIN_ANTI);
        if keeps_outer && (*plan).plan_rows <= (*(*plan).lefttree).plan_rows {
            hoist_side(join, (*plan).lefttree, OUTER_VAR);
        }
        // The inner side of a nested loop is scanned again and again, for a few rows each time.
        let in_loop = tag(plan) == NodeTag::T_NestLoop;
        // A merge join that never goes back relies on what the inner side's conditions leave.
        let goes_back = tag(plan) != NodeTag::T_MergeJoin || !(*plan.cast::<pg_sys::MergeJoin>()).skip_mark_restore;
        if inner_join && goes_back && (in_loop || (*plan).plan_rows <= (*(*plan).righttree).plan_rows) {
            hoist_side(join, (*plan).righttree, INNER_VAR);
        }
    }
}

/// Moves the conditions with calls of one side of a join to the join.
unsafe fn hoist_side(join: *mut Join, side: *mut Plan, varno: i32) {
    // SAFETY: `side` is a child of the join; nodes on the way only pass on the columns of their own child.
    unsafe {
        let mut passing = Vec::new();
        let mut source = side;
        while matches!(tag(source), NodeTag::T_Hash | NodeTag::T_Sort | NodeTag::T_Material) || is_memoize(source) {
            passing.push(source);
            source = (*source).lefttree;
        }
        let mut moving = Vec::new();
        for conditions in conditions(source) {
            let (with, without): (Vec<*mut Node>, Vec<*mut Node>) = items::<Node>(*conditions)
                .into_iter()
                // What is drawn anew for each row would be drawn for other rows.
                .partition(|&condition| has_call(condition) && !pg_sys::contain_volatile_functions(condition));
            if with.is_empty() {
                continue;
            }
            *conditions = list(without);
            moving.extend(with);
            if is_join(source) && conditions == &raw mut (*source.cast::<Join>()).joinqual {
                (*source.cast::<Join>()).inner_unique = false;
            }
        }
        if moving.is_empty() {
            return;
        }
        passing.iter().for_each(|&node| keep_several_rows(node));
        for condition in moving {
            let mut read = Vec::new();
            super::above::collect_read(condition, &mut read);
            let positions: Vec<usize> = read
                .iter()
                .map(|&expression| position(source, &passing, expression))
                .collect();
            let moved = replace(condition, &mut |node| {
                if let Some(value) = parameter(join, node) {
                    return Some(value);
                }
                let index = read.iter().position(|&expression| equal(expression, node))?;
                Some(column(varno, positions[index], node).cast())
            });
            // One of the inner side belongs to what a row matches: behind it, another row may match.
            let own = if varno == INNER_VAR {
                &raw mut (*join).joinqual
            } else {
                &raw mut (*join).plan.qual
            };
            *own = pg_sys::lappend(*own, moved.cast());
        }
    }
}

#[cfg(feature = "pg13")]
unsafe fn is_memoize(_: *mut Plan) -> bool {
    false
}

#[cfg(not(feature = "pg13"))]
unsafe fn is_memoize(plan: *mut Plan) -> bool {
    // SAFETY: the caller passes a plan.
    unsafe { tag(plan) == NodeTag::T_Memoize }
}

/// A condition that is moved may have been what left one row at most for each key that results are remembered by.
unsafe fn keep_several_rows(plan: *mut Plan) {
    #[cfg(not(feature = "pg13"))]
    // SAFETY: the tag says which type the plan has.
    unsafe {
        if is_memoize(plan) {
            (*plan.cast::<pg_sys::Memoize>()).singlerow = false;
        }
    }
    #[cfg(feature = "pg13")]
    let _ = plan;
}

/// What a nested loop hands its inner side as this parameter: above the loop it is read from the outer side itself.
unsafe fn parameter(join: *mut Join, node: *mut Node) -> Option<*mut Node> {
    // SAFETY: the tags say which types nodes have.
    unsafe {
        if tag(node) != NodeTag::T_Param || tag(join) != NodeTag::T_NestLoop {
            return None;
        }
        let wanted = node.cast::<pg_sys::Param>();
        if (*wanted).paramkind != pg_sys::ParamKind::PARAM_EXEC {
            return None;
        }
        items::<pg_sys::NestLoopParam>((*join.cast::<pg_sys::NestLoop>()).nestParams)
            .into_iter()
            .find(|&handed| (*handed).paramno == (*wanted).paramid)
            .map(|handed| copy((*handed).paramval).cast())
    }
}

/// Where a node has conditions that may be moved on.
unsafe fn conditions(source: *mut Plan) -> Vec<*mut *mut List> {
    // SAFETY: the tag says which type the plan has.
    unsafe {
        match tag(source) {
            kind if scans(kind) => vec![&raw mut (*source).qual],
            _ if is_join(source) => {
                let join = source.cast::<Join>();
                match (*join).jointype {
                    JoinType::JOIN_INNER => vec![&raw mut (*join).joinqual, &raw mut (*source).qual],
                    JoinType::JOIN_SEMI | JoinType::JOIN_ANTI => vec![&raw mut (*source).qual],
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }
}

/// The position, from 0, at which an expression of `source` comes out of the nodes that pass it on; it is added where it
/// isn't there yet. `passing` begins with the uppermost.
unsafe fn position(source: *mut Plan, passing: &[*mut Plan], expression: *mut Expr) -> usize {
    // SAFETY: target lists have entries; adding one at the end leaves the positions of the others.
    unsafe {
        let mut at = position_in(source, expression);
        for &node in passing.iter().rev() {
            at = position_in(node, column(OUTER_VAR, at, expression));
        }
        at
    }
}

unsafe fn position_in(plan: *mut Plan, expression: *mut Expr) -> usize {
    // SAFETY: the caller passes a plan and an expression in its terms.
    unsafe {
        let entries = items::<TargetEntry>((*plan).targetlist);
        if let Some(at) = entries.iter().position(|&entry| equal((*entry).expr, expression)) {
            return at;
        }
        let added = items::<TargetEntry>(targets(&[copy(expression)]))[0];
        (*added).resno = (entries.len() + 1) as pg_sys::AttrNumber;
        (*plan).targetlist = pg_sys::lappend((*plan).targetlist, added.cast());
        entries.len()
    }
}
