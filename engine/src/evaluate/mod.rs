//! How good answers are, on rows whose right answer is known. Pure code: no model runs here.
//!
//! A row without a value counts as a wrong one wherever a rate is over all rows, so that a model which fails on what is
//! hard does not look better for it; rates over the rows that have a value say so in their names. Every rate that is
//! shown to a person has its 95 % interval and stands beside what always giving the most frequent answer would get.

mod bootstrap;
mod classes;
mod comparison;
mod coverage;
mod drift;
mod evaluation;
mod proportion;
mod ranking;
mod reading;
mod reliability;
mod slices;
mod slots;
#[cfg(test)]
mod tests;
mod thresholds;

pub use classes::{ClassCounts, ClassScore, Classes, Mixup};
pub use comparison::{Comparison, SIGNIFICANCE, mcnemar_exact};
pub use coverage::{CoveragePoint, brier, coverage_curve, coverage_table};
pub use drift::{ChiSquare, Drift, chi_square_of_homogeneity, population_stability_index};
pub use evaluation::{Evaluation, Judged, Majority, Verdict};
pub use proportion::{Interval, Z95, paired_difference, wilson};
pub use ranking::{auroc, auroc_interval};
pub use reading::{Reading, bare_words, token_f1};
pub use reliability::{BINS, Bin, Reliability};
pub use slices::{Slice, worst_slices};
pub use slots::{Slots, canonical};
pub use thresholds::{THRESHOLDS, ThresholdRow, threshold_table};
