//! Where columns come from, and where they go: the lineage of single queries, followed through references.
//!
//! [`Lineages`] reads the SQL of a model when its columns are asked for, and of what is above it; of nothing else. The
//! answer is a [`LineageGraph`], which can be drawn as a tree, as Mermaid or as DOT, and is JSON through `serde`.

mod analysis;
mod draw;
mod error;
mod follow;
mod graph;
mod nodes;
#[cfg(test)]
mod tests;

pub use analysis::{Headers, Lineages, NoHeaders};
pub use error::LineageError;
pub use graph::{Direction, LineageGraph, Vertex};
pub use nodes::node_lineage;
