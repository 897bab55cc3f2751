//! What `EXPLAIN` says of calls that are answered row by row, and of those over whole relations. Nodes that batch say what
//! they do themselves ([`crate::node`]).

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::sync::OnceLock;

use pgrx::pg_guard;
use pgrx::pg_sys::{
    self, ExplainOneQuery_hook_type, ExplainState, IntoClause, ParamListInfo, PlannedStmt, Query, QueryEnvironment,
};

use super::reasons::{self, Told};
use crate::settings;

static EARLIER: OnceLock<ExplainOneQuery_hook_type> = OnceLock::new();

thread_local! {
    /// Filled by the planner hook, which sees the plan that another extension's hook explains.
    static EXPLAINED: RefCell<Explained> = const { RefCell::new(Explained::Nothing) };
}

/// What is known of the statement that is being explained. One that is prepared comes past no hook: of it nothing is said.
#[derive(Default)]
enum Explained {
    /// None is.
    #[default]
    Nothing,
    /// It isn't planned yet.
    Unplanned,
    /// It is; what is to be said of calls in it.
    Planned(Told),
}

pub(super) fn install() {
    // SAFETY: `_PG_init` runs alone in its process, before any query.
    unsafe {
        if EARLIER.set(pg_sys::ExplainOneQuery_hook).is_ok() {
            pg_sys::ExplainOneQuery_hook = Some(explain);
        }
    }
}

/// Keeps what is to be said of a plan, where one is being explained. The first plan after [`explain`] has begun is the
/// explained one's; later ones belong to functions that it calls.
pub(super) unsafe fn note(statement: *mut PlannedStmt) {
    EXPLAINED.with_borrow_mut(|explained| {
        if !matches!(explained, Explained::Unplanned) {
            return;
        }
        let mut told = Told::default();
        // SAFETY: a statement's trees are plans, or null.
        unsafe {
            for plan in super::nodes::items((*statement).subplans)
                .into_iter()
                .chain([(*statement).planTree])
            {
                if !plan.is_null() {
                    reasons::collect(plan, settings::batching(), &mut told);
                }
            }
        }
        *explained = Explained::Planned(told);
    });
}

/// Puts back what was being explained before, in a statement that this one is called by, when it goes out of scope; after
/// an error too.
struct Before(Explained);

impl Drop for Before {
    fn drop(&mut self) {
        EXPLAINED.set(std::mem::take(&mut self.0));
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn explain(
    query: *mut Query,
    options: i32,
    into: *mut IntoClause,
    state: *mut ExplainState,
    text: *const c_char,
    parameters: ParamListInfo,
    environment: *mut QueryEnvironment,
) {
    let before = Before(EXPLAINED.replace(Explained::Unplanned));
    // SAFETY: the arguments are passed on as they came.
    unsafe {
        match EARLIER.get().copied().flatten() {
            Some(earlier) => earlier(query, options, into, state, text, parameters, environment),
            None => explain_as_postgres_does(query, options, into, state, text, parameters, environment),
        }
    }
    let explained = EXPLAINED.take();
    drop(before);
    if let Explained::Planned(told) = explained {
        let properties = [(c"Row by Row", told.row_by_row), (c"Whole Relation", told.relations)];
        // SAFETY: `state` is what the caller collects its output in.
        unsafe { say(state, &properties) };
    }
}

unsafe fn say(state: *mut ExplainState, properties: &[(&CStr, Vec<String>)]) {
    let mut properties = properties.iter().filter(|(_, words)| !words.is_empty()).peekable();
    if properties.peek().is_none() {
        return;
    }
    // SAFETY: texts live as long as the calls, those of the list as long as the current memory context.
    unsafe {
        let text = (*state).format == pg_sys::ExplainFormat::EXPLAIN_FORMAT_TEXT;
        if !text {
            pg_sys::ExplainOpenGroup(c"Refuel".as_ptr(), std::ptr::null(), true, state);
        }
        for (name, words) in properties {
            let words = words.iter().filter_map(|words| CString::new(words.as_str()).ok());
            if text {
                for words in words {
                    pg_sys::ExplainPropertyText(name.as_ptr(), words.as_ptr(), state);
                }
            } else {
                let words = super::nodes::list(words.map(|words| pg_sys::pstrdup(words.as_ptr())));
                pg_sys::ExplainPropertyList(name.as_ptr(), words, state);
            }
        }
        if !text {
            pg_sys::ExplainCloseGroup(c"Refuel".as_ptr(), std::ptr::null(), true, state);
        }
    }
}

/// Plans and explains, as the server does without a hook; versions before 17 have no function for it.
unsafe fn explain_as_postgres_does(
    query: *mut Query,
    options: i32,
    into: *mut IntoClause,
    state: *mut ExplainState,
    text: *const c_char,
    parameters: ParamListInfo,
    environment: *mut QueryEnvironment,
) {
    #[cfg(any(feature = "pg17", feature = "pg18"))]
    // SAFETY: the arguments are the caller's.
    unsafe {
        pg_sys::standard_ExplainOneQuery(query, options, into, state, text, parameters, environment);
    }
    #[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15", feature = "pg16"))]
    // SAFETY: the arguments are the caller's.
    unsafe {
        let buffers_before = pg_sys::pgBufferUsage;
        let started = std::time::Instant::now();
        let plan = pg_sys::pg_plan_query(query, text, options, parameters);
        let duration = as_instr_time(started.elapsed());
        let mut buffers = pg_sys::BufferUsage::default();
        if (*state).buffers {
            pg_sys::BufferUsageAccumDiff(
                &raw mut buffers,
                &raw const pg_sys::pgBufferUsage,
                &raw const buffers_before,
            );
        }
        let buffers = if (*state).buffers {
            &raw const buffers
        } else {
            std::ptr::null()
        };
        pg_sys::ExplainOnePlan(
            plan,
            into,
            state,
            text,
            parameters,
            environment,
            &raw const duration,
            buffers,
        );
    }
}

#[cfg(any(feature = "pg13", feature = "pg14", feature = "pg15"))]
fn as_instr_time(duration: std::time::Duration) -> pg_sys::instr_time {
    pg_sys::instr_time {
        tv_sec: duration.as_secs() as _,
        tv_nsec: duration.subsec_nanos() as _,
    }
}

#[cfg(feature = "pg16")]
fn as_instr_time(duration: std::time::Duration) -> pg_sys::instr_time {
    pg_sys::instr_time {
        ticks: duration.as_nanos() as i64,
    }
}
