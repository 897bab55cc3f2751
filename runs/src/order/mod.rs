//! The order of a run: which node waits for which, and doing them as soon as they can be done.

mod drive;
mod graph;
mod permits;

pub(crate) use drive::{Turn, drive};
pub(crate) use graph::{Order, Role};
pub(crate) use permits::{Permit, Permits, Place};
