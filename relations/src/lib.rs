//! Tasks over whole relations: rows in, rows out.
//!
//! A task of kind `resolve` says which records are the same thing ([`Resolving`]), one of kind `repair` which cells are
//! wrong ([`repair`]). This crate makes of the task and the rows what the crates `refuel-resolve`, `refuel-learn` and
//! `refuel-repair` work on, and of what they find the rows that a command line, a project or a database shows.
//!
//! Nothing here reads a file, a database or a model. Where a task asks for embeddings, whoever calls makes them, of the
//! texts that [`Resolving::texts`] gives. The same rows and embeddings give the same result.

mod digest;
mod embed;
mod error;
mod relation;
mod repair;
mod resolve;

pub use digest::digest;
pub use embed::embed;
pub use error::RelationError;
pub use refuel_resolve::{MergedPairs, Step, Watch};
pub use relation::Relation;
pub use repair::{DependencyLine, Remedy, RepairReport, RepairRow, Repaired, choose_rows, repair};
pub use resolve::{
    ColumnLine, EntityRow, HeldOut, LabelledReport, PairRow, ResolveReport, ResolveRow, Resolved, Resolving, RuleLine,
};

/// Version of what is computed: with another one, kept results are computed anew.
pub const VERSION: u32 = 3;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, RelationError>;
