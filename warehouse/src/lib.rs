//! Warehouses: the databases that a project's relations live in.
//!
//! A [`Warehouse`] is one connection to a target, [`SQLite`](SqliteTarget) or [`Postgres`](PostgresTarget);
//! [`Warehouses`] opens them. What a project makes there goes through [`materialize`] and [`load`], which replace
//! relations in one transaction and note in a table of the target what the project owns: nothing else is ever replaced
//! or dropped ([`ownership`]).

pub mod contract;
mod digest;
mod error;
pub mod load;
pub mod materialize;
pub mod ownership;
mod postgres;
mod quote;
mod sqlite;
mod target;
mod types;
mod value;
mod warehouse;

pub use digest::Digest;
pub use error::{Position, Refusal, WarehouseError};
pub use ownership::{Owned, Owner};
pub use refuel_staging::{Dialect, RelationName};
pub use target::{ExtensionUse, PostgresTarget, SqliteTarget, SslMode, Target};
pub use value::{Column, Relation, RelationKind, Value};
pub use warehouse::{CancelHandle, OnRow, Rows, Warehouse, Warehouses};

/// What a warehouse gives.
pub type Result<T, E = WarehouseError> = std::result::Result<T, E>;
