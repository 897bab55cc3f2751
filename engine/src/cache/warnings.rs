//! Warnings that are told once.

use std::collections::HashSet;

/// What a warning is about. The first of each sort is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum About {
    /// The file was corrupt.
    Corrupt,
    /// Some of the answers in it were.
    Damaged,
    /// Answers can't be kept.
    Writing,
    /// Answers that are kept can't be read.
    Reading,
    /// The file is larger than the limit, and can't be made smaller.
    Shrinking,
}

/// Warnings, each told once.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    told: HashSet<About>,
    new: Vec<String>,
}

impl Warnings {
    pub(super) fn add(&mut self, about: About, text: impl Into<String>) {
        if self.told.insert(about) {
            self.new.push(text.into());
        }
    }

    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.new)
    }
}
