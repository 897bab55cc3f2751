//! From SQL to stages of model calls.
//!
//! A model of a project is one `SELECT` that may call `refuel_*` functions anywhere. This crate reads it
//! ([`Analyzed::parse`]), says what it calls and reads ([`Facts`]), and cuts it into [`Stage`]s ([`Analyzed::stage`]):
//! each stage is a query for the distinct inputs of one call, and the last query looks the answers up in tables that the
//! run fills in between. What the last query returns is what the `SELECT` would return if each call were made row by row.
//!
//! Everything here is pure: text in, text out. Nothing is connected to, and no file is read.

mod calls;
mod dialect;
mod error;
mod gate;
mod lineage;
mod parse;
mod scopes;
mod stage;

pub use calls::{Asked, Call, Function};
pub use dialect::{Dialect, RelationName};
pub use error::{Position, StagingError};
pub use lineage::{CallOrigin, ColumnOrigin, Columns, Lineage, NoColumns, OutputColumn};
pub use parse::{Analyzed, Facts};
pub use stage::{AnswerTables, Computed, Gated, Placement, Plan, Stage};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, StagingError>;
