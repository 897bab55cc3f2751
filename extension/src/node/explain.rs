//! What `EXPLAIN` shows of the node.

use std::ffi::{CStr, CString, c_void};

use pgrx::pg_guard;
use pgrx::pg_sys::{self, CustomScan, CustomScanState, ExplainState, Expr, List, Node, NodeTag};

use super::described;
use super::state::{BatchScan, state};
use crate::catalog;
use crate::functions::Function;
use crate::planner::items;

#[pg_guard]
pub(super) unsafe extern "C-unwind" fn explain(
    node: *mut CustomScanState,
    ancestors: *mut List,
    explained: *mut ExplainState,
) {
    // SAFETY: the node has begun; its plan is one of ours.
    unsafe {
        let scan = (*node).ss.ps.plan.cast::<CustomScan>();
        let context = pg_sys::set_deparse_context_plan((*explained).deparse_cxt, (*node).ss.ps.plan, ancestors);
        let several = items::<Node>((*explained).rtable).len() > 1 || (*explained).verbose;
        let deparse = |expression: *mut Node| {
            let text = pg_sys::deparse_expression(expression, context, several, false);
            CStr::from_ptr(text).to_string_lossy().into_owned()
        };

        let (_, _, calls) = described(scan);
        let made = items::<pg_sys::TargetEntry>((*scan).custom_scan_tlist);
        let made = &made[made.len() - calls.len()..];
        let texts: Vec<String> = made.iter().map(|entry| deparse((**entry).expr.cast())).collect();
        property(explained, c"Calls", &texts);

        let mut asked: Vec<String> = Vec::new();
        let expressions = items::<Expr>((*scan).custom_exprs);
        let mut rest = expressions.as_slice();
        for call in &calls {
            let function = super::function(*call);
            let (arguments, behind) = rest.split_at(function.arguments);
            rest = &behind[usize::from(call.conditional)..];
            let text = subject(function, arguments, &deparse);
            if !asked.contains(&text) {
                asked.push(text);
            }
        }
        property(explained, c"Tasks", &asked);

        if (*explained).analyze && !(*node.cast::<BatchScan>()).state.is_null() {
            statistics(node, explained);
        }
    }
}

/// `topic@2 (smollm2-135m-instruct)`; an expression where that differs from row to row.
unsafe fn subject(function: &Function, arguments: &[*mut Expr], deparse: &dyn Fn(*mut Node) -> String) -> String {
    // SAFETY: the arguments are those of the call; a constant's value is of its argument's type.
    unsafe {
        let subject: Vec<*mut Expr> = function
            .subject_arguments()
            .iter()
            .map(|&index| arguments[index])
            .collect();
        let constants: Option<Vec<pg_sys::Datum>> = subject
            .iter()
            .map(|&argument| {
                let constant = argument.cast::<c_void>().cast::<pg_sys::Const>();
                (argument.cast::<Node>().read().type_ == NodeTag::T_Const && !(*constant).constisnull)
                    .then(|| (*constant).constvalue)
            })
            .collect();
        let resolved = constants.and_then(|values| {
            let subject = function.subject(&values).ok()?;
            Some(catalog::resolve(&subject))
        });
        match resolved {
            Some(Ok(resolved)) => format!("{} ({})", resolved.spec.name, resolved.model_name),
            // What is wrong with it is said when it is run.
            Some(Err(_)) | None => subject
                .iter()
                .map(|&it| deparse(it.cast()))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

unsafe fn statistics(node: *mut CustomScanState, explained: *mut ExplainState) {
    // SAFETY: the node has begun.
    unsafe {
        let counted = state(node).statistics;
        let milliseconds = counted.waited_us as f64 / 1000.0;
        if (*explained).format == pg_sys::ExplainFormat::EXPLAIN_FORMAT_TEXT {
            let inputs = format!(
                "rows={} asked={} distinct={} cached={}",
                counted.rows, counted.asked, counted.distinct, counted.cached
            );
            text(explained, c"Inputs", &inputs);
            let mut host = format!(
                "batches={} tokens={} scored={}",
                counted.batches, counted.input_tokens, counted.output_tokens
            );
            if (*explained).timing {
                host.push_str(&format!(" time={milliseconds:.3} ms"));
            }
            text(explained, c"Host", &host);
            return;
        }
        for (name, value) in [
            (c"Gathered Rows", counted.rows),
            (c"Calls Asked", counted.asked),
            (c"Distinct Inputs", counted.distinct),
            (c"Cache Hits", counted.cached),
            (c"Batches", counted.batches),
            (c"Input Tokens", counted.input_tokens),
            (c"Output Tokens", counted.output_tokens),
        ] {
            pg_sys::ExplainPropertyInteger(name.as_ptr(), std::ptr::null(), value as i64, explained);
        }
        if (*explained).timing {
            pg_sys::ExplainPropertyFloat(c"Host Time".as_ptr(), c"ms".as_ptr(), milliseconds, 3, explained);
        }
    }
}

unsafe fn text(explained: *mut ExplainState, name: &CStr, value: &str) {
    let value = CString::new(value.replace('\0', "")).unwrap_or_default();
    // SAFETY: both texts live as long as the call.
    unsafe { pg_sys::ExplainPropertyText(name.as_ptr(), value.as_ptr(), explained) };
}

/// A list, as `EXPLAIN` writes lists in each of its formats.
unsafe fn property(explained: *mut ExplainState, name: &CStr, values: &[String]) {
    // SAFETY: the texts are copied into the current memory context, which lives longer than the call.
    unsafe {
        let texts = crate::planner::list(values.iter().map(|value| {
            let value = CString::new(value.replace('\0', "")).unwrap_or_default();
            pg_sys::pstrdup(value.as_ptr())
        }));
        pg_sys::ExplainPropertyList(name.as_ptr(), texts, explained);
    }
}
