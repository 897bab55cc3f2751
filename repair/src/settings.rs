//! What a repair can be told.

use crate::{RepairError, Result};

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
    pub(crate) fn check(&self) -> Result<()> {
        if (0.0..=1.0).contains(&self.least_confidence) {
            return Ok(());
        }
        Err(RepairError::Setting {
            setting: "least_confidence",
            value: self.least_confidence.to_string(),
            expected: "a number from 0 to 1",
        })
    }
}
