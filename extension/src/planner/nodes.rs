//! Postgres' nodes: lists, walks, and the few nodes that are made here.

use std::ffi::c_void;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, AttrNumber, Expr, List, Node, NodeTag, Plan, TargetEntry};

/// A column of a plan's outer child, or of its only one.
#[cfg_attr(
    not(any(feature = "pg13", feature = "pg14")),
    expect(clippy::unnecessary_cast, reason = "up to version 14 it is unsigned")
)]
pub(crate) const OUTER_VAR: i32 = pg_sys::OUTER_VAR as i32;
/// A column of a join's inner child.
#[cfg_attr(
    not(any(feature = "pg13", feature = "pg14")),
    expect(clippy::unnecessary_cast, reason = "up to version 14 it is unsigned")
)]
pub(crate) const INNER_VAR: i32 = pg_sys::INNER_VAR as i32;
/// A column of a custom scan's own tuple.
#[cfg_attr(
    not(any(feature = "pg13", feature = "pg14")),
    expect(clippy::unnecessary_cast, reason = "up to version 14 it is unsigned")
)]
pub(crate) const INDEX_VAR: i32 = pg_sys::INDEX_VAR as i32;

/// The tag of a node that is not null.
pub(crate) unsafe fn tag<T>(node: *const T) -> NodeTag {
    // SAFETY: every node begins with its tag.
    unsafe { (*node.cast::<Node>()).type_ }
}

/// Whether a plan joins two others.
pub(super) unsafe fn is_join(plan: *mut Plan) -> bool {
    // SAFETY: the caller passes a plan.
    unsafe {
        matches!(
            tag(plan),
            NodeTag::T_NestLoop | NodeTag::T_MergeJoin | NodeTag::T_HashJoin
        )
    }
}

/// Whether a node of this type reads the rows of one table, function, list or subquery, and puts its filter on them.
pub(super) fn scans(tag: NodeTag) -> bool {
    matches!(
        tag,
        NodeTag::T_SeqScan
            | NodeTag::T_SampleScan
            | NodeTag::T_IndexScan
            | NodeTag::T_IndexOnlyScan
            | NodeTag::T_BitmapHeapScan
            | NodeTag::T_TidScan
            | NodeTag::T_SubqueryScan
            | NodeTag::T_FunctionScan
            | NodeTag::T_ValuesScan
            | NodeTag::T_CteScan
    )
}

/// The elements of a list of nodes.
pub(crate) unsafe fn items<T>(list: *mut List) -> Vec<*mut T> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: a list that is not null has `length` cells, and the caller says that they are pointers to `T`.
    unsafe {
        (0..(*list).length as usize)
            .map(|index| (*(*list).elements.add(index)).ptr_value.cast())
            .collect()
    }
}

/// A list of nodes.
pub(crate) unsafe fn list<T>(items: impl IntoIterator<Item = *mut T>) -> *mut List {
    let mut list = std::ptr::null_mut();
    for item in items {
        // SAFETY: `list` is null or a list that was just made.
        list = unsafe { pg_sys::lappend(list, item.cast()) };
    }
    list
}

/// Two lists as one.
pub(crate) unsafe fn joined(a: *mut List, b: *mut List) -> *mut List {
    // SAFETY: the caller passes lists of nodes, or null.
    unsafe { list(items::<Node>(a).into_iter().chain(items(b))) }
}

/// A new node of this type, filled with zeros.
pub(crate) unsafe fn make<T>(tag: NodeTag) -> *mut T {
    // SAFETY: a node is zeros with a tag in front; palloc0 gives room for it in the current memory context.
    unsafe {
        let node = pg_sys::palloc0(size_of::<T>());
        (*node.cast::<Node>()).type_ = tag;
        node.cast()
    }
}

/// Deep copy.
pub(crate) unsafe fn copy<T>(node: *mut T) -> *mut T {
    // SAFETY: the caller passes a node or null.
    unsafe { pg_sys::copyObjectImpl(node.cast()).cast() }
}

/// Whether two expressions are the same, places in the query's text apart.
pub(crate) unsafe fn equal<A, B>(a: *const A, b: *const B) -> bool {
    // SAFETY: the caller passes nodes.
    unsafe { pg_sys::equal(a.cast(), b.cast()) }
}

type Visitor<'a> = dyn FnMut(*mut Node) -> bool + 'a;

#[pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is the visitor that `walk` or `walk_below` passed.
    unsafe {
        let visitor = &mut *context.cast::<&mut Visitor<'_>>();
        if visitor(node) {
            pg_sys::expression_tree_walker(node, Some(visit), context);
        }
    }
    false
}

/// Calls `visitor` for an expression (or a list of them) and what is in it, from the top; it says whether to go deeper.
pub(crate) unsafe fn walk<T>(node: *mut T, mut visitor: &mut Visitor<'_>) {
    // SAFETY: the visitor outlives the walk.
    unsafe { visit(node.cast(), (&raw mut visitor).cast()) };
}

/// The same for what is in a node, but not for itself.
pub(crate) unsafe fn walk_below<T>(node: *mut T, mut visitor: &mut Visitor<'_>) {
    // SAFETY: the visitor outlives the walk.
    unsafe { pg_sys::expression_tree_walker(node.cast(), Some(visit), (&raw mut visitor).cast()) };
}

type Replacer<'a> = dyn FnMut(*mut Node) -> Option<*mut Node> + 'a;

#[pg_guard]
unsafe extern "C-unwind" fn mutate(node: *mut Node, context: *mut c_void) -> *mut Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: `context` is the replacer that `replace` passed.
    unsafe {
        let replacer = &mut *context.cast::<&mut Replacer<'_>>();
        match replacer(node) {
            Some(other) => other,
            None => mutate_below(node, context),
        }
    }
}

#[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
unsafe fn mutate_below(node: *mut Node, context: *mut c_void) -> *mut Node {
    type Declared = unsafe extern "C-unwind" fn() -> *mut Node;
    type Called = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node;
    // SAFETY: up to version 15 the header declares the callback without its arguments, which it is called with all the
    // same.
    unsafe { pg_sys::expression_tree_mutator(node, Some(std::mem::transmute::<Called, Declared>(mutate)), context) }
}

#[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
unsafe fn mutate_below(node: *mut Node, context: *mut c_void) -> *mut Node {
    // SAFETY: the arguments are those of the caller.
    unsafe { pg_sys::expression_tree_mutator_impl(node, Some(mutate), context) }
}

/// A copy of an expression (or a list of them) in which `replacer` has put others for some.
pub(crate) unsafe fn replace<T>(node: *mut T, mut replacer: &mut Replacer<'_>) -> *mut T {
    // SAFETY: the replacer outlives the walk.
    unsafe { mutate(node.cast(), (&raw mut replacer).cast()).cast() }
}

/// A column of a child (`OUTER_VAR`, `INNER_VAR`) or of a custom scan's own tuple (`INDEX_VAR`), counted from 0.
pub(crate) unsafe fn column<T>(varno: i32, index: usize, like: *const T) -> *mut Expr {
    let like = like.cast::<Node>();
    // SAFETY: the caller passes an expression.
    unsafe {
        pg_sys::makeVar(
            varno as _,
            (index + 1) as AttrNumber,
            pg_sys::exprType(like),
            pg_sys::exprTypmod(like),
            pg_sys::exprCollation(like),
            0,
        )
        .cast()
    }
}

/// A target list of these expressions.
pub(crate) unsafe fn targets(expressions: &[*mut Expr]) -> *mut List {
    // SAFETY: the caller passes expressions.
    unsafe {
        list(expressions.iter().enumerate().map(|(index, &expression)| {
            pg_sys::makeTargetEntry(expression, (index + 1) as AttrNumber, std::ptr::null_mut(), false)
        }))
    }
}

/// The expressions of a target list.
pub(crate) unsafe fn target_expressions(targets: *mut List) -> Vec<*mut Expr> {
    // SAFETY: the caller passes a target list.
    unsafe {
        items::<TargetEntry>(targets)
            .into_iter()
            .map(|entry| (*entry).expr)
            .collect()
    }
}

/// Gives the columns of a node their names and marks in its child's target list.
pub(crate) unsafe fn name_columns(plan: *mut Plan, child: *mut Plan) {
    // SAFETY: the first entries of the node's target list are the child's, in order.
    unsafe {
        let named = items::<TargetEntry>((*child).targetlist);
        for (entry, like) in items::<TargetEntry>((*plan).targetlist).into_iter().zip(named) {
            (*entry).resname = (*like).resname;
            (*entry).ressortgroupref = (*like).ressortgroupref;
            (*entry).resorigtbl = (*like).resorigtbl;
            (*entry).resorigcol = (*like).resorigcol;
            (*entry).resjunk = (*like).resjunk;
        }
    }
}

/// The number of the table, or of the child, that a column is of.
#[cfg_attr(
    not(any(feature = "pg13", feature = "pg14")),
    expect(clippy::unnecessary_cast, reason = "up to version 14 it is unsigned")
)]
pub(crate) fn table_of(variable: &pg_sys::Var) -> i32 {
    variable.varno as i32
}

/// The columns of a child with this target list, as its parent reads them.
pub(super) unsafe fn columns_of(targets: *mut List) -> Vec<*mut Expr> {
    // SAFETY: the caller passes a target list.
    unsafe {
        let expressions = target_expressions(targets).into_iter().enumerate();
        expressions
            .map(|(index, expression)| column(OUTER_VAR, index, expression))
            .collect()
    }
}

/// The position of a column of this child, counted from 0, where an expression is just that.
pub(crate) unsafe fn plain_column<T>(expression: *mut T, varno: i32) -> Option<usize> {
    // SAFETY: the caller passes an expression.
    unsafe {
        if tag(expression) != NodeTag::T_Var {
            return None;
        }
        let variable = expression.cast::<pg_sys::Var>();
        (table_of(&*variable) == varno && (*variable).varattno > 0).then(|| (*variable).varattno as usize - 1)
    }
}

/// `a AND b …`, or the only one.
pub(crate) unsafe fn all_of(conditions: &[*mut Expr]) -> *mut Expr {
    // SAFETY: the caller passes boolean expressions, at least one.
    unsafe { boolean(pg_sys::BoolExprType::AND_EXPR, conditions) }
}

/// `a OR b …`, or the only one.
pub(crate) unsafe fn any_of(conditions: &[*mut Expr]) -> *mut Expr {
    // SAFETY: the caller passes boolean expressions, at least one.
    unsafe { boolean(pg_sys::BoolExprType::OR_EXPR, conditions) }
}

unsafe fn boolean(operator: pg_sys::BoolExprType::Type, conditions: &[*mut Expr]) -> *mut Expr {
    if let &[only] = conditions {
        return only;
    }
    // SAFETY: a BoolExpr is a node of zeros with these fields.
    unsafe {
        let made: *mut pg_sys::BoolExpr = make(NodeTag::T_BoolExpr);
        (*made).boolop = operator;
        (*made).args = list(conditions.iter().copied());
        (*made).location = -1;
        made.cast()
    }
}

/// `coalesce(a, b …)`, or the only one. All are of one type.
pub(crate) unsafe fn first_of(expressions: &[*mut Expr]) -> *mut Expr {
    if let &[only] = expressions {
        return only;
    }
    // SAFETY: the caller passes expressions, at least one; a CoalesceExpr is a node of zeros with these fields.
    unsafe {
        let like = expressions[0].cast::<Node>();
        let made: *mut pg_sys::CoalesceExpr = make(NodeTag::T_CoalesceExpr);
        (*made).coalescetype = pg_sys::exprType(like);
        (*made).coalescecollid = pg_sys::exprCollation(like);
        (*made).args = list(expressions.iter().copied());
        (*made).location = -1;
        made.cast()
    }
}

/// `expression IS [NOT] TRUE | FALSE`.
pub(crate) unsafe fn boolean_test(expression: *mut Expr, test: pg_sys::BoolTestType::Type) -> *mut Expr {
    // SAFETY: a BooleanTest is a node of zeros with these fields.
    unsafe {
        let made: *mut pg_sys::BooleanTest = make(NodeTag::T_BooleanTest);
        (*made).arg = expression;
        (*made).booltesttype = test;
        (*made).location = -1;
        made.cast()
    }
}

/// `expression IS NULL`.
pub(crate) unsafe fn is_null(expression: *mut Expr) -> *mut Expr {
    // SAFETY: a NullTest is a node of zeros with these fields; `argisrow` is false, as it is where a value is asked for.
    unsafe {
        let made: *mut pg_sys::NullTest = make(NodeTag::T_NullTest);
        (*made).arg = expression;
        (*made).nulltesttype = pg_sys::NullTestType::IS_NULL;
        (*made).location = -1;
        made.cast()
    }
}

/// Places of plans in a list of them, which may be null.
pub(super) unsafe fn places(list: *mut List) -> Vec<*mut *mut Plan> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: a list that is not null has `length` cells, and the caller says that they hold plans.
    unsafe {
        (0..(*list).length as usize)
            .map(|index| (&raw mut (*(*list).elements.add(index)).ptr_value).cast())
            .collect()
    }
}

/// Places in a plan where the parts of a bitmap are, which make no rows of their own.
pub(crate) unsafe fn bitmaps(plan: *mut Plan) -> Vec<*mut *mut Plan> {
    // SAFETY: the tag says which type a node has; lists of plans have cells that hold plans.
    unsafe {
        let list = match tag(plan) {
            NodeTag::T_BitmapAnd => (*plan.cast::<pg_sys::BitmapAnd>()).bitmapplans,
            NodeTag::T_BitmapOr => (*plan.cast::<pg_sys::BitmapOr>()).bitmapplans,
            _ => return Vec::new(),
        };
        places(list)
    }
}

/// Places in a plan where children are.
pub(crate) unsafe fn children(plan: *mut Plan) -> Vec<*mut *mut Plan> {
    // SAFETY: the tag says which type a node has; lists of plans have cells that hold plans.
    unsafe {
        let mut found: Vec<*mut *mut Plan> = vec![&raw mut (*plan).lefttree, &raw mut (*plan).righttree];
        match tag(plan) {
            NodeTag::T_Append => found.extend(places((*plan.cast::<pg_sys::Append>()).appendplans)),
            NodeTag::T_MergeAppend => found.extend(places((*plan.cast::<pg_sys::MergeAppend>()).mergeplans)),
            NodeTag::T_CustomScan => found.extend(places((*plan.cast::<pg_sys::CustomScan>()).custom_plans)),
            #[cfg(feature = "pg13")]
            NodeTag::T_ModifyTable => found.extend(places((*plan.cast::<pg_sys::ModifyTable>()).plans)),
            NodeTag::T_SubqueryScan => found.push(&raw mut (*plan.cast::<pg_sys::SubqueryScan>()).subplan),
            _ => {}
        }
        found.retain(|&place| !(*place).is_null());
        found
    }
}
