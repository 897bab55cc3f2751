//! The planner and the node that batches, on servers whose host is a script: no model is needed, and what is sent can be
//! counted.

mod equivalence;
mod failures;
mod guards;
mod hooks;
mod host;
mod joins;
mod plans;
mod programs;
mod queries;
mod scope;
mod sending;
mod server;
