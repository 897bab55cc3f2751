//! What changed between two compiled states of a project, why, and what follows from it.
//!
//! A [`Snapshot`] is what has to be kept of a compiled project so that a later one can be compared with it. A [`Diff`]
//! says which nodes are new, gone, modified themselves or below modified ones, and puts changes of tasks into three
//! classes: those that ask every input again, those that only pass known answers through another gate, and those that
//! nothing follows from.

mod changes;
mod nodes;
mod previous;
#[cfg(test)]
pub(crate) mod shop;
mod snapshot;
mod tasks;
#[cfg(test)]
mod tests;
mod words;

pub use changes::{KeyChange, TaskEffect};
pub use nodes::{Change, Diff, ModelChange, NodeChange};
pub use previous::Comparison;
pub use snapshot::{NodeState, SNAPSHOT_FILE, Snapshot, TaskState};
pub use tasks::{TaskChange, TaskChangeKind, compare_tasks};
