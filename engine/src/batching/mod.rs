//! Which rows run together, and how the candidates of a row share their beginnings.

mod pack;
mod trie;

pub use pack::{PackLimits, plan_packs};
pub use trie::{CandidateTrie, Node, ROOT};
