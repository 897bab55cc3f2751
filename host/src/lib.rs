//! The host: owns the models of a machine and answers any number of clients.
//!
//! [`pool`] settles tasks, fills batches from all clients and runs them; it knows no socket. [`server`] listens, and
//! hands what clients say to the pool; [`metrics`] counts what happens.

mod error;
pub mod metrics;
pub mod pool;
pub mod server;

pub use error::HostError;
