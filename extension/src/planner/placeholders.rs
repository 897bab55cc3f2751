//! Placeholders in expressions: values that only the place in a bigger expression gives, such as the one that CASE tests.

use pgrx::pg_sys::{self, Expr, Node, NodeTag};

use super::nodes::{copy, items, replace, tag, walk_below};

/// Whether an expression reads a placeholder that something outside it fills.
pub(super) unsafe fn reads_placeholder(node: *mut Node) -> bool {
    // SAFETY: the caller passes an expression.
    unsafe { reads(node, false) }
}

/// `filled` says that the value of CASE (or the element of an array) is given by something inside the expression.
unsafe fn reads(node: *mut Node, filled: bool) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: the tags say which types nodes have.
    unsafe {
        match tag(node) {
            NodeTag::T_CaseTestExpr => !filled,
            NodeTag::T_CoerceToDomainValue | NodeTag::T_SetToDefault => true,
            NodeTag::T_CaseExpr => {
                let case = node.cast::<pg_sys::CaseExpr>();
                let in_conditions = filled || !(*case).arg.is_null();
                reads((*case).arg.cast(), filled)
                    || reads((*case).defresult.cast(), filled)
                    || items::<pg_sys::CaseWhen>((*case).args)
                        .into_iter()
                        .any(|when| reads((*when).expr.cast(), in_conditions) || reads((*when).result.cast(), filled))
            }
            NodeTag::T_ArrayCoerceExpr => {
                let coercion = node.cast::<pg_sys::ArrayCoerceExpr>();
                reads((*coercion).arg.cast(), filled) || reads((*coercion).elemexpr.cast(), true)
            }
            _ => {
                let mut found = false;
                walk_below(node, &mut |inner| {
                    found = found || reads(inner, filled);
                    false
                });
                found
            }
        }
    }
}

/// A condition of `CASE value WHEN …`, in which the value stands for the placeholder.
pub(super) unsafe fn with_tested_value(condition: *mut Expr, value: *mut Expr) -> *mut Expr {
    if value.is_null() {
        return condition;
    }
    // SAFETY: the caller passes the two parts of a CASE expression.
    unsafe {
        replace(condition, &mut |node| match tag(node) {
            NodeTag::T_CaseTestExpr => Some(copy(value).cast()),
            // A CASE inside has placeholders of its own.
            NodeTag::T_CaseExpr => Some(node),
            // So does a conversion of each element of an array, but not in the array that it converts.
            NodeTag::T_ArrayCoerceExpr => {
                let coercion = copy(node.cast::<pg_sys::ArrayCoerceExpr>());
                (*coercion).arg = with_tested_value((*coercion).arg, value);
                Some(coercion.cast())
            }
            _ => None,
        })
    }
}
