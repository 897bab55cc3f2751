//! The Postgres extension.
//!
//! [`functions`] are what SQL calls, one row at a time; [`planner`] puts a custom scan [`node`] into finished plans that
//! gathers rows and asks for their answers in batches. Both ask the host, a process of its own, through the backend's one
//! connection ([`host`]): a backend loads no model and starts no thread.

pgrx::pg_module_magic!(name, version);
