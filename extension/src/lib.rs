//! The Postgres extension.
//!
//! [`functions`] are what SQL calls, one row at a time; [`planner`] puts a custom scan [`node`] into finished plans that
//! gathers rows and asks for their answers in batches. Both ask the host, a process of its own, through the backend's one
//! connection ([`host`]): a backend loads no model and starts no thread.

pgrx::pg_module_magic!(name, version);

mod catalog;
mod error;
mod functions;
mod host;
mod node;
mod planner;
mod settings;
mod supervisor;
mod text;

use pgrx::prelude::*;

/// Called by Postgres when a process loads the library.
#[pg_guard]
extern "C-unwind" fn _PG_init() {
    // SAFETY: a backend has one thread, and this runs before anything of the library does. Whoever debugs this library
    // may have asked for backtraces in the environment that the server was started in: they would stand in the errors
    // that SQL sees.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") };
    settings::register();
    node::register();
    planner::install();
    // SAFETY: a flag that the server sets before it loads libraries, and nobody else changes.
    if unsafe { pg_sys::process_shared_preload_libraries_in_progress } {
        supervisor::register();
    }
}
