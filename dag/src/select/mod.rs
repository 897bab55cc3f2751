//! Choosing nodes by name, place, graph, state and result, in dbt's selection syntax.
//!
//! A [`Selector`] is the parsed text, a [`Catalog`] the nodes with what they can be chosen by. Text to set:
//!
//! | part | meaning |
//! |---|---|
//! | `a b` | what either chooses |
//! | `a,b` | what both choose |
//! | `+a`, `2+a` | and what it depends on, however far, or up to two steps |
//! | `a+`, `a+3` | and what depends on it |
//! | `@a` | and what depends on it, with all that those depend on |
//! | `stg_*` | `*`, `?` and `[abc]` stand for characters in every value |
//!
//! Source: dbt's reference, "Node selection syntax", "Graph operators", "Set operators" and "Test selection".

mod catalog;
mod error;
mod matching;
mod missing;
mod nodes;
mod request;
mod syntax;
#[cfg(test)]
mod tests;

pub use catalog::{Catalog, Selectable, TestType};
pub use error::SelectError;
pub use missing::Unmatched;
pub use request::{Changes, IndirectSelection, Previous, Request, Results, Selected};
pub use syntax::{Criterion, Depth, Method, RESOURCE_TYPES, RESULTS, Selector, StateMethod, TEST_TYPES};
