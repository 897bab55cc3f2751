//! What has to hold of examples before anything is learned from them.

use crate::error::LearnError;

/// Checks that what stands beside `expected` examples is as long as they are.
pub(crate) fn lengths(
    what: &'static str,
    expected: usize,
    beside: impl IntoIterator<Item = usize>,
) -> Result<(), LearnError> {
    match beside.into_iter().find(|found| *found != expected) {
        Some(found) => Err(LearnError::Shape { what, expected, found }),
        None => Ok(()),
    }
}

/// Checks that there are examples for `what`, and that each label is one of `count`.
pub(crate) fn labels(what: &'static str, labels: &[usize], count: usize) -> Result<(), LearnError> {
    if labels.is_empty() {
        return Err(LearnError::TooFewExamples { what, need: 1, have: 0 });
    }
    match labels.iter().enumerate().find(|(_, label)| **label >= count) {
        Some((row, &label)) => Err(LearnError::UnknownLabel {
            row,
            label,
            labels: count,
        }),
        None => Ok(()),
    }
}
