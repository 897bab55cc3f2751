//! White space.

use crate::edit::Patch;

/// How white space is set: nothing around the text, one space where there is some, plain spaces alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whitespace {
    /// Whether lines are kept: line ends are `\n`, none has a space beside it, and no more than one line is empty. Lines
    /// are joined where they are not. They are kept unless told.
    pub lines: bool,
}

impl Default for Whitespace {
    fn default() -> Self {
        Self { lines: true }
    }
}

fn ends_line(letter: char) -> bool {
    matches!(
        letter,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

impl Whitespace {
    pub(super) fn patches(self, text: &str) -> Vec<Patch> {
        let mut patches = Vec::new();
        let mut letters = text.char_indices().peekable();
        while let Some((start, letter)) = letters.next() {
            if !letter.is_whitespace() {
                continue;
            }
            let mut end = start + letter.len_utf8();
            let mut lines = usize::from(ends_line(letter));
            let mut before = letter;
            while let Some((at, letter)) = letters.next_if(|(_, letter)| letter.is_whitespace()) {
                end = at + letter.len_utf8();
                lines += usize::from(ends_line(letter) && !(before == '\r' && letter == '\n'));
                before = letter;
            }
            let set = if start == 0 || end == text.len() {
                ""
            } else if self.lines && lines > 1 {
                "\n\n"
            } else if self.lines && lines == 1 {
                "\n"
            } else {
                " "
            };
            if text[start..end] != *set {
                patches.push(Patch::new(start..end, set));
            }
        }
        patches
    }
}
