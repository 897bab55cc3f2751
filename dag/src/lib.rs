//! A project compiled to a graph of nodes.
//!
//! [`Dag::compile`] renders what a [`refuel_project::Project`] holds, resolves references, makes nodes of declared
//! tests, connects everything, and hashes what each node was made from. What was rendered and parsed before is taken
//! from a cache. No database is touched: [`Dag::rendered_sql`] gives the SQL that a run sends to one.

pub mod artifacts;
mod cache;
mod compile;
mod dag;
pub mod diff;
mod error;
pub mod fingerprint;
pub mod graph;
pub mod lineage;
pub mod nodes;
mod render;
pub mod select;
#[cfg(test)]
mod testing;

pub use compile::CompileOptions;
pub use dag::{Dag, Message, RenderMode};
pub use error::{DagError, Warning, nearest};
pub use fingerprint::{Fingerprint, Fingerprints};
pub use graph::Graph;
pub use nodes::{
    Detail, EvaluationNode, ModelNode, Node, NodeId, Part, Reference, Rendering, ResourceType, SeedNode, SourceNode,
    TaskNode, TestKind, TestNode, UnitTestNode,
};
pub use render::{PORTABLE_FUNCTIONS, TEMPLATE_NAMES, TemplateFunction, portable_sql};
