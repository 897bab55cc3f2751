//! How much two records agree in a column, in a few steps.

use serde::{Deserialize, Serialize};

use crate::features::{Feature, Measure};

/// Steps of agreement: 0 to 3 by similarity, 4 to 6 the same value, the rarer the higher.
pub(super) const LEVELS: usize = 7;
/// From this step on two values agree: they differ by a typing error at most.
pub(super) const AGREEING: u8 = 3;
/// And from this step on they are the same.
pub(super) const SAME: usize = 4;
/// Stands for a value that is missing on a side.
pub(super) const MISSING: u8 = u8::MAX;

/// What a step means.
pub(super) const NAMES: [&str; LEVELS] = [
    "different",
    "somewhat alike",
    "alike",
    "nearly the same",
    "the same",
    "the same, uncommon",
    "the same, rare",
];

/// What a comparison is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Scope {
    /// A column.
    Column,
    /// A column of codes or dates.
    Code,
    /// All words of the record.
    Whole,
    /// The codes of the record, wherever they stand.
    Codes,
}

/// Where the features of a column stand in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Comparison {
    /// The column, or the feature of the whole record.
    pub(super) column: String,
    scope: Scope,
    exact: Option<usize>,
    rarity: Option<usize>,
    /// Features that say how alike two values are, with the value of each that unlike ones have anyway.
    similarities: Vec<(usize, f32)>,
}

/// The comparisons that can be made from these features: one for each column, and two for the whole record, of its codes and
/// of all its words.
pub(super) fn comparisons(features: &[Feature]) -> Vec<Comparison> {
    let mut comparisons: Vec<Comparison> = Vec::new();
    for (index, feature) in features.iter().enumerate() {
        let Some(column) = &feature.column else {
            continue;
        };
        if comparisons.last().is_none_or(|last| last.column != *column) {
            comparisons.push(Comparison {
                column: column.clone(),
                scope: Scope::Column,
                exact: None,
                rarity: None,
                similarities: Vec::new(),
            });
        }
        let Some(comparison) = comparisons.last_mut() else {
            continue;
        };
        match feature.measure {
            Measure::Exact => comparison.exact = Some(index),
            Measure::RareExact => comparison.rarity = Some(index),
            Measure::EditSimilarity => {
                comparison.scope = Scope::Code;
                comparison
                    .similarities
                    .extend(base(feature.measure).map(|base| (index, base)));
            }
            measure => {
                if let Some(base) = base(measure) {
                    comparison.similarities.push((index, base));
                }
            }
        }
    }
    for (index, feature) in features.iter().enumerate() {
        // What stands in a wrong column, or in the middle of a title, is seen in the whole record alone.
        if feature.column.is_none() && matches!(feature.measure, Measure::CodeCoverage | Measure::Containment) {
            comparisons.push(Comparison {
                column: feature.name.clone(),
                scope: match feature.measure {
                    Measure::CodeCoverage => Scope::Codes,
                    _ => Scope::Whole,
                },
                exact: None,
                rarity: None,
                similarities: vec![(index, 0.0)],
            });
        }
    }
    comparisons
}

/// What two values that have nothing to do with each other reach in a measure; `None` for one that says nothing here.
fn base(measure: Measure) -> Option<f32> {
    match measure {
        Measure::SoftWordCosine | Measure::WordCosine | Measure::CodeContainment | Measure::Closeness => Some(0.0),
        Measure::Trigrams => Some(0.05),
        Measure::JaroWinkler => Some(0.75),
        Measure::EditSimilarity => Some(0.4),
        _ => None,
    }
}

impl Comparison {
    /// What it compares.
    pub(super) fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether it is of one column.
    pub(super) fn is_column(&self) -> bool {
        matches!(self.scope, Scope::Column | Scope::Code)
    }

    /// The step of agreement in a row of features.
    pub(super) fn level(&self, row: &[f32]) -> u8 {
        if self.exact.is_some_and(|index| row[index] >= 1.0) {
            return match self.rarity.map(|index| row[index]) {
                Some(rarity) if rarity >= 0.8 => 6,
                Some(rarity) if rarity >= 0.5 => 5,
                _ => 4,
            };
        }
        let similarity = self
            .similarities
            .iter()
            .map(|(index, base)| (row[*index] - base) / (1.0 - base))
            .filter(|similarity| !similarity.is_nan())
            .fold(f32::NAN, f32::max);
        match similarity {
            s if s.is_nan() && self.exact.is_some_and(|index| !row[index].is_nan()) => 0,
            s if s.is_nan() => MISSING,
            s if s >= 0.999 => 4,
            s if s >= 0.85 => 3,
            s if s >= 0.6 => 2,
            s if s >= 0.3 => 1,
            _ => 0,
        }
    }
}
