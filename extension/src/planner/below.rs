//! Calls in what a plan node does with the rows that it takes in, such as the arguments of aggregates: they are made
//! below the node, as columns behind those of its child.

use pgrx::pg_sys::{self, Expr, HashJoin, List, Node, NodeTag, Plan};

use super::calls::{Call, Where, calls_in};
use super::nodes::{
    INNER_VAR, OUTER_VAR, column, columns_of, equal, items, joined, list, plain_column, replace, tag,
    target_expressions, targets, walk,
};
use super::stage::{Built, Column, Statement, by_depth};

/// Makes the calls of a node's inner expressions below it, where it has such.
pub(super) unsafe fn below(plan: *mut Plan, bounded: bool, statement: &mut Statement) {
    // SAFETY: the tag says which type the plan has.
    unsafe {
        match tag(plan) {
            NodeTag::T_Agg | NodeTag::T_WindowAgg => {
                let mut fields = [&raw mut (*plan).targetlist, &raw mut (*plan).qual];
                let made = insert(
                    &raw mut (*plan).lefttree,
                    &fields,
                    Where::Aggregates,
                    bounded,
                    statement,
                );
                // Outside its aggregates a node reads one of the rows that it groups. A call has the same value for each
                // of them, unless it was asked for some only, or its arguments are null in some sets of a grouping.
                let grouping_sets = tag(plan) == NodeTag::T_Agg && has_grouping_sets(&*plan.cast());
                let anywhere: Vec<&Made> = made
                    .iter()
                    .filter(|made| !grouping_sets && made.call.condition.is_none())
                    .collect();
                for field in &mut fields {
                    **field = replace(**field, &mut |node| match tag(node) {
                        NodeTag::T_Aggref | NodeTag::T_WindowFunc => {
                            Some(replace(node, &mut |inner| column_of(made.iter(), inner, OUTER_VAR)))
                        }
                        _ => column_of(anywhere.iter().copied(), node, OUTER_VAR),
                    });
                }
            }
            NodeTag::T_ProjectSet => {
                let field = &raw mut (*plan).targetlist;
                let made = insert(
                    &raw mut (*plan).lefttree,
                    &[field],
                    Where::Everywhere,
                    bounded,
                    statement,
                );
                *field = replace(*field, &mut |node| column_of(made.iter(), node, OUTER_VAR));
            }
            NodeTag::T_HashJoin => hash_join(plan.cast(), bounded, statement),
            _ => {}
        }
    }
}

unsafe fn has_grouping_sets(aggregate: &pg_sys::Agg) -> bool {
    !aggregate.groupingSets.is_null() || !aggregate.chain.is_null()
}

/// A call that was made below a node.
struct Made {
    /// The call, in the node's terms.
    call: Call,
    /// The position of its column in the child's target list, from 0.
    position: usize,
}

/// The column that holds an expression, if it is one of the calls.
unsafe fn column_of<'a>(made: impl IntoIterator<Item = &'a Made>, node: *mut Node, varno: i32) -> Option<*mut Node> {
    // SAFETY: the caller passes an expression.
    unsafe {
        let made = made.into_iter().find(|made| equal(made.call.expression, node))?;
        Some(column(varno, made.position, node).cast())
    }
}

/// Puts nodes between a plan and its child for the calls in these fields. Which of them read the columns is the caller's
/// to say.
unsafe fn insert(
    child: *mut *mut Plan,
    fields: &[*mut *mut List],
    place: Where,
    bounded: bool,
    statement: &mut Statement,
) -> Vec<Made> {
    // SAFETY: `child` and `fields` are fields of one plan, which reads its child as OUTER_VAR.
    unsafe {
        if (*child).is_null() {
            return Vec::new();
        }
        let nodes: Vec<*mut Node> = fields.iter().map(|&field| (*field).cast()).collect();
        let calls: Vec<Call> = calls_in(&nodes, place)
            .into_iter()
            .filter(|call| reads_only(call, OUTER_VAR))
            .collect();
        if calls.is_empty() {
            return Vec::new();
        }
        let columns: Vec<Column> = columns_of((**child).targetlist)
            .into_iter()
            .map(Column::always)
            .collect();
        let first = columns.len();
        let below = *child;
        let mut built = Built {
            plan: below,
            columns,
            row: None,
        };
        for calls in by_depth(&calls) {
            built.stage(calls, std::ptr::null_mut(), bounded, statement);
        }
        // What a row is found by stays known under its name.
        super::nodes::name_columns(built.plan, below);
        *child = built.plan;
        calls
            .into_iter()
            .enumerate()
            .map(|(index, call)| Made {
                call,
                position: first + index,
            })
            .collect()
    }
}

unsafe fn reads_only(call: &Call, varno: i32) -> bool {
    let mut only = true;
    let mut visitor = |node: *mut Node| {
        // SAFETY: the tag says which type the node has.
        unsafe {
            match tag(node) {
                NodeTag::T_Var => only = only && super::nodes::table_of(&*node.cast()) == varno,
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
/// side's below the hash table. Other conditions of the join are evaluated for rows with equal keys alone, so their calls
/// aren't made here, where there are more rows.
unsafe fn hash_join(join: *mut HashJoin, bounded: bool, statement: &mut Statement) {
    // SAFETY: the inner child of a hash join is a Hash over the inner side. Both have the same keys, the join's clauses
    // in terms of the Hash's target list, which has only columns of its child.
    unsafe {
        let plan = join.cast::<Plan>();
        let keys = &raw mut (*join).hashkeys;
        let made = insert(
            &raw mut (*plan).lefttree,
            &[keys],
            Where::Everywhere,
            bounded,
            statement,
        );
        *keys = replace(*keys, &mut |node| column_of(made.iter(), node, OUTER_VAR));
        read_in_conditions(join, &made, |node| column_of(made.iter(), node, OUTER_VAR));

        let hash = (*plan).righttree;
        if tag(hash) != NodeTag::T_Hash || (*hash).lefttree.is_null() {
            return;
        }
        let keys = &raw mut (*hash.cast::<pg_sys::Hash>()).hashkeys;
        let mut made = insert(&raw mut (*hash).lefttree, &[keys], Where::Everywhere, false, statement);
        if made.is_empty() {
            return;
        }
        *keys = replace(*keys, &mut |node| column_of(made.iter(), node, OUTER_VAR));
        let passed = target_expressions((*hash).targetlist);
        let added = made
            .iter()
            .map(|made| column(OUTER_VAR, made.position, made.call.expression));
        let all: Vec<*mut Expr> = passed.iter().copied().chain(added).collect();
        let added = items::<pg_sys::TargetEntry>(targets(&all))
            .into_iter()
            .skip(passed.len());
        (*hash).targetlist = joined((*hash).targetlist, list(added));
        for (index, made) in made.iter_mut().enumerate() {
            made.position = passed.len() + index;
        }
        read_in_conditions(join, &made, |node| {
            let below = replace(node, &mut |inner| {
                plain_column(inner, INNER_VAR).map(|index| passed[index].cast())
            });
            let found = made.iter().find(|made| equal(made.call.expression, below))?;
            Some(column(INNER_VAR, found.position, node).cast())
        });
    }
}

/// Has the conditions of a hash join read the columns of calls that were made for its keys. The clauses are the keys
/// themselves; in the other conditions a call that was made for some rows only may be asked for others.
unsafe fn read_in_conditions(join: *mut HashJoin, made: &[Made], mut find: impl FnMut(*mut Node) -> Option<*mut Node>) {
    // SAFETY: both are lists of conditions.
    unsafe {
        (*join).hashclauses = replace((*join).hashclauses, &mut find);
        if made.iter().all(|made| made.call.condition.is_none()) {
            (*join).join.joinqual = replace((*join).join.joinqual, &mut find);
        }
    }
}
