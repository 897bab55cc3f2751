//! How texts of this table get broken: what each wrong letter costs.
//!
//! This is the channel of the noisy channel model (Kernighan, Church and Gale 1990), learned from the table: where one
//! letter stands in the place of many different ones, a keyboard, a scanner or a generator put it there, and it says
//! little about what was meant.

use rustc_hash::FxHashMap;

/// A letter that stands for at least this share of all replaced letters is what breakage looks like.
const BREAKING_SHARE: f32 = 0.25;
/// And at least this many were seen.
const BREAKING_COUNT: f32 = 6.0;
/// And for at least this many different letters.
const BREAKING_KINDS: usize = 3;
/// What a letter costs that breakage put there.
const BROKEN_COST: f32 = 0.2;

/// The costs of edits.
#[derive(Debug, Default, Clone)]
pub(crate) struct Channel {
    /// Letters that stand for any other, with their cost.
    breaking: Vec<char>,
}

impl Channel {
    /// What it costs that `observed` stands where `meant` was meant. Another digit costs more than another letter: two
    /// numbers are seldom the same number written wrongly.
    pub(crate) fn replaced(&self, meant: char, observed: char) -> f32 {
        if meant == observed {
            0.0
        } else if self.breaking.contains(&observed) {
            BROKEN_COST
        } else if meant.is_numeric() && observed.is_numeric() {
            3.0
        } else if meant.to_lowercase().eq(observed.to_lowercase()) {
            0.3
        } else {
            1.0
        }
    }

    /// Whether a letter is one that breakage puts.
    pub(crate) fn breaks(&self, letter: char) -> bool {
        self.breaking.contains(&letter)
    }

    /// Whether there are such letters.
    pub(crate) fn has_breaking(&self) -> bool {
        !self.breaking.is_empty()
    }
}

/// What a letter too many or too few costs.
pub(super) fn added_or_lost(letter: char) -> f32 {
    if letter.is_numeric() {
        2.5
    } else if letter.is_alphabetic() {
        1.0
    } else {
        0.7
    }
}

/// Counts which letter was found in the place of which.
#[derive(Debug, Default)]
pub(crate) struct Replacements {
    counts: FxHashMap<char, (f32, Vec<char>)>,
    total: f32,
}

impl Replacements {
    /// Counts where two texts of the same length differ, as often as `weight` says.
    pub(crate) fn count(&mut self, meant: &str, observed: &str, weight: f32) {
        if meant.chars().count() != observed.chars().count() {
            return;
        }
        let pairs = meant
            .chars()
            .zip(observed.chars())
            .filter(|(meant, observed)| !meant.to_lowercase().eq(observed.to_lowercase()));
        for (meant, observed) in pairs {
            let (count, kinds) = self.counts.entry(observed).or_default();
            *count += weight;
            self.total += weight;
            if !kinds.contains(&meant) {
                kinds.push(meant);
            }
        }
    }

    /// The channel that these replacements show.
    pub(crate) fn channel(&self) -> Channel {
        let mut breaking: Vec<char> = self
            .counts
            .iter()
            .filter(|(_, (count, kinds))| {
                *count >= BREAKING_COUNT && *count >= BREAKING_SHARE * self.total && kinds.len() >= BREAKING_KINDS
            })
            .map(|(&letter, _)| letter)
            .collect();
        breaking.sort_unstable();
        Channel { breaking }
    }
}
