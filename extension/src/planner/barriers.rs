//! What hides rows from the conditions that a user writes: policies of row security, and views that are barriers.

use std::ffi::c_void;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, Node, NodeTag, Query, RangeTblEntry};

use super::nodes::{items, tag};

/// Whether something in a query hides rows from what is evaluated after it. To be asked before the query is planned:
/// a plan doesn't tell.
pub(super) unsafe fn has_barrier(query: *mut Query) -> bool {
    // SAFETY: the caller passes a query, whose range table is a list of its entries.
    unsafe {
        (*query).hasRowSecurity
            || items::<RangeTblEntry>((*query).rtable)
                .into_iter()
                .any(|entry| (*entry).security_barrier || !(*entry).securityQuals.is_null())
            || pg_sys::query_tree_walker(query, Some(visit), std::ptr::null_mut(), 0)
    }
}

/// Looks for queries inside a query: in FROM, in WITH, in expressions.
#[pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: the tag says which type the node has.
    unsafe {
        if tag(node) == NodeTag::T_Query {
            has_barrier(node.cast())
        } else {
            pg_sys::expression_tree_walker(node, Some(visit), context)
        }
    }
}
