//! Where in a plan expressions stand, and why a call that still stands there is answered row by row.

use pgrx::pg_sys::{self, FuncExpr, List, Node, NodeTag, Plan};

use super::nodes::{bitmaps, children, tag, walk};
use super::stage::is_stage;
use crate::functions::{Function, relation};

/// An expression, or a list of them, of a plan node.
pub(super) struct Part {
    pub(super) node: *mut Node,
    /// Where it stands, in words that go on "`refuel_label` is answered row by row …".
    place: &'static str,
}

/// Every expression of a plan node.
pub(super) unsafe fn expressions(plan: *mut Plan) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |list: *mut List, place| {
        if !list.is_null() {
            parts.push(Part {
                node: list.cast(),
                place,
            });
        }
    };
    // SAFETY: the tag says which type the plan has.
    unsafe {
        let kind = tag(plan);
        let outputs = match kind {
            NodeTag::T_Result if (*plan).lefttree.is_null() => "because there is one row",
            NodeTag::T_Agg | NodeTag::T_WindowAgg => "inside an aggregate that reads more than one row for it",
            _ => "because its value depends on its place in a larger expression",
        };
        if is_stage(plan) {
            add((*plan.cast::<pg_sys::CustomScan>()).custom_exprs, outputs);
        }
        if kind != NodeTag::T_ModifyTable {
            add((*plan).targetlist, outputs);
        }
        add((*plan).qual, outputs);
        match kind {
            NodeTag::T_NestLoop | NodeTag::T_MergeJoin | NodeTag::T_HashJoin => {
                add(
                    (*plan.cast::<pg_sys::Join>()).joinqual,
                    "in the condition of an outer, semi or anti join",
                );
                match kind {
                    NodeTag::T_MergeJoin => {
                        add(
                            (*plan.cast::<pg_sys::MergeJoin>()).mergeclauses,
                            "as a key of a merge join",
                        );
                    }
                    NodeTag::T_HashJoin => {
                        add(
                            (*plan.cast::<pg_sys::HashJoin>()).hashclauses,
                            "as a key of a hash join over both sides",
                        );
                    }
                    _ => {}
                }
            }
            NodeTag::T_Hash => add((*plan.cast::<pg_sys::Hash>()).hashkeys, "as a key of a hash join"),
            NodeTag::T_IndexScan => {
                let scan = plan.cast::<pg_sys::IndexScan>();
                add(
                    (*scan).indexqual,
                    "in an index condition, once for each search of the index",
                );
                add((*scan).indexorderby, "in the order of an index");
            }
            NodeTag::T_IndexOnlyScan => {
                let scan = plan.cast::<pg_sys::IndexOnlyScan>();
                add(
                    (*scan).indexqual,
                    "in an index condition, once for each search of the index",
                );
                add((*scan).indexorderby, "in the order of an index");
            }
            NodeTag::T_BitmapIndexScan => add(
                (*plan.cast::<pg_sys::BitmapIndexScan>()).indexqual,
                "in an index condition, once for each search of the index",
            ),
            NodeTag::T_TidScan => add((*plan.cast::<pg_sys::TidScan>()).tidquals, "in a condition on ctid"),
            NodeTag::T_FunctionScan => add(
                (*plan.cast::<pg_sys::FunctionScan>()).functions,
                "in the arguments of a function in FROM",
            ),
            NodeTag::T_ValuesScan => add((*plan.cast::<pg_sys::ValuesScan>()).values_lists, "in VALUES"),
            NodeTag::T_TableFuncScan => {
                let function = (*plan.cast::<pg_sys::TableFuncScan>()).tablefunc;
                if !function.is_null() {
                    parts.push(Part {
                        node: function.cast(),
                        place: "in the arguments of a table function",
                    });
                }
            }
            NodeTag::T_SampleScan => {
                let sample = (*plan.cast::<pg_sys::SampleScan>()).tablesample;
                if !sample.is_null() {
                    parts.push(Part {
                        node: sample.cast(),
                        place: "in TABLESAMPLE",
                    });
                }
            }
            #[cfg(not(feature = "pg13"))]
            NodeTag::T_Memoize => add(
                (*plan.cast::<pg_sys::Memoize>()).param_exprs,
                "as what results of a nested loop are remembered by",
            ),
            NodeTag::T_WindowAgg => {
                let window = plan.cast::<pg_sys::WindowAgg>();
                for node in [(*window).startOffset, (*window).endOffset] {
                    if !node.is_null() {
                        parts.push(Part {
                            node,
                            place: "in the frame of a window",
                        });
                    }
                }
            }
            NodeTag::T_Limit => {
                let limit = plan.cast::<pg_sys::Limit>();
                for node in [(*limit).limitOffset, (*limit).limitCount] {
                    if !node.is_null() {
                        parts.push(Part {
                            node,
                            place: "in LIMIT or OFFSET",
                        });
                    }
                }
            }
            NodeTag::T_Result => {
                let condition = (*plan.cast::<pg_sys::Result>()).resconstantqual;
                if !condition.is_null() {
                    parts.push(Part {
                        node: condition,
                        place: "in a condition without columns, once for the query",
                    });
                }
            }
            NodeTag::T_ModifyTable => {
                let modify = plan.cast::<pg_sys::ModifyTable>();
                add((*modify).returningLists, "in RETURNING");
                add((*modify).withCheckOptionLists, "in a check option");
                add((*modify).onConflictSet, "in ON CONFLICT");
                #[cfg(not(any(feature = "pg13", feature = "pg14")))]
                add((*modify).mergeActionLists, "in an action of MERGE");
                #[cfg(any(feature = "pg17", feature = "pg18"))]
                add((*modify).mergeJoinConditions, "in the condition of MERGE");
                if !(*modify).onConflictWhere.is_null() {
                    parts.push(Part {
                        node: (*modify).onConflictWhere,
                        place: "in ON CONFLICT",
                    });
                }
            }
            _ => {}
        }
    }
    parts
}

/// What `EXPLAIN` says of calls that no node gathers, each once.
#[derive(Default)]
pub(super) struct Told {
    /// What is answered row by row, and why.
    pub(super) row_by_row: Vec<String>,
    /// What is done with whole relations.
    pub(super) relations: Vec<String>,
}

fn once(list: &mut Vec<String>, words: String) {
    if !list.contains(&words) {
        list.push(words);
    }
}

/// Collects what is to be said of a plan.
pub(super) unsafe fn collect(plan: *mut Plan, batching: bool, told: &mut Told) {
    // SAFETY: the caller passes a plan.
    unsafe {
        for part in expressions(plan) {
            walk(part.node, &mut |node| {
                if tag(node) != NodeTag::T_FuncExpr {
                    return true;
                }
                let oid = (*node.cast::<FuncExpr>()).funcid;
                if let Some(name) = relation::named(oid) {
                    once(
                        &mut told.relations,
                        format!("{name} sends its rows to the host together"),
                    );
                } else if let Some(function) = Function::of(oid) {
                    let why = if !function.batched() {
                        "because the texts of each array are asked for at once"
                    } else if !batching {
                        "because refuel.batching is off"
                    } else if pg_sys::contain_volatile_functions(node) {
                        "because its arguments are volatile"
                    } else {
                        part.place
                    };
                    once(&mut told.row_by_row, format!("{} {why}", function.name));
                }
                true
            });
        }
        for child in children(plan).into_iter().chain(bitmaps(plan)) {
            collect(*child, batching, told);
        }
    }
}
