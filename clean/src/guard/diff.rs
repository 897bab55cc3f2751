//! What an edit changed.

use std::fmt;
use std::ops::Range;

use similar::{Algorithm, DiffTag, TextDiff, capture_diff_slices};

/// Texts with more pairs of letters than this are compared by whole words, and with more pairs of words by what they begin
/// and end with: it would take too long otherwise.
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
        let hunks = if before
            .split_whitespace()
            .count()
            .saturating_mul(after.split_whitespace().count())
            <= MOST_PAIRS
        {
            by_words(before, after)
        } else {
            whole(before, after)
        };
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

/// The places that differ, by words.
fn by_words(before: &str, after: &str) -> Vec<Hunk> {
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
    hunks
}

/// All that is between what two texts begin and end with alike, as one place.
fn whole(before: &str, after: &str) -> Vec<Hunk> {
    let start: usize = before
        .chars()
        .zip(after.chars())
        .take_while(|(one, other)| one == other)
        .map(|(letter, _)| letter.len_utf8())
        .sum();
    let end: usize = before[start..]
        .chars()
        .rev()
        .zip(after[start..].chars().rev())
        .take_while(|(one, other)| one == other)
        .map(|(letter, _)| letter.len_utf8())
        .sum();
    let hunk = Hunk {
        before: start..before.len() - end,
        after: start..after.len() - end,
    };
    if hunk.before.is_empty() && hunk.after.is_empty() {
        Vec::new()
    } else {
        vec![hunk]
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

#[cfg(test)]
mod tests {
    use super::{Diff, whole};

    #[test]
    fn a_diff_shows_words() {
        let diff = Diff::of("teh cat  sat", "the cat sat down");
        assert_eq!(diff.to_string(), "[-teh-]{+the+} cat[-  -]{+ +}sat{+ down+}");
        assert!(Diff::of("same", "same").is_empty());
    }

    #[test]
    fn of_long_texts_the_middle_differs() {
        let hunks = whole("äbc é xyz", "äbd é xyz");
        assert_eq!((hunks[0].before.clone(), hunks[0].after.clone()), (3..4, 3..4));
        let (before, after) = ("a b ".repeat(3000), "c d ".repeat(3000));
        assert_eq!(Diff::of(&before, &after).hunks().len(), 1);
    }
}
