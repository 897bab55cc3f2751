//! Calls in what a plan node does with the rows that it takes in, such as the arguments of aggregates: they are made
//! below the node, as columns behind those of its child.

use pgrx::pg_sys::{self, Expr, HashJoin, List, Node, NodeTag, Plan};

use super::calls::{Call, Where, calls_in};
use super::nodes::{column, equal, items, joined, plain_column, replace, tag, target_expressions, targets, walk};
use super::stage::{Built, Statement, by_depth};

/// Makes the calls of a node's inner expressions below it, where it has such.
pub(super) unsafe fn below(plan: *mut Plan, bounded: bool, statement: &mut Statement) {
    // SAFETY: the tag says which type the plan has.
    unsafe {
        match tag(plan) {
            NodeTag::T_Agg | NodeTag::T_WindowAgg => {
                let fields = [&raw mut (*plan).targetlist, &raw mut (*plan).qual];
                insert(
                    plan,
                    &raw mut (*plan).lefttree,
                    &fields,
                    Where::Aggregates,
                    bounded,
                    statement,
                );
            }
            NodeTag::T_ProjectSet => {
                let fields = [&raw mut (*plan).targetlist];
                insert(
                    plan,
                    &raw mut (*plan).lefttree,
                    &fields,
                    Where::Everywhere,
                    bounded,
                    statement,
                );
            }
            NodeTag::T_HashJoin => hash_join(plan.cast(), bounded, statement),
            _ => {}
        }
    }
}

/// Puts nodes between a plan and its child for the calls in these fields, and has the fields read their columns.
/// Returns the calls with the positions of their columns.
unsafe fn insert(
    plan: *mut Plan,
    child: *mut *mut Plan,
    fields: &[*mut *mut List],
    place: Where,
    bounded: bool,
    statement: &mut Statement,
) -> Vec<(Call, usize)> {
    // SAFETY: `child` and `fields` are fields of `plan`, which reads its child as OUTER_VAR.
    unsafe {
        if (*child).is_null() {
            return Vec::new();
        }
        let nodes: Vec<*mut Node> = fields.iter().map(|&field| (*field).cast()).collect();
        let calls: Vec<Call> = calls_in(&nodes, place)
            .into_iter()
            .filter(|call| reads_only(call, pg_sys::OUTER_VAR as i32))
            .collect();
        if calls.is_empty() {
            return Vec::new();
        }
        let columns: Vec<*mut Expr> = target_expressions((**child).targetlist)
            .iter()
            .enumerate()
            .map(|(index, &expression)| column(pg_sys::OUTER_VAR as i32, index, expression))
            .collect();
        let first = columns.len();
        let below = *child;
        let mut built = Built { plan: below, columns };
        for calls in by_depth(&calls) {
            built.stage(calls, std::ptr::null_mut(), bounded, statement);
        }
        // What a row is found by stays known under its name.
        name_columns(built.plan, below);
        *child = built.plan;
        for &field in fields {
            *field = replace(*field, &mut |node| {
                let index = built.columns[first..].iter().position(|&call| equal(call, node))?;
                Some(column(pg_sys::OUTER_VAR as i32, first + index, node).cast())
            });
        }
        let _ = plan;
        calls
            .into_iter()
            .enumerate()
            .map(|(index, call)| (call, first + index))
            .collect()
    }
}

/// Gives the columns of a node their names and marks in its child's target list.
unsafe fn name_columns(plan: *mut Plan, child: *mut Plan) {
    // SAFETY: the first entries of the node's target list are the child's, in order.
    unsafe {
        let named = items::<pg_sys::TargetEntry>((*child).targetlist);
        for (entry, like) in items::<pg_sys::TargetEntry>((*plan).targetlist).into_iter().zip(named) {
            (*entry).resname = (*like).resname;
            (*entry).ressortgroupref = (*like).ressortgroupref;
            (*entry).resjunk = (*like).resjunk;
        }
    }
}

unsafe fn reads_only(call: &Call, varno: i32) -> bool {
    let mut only = true;
    let mut visitor = |node: *mut Node| {
        // SAFETY: the tag says which type the node has.
        unsafe {
            match tag(node) {
                NodeTag::T_Var => only = only && (*node.cast::<pg_sys::Var>()).varno as i32 == varno,
                NodeTag::T_Aggref | NodeTag::T_WindowFunc | NodeTag::T_GroupingFunc => only = false,
                _ => {}
            }
        }
        only
    };
    // SAFETY: a call's parts are expressions.
    unsafe {
        walk(call.expression, &mut visitor);
        if let Some(condition) = call.condition {
            walk(condition, &mut visitor);
        }
    }
    only
}

/// Keys of a hash join, such as `refuel_label(a.text, 'topic') = b.topic`: the outer side's below the join, the inner
/// side's below the hash table.
unsafe fn hash_join(join: *mut HashJoin, bounded: bool, statement: &mut Statement) {
    // SAFETY: the inner child of a hash join is a Hash over the inner side. Both have the same keys, the join's clauses
    // in terms of the Hash's target list, which has only columns of its child.
    unsafe {
        let plan = join.cast::<Plan>();
        let fields = [
            &raw mut (*join).hashclauses,
            &raw mut (*join).hashkeys,
            &raw mut (*join).join.joinqual,
        ];
        insert(
            plan,
            &raw mut (*plan).lefttree,
            &fields,
            Where::Everywhere,
            bounded,
            statement,
        );

        let hash = (*plan).righttree;
        if tag(hash) != NodeTag::T_Hash || (*hash).lefttree.is_null() {
            return;
        }
        let keys = [&raw mut (*hash.cast::<pg_sys::Hash>()).hashkeys];
        let made = insert(
            hash,
            &raw mut (*hash).lefttree,
            &keys,
            Where::Everywhere,
            false,
            statement,
        );
        if made.is_empty() {
            return;
        }
        let passed = target_expressions((*hash).targetlist);
        let first = passed.len();
        let added: Vec<*mut Expr> = made
            .iter()
            .map(|&(ref call, index)| column(pg_sys::OUTER_VAR as i32, index, call.expression))
            .collect();
        let all: Vec<*mut Expr> = passed.iter().copied().chain(added.iter().copied()).collect();
        let entries = joined((*hash).targetlist, items_from(targets(&all), first));
        (*hash).targetlist = entries;
        for field in [&raw mut (*join).hashclauses, &raw mut (*join).join.joinqual] {
            *field = replace(*field, &mut |node| {
                let below = replace(node, &mut |inner| {
                    plain_column(inner, pg_sys::INNER_VAR as i32).map(|index| passed[index].cast())
                });
                let index = made.iter().position(|(call, _)| equal(call.expression, below))?;
                Some(column(pg_sys::INNER_VAR as i32, first + index, node).cast())
            });
        }
    }
}

unsafe fn items_from(entries: *mut List, first: usize) -> *mut List {
    // SAFETY: the caller passes a target list.
    unsafe { super::nodes::list(items::<pg_sys::TargetEntry>(entries).into_iter().skip(first)) }
}
