//! Keys, and which of them choose a label.

/// A key, as far as a review cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Key {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Up,
    Down,
    PageUp,
    PageDown,
    /// Ctrl-U: the line is emptied.
    Clear,
    /// Ctrl-C.
    Interrupt,
}

/// Letters that choose labels: those that mean nothing else.
const LETTERS: &str = "abcdfhijklmoprtvwyz";

/// The keys of so many labels: digits, then letters. Where they are more than there are keys, the first nine have one, and
/// the others are found by their text.
pub(super) fn of_labels(count: usize) -> Vec<char> {
    let digits = '1'..='9';
    if count <= 9 + LETTERS.len() {
        digits.chain(LETTERS.chars()).take(count).collect()
    } else {
        digits.collect()
    }
}
