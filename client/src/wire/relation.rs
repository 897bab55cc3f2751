//! Whole relations, and what comes of them.

use serde::{Deserialize, Serialize};

/// Values of a row as texts; none where there is nothing.
pub type Row = Vec<Option<String>>;

/// Whole relations, for a task that reads them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relate {
    /// The client's number for the request.
    pub request: u64,
    /// The task's number, from [`ToHost::Prepare`](super::ToHost::Prepare).
    pub task: u32,
    /// One relation, or two whose records are linked.
    pub relations: Vec<Relation>,
}

/// A relation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Relation {
    /// What messages call it.
    pub name: String,
    /// Names of its columns, in order.
    pub columns: Vec<String>,
    /// Its rows, in any order, each with as many values as there are columns. What the task doesn't read may be left out.
    pub rows: Vec<Row>,
}

impl Relation {
    /// Bytes of its values.
    pub fn bytes(&self) -> u64 {
        let values = self.rows.iter().flatten().flatten();
        values.map(|value| value.len() as u64).sum()
    }
}

/// Columns of the rows that come of a task of kind `resolve`.
pub const RESOLVED: &[&str] = &[
    "record_key",
    "entity_id",
    "is_canonical",
    "confidence",
    "canonical",
    "source",
];

/// Columns of the rows that come of a task of kind `repair`.
pub const REPAIRED: &[&str] = &[
    "record_key",
    "column_name",
    "value",
    "proposed",
    "confidence",
    "evidence",
    "remedy",
];
