//! What the verbs of a project do.

pub(crate) mod build;
pub(crate) mod compile;
pub(crate) mod diff;
mod earlier;
pub(crate) mod explain;
pub(crate) mod lineage;
pub(crate) mod list;
pub(crate) mod open;
pub(crate) mod plan;
mod printed;
pub(crate) mod selection;
pub(crate) mod show;
mod watch;
