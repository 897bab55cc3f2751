//! The plan node that batches: a custom scan over one child that adds a column for each call.
//!
//! Its own tuple has the child's columns first and the answers behind them. Its target list and its filter read that
//! tuple (`INDEX_VAR`), arguments and conditions of calls read the child's (`OUTER_VAR`). One node holds calls that don't
//! need each other's answers; nested calls, and filters that should pass before something else is asked, are nodes on top
//! of each other.

use pgrx::pg_sys::{self, CustomScan, Expr, List, Node, NodeTag, Plan};

use super::calls::Call;
use super::nodes::{
    INDEX_VAR, OUTER_VAR, all_of, boolean_test, column, columns_of, copy, equal, first_of, items, list, make, replace,
    tag, target_expressions, targets, walk,
};
use crate::node;

/// A plan under construction.
pub(super) struct Built {
    pub(super) plan: *mut Plan,
    pub(super) columns: Vec<Column>,
    /// The column with the place of the row in its table, where it may be asked for.
    pub(super) row: Option<usize>,
}

/// A column of a plan under construction, in the terms of the node that the calls were found in.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// What it holds.
    pub(super) expression: *mut Expr,
    /// Where it holds that: a call that was asked for some rows only is null for the others.
    pub(super) condition: Option<*mut Expr>,
}

impl Column {
    /// One that always holds its expression.
    pub(super) fn always(expression: *mut Expr) -> Self {
        Self {
            expression,
            condition: None,
        }
    }
}

/// What is the same for all nodes that are made for one statement.
pub(super) struct Statement {
    /// The next node's number; they are unique in a statement.
    pub(super) next_id: i32,
    /// Whether a cursor stands on the rows of the plan at work, which `WHERE CURRENT OF` may ask for.
    pub(super) cursor: bool,
}

impl Built {
    /// Puts a node on top that makes calls and then applies a filter. The calls are in the terms of `columns`.
    pub(super) unsafe fn stage(
        &mut self,
        calls: &[Call],
        filter: *mut List,
        bounded: bool,
        statement: &mut Statement,
    ) -> *mut CustomScan {
        // SAFETY: the child is a plan whose columns are `columns`; nodes that are made have their fields set.
        unsafe {
            let scan: *mut CustomScan = make(NodeTag::T_CustomScan);
            let child = self.plan;
            let plan = &raw mut (*scan).scan.plan;
            (*plan).startup_cost = (*child).startup_cost;
            (*plan).total_cost = (*child).total_cost;
            (*plan).plan_rows = (*child).plan_rows;
            (*plan).plan_width = (*child).plan_width;
            (*plan).parallel_safe = (*child).parallel_safe;
            (*plan).extParam = pg_sys::bms_copy((*child).extParam);
            (*plan).allParam = pg_sys::bms_copy((*child).allParam);
            (*plan).plan_node_id = statement.next_id;
            statement.next_id += 1;
            (*plan).lefttree = child;
            (*scan).methods = node::scan_methods();

            let mut scanned: Vec<*mut Expr> = self
                .columns
                .iter()
                .enumerate()
                .map(|(index, held)| column(OUTER_VAR, index, held.expression))
                .collect();
            let mut expressions: Vec<*mut Expr> = Vec::new();
            let mut described = Vec::new();
            for call in calls {
                // The call itself may be a column, for other rows.
                let adapted = copy(call.expression);
                (*adapted).args = self.in_terms_of(OUTER_VAR, (*call.expression).args);
                expressions.extend(items::<Expr>((*adapted).args));
                let condition = call.condition.map(|it| self.in_terms_of(OUTER_VAR, it));
                expressions.extend(condition);
                described.push(node::Described {
                    function: (*call.expression).funcid,
                    conditional: condition.is_some(),
                });
                scanned.push(adapted.cast());
            }
            (*scan).custom_exprs = list(expressions);
            (*scan).custom_private = node::describe(bounded, self.row, &described);
            (*scan).custom_scan_tlist = targets(&scanned);
            self.columns.extend(calls.iter().map(|call| Column {
                expression: call.expression.cast(),
                condition: call.condition,
            }));
            self.plan = plan;
            (*plan).qual = self.in_terms_of(INDEX_VAR, filter);
            // What the calls read that the child doesn't: a change of it means other answers.
            for parameter in parameters((*scan).custom_exprs) {
                (*plan).extParam = pg_sys::bms_add_member((*plan).extParam, parameter);
                (*plan).allParam = pg_sys::bms_add_member((*plan).allParam, parameter);
            }
            let columns: Vec<*mut Expr> = self
                .columns
                .iter()
                .enumerate()
                .map(|(index, held)| column(INDEX_VAR, index, held.expression))
                .collect();
            (*plan).targetlist = targets(&columns);
            scan
        }
    }

    /// A copy of an expression that reads the columns of this plan, as those of `varno`.
    pub(super) unsafe fn in_terms_of<T>(&self, varno: i32, expression: *mut T) -> *mut T {
        // SAFETY: columns are expressions.
        unsafe {
            replace(expression, &mut |node| {
                if !can_be_column(node) {
                    return None;
                }
                let holding: Vec<*mut Expr> = self
                    .holding(node)
                    .map(|(index, _)| column(varno, index, node))
                    .collect();
                // Where one of several isn't null, it is what was asked for.
                (!holding.is_empty()).then(|| first_of(&holding).cast())
            })
        }
    }

    /// The columns that hold an expression, somewhere at least.
    unsafe fn holding<T>(&self, expression: *const T) -> impl Iterator<Item = (usize, &Column)> {
        self.columns
            .iter()
            .enumerate()
            // SAFETY: columns are expressions, and so is what the caller passes.
            .filter(move |(_, column)| unsafe { equal(column.expression, expression) })
    }

    /// Those of the calls that aren't columns yet. One that is for some rows is asked for the others.
    pub(super) unsafe fn missing(&self, calls: Vec<Call>) -> Vec<Call> {
        calls
            .into_iter()
            .filter_map(|call| {
                let mut conditions: Vec<*mut Expr> = call.condition.into_iter().collect();
                // SAFETY: columns, calls and conditions are expressions.
                unsafe {
                    for (_, column) in self.holding(call.expression) {
                        let known = column.condition?;
                        if call.condition.is_some_and(|condition| equal(condition, known)) {
                            return None;
                        }
                        conditions.push(boolean_test(known, pg_sys::BoolTestType::IS_NOT_TRUE));
                    }
                    let condition = (!conditions.is_empty()).then(|| all_of(&conditions));
                    Some(Call { condition, ..call })
                }
            })
            .collect()
    }

    /// Whether a call is a column for every row.
    pub(super) unsafe fn has(&self, call: &Call) -> bool {
        // SAFETY: a call is an expression.
        unsafe {
            self.holding(call.expression)
                .any(|(_, column)| column.condition.is_none())
        }
    }
}

/// The parameters of the executor that expressions read.
unsafe fn parameters(expressions: *mut List) -> Vec<i32> {
    let mut found = Vec::new();
    // SAFETY: the caller passes a list of expressions; the tag says which type a node has.
    unsafe {
        walk(expressions, &mut |node| {
            if tag(node) == NodeTag::T_Param {
                let parameter = node.cast::<pg_sys::Param>();
                if (*parameter).paramkind == pg_sys::ParamKind::PARAM_EXEC {
                    found.push((*parameter).paramid);
                }
            }
            true
        });
    }
    found
}

/// Whether a node may be a column: what is read from below, or a call.
unsafe fn can_be_column(node: *mut Node) -> bool {
    // SAFETY: the caller passes a node.
    unsafe {
        matches!(
            tag(node),
            NodeTag::T_Var | NodeTag::T_Aggref | NodeTag::T_WindowFunc | NodeTag::T_GroupingFunc | NodeTag::T_FuncExpr
        )
    }
}

/// Calls of equal depth, together, the shallow first.
pub(super) fn by_depth(calls: &[Call]) -> impl Iterator<Item = &[Call]> {
    calls.chunk_by(|a, b| a.depth == b.depth)
}

/// Puts what stood above a node above the one that took its place: costs, and the parameters that are set for it.
pub(super) unsafe fn inherit(top: *mut Plan, from: *mut Plan, asked: &[Call]) {
    // SAFETY: both are plans, `from` below `top`.
    unsafe {
        (*top).startup_cost = (*from).startup_cost;
        (*top).total_cost = (*from).total_cost;
        (*top).plan_rows = (*from).plan_rows;
        (*top).plan_width = (*from).plan_width;
        (*top).initPlan = (*from).initPlan;
        (*from).initPlan = std::ptr::null_mut();
        // What the calls cost is no longer spent below.
        let mut cost = pg_sys::QualCost::default();
        pg_sys::cost_qual_eval(
            &raw mut cost,
            list(asked.iter().map(|call| call.expression)),
            std::ptr::null_mut(),
        );
        let spent = cost.startup + cost.per_tuple * (*from).plan_rows;
        (*from).total_cost = ((*from).total_cost - spent).max((*from).startup_cost);
    }
}

/// Whether a plan is a node of ours that only adds columns.
pub(super) unsafe fn only_adds(plan: *mut Plan) -> bool {
    // SAFETY: the caller passes a plan.
    unsafe { is_stage(plan) && (*plan).qual.is_null() }
}

/// Whether a plan is a node of ours.
pub(crate) unsafe fn is_stage(plan: *mut Plan) -> bool {
    // SAFETY: the tag says whether it is a custom scan.
    unsafe { tag(plan) == NodeTag::T_CustomScan && (*plan.cast::<CustomScan>()).methods == node::scan_methods() }
}

/// Moves a node of ours from below its parent, which passes rows on as they are, to above it, and returns it. The parent
/// then passes on the columns of the node's child.
pub(super) unsafe fn lift(parent: *mut Plan, stage: *mut Plan) -> *mut Plan {
    // SAFETY: `stage` is the parent's only child. The parent's target list reads only columns of it.
    unsafe {
        let child = (*stage).lefttree;
        let made = target_expressions((*stage).targetlist);
        (*stage).targetlist = replace((*parent).targetlist, &mut |node| {
            super::nodes::plain_column(node, OUTER_VAR).map(|index| copy(made[index]).cast())
        });
        (*parent).targetlist = targets(&columns_of((*child).targetlist));
        (*parent).lefttree = child;
        (*stage).lefttree = parent;
        (*stage).initPlan = super::nodes::joined((*parent).initPlan, (*stage).initPlan);
        (*parent).initPlan = std::ptr::null_mut();
        (*stage).plan_rows = (*parent).plan_rows;
        (*stage).startup_cost = (*parent).startup_cost;
        (*stage).total_cost = (*parent).total_cost;
        (*stage).parallel_safe = (*parent).parallel_safe;
        (*stage).extParam = pg_sys::bms_copy((*parent).extParam);
        (*stage).allParam = pg_sys::bms_copy((*parent).allParam);
        stage
    }
}
