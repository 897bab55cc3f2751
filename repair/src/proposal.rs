//! What a repair says of a cell.

use std::fmt;

use crate::{RepairError, Result, Table};

/// A row that a person put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledRow {
    /// Index of the row, from 0.
    pub row: usize,
    /// What each column should have: as many values as there are columns. What was right is given again.
    pub values: Vec<Option<String>>,
}

impl LabelledRow {
    pub(crate) fn check(labels: &[Self], table: &Table) -> Result<()> {
        let mut seen = rustc_hash::FxHashSet::default();
        for label in labels {
            if label.row >= table.rows() {
                return Err(RepairError::UnknownRow {
                    row: label.row,
                    rows: table.rows(),
                });
            }
            if label.values.len() != table.columns.len() {
                return Err(RepairError::RowLength {
                    row: label.row,
                    found: label.values.len(),
                    expected: table.columns.len(),
                });
            }
            if !seen.insert(label.row) {
                return Err(RepairError::LabelledTwice { row: label.row });
            }
        }
        Ok(())
    }
}

/// What to do with a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Another value should stand there.
    Replace(String),
    /// No value should stand there.
    Clear,
    /// The value looks wrong, and the table does not tell what is right.
    Unknown,
}

/// Where a proposal comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// Rows with the same value elsewhere have this one.
    Dependency,
    /// A frequent value of the column looks nearly like it.
    Vocabulary,
    /// A person wrote such values anew like this.
    Conversion,
    /// Most values of the column have the form that it gets.
    Format,
    /// The value belongs to another column, or has part of another's in it.
    Moved,
    /// The number is off by a power of ten.
    Scale,
    /// The value is unlike the other values of its column.
    Outlier,
}

impl EvidenceKind {
    /// The kinds that propose values, in the order of their bits.
    pub(crate) const PROPOSING: [Self; 6] = [
        Self::Dependency,
        Self::Vocabulary,
        Self::Conversion,
        Self::Format,
        Self::Moved,
        Self::Scale,
    ];

    pub(crate) fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The name, as it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dependency => "dependency",
            Self::Vocabulary => "vocabulary",
            Self::Conversion => "conversion",
            Self::Format => "format",
            Self::Moved => "moved",
            Self::Scale => "scale",
            Self::Outlier => "outlier",
        }
    }
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One reason for a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Of what kind it is.
    pub kind: EvidenceKind,
    /// The reason, as a clause without a full stop.
    pub words: String,
}

/// A cell that looks wrong, and what should stand there.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Index of the row, from 0.
    pub row: usize,
    /// Index of the column, from 0.
    pub column: usize,
    /// What stands there; none where the value is missing.
    pub before: Option<String>,
    /// What to do.
    pub remedy: Remedy,
    /// How likely the remedy is right, from 0 to 1. Where it is unknown, how likely the value is wrong.
    pub confidence: f32,
    /// Why: at least one reason, the strongest kind first.
    pub evidence: Vec<Evidence>,
}

impl Proposal {
    /// The value that the cell has when the proposal is taken; none for a missing value.
    pub fn after(&self) -> Option<&str> {
        match &self.remedy {
            Remedy::Replace(value) => Some(value),
            Remedy::Clear => None,
            Remedy::Unknown => self.before.as_deref(),
        }
    }
}
