//! What an edit changed.

use std::fmt;
use std::ops::Range;

use similar::{Algorithm, DiffTag, TextDiff, capture_diff_slices};

/// Texts with more pairs of letters than this are compared by whole words: letter by letter it would take too long.
const MOST_PAIRS: usize = 25_000_000;

/// A place that differs: the bytes before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The bytes of the text before.
    pub before: Range<usize>,
    /// The bytes of the text after.
    pub after: Range<usize>,
}

/// The difference of two texts, by words.
///
/// Shown, what went is `[-so-]` and what came is `{+so+}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    before: String,
    after: String,
    hunks: Vec<Hunk>,
    share: f32,
}

impl Diff {
    /// Compares two texts.
    pub fn of(before: &str, after: &str) -> Self {
        let words = TextDiff::configure()
            .algorithm(Algorithm::Myers)
            .diff_words(before, after);
        let starts = |words: &[&str]| -> Vec<usize> {
            let ends = words.iter().scan(0, |end, word| {
                *end += word.len();
                Some(*end)
            });
            std::iter::once(0).chain(ends).collect()
        };
        let (old, new) = (starts(words.old_slices()), starts(words.new_slices()));
        let mut hunks = Vec::new();
        for operation in words.ops().iter().filter(|operation| operation.tag() != DiffTag::Equal) {
            let before_range = old[operation.old_range().start]..old[operation.old_range().end];
            let after_range = new[operation.new_range().start]..new[operation.new_range().end];
            hunks.push(Hunk {
                before: before_range,
                after: after_range,
            });
        }
        let letters = count_letters(before).max(1);
        let changed = if letters.saturating_mul(count_letters(after)) <= MOST_PAIRS {
            letters_changed(before, after)
        } else {
            let of_hunk = |hunk: &Hunk| {
                let gone = count_letters(&before[hunk.before.clone()]);
                gone.max(count_letters(&after[hunk.after.clone()]))
            };
            hunks.iter().map(of_hunk).sum()
        };
        Self {
            before: before.to_owned(),
            after: after.to_owned(),
            hunks,
            share: (changed as f32 / letters as f32).min(1.0),
        }
    }

    /// The places that differ, in order.
    pub fn hunks(&self) -> &[Hunk] {
        &self.hunks
    }

    /// The share of letters that changed, from 0 to 1: of those that went and those that came at each place the larger
    /// number, against the letters of the text before. White space counts for nothing, and neither does a capital.
    pub fn share(&self) -> f32 {
        self.share
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.hunks.is_empty()
    }
}

fn count_letters(text: &str) -> usize {
    text.chars().filter(|letter| !letter.is_whitespace()).count()
}

fn letters_changed(before: &str, after: &str) -> usize {
    let letters = |text: &str| -> Vec<char> {
        text.chars()
            .filter(|letter| !letter.is_whitespace())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let (before, after) = (letters(before), letters(after));
    let operations = capture_diff_slices(Algorithm::Myers, &before, &after);
    operations
        .iter()
        .filter(|operation| operation.tag() != DiffTag::Equal)
        .map(|operation| operation.old_range().len().max(operation.new_range().len()))
        .sum()
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut done = 0;
        for hunk in &self.hunks {
            f.write_str(&self.before[done..hunk.before.start])?;
            let (gone, come) = (&self.before[hunk.before.clone()], &self.after[hunk.after.clone()]);
            if !gone.is_empty() {
                write!(f, "[-{gone}-]")?;
            }
            if !come.is_empty() {
                write!(f, "{{+{come}+}}")?;
            }
            done = hunk.before.end;
        }
        f.write_str(&self.before[done..])
    }
}
