//! What a repair can be told.

use crate::{RepairError, Result, Table};

/// Settings of a repair.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The least confidence that a proposal has, from 0 to 1. It is 0.5 unless told.
    pub least_confidence: f32,
    /// Names of columns that are left alone, and tell nothing of others, such as the number of a row.
    pub ignore: Vec<String>,
    /// Whether cells are shown that look wrong where nothing can be proposed. They are unless told.
    pub show_unknown: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            least_confidence: 0.5,
            ignore: Vec::new(),
            show_unknown: true,
        }
    }
}

impl Settings {
    pub(crate) fn check(&self, table: &Table) -> Result<()> {
        if !(0.0..=1.0).contains(&self.least_confidence) {
            return Err(RepairError::Setting {
                setting: "least_confidence",
                value: self.least_confidence.to_string(),
                expected: "a number from 0 to 1",
            });
        }
        let unknown = self
            .ignore
            .iter()
            .find(|name| table.columns().all(|column| column != *name));
        let Some(column) = unknown else { return Ok(()) };
        let distance = |name: &&str| strsim::damerau_levenshtein(name, column);
        let near = table.columns().min_by_key(distance);
        Err(RepairError::UnknownColumn {
            column: column.clone(),
            columns: table.columns().map(str::to_owned).collect(),
            nearest: near
                .filter(|name| distance(name) <= name.len().div_ceil(3))
                .map(str::to_owned),
        })
    }
}
